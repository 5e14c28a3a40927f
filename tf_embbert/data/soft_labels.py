"""Texts with soft labels, a teacher's probabilities: plain text is easier to have than labelled text.

A file of JSON Lines has a row a line, {"text": .., "probabilities": {"label": share, ..}}; those of pairs have a
"text_pair" too.
Whatever gave the probabilities, a larger model or a person, the small model learns from these rows as from its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tf_embbert.common.errors import UserError
from tf_embbert.data.readers import read_file
from tf_embbert.data.tasks import PAIR_COLUMN, Task

TOLERANCE = 0.01  # by which a row's shares may miss 1: they are rounded in most files


@dataclass(frozen=True)
class SoftLabels:
    """Rows that a teacher has judged.

    Args:
        texts: the texts, or the first parts.
        pairs: the second parts, or None for single texts.
        targets: float32 [rows, classes], each row a distribution over the task's labels; of a regression the numbers
            [rows, 1].
    """

    texts: list[str]
    pairs: list[str] | None
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)


def together(parts: Sequence[SoftLabels | None]) -> SoftLabels | None:
    """The rows of those that are there, one after the other; None where none is."""
    there = [part for part in parts if part is not None]
    if len(there) < 2:
        return there[0] if there else None
    pairs = None if there[0].pairs is None else [pair for part in there for pair in part.pairs or []]
    texts = [text for part in there for text in part.texts]
    return SoftLabels(texts, pairs, np.concatenate([part.targets for part in there]))


def read_soft_labels(path: str | Path, task: Task) -> SoftLabels:
    """Reads a file of texts with soft labels.

    Args:
        path: a .jsonl file, also .gz.
        task: the Task whose labels they are of.

    Returns:
        The rows.

    Raises:
        UserError: the task has no classes, or a row is malformed; the message names its line.
    """
    if task.labels is None:
        raise UserError(f"--soft-rows are of classes, {task.name} has numbers: leave them away")
    table = read_file(Path(path))
    pairs = table.texts(PAIR_COLUMN) if task.is_pair else None
    given = enumerate(table.column("probabilities"))
    shares = [distribution(value, task.labels, table.where(row)) for row, value in given]
    return SoftLabels(table.texts("text"), pairs, np.array(shares, np.float32))


def distribution(value: Any, labels: Sequence[str], where: str) -> list[float]:
    """The shares of all labels in their order, from {label: share}; a label that is not named has none."""
    if not isinstance(value, dict):
        raise UserError(f"{where}: 'probabilities' is {value!r}, not an object of labels and their shares")
    unknown = [name for name in value if name not in labels]
    if unknown:
        raise UserError(f"{where}: {unknown[0]!r} is no label of the task; its labels are {', '.join(labels)}")
    if not all(isinstance(share, (int, float)) and 0 <= share <= 1 for share in value.values()):
        raise UserError(f"{where}: the probabilities must be numbers from 0 to 1, not {list(value.values())}")
    total = math.fsum(value.values())
    if abs(total - 1) > TOLERANCE:
        raise UserError(f"{where}: the probabilities add up to {total:g}, not to 1")
    return [value.get(label, 0.0) / total for label in labels]
