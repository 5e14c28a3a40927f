"""Long measurements, one after another, which go on where they were stopped: each has a result file of its own."""

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from tf_embbert.common.files import write_atomically


def add_data_arguments(parse: argparse.ArgumentParser) -> None:
    """Where the data lies, and where the tasks' files and the runs go."""
    parse.add_argument("--data-dir", type=Path, required=True)
    parse.add_argument("--work", type=Path, required=True, help="folder of the tasks' files, and of runs")


def train_once(command: Callable[[list[str]], int], options: Sequence[str], run: Path) -> None:
    """Trains a run that is not there yet; one that was interrupted goes on.

    Args:
        command: `main` of a command that trains, and has --out and --resume.
        options: its other options.
        run: the folder that it makes.

    Raises:
        SystemExit: it failed, and has said why.
    """
    if not run.exists():
        resume = ["--resume"] if Path(f"{run}.partial").exists() else []
        require(command([*options, "--out", str(run), *resume]))


def require(status: int) -> None:
    """A command that failed has said why; this one ends as it did."""
    if status:
        raise SystemExit(status)


def measure_missing(folder: Path, jobs: Iterable[tuple[str, Callable[[], dict[str, Any]]]]) -> None:
    """Measures what has no result file yet, in order.

    Args:
        folder: of the files.
        jobs: the name of each file, without .json, and what gives its content.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, measure in jobs:
        path = folder / f"{name}.json"
        if not path.exists():
            write_atomically(path, json.dumps(measure(), indent=1) + "\n")
