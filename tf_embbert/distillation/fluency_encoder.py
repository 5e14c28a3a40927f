"""A pretrained encoder for tasks of grammar: it tells at every word how likely that was after those before it.

    python -m tf_embbert.distillation.fluency_encoder --data-dir DIR --out RUN
    python -m tf_embbert.finetune --init RUN --task cola --data-dir DIR --out runs/cola

What it learns to tell is counted (`tf_embbert.distillation.fluency`): at each word six numbers, one for each length of
runs of words and of classes of words, and their means over the text at [CLS]. Most of the sentences are disturbed
first. Replaced-token detection would ask which words were disturbed: one bit where this has six numbers, and that bit
is mostly noise.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from tf_embbert.common.arguments import CommandParser, add_output_options, positive, positive_int, seed, split_output
from tf_embbert.common.console import Report, progress_bar, quiet_import
from tf_embbert.common.errors import UserError, run_command
from tf_embbert.data.source import recorded
from tf_embbert.distillation.disturbed import disturbed_sentences
from tf_embbert.distillation.fluency import Fluency, plain_files
from tf_embbert.model.config import CLS, PAD, EmbBERTConfig
from tf_embbert.pretraining.corpus import bare_ids, file_hashes
from tf_embbert.pretraining.encoder_run import encoder_run
from tf_embbert.run import Array, History, Run, load_run
from tf_embbert.tokenizer import Tokenizer
from tf_embbert.training.partial import require_free, run_resumable, work_aside
from tf_embbert.training.transfer import copy_encoder

WORDS = (4, 20)  # of a sentence, the fewest and the most
LENGTH, LENGTH_STEP = 48, 4  # tokens of the longest row, and what the rows of a batch are padded to a multiple of
HELD_OUT = 3000  # sentences
BOUND = 4.0  # the most standard deviations that a number may be from the mean
WARMUP, WEIGHT_DECAY = 0.03, 0.01
# Tokens int32 [B, L], (numbers [B, L, N], means [B, N]), weights of both; those at words add up to B L.
Told: TypeAlias = tuple[Array, tuple[Array, Array], tuple[Array, Array]]


@dataclass(frozen=True, kw_only=True)
class FluencyConfig:
    """How the encoder is trained.

    Args:
        data_dir: folder with the plain text, pretrain/NAME.txt.gz.
        sentences: of the plain text to train on, a sample.
        epochs: passes over them.
        batch_size: sentences a step.
        learning_rate: peak of AdamW's.
        seed: of everything random.
        init: folder of the run whose encoder training starts from.
    """

    data_dir: Path
    sentences: int = 600_000
    epochs: int = 5
    batch_size: int = 160
    learning_rate: float = 2e-3
    seed: int = 0
    init: str = "tf_embbert/encoders/words"

    def recorded(self) -> dict[str, Any]:
        """What makes the run what it is; no paths."""
        return recorded(self, unnamed={"data_dir"}, files={"init"})


def train_fluency(
    config: FluencyConfig, out: str | Path, *, resume: bool = False, force: bool = False, report: Report = print
) -> Run:
    """Trains an encoder to tell how likely words are, and writes the run.

    Args:
        config: how to train.
        out: the run's folder.
        resume: whether to go on with the interrupted training of this `out`.
        force: whether to replace a run that is there.
        report: called with one line at a time.

    Returns:
        The run, without integer variants.

    Raises:
        UserError: bad input; nothing is left at `out`.
    """
    require_free(out, force)
    pretrained = load_run(config.init)
    return work_aside(
        out, resume, config.recorded(), lambda folder: train(pretrained, config, folder / "training", report), report
    )


class ToldSentences:
    """Sentences as tokens, and at the last token of each word what is to be told there.

    Args:
        sentences: lists of words, each of them at least one word.
        fluency: what is counted in plain text.
        tokenizer: of the encoder.
    """

    def __init__(self, sentences: Sequence[Sequence[str]], fluency: Fluency, tokenizer: Tokenizer) -> None:
        numbers, counts = fluency.gains(sentences)  # [words, N], [sentences]
        scaled = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
        self.numbers, self.width = np.clip(scaled, -BOUND, BOUND).astype(np.float32), numbers.shape[1]
        self.first = np.cumsum(counts) - counts
        words = sorted({word for sentence in sentences for word in sentence})
        pieces = dict(zip(words, bare_ids(tokenizer, words)))
        self.tokens = [np.concatenate([[CLS], *(pieces[word] for word in sentence)])[:LENGTH] for sentence in sentences]
        self.lasts = [np.cumsum([len(pieces[word]) for word in sentence]) for sentence in sentences]

    def batches(self, rows: Array, size: int, seed: Any) -> Iterator[Told]:
        """Batches of rows of like length, a rest left out: see `batch`."""
        rng = np.random.default_rng(seed)
        lengths = np.array([len(self.tokens[row]) for row in rows])
        ordered = rows[np.argsort(lengths + rng.random(len(rows)) * LENGTH_STEP)]
        chosen = ordered[: len(rows) // size * size].reshape(-1, size)
        for batch in chosen[rng.permutation(len(chosen))]:
            yield self.batch(batch)

    def batch(self, rows: Array) -> Told:
        """(tokens int32 [B, L], (numbers [B, L, N], means [B, N]), weights of both); those at words add up to B L."""
        longest = max(len(self.tokens[row]) for row in rows)
        shape = len(rows), -(-longest // LENGTH_STEP) * LENGTH_STEP
        tokens, weights = np.full(shape, PAD, np.int32), np.zeros(shape, np.float32)
        numbers, means = np.zeros((*shape, self.width), np.float32), np.zeros((len(rows), self.width), np.float32)
        for at, row in enumerate(rows):
            lasts, own = self.lasts[row], self.numbers[self.first[row] : self.first[row] + len(self.lasts[row])]
            tokens[at, : len(self.tokens[row])] = self.tokens[row]
            inside = lasts < len(self.tokens[row])
            numbers[at, lasts[inside]], weights[at, lasts[inside]], means[at] = own[inside], 1, own.mean(axis=0)
        return tokens, (numbers, means), (weights * weights.size / weights.sum(), np.ones(len(rows), np.float32))


def train(pretrained: Run, config: FluencyConfig, folder: Path, report: Report) -> tuple[Run, History]:
    """The work of `train_fluency` in a folder of its own: the run and its history."""
    with quiet_import():
        import tf_keras as keras

    files = plain_files(config.data_dir)
    fluency = Fluency(files)
    report(f"{len(fluency.words):,} words, counted in {len(fluency.ids):,}")
    rng = np.random.default_rng(config.seed)
    sentences = disturbed_sentences(files, WORDS, config.sentences, fluency, rng)
    told = ToldSentences(sentences, fluency, pretrained.tokenizer)
    held, rows = np.split(np.arange(len(sentences)), [min(HELD_OUT, len(sentences) // 2)])
    keras.utils.set_random_seed(config.seed)
    steps = len(rows) // config.batch_size
    if not steps:
        raise UserError(
            f"{len(rows)} sentences to train on are no batch of {config.batch_size}: give more plain text, "
            "more --sentences or a smaller --batch-size"
        )
    model = build_model(pretrained, told.width, steps * config.epochs, config.learning_rate)
    history = fit(model, told, rows, held, config, folder, report)
    about = {"name": "pretrained_fluent", "seed": config.seed, "arguments": config.recorded()}
    metrics = {**history[-1], "corpus": file_hashes(files)}
    return encoder_run(model, pretrained.encoder, pretrained.tokenizer, metrics, LENGTH, about), history


def fit(
    model: Any, told: ToldSentences, rows: Array, held: Array, config: FluencyConfig, folder: Path, report: Report
) -> History:
    """Trains a model in place and leaves it with the weights of its best epoch; returns the history."""
    from tf_embbert.training.fitting import Progress

    progress = Progress(model, folder)
    for epoch in range(len(progress.history), config.epochs):
        title = f"epoch {epoch + 1}/{config.epochs}"
        batches = dataset(told, rows, config.batch_size, [config.seed, epoch])
        loss = fit_epoch(model, batches, title, len(rows) // config.batch_size)
        _, at_words, means = model.evaluate(dataset(told, held, min(config.batch_size, len(held)), 0), verbose=0)
        progress.add({"epoch": epoch + 1, "loss": loss, "held_out_words": at_words, "held_out_means": means}, -at_words)
        report(f"{title}  loss {loss:.4f}  held out: words {at_words:.4f}, means {means:.4f}")
    model.set_weights(progress.best)
    return progress.history


def fit_epoch(model: Any, batches: Any, title: str, count: int) -> float:
    """One pass over the batches with Keras' `fit`, with a bar on a terminal; returns the mean loss."""
    import tf_keras as keras

    from tf_embbert.training.fitting import require_finite

    with progress_bar(title, count, "batches", loss=math.nan) as update:

        def after_batch(batch: int, logs: dict[str, float]) -> None:
            require_finite(logs["loss"], "the loss")
            update(batch + 1, loss=logs["loss"])

        callback = keras.callbacks.LambdaCallback(on_batch_end=after_batch)
        return model.fit(batches, verbose=0, callbacks=[callback]).history["loss"][-1]


