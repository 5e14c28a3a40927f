"""Trains, converts and verifies EmbBERT on real tasks, and writes one result file a task and seed.

    python -m benchmarks.accuracy --data-dir DIR --work DIR [--general] [--task snips ..] [--seed 0 ..]

What is trained, and how, is in accuracy.yaml; with --general the recipe is the one that `finetune` finds for itself,
all rows of the reported split are scored, of imdb 8,000, and its results have a folder of their own. Resumable: a run
that lies in --work is converted, not trained again; an interrupted training goes on; what a task's teacher has written
is read again. The figures are those of the bundle's manifest: float, PTQ and QAT on the same rows of the reported
split, the integers through TFLM.
"""

import argparse
import importlib
import json
import shlex
from pathlib import Path
from typing import Any

import yaml

from benchmarks.common.queue import require, train_once
from tf_embbert.common.errors import run_command
from tf_embbert.common.files import write_atomically

RESULTS = Path(__file__).parent / "results/accuracy"
TASKS = yaml.safe_load((Path(__file__).parent / "accuracy.yaml").read_text())
GENERAL = "general"  # folder of what was trained without an option
SCORED = ["--report-rows", "8000"]  # there: all, but of imdb's 25,000


def measure(task: str, seed: int, data_dir: Path, work: Path, by_hand: bool = True) -> dict[str, Any]:
    """One task and seed: trains what is not there, converts, and gives the result.

    Args:
        task, seed: what to train.
        data_dir: where the data lies.
        work: folder of the runs and bundles.
        by_hand: with the options and the teacher's rows of accuracy.yaml; else with none but the rows to score.
    """
    from convert.bundle.bundle import read_bundle
    from convert.convert import main as convert
    from tf_embbert.finetune import main as finetune
    from tf_embbert.run import load_run

    run, bundle = work / f"{task}-{seed}", work / f"{task}-{seed}-bundle"
    options = ["--task", TASKS[task].get("task", task), "--seed", str(seed)]
    options += TASKS[task]["options"].split() if by_hand else SCORED
    data_dir = gather(task, data_dir, work) if TASKS[task].get("with_validation") else data_dir
    if not run.exists():
        is_taught = by_hand and "soft_rows" in TASKS[task]
        soft = ["--soft-rows", str(soft_rows(task, seed, data_dir, work))] if is_taught else []
        train_once(finetune, [*options, *soft, "--data-dir", str(data_dir)], run)
    require(convert([str(run), "--out", str(bundle), "--force"]))
    manifest, trained = read_bundle(bundle).manifest, load_run(run)
    taken = ["--soft-rows", trained.arguments["soft_rows"]] if "soft_rows" in trained.arguments else []
    return {
        "task": task,
        "seed": seed,
        "command": shlex.join(["python", "-m", "tf_embbert.finetune", *options, *taken]),
        **manifest["accuracy"],
        "selection": trained.metrics["selection"],
        "model": manifest["model"],
        "verification": manifest["verification"],
        "arena_host64": manifest["arena"]["host64"]["reference"],
        "toolchain": manifest["toolchain"],
        **({} if by_hand else {"recipe": trained.metrics["recipe"]}),
    }


def gather(name: str, data_dir: Path, work: Path) -> Path:
    """A data folder in which the task's validation rows are test rows too, as the hub has them, and a seeded tenth of
    the training rows is what is selected on: `Path`. It links to the plain text, from which teachers learn.
    """
    from tf_embbert.data.splits import SELECTION_SHARE, holdout
    from tf_embbert.data.tasks import load_task

    task, folder = load_task(TASKS[name]["task"], data_dir), work / f"{name}-data" / TASKS[name]["task"]
    folder.mkdir(parents=True, exist_ok=True)
    plain = folder.parent / "pretrain"
    if not plain.is_symlink():
        plain.symlink_to((Path(data_dir) / "pretrain").absolute())
    write_atomically(folder / "labels.json", json.dumps(task.labels).encode())
    train = task.rows("train")
    kept, held = holdout(train.labels, SELECTION_SHARE, seed=0)
    parts = {
        "train": [train.select(kept)],
        "validation": [train.select(held)],
        "test": [task.rows("selection"), task.rows("test")],
    }
    for split, gathered in parts.items():
        rows = [
            json.dumps({"text": text, "label": int(label)}) + "\n"
            for part in gathered
            for text, label in zip(part.texts, part.labels)
        ]
        write_atomically(folder / f"{split}.jsonl", "".join(rows).encode())
    return folder.parent


def soft_rows(task: str, seed: int, data_dir: Path, work: Path) -> Path:
    """The file of what the task's teacher says, which is written where it is not there; for each seed its own where the
    teacher takes one.
    """
    command = TASKS[task]["soft_rows"]
    path = work / (f"{task}-{seed}.jsonl.gz" if "{seed}" in command else f"{task}.jsonl.gz")
    if not path.exists():
        work.mkdir(parents=True, exist_ok=True)
        teacher, *options = command.format(seed=seed).split()
        teach = importlib.import_module(f"tf_embbert.distillation.{teacher}").main
        require(
            teach(["--task", TASKS[task].get("task", task), *options, "--data-dir", str(data_dir), "--out", str(path)])
        )
    return path


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__.split("\n")[0])
    parse.add_argument("--data-dir", required=True)
    parse.add_argument("--work", type=Path, required=True, help="folder of the runs and bundles")
    parse.add_argument("--task", nargs="+", choices=TASKS, default=list(TASKS))
    parse.add_argument("--seed", nargs="+", type=int, help="by default all of each task's")
    parse.add_argument("--general", action="store_true", help="no option but the task and the seed")
    options = parse.parse_args(arguments)
    results, work = ((path / GENERAL if options.general else path) for path in (RESULTS, options.work))
    results.mkdir(parents=True, exist_ok=True)
    for task in options.task:
        for seed in options.seed or range(TASKS[task]["seeds"]):
            result = measure(task, seed, options.data_dir, work, by_hand=not options.general)
            (results / f"{task}-{seed}.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
