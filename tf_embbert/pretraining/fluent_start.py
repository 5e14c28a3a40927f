"""A start for tasks of grammar: an encoder that tells at every word how likely it was after the ones before it.

    python -m tf_embbert.pretraining.fluent_start --data-dir DIR --out RUN
    python -m tf_embbert.finetune --init RUN --task cola --data-dir DIR --out runs/cola

What it learns to tell is counted (`tf_embbert.distillation.fluency`): at each word six numbers, one a run length of words and of
classes of words, and their means over the text at [CLS]. Sentences are disturbed first, most of them. Telling which words were
disturbed (replaced-token detection) asks for one bit where this has six numbers, and that bit is mostly noise.
"""

import functools
import sys
from pathlib import Path

import numpy as np
from rich.console import Console

from tf_embbert.common.arguments import CommandParser, positive, positive_int, seed
from tf_embbert.common.console import quiet_import
from tf_embbert.common.errors import UserError, run_command
from tf_embbert.common.partial import add_output_options, require_free, work_aside
from tf_embbert.distillation.disturbed import disturbed_sentences
from tf_embbert.distillation.fluency import Fluency, plain_files
from tf_embbert.model.config import CLS, PAD, EmbBERTConfig
from tf_embbert.pretrain import start_run
from tf_embbert.pretraining.corpus import bare_ids, file_hashes
from tf_embbert.run import load_run
from tf_embbert.training.transfer import copy_encoder

WORDS = (4, 20)  # of a sentence, the fewest and the most
LENGTH, LENGTH_STEP = 48, 4  # tokens of the longest row, and what the rows of a batch are padded to a multiple of
HELD_OUT = 3000  # sentences
BOUND = 4.0  # the most standard deviations that a number may be from the mean
WARMUP, WEIGHT_DECAY = 0.03, 0.01


