"""Plain text to a pretrained encoder: trains a tokenizer, then EmbBERT to guess hidden tokens and following parts.

    python -m tf_embbert.pretrain --corpus books.txt.gz news.txt --preset base --tokens 50000000 --out runs/pretrained
    python -m tf_embbert.finetune --init runs/pretrained --task sst2 --data-dir DIR --out runs/sst2

The work lies in OUT.partial until it is whole, the tokenised corpus too; `--resume` goes on with it after an
interruption, from the last evaluation, as if nothing had happened.
"""

import argparse
import sys
from collections.abc import Sequence

from tf_embbert.common.arguments import (
    CommandParser,
    add_output_options,
    non_negative,
    positive,
    positive_int,
    seed,
    split_output,
    whole_number,
)
from tf_embbert.common.errors import run_command
from tf_embbert.model.config import PRESETS


def parser() -> CommandParser:
    """The command line; what is not given has PretrainConfig's default."""
    parse = CommandParser(prog="python -m tf_embbert.pretrain", description=(__doc__ or "").split("\n")[0])
    parse.add_argument(
        "--corpus",
        nargs="+",
        required=True,
        metavar="FILE",
        help=".txt or .txt.gz files in UTF-8, one paragraph a line, of any size",
    )
    model = parse.add_argument_group("model")
    model.add_argument("--preset", help=f"{', '.join(PRESETS)} (default: base)")
    model.add_argument("--init", metavar="RUN", help="start from this run's tokenizer and encoder")
    model.add_argument("--max-length", type=positive_int, metavar="N", help="tokens of the longest rows")
    add_training_options(parse.add_argument_group("training"))
    add_output_options(parse)
    return parse


def add_training_options(training: argparse._ArgumentGroup) -> None:
    """The options of how much is trained, and how."""
    amount = training.add_mutually_exclusive_group()
    amount.add_argument(
        "--tokens", type=positive_int, metavar="N", help="tokens to train on, pads included (default: 50 million)"
    )
    amount.add_argument(
        "--steps",
        type=whole_number(0),
        metavar="N",
        help="steps to train; 0 stops at the token vectors that counting gives",
    )
    add = training.add_argument
    add(
        "--pairs",
        choices=("following", "similar"),
        help="what is asked of two texts: does the second follow (NSP), or how alike are they; the "
        "latter is where models of pairs start best",
    )
    add(
        "--mlm-weight",
        type=non_negative,
        metavar="W",
        help="what the loss of hidden tokens weighs beside that of the pairs (default: 1)",
    )
    add("--batch-tokens", type=positive_int, metavar="N", help="tokens of a step, pads included (default: 4096)")
    add("--learning-rate", type=positive)
    add("--weight-decay", type=non_negative)
    add(
        "--evaluate-every",
        type=positive_int,
        metavar="N",
        help="steps between evaluations and checkpoints (default: 500)",
    )
    add("--seed", type=seed)
    add("--deterministic", action="store_true", help="same arguments, same run to the last bit; slower")
    add("--distribute", action="store_true", help="over this machine's GPUs, or the workers of TF_CONFIG")


@run_command
def main(arguments: Sequence[str] | None = None) -> None:
    """Trains, and says what to do with the run."""
    values, output = split_output(parser().parse_args(arguments))
    from tf_embbert.pretraining.config import PretrainConfig  # after --help has answered
    from tf_embbert.pretraining.pretrain import pretrain_encoder
    from tf_embbert.training.partial import run_resumable

    config = PretrainConfig(**{**values, "corpus": tuple(values["corpus"])})
    run_resumable(lambda report: pretrain_encoder(config, **output, report=report), output["out"])
    out = output["out"]
    print(f"run written to {out}; next: python -m tf_embbert.finetune --init {out} --task ...")


if __name__ == "__main__":
    sys.exit(main())
