"""What `finetune --task FILE --out RUN` gives on small tasks, int8 in TFLM, one result file a task and seed.

    python -m benchmarks.own_data --data-dir DIR --work DIR [--part development|held-out] [--task NAME ..] [--seed 0 ..]

No option but the task and the seed, and where asked for `--minutes`, which the table says, or `--unlabelled N`: so many
texts without labels. What is measured with these, or without torch, so that no large encoder teaches, has a folder of
its own. Resumable: a task and seed that have their result file are left out, an interrupted training goes on. All rows
of the reported split are scored.
`benchmarks.own_data.linear` makes the figures beside.
"""

import argparse
import time
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.common.errors import int8_of
from benchmarks.common.queue import add_data_arguments, measure_missing, train_once
from benchmarks.own_data.tasks import PARTS, RESULTS, TASKS, UNLABELLED, WITHOUT_TORCH, make_task, other_texts
from tf_embbert.common.errors import run_command
from tf_embbert.finetuning.config import FinetuneConfig
from tf_embbert.teaching.config import find_encoder

DEFAULT_MINUTES = FinetuneConfig.minutes


def measure(name: str, seed: int, data_dir: Path, work: Path, unlabelled: int, minutes: float) -> dict[str, Any]:
    """One task and seed: trains, and gives the figures."""
    from tf_embbert.finetune import main as finetune
    from tf_embbert.run import load_run

    run = work / (f"{name}-{seed}" if minutes == DEFAULT_MINUTES else f"{name}-{seed}-{minutes:g}min")
    was_there, started = run.exists(), time.monotonic()
    asked = ["--task", str(make_task(name, data_dir, work)), "--seed", str(seed), "--minutes", str(minutes)]
    asked += ["--unlabelled", str(other_texts(name, data_dir, work, unlabelled))] if unlabelled else []
    train_once(finetune, asked, run)
    metrics = load_run(run).metrics
    return {
        "task": name,
        "part_of": TASKS[name]["part_of"],
        "seed": seed,
        **({"unlabelled": unlabelled} if unlabelled else {}),
        "budget_minutes": minutes,
        "minutes": None if was_there else round((time.monotonic() - started) / 60, 1),
        "int8_tflm": int8_of(metrics),
        **{key: metrics[key] for key in ("metric", "rows", "float", "ptq_tflm", "qat_tflm", "chosen")},
        "recipe": metrics["recipe"],
    }


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.own_data", description=__doc__.split("\n")[0])
    add_data_arguments(parse)
    parse.add_argument("--part", choices=PARTS, default="development")
    parse.add_argument("--task", nargs="+", choices=TASKS, help="by default all of the part")
    parse.add_argument("--seed", nargs="+", type=int, default=[0])
    parse.add_argument("--minutes", type=float, default=DEFAULT_MINUTES, metavar="M", help="that `finetune` is given")
    parse.add_argument("--unlabelled", type=int, default=0, metavar="N", help="texts without labels, of no task's rows")
    options = parse.parse_args(arguments)
    taken = {UNLABELLED: options.unlabelled, WITHOUT_TORCH: not find_encoder("auto")}
    ways = [way for way, is_taken in taken.items() if is_taken]
    results, work = RESULTS.joinpath(*ways), options.work.joinpath(*ways)
    run = partial(measure, data_dir=options.data_dir, work=work, unlabelled=options.unlabelled, minutes=options.minutes)
    jobs = product(options.seed, options.task or PARTS[options.part])
    measure_missing(results, ((f"{name}-{seed}", partial(run, name, seed)) for seed, name in jobs))


if __name__ == "__main__":
    raise SystemExit(main())