class Told:
    """Sentences as tokens, and at the last token of each word what is to be told there.

    Args:
        sentences: lists of words, each of them at least one word.
        fluency: Fluency.
        tokenizer: Tokenizer.
    """

    def __init__(self, sentences, fluency, tokenizer):
        numbers, counts = fluency.gains(sentences)  # [words, N], [sentences]
        scaled = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
        self.numbers, self.width = np.clip(scaled, -BOUND, BOUND).astype(np.float32), numbers.shape[1]
        self.first = np.cumsum(counts) - counts
        words = sorted({word for sentence in sentences for word in sentence})
        pieces = dict(zip(words, bare_ids(tokenizer, words)))
        self.tokens = [np.concatenate([[CLS], *(pieces[word] for word in sentence)])[:LENGTH] for sentence in sentences]
        self.lasts = [np.cumsum([len(pieces[word]) for word in sentence]) for sentence in sentences]

    def batches(self, rows, size, seed):
        """Batches of rows of like length, a rest left out: see `batch`."""
        rng = np.random.default_rng(seed)
        lengths = np.array([len(self.tokens[row]) for row in rows])
        ordered = rows[np.argsort(lengths + rng.random(len(rows)) * LENGTH_STEP)]
        chosen = ordered[: len(rows) // size * size].reshape(-1, size)
        for batch in chosen[rng.permutation(len(chosen))]:
            yield self.batch(batch)

    def batch(self, rows):
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


def train(start, files, options, folder, report):
    """Returns (Run, history rows)."""
    with quiet_import():
        import tf_keras as keras

        from tf_embbert.training.fitting import Progress, fit_epoch

    fluency = Fluency(files)
    report(f"{len(fluency.words):,} words, counted in {len(fluency.ids):,}")
    rng = np.random.default_rng(options.seed)
    sentences = disturbed_sentences(files, WORDS, options.sentences, fluency, rng)
    told = Told(sentences, fluency, start.tokenizer)
    held, rows = np.split(np.arange(len(sentences)), [min(HELD_OUT, len(sentences) // 2)])
    keras.utils.set_random_seed(options.seed)
    steps = len(rows) // options.batch_size
    if not steps:
        raise UserError(
            f"{len(rows)} sentences to train on are no batch of {options.batch_size}: give more plain text, "
            "more --sentences or a smaller --batch-size"
        )
    model = build_model(start, told.width, steps * options.epochs, options.learning_rate)
    progress = Progress(model, folder)
    for epoch in range(len(progress.history), options.epochs):
        batches = dataset(told, rows, options.batch_size, [options.seed, epoch])
        loss = fit_epoch(model, batches, f"epoch {epoch + 1}/{options.epochs}", steps)
        _, at_words, means = model.evaluate(dataset(told, held, min(options.batch_size, len(held)), 0), verbose=0)
        progress.add({"epoch": epoch + 1, "loss": loss, "held_out_words": at_words, "held_out_means": means}, -at_words)
        report(
            f"epoch {epoch + 1}/{options.epochs}  loss {loss:.4f}  held out: words {at_words:.4f}, means {means:.4f}"
        )
    model.set_weights(progress.best)
    about = {"name": "pretrained_fluent", "seed": options.seed, "arguments": recorded_arguments(options)}
    metrics = {**progress.history[-1], "corpus": file_hashes(files)}
    return start_run(model, start.config, start.tokenizer, metrics, LENGTH, about), progress.history


def build_model(start, width, steps, learning_rate):
    """The encoder of a run, to be trained: tokens int32 [B, L] -> numbers [B, L, width] and [B, width] at [CLS]."""
    import tf_keras as keras

    from tf_embbert.model.classifier import encode
    from tf_embbert.training.fitting import WarmupCosine

    # no dropout: no sentence is seen often, and a word that is hidden would change what is to be told
    config = EmbBERTConfig.from_dict({**start.config.to_dict(), "dropout": 0.0, "token_dropout": 0.0})
    tokens = keras.Input((None,), dtype="int32")
    hidden = encode(config, tokens)
    model = keras.Model(tokens, [keras.layers.Dense(width)(hidden), keras.layers.Dense(width)(hidden[:, 0])])
    copy_encoder(start.model, model)
    schedule = WarmupCosine(learning_rate, WARMUP * steps, steps)
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY, global_clipnorm=1.0),
        ["mse", "mse"],
        weighted_metrics=[],
    )
    model.optimizer.build(model.trainable_variables)
    return model


def dataset(told, rows, batch_size, seed):
    """`Told.batches` as `fit` takes them."""
    import tensorflow as tf

    shapes = ((None, None, told.width), (None, told.width)), ((None, None), (None,))
    floats = tuple(tuple(tf.TensorSpec(shape, tf.float32) for shape in pair) for pair in shapes)
    signature = (tf.TensorSpec((None, None), tf.int32), *floats)
    batches = tf.data.Dataset.from_generator(lambda: told.batches(rows, batch_size, seed), output_signature=signature)
    return batches.prefetch(2)


def recorded_arguments(options):
    kept = ("sentences", "epochs", "batch_size", "learning_rate", "seed")
    return {name: getattr(options, name) for name in kept} | {"init": Path(options.init).name}


@run_command
def main(arguments=None):
    parse = CommandParser(prog="python -m tf_embbert.pretraining.fluent_start", description=__doc__.split("\n")[0])
    parse.add_argument("--data-dir", required=True, type=Path)
    parse.add_argument(
        "--init", default="tf_embbert/encoders/words", metavar="RUN", help="start from this run's encoder"
    )
    parse.add_argument("--sentences", type=positive_int, default=600_000)
    parse.add_argument("--epochs", type=positive_int, default=5)
    parse.add_argument("--batch-size", type=positive_int, default=160)
    parse.add_argument("--learning-rate", type=positive, default=2e-3)
    parse.add_argument("--seed", type=seed, default=0)
    add_output_options(parse)
    options = parse.parse_args(arguments)
    require_free(options.out, options.force)
    start, files = load_run(options.init), plain_files(options.data_dir)
    report = functools.partial(Console().print, highlight=False, markup=False, soft_wrap=True)
    work_aside(
        options,
        recorded_arguments(options),
        lambda folder: train(start, files, options, folder / "training", report),
        report,
    )


if __name__ == "__main__":
    sys.exit(main())
