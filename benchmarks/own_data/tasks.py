"""The tasks of this bench as files that `finetune --task` takes, made from the data folder; see tasks.yaml."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.common.json_lines import write_json_lines
from tf_embbert.common.errors import UserError

PARTS: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load((Path(__file__).parent / "tasks.yaml").read_text())
TASKS = {name: {"part_of": part, **about} for part, tasks in PARTS.items() for name, about in tasks.items()}
TEST_ROWS = 2000
RESULTS = Path(__file__).parents[1] / "results/own_data"
WITHOUT_TORCH, UNLABELLED = "without_torch", "unlabelled"  # folders of results that were made otherwise
HALVES = {None: slice(None), "even": slice(0, None, 2), "odd": slice(1, None, 2)}


def make_task(name: str, data_dir: Path, work: Path) -> Path:
    """A folder with the task's train.jsonl and test.jsonl, `WORK/data/NAME`, as a user would have it.

    Labels are written as text, so that classes are classes and a regression's numbers stay numbers.
    """
    about, folder = TASKS[name], work / "data" / name
    folder.mkdir(parents=True, exist_ok=True)
    source = data_dir / about["from"]
    labels = json.loads((source / "labels.json").read_text())
    first = about.get("skip", 0)
    train = shuffled(read_rows(source / "train.jsonl.gz", about.get("classes")))[first : first + about["rows"]]
    test = read_rows(source / f"{about['test']}.jsonl.gz", about.get("classes"))
    test = shuffled(test)[HALVES[about.get("part")]][:TEST_ROWS]
    for split, rows in (("train", train), ("test", test)):
        write_json_lines(folder / f"{split}.jsonl", [{**row, "label": label_of(row["label"], labels)} for row in rows])
    return folder


def other_texts(name: str, data_dir: Path, work: Path, count: int) -> Path:
    """A file of so many texts of the task's source without their labels, of rows that no task has: as many unlabelled
    texts of the same kind as a user may have. A UserError where none is left.
    """
    source = TASKS[name]["from"]
    first = max(about.get("skip", 0) + about["rows"] for about in TASKS.values() if about["from"] == source)
    rows = shuffled(read_rows(data_dir / source / "train.jsonl.gz", TASKS[name].get("classes")))[first:][:count]
    if not rows:
        raise UserError(f"--unlabelled: of {source} no row is left that no task has")
    path = work / "data" / name / "unlabelled" / f"{count}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json_lines(path, [{column: value for column, value in row.items() if column != "label"} for row in rows])
    return path


def read_rows(path: Path, classes: list[int] | None) -> list[dict[str, Any]]:
    """The rows of a split of the data folder, of some classes only."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return rows if classes is None else [row for row in rows if classes[0] <= row["label"] <= classes[1]]


def shuffled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows in a seeded order."""
    return [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]


def label_of(label: Any, labels: Any) -> str | float:
    """A class's name, or a regression's number."""
    return labels[label] if isinstance(labels, list) else label
