"""Thirty-six rows of three classes, and ways to write them: what tests of data readers vary."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

SENTENCES = [
    "the bus was late again",
    "my card was declined",
    "thank you for the quick answer",
    "where can i change my password",
    "the app closes when i open it",
    "delivery came two days early",
]
LABELS = ["bad", "help", "good", "help", "bad", "good"]
ROWS = [(f"{text} on day {day}", label) for day in range(6) for text, label in zip(SENTENCES, LABELS)]
CLASSES = ["bad", "good", "help"]
Rows: TypeAlias = list[tuple[Any, Any]]


def lines(rows: Rows = ROWS, separator: str = ",", header: str | None = "text,label") -> str:
    """Delimited text without quotes, a line a row."""
    head = [] if header is None else [header.replace(",", separator)]
    return "\n".join([*head, *(f"{text}{separator}{label}" for text, label in rows)]) + "\n"


def objects(rows: Rows = ROWS) -> list[dict[str, Any]]:
    return [{"text": text, "label": label} for text, label in rows]


def jsonl(rows: list[dict[str, Any]]) -> str:
    return "\n".join(map(json.dumps, rows)) + "\n"


def texts(change: Callable[[str], str]) -> Rows:
    """The rows with every text changed."""
    return [(change(text), label) for text, label in ROWS]


def labelled(change: Callable[[int, str], Any]) -> Rows:
    """The rows with every label changed, by the row's number."""
    return [(text, change(number, label)) for number, (text, label) in enumerate(ROWS)]


def written(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


DEEP = "[" * 100_000 + "]" * 100_000
