"""Plain text to a pretrained encoder: trains a tokenizer, then EmbBERT to guess hidden tokens and following parts.

    python -m tf_embbert.pretrain --corpus books.txt.gz news.txt --preset base --tokens 50000000 --out runs/pretrained
    python -m tf_embbert.finetune --init runs/pretrained --task sst2 --data-dir DIR --out runs/sst2

The work lies in OUT.partial until it is whole, the tokenised corpus too; `--resume` goes on with it after an
interruption, from the last evaluation, as if nothing had happened.
"""

import os
import sys
from pathlib import Path

import numpy as np

from tf_embbert.common.arguments import CommandParser, non_negative, positive, positive_int, seed, whole_number
from tf_embbert.common.console import quiet_import
from tf_embbert.common.errors import UserError, run_command
from tf_embbert.common.partial import add_output_options, require_free, run_resumable, work_aside
from tf_embbert.model.config import PRESETS, EmbBERTConfig
from tf_embbert.pretraining.batches import PAIR_STAGES, SPECIAL, STAGES, Pieces, Plan
from tf_embbert.pretraining.corpus import file_hashes, prepare_corpus
from tf_embbert.pretraining.similar_pairs import Vocabulary
from tf_embbert.pretraining.warm_start import start_encoder, start_head
from tf_embbert.run import Run, load_run, read_arrays, weight_names
from tf_embbert.training.transfer import copy_encoder

HELD_OUT_SHARE, HELD_OUT_LEAST = 0.005, 200  # of the paragraphs, at random; as many at least
HELD_OUT_SEED = 0  # whatever --seed is: a run that goes on from another with --init keeps what is held out
HELD_OUT_BATCHES, HELD_OUT_TOKENS = 48, 1024  # the most batches that are evaluated; tokens of each
HEADS = "heads.npz"


def pretrain(options, report=print):
    """Runs the whole pretraining; see the module's text.

    Args:
        options: what `parser()` parses.
        report: called with one line at a time.
    Returns:
        The Run: float weights of the encoder, a zero head, no integer variants.
    Raises:
        UserError: bad input; nothing is left at `options.out`.
    """
    require_free(options.out, options.force)
    config, init = initial_config(options)
    begun = {**recorded_arguments(options), "data": file_hashes(readable(options.corpus))}
    return work_aside(options, begun, lambda folder: train(config, init, options, folder, report), report)


def initial_config(options):
    """The config to train and the run to start from, or None. Pretraining needs no dropout: no text is seen often."""
    init = load_run(options.init) if options.init else None
    config = init.config if init else EmbBERTConfig.preset(options.preset)
    if not SPECIAL + 2 <= (options.max_length or config.max_length) <= config.max_length:
        raise UserError(
            f"--max-length {options.max_length} is not within {SPECIAL + 2}..{config.max_length}, the rows "
            "of the position table"
        )
    return config, init


def readable(paths):
    for path in paths:
        if not os.path.isfile(path):
            raise UserError(f"no such file: {path}; give --corpus text files, one paragraph a line")
    return paths


def train(config, init, options, folder, report):
    """Returns (Run, history rows)."""
    corpus = prepare_corpus(
        options.corpus, config.vocab_size, folder / "corpus", report, init.tokenizer if init else None
    )
    report(
        f"{corpus.about['paragraphs']:,} paragraphs, {corpus.about['words']:,} words, "
        f"{corpus.about['tokens']:,} tokens; {corpus.tokenizer.vocab_size} in the vocabulary"
    )
    plan, held_out, steps = make_plan(corpus, config, options)
    with quiet_import():
        import tensorflow as tf
        import tf_keras as keras

        from tf_embbert.model.classifier import build_pretraining_model
        from tf_embbert.pretraining.fitting import Recipe, pretrain_model

    keras.utils.set_random_seed(options.seed)
    if options.deterministic:
        tf.config.experimental.enable_op_determinism()
    config = EmbBERTConfig.from_dict({**config.to_dict(), "vocab_size": corpus.tokenizer.vocab_size})
    model = build_pretraining_model(EmbBERTConfig.from_dict({**config.to_dict(), "dropout": 0.0, "token_dropout": 0.0}))
    if init:
        copy_encoder(init.model, model)
        copy_heads(Path(options.init) / HEADS, model, corpus.ids)
    elif not (folder / "training/progress.json").exists():
        report("counting neighbours for the first token vectors")
        start_encoder(model, corpus.ids, options.seed)
        start_head(model, corpus.ids)
    recipe = Recipe(steps, options.learning_rate, options.weight_decay, options.evaluate_every, options.mlm_weight)
    history = pretrain_model(model, plan.batch, held_out, recipe, folder / "training", report)
    save_heads(model, folder / HEADS)
    return make_run(model, config, corpus, options, history), history


def make_plan(corpus, config, options):
    """(Plan of the training paragraphs, batches of the held-out ones, number of steps)."""
    steps = options.tokens // options.batch_tokens if options.steps is None else options.steps
    longest = options.max_length or config.max_length
    held = np.zeros(len(corpus.ends), bool)
    order = np.random.default_rng(HELD_OUT_SEED).permutation(len(held))
    held[order[: max(HELD_OUT_LEAST, round(HELD_OUT_SHARE * len(held)))]] = True
    starts = np.concatenate([[0], corpus.ends[:-1]])
    vocabulary = Vocabulary(corpus.ids, corpus.tokenizer.vocab_size) if options.pairs == "similar" else None

    def pieces(chosen, length, batch_tokens, seed):
        bounds = starts[chosen], corpus.ends[chosen]
        return Pieces(corpus.ids, *bounds, length, batch_tokens, corpus.tokenizer, seed, vocabulary)

    stages = PAIR_STAGES if vocabulary else STAGES
    plan = Plan(steps, longest, lambda length: pieces(~held, length, options.batch_tokens, options.seed), stages)
    kept = pieces(held, longest, min(HELD_OUT_TOKENS, options.batch_tokens), HELD_OUT_SEED)
    return plan, [kept.batch(i) for i in range(min(HELD_OUT_BATCHES, kept.batches_per_epoch))], steps