def build_model(pretrained: Run, width: int, steps: int, learning_rate: float) -> Any:
    """The encoder of a run, to be trained: tokens int32 [B, L] -> numbers [B, L, width] and [B, width] at [CLS]."""
    import tf_keras as keras

    from tf_embbert.model.classifier import encode
    from tf_embbert.training.fitting import warmup_cosine

    # no dropout: no sentence is seen often, and a word that is hidden would change what is to be told
    config = EmbBERTConfig.from_dict({**pretrained.encoder.to_dict(), "dropout": 0.0, "token_dropout": 0.0})
    tokens = keras.Input((None,), dtype="int32")
    hidden = encode(config, tokens)
    model = keras.Model(tokens, [keras.layers.Dense(width)(hidden), keras.layers.Dense(width)(hidden[:, 0])])
    copy_encoder(pretrained.model, model)
    schedule = warmup_cosine(learning_rate, WARMUP * steps, steps)
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY, global_clipnorm=1.0),
        ["mse", "mse"],
        weighted_metrics=[],
    )
    model.optimizer.build(model.trainable_variables)
    return model


def dataset(told: ToldSentences, rows: Array, batch_size: int, seed: Any) -> Any:
    """`ToldSentences.batches` as `fit` takes them."""
    import tensorflow as tf

    shapes = ((None, None, told.width), (None, told.width)), ((None, None), (None,))
    floats = tuple(tuple(tf.TensorSpec(shape, tf.float32) for shape in pair) for pair in shapes)
    signature = (tf.TensorSpec((None, None), tf.int32), *floats)
    batches = tf.data.Dataset.from_generator(lambda: told.batches(rows, batch_size, seed), output_signature=signature)
    return batches.prefetch(2)


@run_command
def main(arguments: Sequence[str] | None = None) -> None:
    """Trains; what is not given has FluencyConfig's default."""
    parse = CommandParser(
        prog="python -m tf_embbert.distillation.fluency_encoder", description=(__doc__ or "").split("\n")[0]
    )
    parse.add_argument("--data-dir", required=True, type=Path)
    parse.add_argument("--init", metavar="RUN", help="start from this run's encoder")
    parse.add_argument("--sentences", type=positive_int)
    parse.add_argument("--epochs", type=positive_int)
    parse.add_argument("--batch-size", type=positive_int)
    parse.add_argument("--learning-rate", type=positive)
    parse.add_argument("--seed", type=seed)
    add_output_options(parse)
    values, output = split_output(parse.parse_args(arguments))
    config = FluencyConfig(**values)
    run_resumable(lambda report: train_fluency(config, **output, report=report), output["out"])


if __name__ == "__main__":
    sys.exit(main())
