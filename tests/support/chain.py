"""Small labelled data and the arguments that train on it in seconds, for the tests of the commands."""

import csv
import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

CLASSES = {
    "lights": ["turn on the lamp", "lights off", "dim the bulb", "switch the lamp off"],
    "music": ["play a song", "next track", "stop the music", "play some jazz"],
    "timer": ["set a timer", "wake me at seven", "count down from ten", "alarm for six"],
}
EXTRAS = ["now", "please", "in", "kitchen", "bedroom", "the", "hall", "again", "quickly", "today", "tonight", "soon"]
FolderOf: TypeAlias = Callable[[str], Path]  # of a run, or of its bundle, by kind of task
SMALL = ["--preset", "nano", "--teacher", "none", "--epochs", "2", "--qat-epochs", "1"]
# Of each kind of task: the file's name and the arguments that it needs.
KINDS = {
    "classes": ("commands.csv", ["--text-column", "body", "--label-column", "queue"]),
    "pairs": ("same.jsonl", []),
    "regression": ("loudness.tsv", []),
}


def utterance(chooser: random.Random, label: str) -> str:
    """A text of a class, with up to four words that mean nothing."""
    return " ".join([chooser.choice(CLASSES[label]), *chooser.sample(EXTRAS, chooser.randint(0, 4))])


def make_rows(kind: str, count: int = 200, seed: int = 0) -> list[dict[str, Any]]:
    """Rows of one kind of task, each a dict by column name."""
    chooser = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for label in chooser.choices(list(CLASSES), k=count):
        text = utterance(chooser, label)
        if kind == "classes":
            rows.append({"body": text, "queue": label})
        elif kind == "pairs":
            other = label if chooser.random() < 0.5 else chooser.choice(list(CLASSES))
            same = "yes" if other == label else "no"
            rows.append({"text": text, "text_pair": utterance(chooser, other), "label": same})
        else:
            rows.append({"text": text, "label": round(len(text.split()) + 3.5 * (label == "music"), 1)})
    return rows


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Writes rows as the file's suffix says."""
    with open(path, "w", newline="") as file:
        if path.suffix == ".jsonl":
            file.writelines(json.dumps(row) + "\n" for row in rows)
        else:
            writer = csv.DictWriter(file, rows[0], delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
    return path


def history(run: Path) -> list[dict[str, str]]:
    """A run's history.csv without the column that tells of the machine."""
    with open(run / "history.csv") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for speed in {"rows_per_second", "tokens_per_second"} & set(row):
            del row[speed]
    return rows


def refused(
    capsys: pytest.CaptureFixture[str], main: Callable[[list[str]], int], arguments: Iterable[object], *parts: object
) -> None:
    """Asserts that a command ends with 2 and one line on standard error that has the given parts in it."""
    assert main([str(argument) for argument in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.strip().splitlines()) == 1, (out, err)
    assert not [part for part in parts if str(part) not in err], err
