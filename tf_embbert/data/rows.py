"""A task in memory: rows of texts and labels by split, the classes, and how it is scored."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from tf_embbert.common.errors import UserError

Text: TypeAlias = str | tuple[str, str]  # a row's text, or its pair of texts


def parts_of(text: Text) -> tuple[str, ...]:
    """A text alone, or both parts of a pair."""
    return (text,) if isinstance(text, str) else text


@dataclass(frozen=True)
class Rows:
    """Rows of one split.

    Args:
        texts: the texts, or the first parts.
        pairs: the second parts, or None for single texts.
        labels: int32 class ids `[rows]`, or float32 targets for regression.
    """

    texts: list[str]
    pairs: list[str] | None
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def whole_texts(self) -> Sequence[Text]:
        """Each row's text, or its pair."""
        return self.texts if self.pairs is None else list(zip(self.texts, self.pairs))

    def select(self, indices: Sequence[int] | np.ndarray) -> "Rows":
        """The rows at some indices, in that order."""
        pairs = None if self.pairs is None else [self.pairs[i] for i in indices]
        return Rows([self.texts[i] for i in indices], pairs, self.labels[np.asarray(indices, dtype=int)])


@dataclass(frozen=True)
class Task:
    """What is learnt, from what, and how it is scored.

    Args:
        name: the task's name, or the stem of its file or folder.
        labels: class names in id order; None for regression.
        splits: `train`, `selection` and the reported split(s) under their own names (`test`, `validation`, ..).
        reported_split: the split whose score is reported.
        metric: accuracy, mcc, weighted_f1 or spearman.
        secondary_metrics: further metrics that are usual for the task.
        notices: lines the user should see.
        unlabelled: texts that nobody labelled, or pairs of them, for a teacher to judge.
    """

    name: str
    labels: list[str] | None
    splits: dict[str, Rows]
    reported_split: str
    metric: str
    secondary_metrics: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    unlabelled: Sequence[Text] = ()

    @property
    def is_pair(self) -> bool:
        """True for tasks on pairs of texts."""
        return self.splits[self.reported_split].pairs is not None

    @property
    def is_regression(self) -> bool:
        """True where labels are numbers, not classes."""
        return self.labels is None

    @property
    def by_words(self) -> bool:
        """Whether linear models of words can judge: they know single texts and classes."""
        return not (self.is_regression or self.is_pair)

    def rows(self, split: str) -> Rows:
        """A split's rows, or those of every split for `all`; a UserError names the splits there are."""
        if split == "all":
            return joined(list(self.splits.values()))
        if split not in self.splits:
            raise UserError(f"task {self.name} has no split {split!r}; its splits are {', '.join(self.splits)} and all")
        return self.splits[split]


def sampled(rows: int, count: int | None, seed: int) -> np.ndarray:
    """The numbers of a seeded subset of at most `count` rows, ascending; of all without a count."""
    return np.sort(np.random.default_rng(seed).permutation(rows)[:count])


def joined(parts: list[Rows]) -> Rows:
    """The rows of several splits, one after the other."""
    pairs = None if parts[0].pairs is None else [pair for part in parts for pair in part.pairs or []]
    return Rows([text for part in parts for text in part.texts], pairs, np.concatenate([part.labels for part in parts]))
