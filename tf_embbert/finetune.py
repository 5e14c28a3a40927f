"""Labelled text to a run: trains EmbBERT in float, folds and calibrates it, trains it quantisation-aware.

    python -m tf_embbert.finetune --task pocket --out runs/pocket
    python -m tf_embbert.finetune --task sst2 --data-dir DIR --out runs/sst2
    python -m tf_embbert.finetune --task tickets.csv --text-column body --label-column queue --out runs/tickets

Everything chosen here (epoch, PTQ or QAT) is chosen on the selection rows; the reported split is read once, at the end.
The work lies in OUT.partial until it is whole; `--resume` goes on with it after an interruption.
"""

import hashlib
import json
import os
import sys

from rich.console import Console
from rich.table import Table

from tf_embbert.common.arguments import CommandParser, non_negative, positive, positive_int, seed, share
from tf_embbert.common.console import quiet_import
from tf_embbert.common.errors import UserError, run_command
from tf_embbert.common.partial import add_output_options, require_free, run_resumable, work_aside
from tf_embbert.data.soft_rows import read_soft_rows
from tf_embbert.data.tasks import load_task
from tf_embbert.model.config import ACTIVATIONS, PRESETS, EmbBERTConfig


def finetune(options, report=print):
    """Runs the whole training; see the module's text.

    Args:
        options: what `parser()` parses.
        report: called with one line at a time.
    Returns:
        The Run.
    Raises:
        UserError: bad input; nothing is left at `options.out`, nor beside it unless it was to be resumed.
    """
    require_free(options.out, options.force)
    EmbBERTConfig.preset(options.preset)  # refuses an unknown one
    task = load_task(
        options.task, options.data_dir, options.text_column, options.pair_column, options.label_column, options.seed
    )
    if options.teacher and task.is_regression:
        raise UserError(f"--teacher is of classes, {task.name} has numbers: leave it away")
    soft = read_soft_rows(options.soft_rows, task) if options.soft_rows else None
    for notice in task.notices:
        report(f"note: {notice}")
    begun = {**recorded_arguments(options), "data": fingerprint(task, soft)}

    def work(folder):
        with quiet_import():  # TensorFlow takes seconds to import: bad input is refused before
            from tf_embbert.training.recipe import train_run

        return train_run(task, options, recorded_arguments(options), folder / "training", report, soft)

    return work_aside(options, begun, work, report)


def recorded_arguments(options):
    """The arguments that make the run what it is: none of where it lies, files by their names only."""
    skipped = {"out", "data_dir", "resume", "force"}
    arguments = {name: value for name, value in vars(options).items() if name not in skipped and value is not None}
    files = {
        name: os.path.basename(os.path.abspath(arguments[name]))
        for name in ("task", "init", "soft_rows")
        if name in arguments
    }
    return arguments | files


def fingerprint(task, soft=None):
    """SHA-256 of all texts and labels of a task, and of all texts and probabilities of SoftRows where there are any."""
    parts = [[split, rows.texts, rows.pairs, rows.labels.tolist()] for split, rows in task.splits.items()]
    if soft:
        parts.append([soft.texts, soft.pairs, soft.probabilities.tolist()])
    digest = hashlib.sha256()
    for part in parts:
        digest.update(json.dumps(part).encode())
    return digest.hexdigest()


def parser():
    """The command line of `python -m tf_embbert.finetune`."""
    parse = CommandParser(prog="python -m tf_embbert.finetune", description=__doc__.split("\n")[0])
    data = parse.add_argument_group("data")
    data.add_argument("--task", required=True, help="a task's name, or a CSV, TSV or JSON Lines file, or a folder")
    data.add_argument("--data-dir", metavar="DIR", help="folder with one folder a named task; without it, the hub")
    data.add_argument("--text-column", default="text")
    data.add_argument("--pair-column", default="text_pair")
    data.add_argument("--label-column", default="label")
    model = parse.add_argument_group("model")
    model.add_argument("--preset", default="base", help=f"{', '.join(PRESETS)} (default: base)")
    model.add_argument("--activation", choices=ACTIVATIONS, help="of the convolution's branch (default: the preset's)")
    model.add_argument("--init", metavar="RUN", help="start from this run's encoder")
    model.add_argument(
        "--tokenizer",
        choices=("own", "init"),
        default="own",
        help="with --init: one trained on the task's texts (default), or the run's",
    )
    model.add_argument(
        "--max-length", type=int, metavar="N", help="tokens of a text; by default what 99 %% of them need"
    )
    training = parse.add_argument_group("training")
    training.add_argument("--epochs", type=positive_int, metavar="N", help="by default by the number of rows")
    training.add_argument(
        "--qat-epochs", type=positive_int, metavar="N", help="of each of the two phases; by default by rows"
    )
    training.add_argument("--learning-rate", type=positive, default=1e-3)
    training.add_argument("--qat-learning-rate", type=positive, default=3e-5)
    training.add_argument("--weight-decay", type=non_negative, default=0.05)
    training.add_argument("--batch-size", type=positive_int, default=32)
    training.add_argument("--token-dropout", type=share, default=0.2, help="share of tokens hidden in training")
    training.add_argument("--dropout", type=share, help="of attention weights (default: --init's, or the preset's)")
    training.add_argument(
        "--teacher",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="share that a linear n-gram model has in the labels, 0..1 (default: 0)",
    )
    training.add_argument(
        "--soft-rows",
        metavar="FILE",
        help='more rows to train on, JSON Lines of {"text", "probabilities": {label: share}}',
    )
    training.add_argument(
        "--qat-rows",
        type=positive_int,
        metavar="N",
        help="training rows of an epoch of QAT, a seeded sample (default: all)",
    )
    training.add_argument("--pad-to", type=positive_int, metavar="N", help="no bucketing: pad every text to N tokens")
    training.add_argument("--seed", type=seed, default=0)
    training.add_argument(
        "--deterministic", action="store_true", help="same arguments, same run to the last bit; slower"
    )
    training.add_argument(
        "--report-rows",
        type=positive_int,
        default=2000,
        metavar="N",
        help="rows of the reported split (seeded) to score, float and in TFLM (default: 2000)",
    )
    add_output_options(parse)
    return parse


@run_command
def main(arguments=None):
    options = parser().parse_args(arguments)
    run = run_resumable(finetune, options)
    print_summary(Console(), options.out, run)


def print_summary(console, out, run):
    table = Table(
        "rows", "float", "int8 PTQ, TFLM", "int8 QAT, TFLM", title=f"{run.name}: {run.metrics['metric']}, percent"
    )
    for figures in (run.metrics["selection"], run.metrics):
        cells = [f"{figures[key]:.2f}" for key in ("float", "ptq_tflm", "qat_tflm")]
        table.add_row(f"{figures['split']}, {figures['rows']} rows", *cells)
    console.print(table)
    console.print(
        f"chosen on selection: {run.chosen}; run written to {out}; next: python convert/convert.py {out} --out BUNDLE",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


if __name__ == "__main__":
    sys.exit(main())
