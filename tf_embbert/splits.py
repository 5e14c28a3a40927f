"""Seeded hold-outs, stratified by class: the rows on which epochs and quantisation are chosen, or a test split."""

import numpy as np

SELECTION_SHARE = 0.1
TEST_SHARE = 0.1


def holdout(labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Splits rows in two.

    Args:
        labels: one label a row; integers are classes and the split is stratified by them (at least one row of every
            class that has two, none of a class with a single one), floats are regression targets and it is not.
        share: of the rows to hold out.
        seed: of the shuffle.

    Returns:
        The kept and the held-out row numbers, each ascending.
    """
    rng = np.random.default_rng(seed)
    if np.issubdtype(labels.dtype, np.floating):
        groups = [np.arange(len(labels))]
    else:
        groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    held = np.concatenate([_draw(group, share, rng) for group in groups])
    return np.setdiff1d(np.arange(len(labels)), held), np.sort(held)


def single_row_classes(labels: np.ndarray) -> list[int]:
    """The classes with one row, which no hold-out can represent; none for regression."""
    if np.issubdtype(labels.dtype, np.floating):
        return []
    classes, counts = np.unique(labels, return_counts=True)
    return classes[counts == 1].tolist()


def _draw(group: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    if len(group) < 2:
        return group[:0]
    return rng.permutation(group)[:max(1, round(len(group) * share))]
