"""Which reported rows stand, whole or in part, in what a model is trained on, counted.

    python -m benchmarks.near_copies --data-dir DIR

A reported row is a near-copy where eight words of it in a row stand in a training or selection row of its task, or in
the plain text that the shipped encoders and the teachers of plain text read; a shorter row where all of its words are a
row, or a line, there. Writes results/near_copies.json.
"""

import argparse
import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.common.tasks import TASKS
from tf_embbert.common.errors import run_command
from tf_embbert.data.checks import words_of
from tf_embbert.data.tasks import load_task

RESULT = Path(__file__).parent / "results/near_copies.json"
OWN_DATA = ("nlu_hwu64_intent", "clinc150")  # further folders that tasks of own_data come from
GRAM = 8  # words
PLACES = ("train", "selection", "books", "wikinews", "wikipedia")
HEADER = f"| task, split | texts | {' | '.join(PLACES)} |"


def grams(text: str) -> Iterator[int]:
    """A text's runs of eight words, hashed; of a shorter one all of its words."""
    words = words_of(text).split()
    for start in range(max(len(words) - GRAM, 0) + 1):
        yield hash(tuple(words[start : start + GRAM]))


def held_out(sources: dict[str, list[str]]) -> dict[int, set[tuple[str, int]]]:
    """The grams of each task's reported rows: by hash the (task, row) that have it."""
    owners: dict[int, set[tuple[str, int]]] = defaultdict(set)
    for name, texts in sources.items():
        for row, text in enumerate(texts):
            for gram in grams(text):
                owners[gram].add((name, row))
    return owners


def copies(
    owners: dict[int, set[tuple[str, int]]], lines: Iterable[str], name: str | None = None
) -> set[tuple[str, int]]:
    """The reported rows of which a gram stands in the lines; only those of the task `name`, where it is given."""
    found = {gram for line in lines for gram in grams(line) if gram in owners}
    return {owner for gram in found for owner in owners[gram] if name in (None, owner[0])}


def plain_text(path: Path) -> Iterator[str]:
    """The sentences of a file of plain text and its paragraphs whole."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield line
            yield from re.split(r"(?<=[.!?]) ", line)


def parts(rows: Any) -> list[str]:
    """Each text of the rows by itself; of pairs both parts."""
    return rows.texts + (rows.pairs or [])


def count(data_dir: Path) -> list[dict[str, Any]]:
    """A line a task: its reported rows, and how many of their texts are near-copies of what."""
    tasks = {name: load_task(name, data_dir) for name in TASKS}
    tasks |= {name: load_task(str(data_dir / name)) for name in OWN_DATA}
    owners = held_out({name: parts(task.rows(task.reported_split)) for name, task in tasks.items()})
    found: dict[str, dict[str, set[tuple[str, int]]]] = {name: {} for name in tasks}
    for name, task in tasks.items():
        for split in ("train", "selection"):
            found[name][split] = copies(owners, parts(task.rows(split)), name)
    for path in sorted((data_dir / "pretrain").glob("*.txt.gz")):
        corpus = path.name.removesuffix(".txt.gz")
        for owner in copies(owners, plain_text(path)):
            found[owner[0]].setdefault(corpus, set()).add(owner)
    return [
        {
            "task": name,
            "split": task.reported_split,
            "texts": len(parts(task.rows(task.reported_split))),
            "near_copies": {where: len(rows) for where, rows in found[name].items()},
        }
        for name, task in tasks.items()
    ]


def near_copies_rows() -> Iterator[list[str]]:
    """A line a task of the table in docs/accuracy.md."""
    for line in json.loads(RESULT.read_text())["counted"]:
        found = [f"{line['near_copies'].get(place, 0):,}" for place in PLACES]
        yield [f"{line['task']}, {line['split']}", f"{line['texts']:,}", *found]


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.near_copies", description=__doc__.split("\n")[0])
    parse.add_argument("--data-dir", type=Path, required=True)
    lines = count(parse.parse_args(arguments).data_dir)
    RESULT.write_text(json.dumps({"gram": GRAM, "counted": lines}, indent=1) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
