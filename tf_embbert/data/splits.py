"""Seeded hold-outs, stratified by class: the rows on which epochs and quantisation are chosen, or a test split."""

from collections import defaultdict
from itertools import pairwise
from typing import TypeAlias

import numpy as np

Gram: TypeAlias = str | tuple[str, str]  # a word, or two in a row

SELECTION_SHARE = 0.1
TEST_SHARE = 0.1
MOST, LEAST = 2, 20  # a row of every class may make a hold-out so many times its share; fewer rows are left as they are


def holdout(labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Splits rows in two.

    Args:
        labels: one label a row; integers are classes and the split is stratified by them (at least one row of every
            class that has two, none of a class with a single one, unless that would be over twice the share: 75 classes
            of 4 rows would lose a quarter of them), floats are regression targets and it is not.
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
    wanted = round(len(labels) * share)
    if wanted >= LEAST and len(held) > MOST * wanted:
        held = rng.permutation(held)[:wanted]
    return np.setdiff1d(np.arange(len(labels)), held), np.sort(held)


def holdout_wholes(texts: list[str], labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """As `holdout`, for texts that are parts of one another, as SST-2's phrases are of its sentences.

    Whole texts are held out, and no part of one is kept: a model that has seen all phrases of a sentence knows the
    sentence (SST-2: 91 % of rows held out one by one, 78.6 % of the validation split's sentences).

    Returns:
        The kept row numbers, of wholes and parts, and the held-out ones, of wholes only, each ascending.
    """
    whole = find_wholes(texts)
    wholes = np.unique(whole)
    _, held = holdout(labels[wholes], share, seed)
    held = wholes[held]
    return np.flatnonzero(~np.isin(whole, held)), held


def find_wholes(texts: list[str]) -> np.ndarray:
    """For each text the longest one whose words it is a run of: row numbers `[rows]`, its own for a whole text."""
    words = [tuple(text.split()) for text in texts]
    whole = np.arange(len(texts))
    having: dict[Gram, set[int]] = defaultdict(set)  # wholes that have a word, or two in a row
    for row in sorted(range(len(texts)), key=lambda row: -len(words[row])):  # the longest first, the first of equals
        grams = _words_and_pairs(words[row])
        around = set.intersection(*(having[gram] for gram in grams)) if grams else ()
        run = f" {' '.join(words[row])} "
        found = [other for other in around if run in f" {' '.join(words[other])} "]
        if found:
            whole[row] = min(found, key=lambda other: (-len(words[other]), other))
        else:
            for gram in grams:
                having[gram].add(row)
    return whole


def _words_and_pairs(words: tuple[str, ...]) -> set[Gram]:
    return {*words, *pairwise(words)}


def single_row_classes(labels: np.ndarray) -> list[int]:
    """The classes with one row, which no hold-out can represent; none for regression."""
    if np.issubdtype(labels.dtype, np.floating):
        return []
    classes, counts = np.unique(labels, return_counts=True)
    return classes[counts == 1].tolist()


def _draw(group: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    if len(group) < 2:
        return group[:0]
    return rng.permutation(group)[: max(1, round(len(group) * share))]
