"""What rows tell against a task: classes that look alike, empty texts, texts with two labels, test texts in train."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from tf_embbert.data.labels import UNKNOWN, as_number
from tf_embbert.data.rows import Rows, Text, parts_of
from tf_embbert.data.table import shown

_NAMED = 5  # examples in a notice


def content_notices(splits: Mapping[str, Rows], reported: str, labels: Sequence[str] | None) -> list[str]:
    """All that is to be said of a task's rows.

    Args:
        splits: rows by split, `train` among them where there is one.
        reported: the split whose score is reported.
        labels: class names, or None for regression.

    Returns:
        A line for each thing found.
    """
    return [*_alike(labels or []), *_empty(splits), *_two_labels(splits), *_known(splits, reported)]


def not_in_train(splits: Mapping[str, Rows], split: str) -> np.ndarray:
    """Which of a split's rows have a text (of pairs: two texts) that no training row has: bool `[rows]`."""
    known = set(map(_as_read, splits["train"].whole_texts)) if "train" in splits else set()
    return np.array([_as_read(text) not in known for text in splits[split].whole_texts], dtype=bool)


def _as_read(text: Text) -> tuple[str, ...]:
    """A text, or a pair, as the tokenizer tells it from others: by no capital letters, and no number of spaces."""
    return tuple(" ".join(part.lower().split()) for part in parts_of(text))


def words_of(text: str) -> str:
    """A text's words, by which it is known again whatever stands between them."""
    return " ".join(re.findall(r"\w+", text.lower()))


def unknown_notice(rows: Rows, names: Sequence[str], split: str) -> list[str]:
    """How many rows have labels that training never saw, and which."""
    places = np.flatnonzero(rows.labels == UNKNOWN)
    if not len(places):
        return []
    said = _listed([shown(name) for name in sorted({names[place] for place in places})])
    return [f"{len(places)} of {len(rows)} {split} rows have a label training never saw, and count as wrong: {said}"]


def _alike(labels: Sequence[str]) -> list[str]:
    """Classes whose names are the same but for case, spaces, and how a number or an accent is written."""
    groups = defaultdict(list)
    for label in labels:
        groups[_spelling(label)].append(label)
    alike = [" and ".join(map(shown, group)) for group in groups.values() if len(group) > 1]
    return [f"classes that differ in case or spaces only: {_listed(alike)}"] if alike else []


def _spelling(label: str) -> str | float:
    """What a class's name has in common with other spellings of it: `set-alarm` and `Set_Alarm`, `1` and `1.0`."""
    number = as_number(label)
    if number is not None:
        return number
    seen = "".join(sign for sign in unicodedata.normalize("NFKC", label) if unicodedata.category(sign) != "Cf")
    return re.sub(r"(?<=[^\W_])[-_.]+(?=[^\W_])", "", "".join(seen.casefold().split()))


def _empty(splits: Mapping[str, Rows]) -> list[str]:
    count = sum(not text.strip() for rows in splits.values() for text in rows.texts)
    return [f"{count} of {sum(map(len, splits.values()))} texts are empty"] if count else []


def _two_labels(splits: Mapping[str, Rows]) -> list[str]:
    labels = defaultdict(set)
    for rows in splits.values():
        for text, label in zip(rows.whole_texts, rows.labels.tolist()):
            labels[_as_read(text)].add(label)
    count = sum(len(different) > 1 for different in labels.values())
    return [f"{count} of {len(labels)} different texts have more than one label"] if count else []


def _known(splits: Mapping[str, Rows], reported: str) -> list[str]:
    if reported not in splits or reported == "train":
        return []
    count = int(np.sum(~not_in_train(splits, reported)))
    return [f"{count} of {len(splits[reported])} {reported} texts stand in train too"] if count else []


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", .." if len(names) > _NAMED else "")