def save_heads(model, path):
    """Writes the MLM and NSP heads, with which --init goes on; fine-tuning has no use for them."""
    np.savez(
        path,
        **{
            weight.name.split(":")[0]: weight.numpy()
            for weight in model.weights
            if weight.name.startswith(("mlm", "nsp"))
        },
    )


def copy_heads(path, model, ids):
    """Gives a model the heads of the run it starts from; a run without them gives new ones."""
    if not path.is_file():
        return start_head(model, ids)
    for name, value in read_arrays(path).items():
        layer, weight = name.split("/")
        getattr(model.get_layer(layer), weight).assign(value)


def make_run(model, config, corpus, options, history):
    """The run of a pretraining: see `start_run`."""
    held_out = {name: value for name, value in history[-1].items() if name.startswith("held_out")}
    about = {"name": "pretrained", "seed": options.seed, "arguments": recorded_arguments(options)}
    longest = options.max_length or config.max_length
    return start_run(model, config, corpus.tokenizer, {**held_out, "corpus": corpus.about}, longest, about)


def start_run(model, config, tokenizer, metrics, longest, about):
    """The run that `finetune --init` starts from: the encoder under a head of zeros, the tokenizer, no variants.

    Args:
        model: Keras model with an encoder's layers.
        config: EmbBERTConfig of the encoder.
        tokenizer: Tokenizer.
        metrics: what `metrics.json` holds.
        longest: tokens of the longest row it was trained on.
        about: name, seed and arguments of the training.
    """
    from tf_embbert.model.classifier import build_classifier

    whole = build_classifier(config, 1)
    copy_encoder(model, whole)
    head = whole.get_layer("head")
    head.set_weights([np.zeros_like(value) for value in head.get_weights()])
    return Run(
        config=config,
        tokenizer=tokenizer,
        labels=None,
        float_weights=dict(zip(weight_names(whole), whole.get_weights())),
        variants={},
        metrics=metrics,
        sample_texts=[],
        **about,
        is_pair=False,
        max_length=longest,
        longest=longest,
        parameters=whole.count_params(),
        chosen=None,
    )


def recorded_arguments(options):
    """The arguments that make the run what it is: none of where it lies, files by their names only."""
    skipped = {"out", "resume", "force", "tokens" if options.steps is not None else "steps"}
    arguments = {name: value for name, value in vars(options).items() if name not in skipped and value is not None}
    arguments["corpus"] = [os.path.basename(path) for path in options.corpus]
    return arguments | ({"init": os.path.basename(os.path.abspath(options.init))} if options.init else {})


def parser():
    """The command line of `python -m tf_embbert.pretrain`."""
    parse = CommandParser(prog="python -m tf_embbert.pretrain", description=__doc__.split("\n")[0])
    parse.add_argument(
        "--corpus",
        nargs="+",
        required=True,
        metavar="FILE",
        help=".txt or .txt.gz files in UTF-8, one paragraph a line, of any size",
    )
    model = parse.add_argument_group("model")
    model.add_argument("--preset", default="base", help=f"{', '.join(PRESETS)} (default: base)")
    model.add_argument("--init", metavar="RUN", help="start from this run's tokenizer and encoder")
    model.add_argument("--max-length", type=positive_int, metavar="N", help="tokens of the longest rows")
    training = parse.add_argument_group("training")
    amount = training.add_mutually_exclusive_group()
    amount.add_argument(
        "--tokens",
        type=positive_int,
        default=50_000_000,
        metavar="N",
        help="tokens to train on, pads included (default: 50 million)",
    )
    amount.add_argument(
        "--steps",
        type=whole_number(0),
        metavar="N",
        help="steps to train; 0 stops at the token vectors that counting gives",
    )
    training.add_argument(
        "--pairs",
        choices=("following", "similar"),
        default="following",
        help="what is asked of two texts: does the second follow (NSP), or how alike are they; the "
        "latter is where models of pairs start best",
    )
    training.add_argument(
        "--mlm-weight",
        type=non_negative,
        default=1.0,
        metavar="W",
        help="what the loss of hidden tokens weighs beside that of the pairs (default: 1)",
    )
    training.add_argument(
        "--batch-tokens",
        type=positive_int,
        default=4096,
        metavar="N",
        help="tokens of a step, pads included (default: 4096)",
    )
    training.add_argument("--learning-rate", type=positive, default=2e-3)
    training.add_argument("--weight-decay", type=non_negative, default=0.05)
    training.add_argument(
        "--evaluate-every",
        type=positive_int,
        default=500,
        metavar="N",
        help="steps between evaluations and checkpoints (default: 500)",
    )
    training.add_argument("--seed", type=seed, default=0)
    training.add_argument(
        "--deterministic", action="store_true", help="same arguments, same run to the last bit; slower"
    )
    add_output_options(parse)
    return parse


@run_command
def main(arguments=None):
    options = parser().parse_args(arguments)
    run_resumable(pretrain, options)
    print(f"run written to {options.out}; next: python -m tf_embbert.finetune --init {options.out} --task ...")


if __name__ == "__main__":
    sys.exit(main())
