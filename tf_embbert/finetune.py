"""Labelled text to a run: trains EmbBERT in float, folds and calibrates it, trains it quantisation-aware.

    python -m tf_embbert.finetune --task pocket --out runs/pocket
    python -m tf_embbert.finetune --task sst2 --data-dir DIR --out runs/sst2
    python -m tf_embbert.finetune --task tickets.csv --text-column body --label-column queue --out runs/tickets

What is not asked for is chosen by the rows and the minutes there are, and said before it begins. The epoch, and PTQ or
QAT, are chosen on the selection rows; the reported split is read once, at the end.
The work lies in OUT.partial until it is whole; `--resume` goes on with it after an interruption.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tf_embbert.baselines.config import BaselineConfig
from tf_embbert.common.arguments import (
    CommandParser,
    add_output_options,
    add_task_options,
    non_negative,
    positive,
    positive_int,
    seed,
    share,
    split_output,
    whole_number,
)
from tf_embbert.common.errors import run_command
from tf_embbert.model.config import ACTIVATIONS, PRESETS

if TYPE_CHECKING:  # imported when the options are read: --help answers at once
    from rich.console import Console

    from tf_embbert.run import Run

FIGURES = ("float", "ptq_tflm", "qat_tflm")


def parser() -> CommandParser:
    """The command line; what is not given has FinetuneConfig's default."""
    parse = CommandParser(prog="python -m tf_embbert.finetune", description=(__doc__ or "").split("\n")[0])
    add_task_options(parse.add_argument_group("data"))
    add_model_options(parse.add_argument_group("model"))
    add_training_options(parse.add_argument_group("training"))
    add_output_options(parse)
    return parse


def add_model_options(model: argparse._ArgumentGroup) -> None:
    """The options of what is trained."""
    names = ", ".join(["embbert", *BaselineConfig.presets])
    model.add_argument(
        "--model", metavar="NAME", help=f"{names} (default: embbert); all but it learn from labels alone"
    )
    model.add_argument("--preset", help=f"of embbert: {', '.join(PRESETS)} (default: base)")
    model.add_argument("--activation", choices=ACTIVATIONS, help="of the convolution's branch (default: the preset's)")
    model.add_argument(
        "--init", metavar="RUN", help="start from this run's encoder (default: the shipped one), or from none"
    )
    model.add_argument(
        "--tokenizer", choices=("auto", "own", "init"), help="one trained on the task's texts, or that of --init"
    )
    model.add_argument(
        "--max-length", type=int, metavar="N", help="tokens of a text; by default what 99 %% of them need"
    )
    model.add_argument(
        "--windows",
        type=positive_int,
        metavar="N",
        help="read a text of more tokens in up to N parts and average the answers (default: by the texts, 1 where they "
        "fit)",
    )


def add_training_options(training: argparse._ArgumentGroup) -> None:
    """The options of how it is trained."""
    add = training.add_argument
    add("--minutes", type=positive, metavar="N", help="that what is left open may take on two cores (default: 20)")
    add("--epochs", type=positive_int, metavar="N", help="by default by rows and minutes")
    add("--qat-epochs", type=positive_int, metavar="N", help="of each of the two phases; by default by rows")
    add("--learning-rate", type=positive)
    add("--qat-learning-rate", type=positive)
    add("--weight-decay", type=non_negative)
    add("--batch-size", type=positive_int)
    add("--token-dropout", type=share, help="share of tokens hidden in training (default: 0.2; 0 where taught)")
    add("--dropout", type=share, help="of attention weights (default: --init's, or the preset's; 0 where taught)")
    add(
        "--teacher",
        metavar="WHO",
        help="judges disturbed copies of the training rows: ngrams, minilm (wants torch), the folder of a sentence "
        "encoder, or none (default: auto, minilm or else ngrams with EmbBERT itself)",
    )
    add("--teacher-share", type=share, help="of the voters in the training rows' labels, 0..1")
    add("--variants", type=whole_number(0), metavar="N", help="disturbed copies; by default by rows and minutes")
    add(
        "--soft-rows",
        metavar="FILE",
        help='more rows to train on, JSON Lines of {"text", "probabilities": {label: share}}',
    )
    add(
        "--unlabelled",
        metavar="FILE",
        help="texts without labels, which the teacher judges too: a line each, or a table's text column",
    )
    add("--qat-rows", type=positive_int, metavar="N", help="training rows of an epoch of QAT, a seeded sample")
    add("--pad-to", type=positive_int, metavar="N", help="no bucketing: pad every text to N tokens")
    add("--seed", type=seed)
    add("--deterministic", action="store_true", help="same arguments, same run to the last bit; slower")
    add("--distribute", action="store_true", help="over this machine's GPUs, or the workers of TF_CONFIG")
    add(
        "--report-rows",
        type=positive_int,
        metavar="N",
        help="rows of the reported split (seeded) to score, float and in TFLM (default: 2000)",
    )


@run_command
def main(arguments: Sequence[str] | None = None) -> None:
    """Trains, and prints a table of what came out."""
    values, output = split_output(parser().parse_args(arguments))
    from rich.console import Console

    from tf_embbert.finetuning.config import FinetuneConfig
    from tf_embbert.finetuning.finetune import finetune_task
    from tf_embbert.training.partial import run_resumable

    config = FinetuneConfig(**values)
    run = run_resumable(lambda report: finetune_task(config, **output, report=report), output["out"])
    print_summary(Console(), output["out"], run)


def print_summary(console: "Console", out: str, run: "Run") -> None:
    """A table of the scores, and what to do next."""
    from rich.table import Table

    table = Table(
        "rows", "float", "int8 PTQ, TFLM", "int8 QAT, TFLM", title=f"{run.name}: {run.metrics['metric']}, percent"
    )

    def add_row(figures: Mapping[str, Any], name: str) -> None:
        table.add_row(name, *(f"{figures[key]:.2f}" if key in figures else "" for key in FIGURES))

    def rows_of(figures: Mapping[str, Any]) -> str:
        return f"{figures['split']}, {figures['rows']} rows"

    add_row(run.metrics["selection"], rows_of(run.metrics["selection"]))
    add_row(run.metrics, rows_of(run.metrics))
    for metric, figures in run.metrics.get("also", {}).items():
        add_row(figures, f"{rows_of(run.metrics)}: {metric}")
    if fresh := run.metrics.get("not_in_train"):
        add_row(fresh, f"{rows_of(fresh)} not in train")
    console.print(table)
    console.print(
        f"chosen on selection: {run.chosen}; run written to {out}; next: python convert/convert.py {out} --out BUNDLE",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


if __name__ == "__main__":
    sys.exit(main())
