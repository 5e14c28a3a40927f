"""Plain text to a run that fine-tuning starts from: the corpus, the plan of the steps, the training, the encoder."""

import functools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tf_embbert.common.console import Report, quiet_import
from tf_embbert.common.errors import UserError
from tf_embbert.model.config import EmbBERTConfig
from tf_embbert.pretraining.batches import PAIR_STAGES, SPECIAL, STAGES, Batch, Pieces, Plan
from tf_embbert.pretraining.config import PretrainConfig
from tf_embbert.pretraining.corpus import Corpus, file_hashes, prepare_corpus
from tf_embbert.pretraining.encoder_run import HEADS, copy_heads, encoder_run, save_heads
from tf_embbert.pretraining.similar_pairs import Vocabulary
from tf_embbert.pretraining.warm_start import start_encoder, start_head
from tf_embbert.run import Array, History, Run, load_run
from tf_embbert.training.cluster import Helped, helps
from tf_embbert.training.partial import help_make, require_free, work_aside
from tf_embbert.training.transfer import copy_encoder

HELD_OUT_SHARE, HELD_OUT_LEAST = 0.005, 200  # of the paragraphs, at random; as many at least
HELD_OUT_SEED = 0  # whatever the config's is: a run that goes on from another one keeps what is held out
HELD_OUT_BATCHES, HELD_OUT_TOKENS = 48, 1024  # the most batches that are evaluated; tokens of each


def pretrain_encoder(
    config: PretrainConfig, out: str | Path, *, resume: bool = False, force: bool = False, report: Report = print
) -> Run:
    """Trains a tokenizer, then EmbBERT to guess hidden tokens and following parts, and writes the run.

    Args:
        config: the corpus and how to train on it.
        out: the run's folder.
        resume: whether to go on with the interrupted training of this `out`.
        force: whether to replace a run that is there.
        report: called with one line at a time.

    Returns:
        The run: float weights of the encoder, a zero head, no integer variants.

    Raises:
        UserError: bad input; nothing is left at `out`.

    Examples:
        >>> from tf_embbert import PretrainConfig, pretrain_encoder
        >>> run = pretrain_encoder(PretrainConfig(corpus=("books.txt.gz",)), "runs/books")  # doctest: +SKIP
    """
    require_free(out, force)
    sizes, pretrained = initial_sizes(config)
    require_files(config.corpus)

    def work(folder: Path) -> tuple[Run, History]:
        return train(sizes, pretrained, config, folder, report)

    if helps(config.distribute):
        return help_make(out, work)
    begun = {**config.recorded(), "data": file_hashes(config.corpus)}
    return work_aside(out, resume, begun, work, report)


def initial_sizes(config: PretrainConfig) -> tuple[EmbBERTConfig, Run | None]:
    """The sizes to train, and the run to start from or None."""
    pretrained = load_run(config.init) if config.init else None
    sizes = pretrained.encoder if pretrained else EmbBERTConfig.preset(config.preset)
    if not SPECIAL + 2 <= (config.max_length or sizes.max_length) <= sizes.max_length:
        raise UserError(
            f"--max-length {config.max_length} is not within {SPECIAL + 2}..{sizes.max_length}, the rows "
            "of the position table"
        )
    return sizes, pretrained


def require_files(paths: Iterable[str]) -> None:
    """Raises a UserError for a file that is not there."""
    for path in paths:
        if not os.path.isfile(path):
            raise UserError(f"no such file: {path}; give --corpus text files, one paragraph a line")


def train(
    sizes: EmbBERTConfig, pretrained: Run | None, config: PretrainConfig, folder: Path, report: Report
) -> tuple[Run, History]:
    """The work of `pretrain_encoder` in a folder of its own: the run and its history."""
    with quiet_import():
        import tensorflow as tf
        import tf_keras as keras

        from tf_embbert.training.distribution import barrier, chief_first, in_step, is_chief, mirrored, open_strategy

    strategy = open_strategy(config.distribute)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    tokenizer = pretrained.tokenizer if pretrained else None
    with chief_first(strategy):
        corpus = prepare_corpus(config.corpus, sizes.vocab_size, folder / "corpus", report, tokenizer)
    sizes = EmbBERTConfig.from_dict({**sizes.to_dict(), "vocab_size": corpus.tokenizer.vocab_size})
    begun = (folder / "training/progress.json").exists()
    keras.utils.set_random_seed(config.seed)  # after the workers have met, which draws numbers too
    model = mirrored(strategy, initial_model(sizes, corpus, pretrained, config, None if begun else report))
    with in_step(strategy):
        history = train_model(model, corpus, config, folder / "training", report)
    if not is_chief(strategy):
        barrier(strategy)
        raise Helped
    save_heads(model, folder / HEADS)
    held = {name: value for name, value in history[-1].items() if name.startswith("held_out")}
    about = {"name": "pretrained", "seed": config.seed, "arguments": config.recorded()}
    longest = config.max_length or sizes.max_length
    run = encoder_run(model, sizes, corpus.tokenizer, {**held, "corpus": corpus.about}, longest, about)
    barrier(strategy)  # the others wait as long
    return run, history


def train_model(model: Any, corpus: Corpus, config: PretrainConfig, folder: Path, report: Report) -> History:
    """Trains a Keras model in place, from the checkpoint in `folder` where there is one; returns the history."""
    from tf_embbert.pretraining.fitting import Recipe, pretrain_model
    from tf_embbert.training.distribution import replicas

    report(
        f"{corpus.about['paragraphs']:,} paragraphs, {corpus.about['words']:,} words, "
        f"{corpus.about['tokens']:,} tokens; {corpus.tokenizer.vocab_size} in the vocabulary"
    )
    longest = config.max_length or model.get_layer("embed").sizes["max_length"]
    plan, held_out = make_plan(corpus, longest, config)
    fewest = min(pieces.batch_size(pieces.longest) for pieces in plan.pieces)
    if fewest < (total := replicas()[1]):
        raise UserError(
            f"--batch-tokens {config.batch_tokens}: {fewest} rows are too few for {total} replicas, give more"
        )
    recipe = Recipe(
        config.total_steps, config.learning_rate, config.weight_decay, config.evaluate_every, config.mlm_weight
    )
    return pretrain_model(model, plan.batch, held_out, recipe, folder, report)


def make_plan(corpus: Corpus, longest: int, config: PretrainConfig) -> tuple[Plan, list[Batch]]:
    """The plan of the training paragraphs, and batches of the held-out ones."""
    held = np.zeros(len(corpus.ends), bool)
    order = np.random.default_rng(HELD_OUT_SEED).permutation(len(held))
    held[order[: max(HELD_OUT_LEAST, round(HELD_OUT_SHARE * len(held)))]] = True
    starts = np.concatenate([[0], corpus.ends[:-1]])
    vocabulary = Vocabulary(corpus.ids, corpus.tokenizer.vocab_size) if config.pairs == "similar" else None

    def pieces(chosen: Array, length: int, batch_tokens: int = config.batch_tokens, seed: int = config.seed) -> Pieces:
        bounds = starts[chosen], corpus.ends[chosen]
        return Pieces(corpus.ids, *bounds, length, batch_tokens, corpus.tokenizer, seed, vocabulary)

    stages: Sequence[tuple[int, float]] = PAIR_STAGES if vocabulary else STAGES
    trained = functools.partial(pieces, ~held)
    plan = Plan(config.total_steps, longest, trained, stages)
    kept = pieces(held, longest, min(HELD_OUT_TOKENS, config.batch_tokens), HELD_OUT_SEED)
    return plan, [kept.batch(i) for i in range(min(HELD_OUT_BATCHES, kept.batches_per_epoch))]


def initial_model(
    sizes: EmbBERTConfig, corpus: Corpus, pretrained: Run | None, config: PretrainConfig, report: Report | None
) -> Any:
    """The Keras model to train, without dropout, as no text is seen often.

    Args:
        sizes: of the model.
        corpus: whose tokens are counted for the first values.
        pretrained: the run to start from.
        config: says where that run lies, and the seed.
        report: None where a checkpoint is read into the model anyway, and counting can be spared.
    """
    from tf_embbert.model.classifier import build_pretraining_model

    model = build_pretraining_model(EmbBERTConfig.from_dict({**sizes.to_dict(), "dropout": 0.0, "token_dropout": 0.0}))
    if pretrained and config.init:
        copy_encoder(pretrained.model, model)
        if not copy_heads(Path(config.init) / HEADS, model):
            start_head(model, corpus.ids)
    elif report:
        report("counting neighbours for the first token vectors")
        start_encoder(model, corpus.ids, config.seed)
        start_head(model, corpus.ids)
    return model
