"""Long texts by windows: a text with more tokens than the model takes is read in parts, and their answers are averaged.

A model of 64 tokens reads a review of 500 in the arena of 64, in time that grows with the text and not with its square.
The parts are as few and as equal as can be, each with a [CLS] of its own, and what does not fit into the most windows
that there may be loses its middle before. The device does the same (tflm_app/embbert/classifier.cc).
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from tf_embbert.common.errors import UserError

if TYPE_CHECKING:  # `room` is asked for where there is no NumPy
    from tf_embbert.model.folded import Array


def room(length: int, windows: int) -> int:
    """Tokens that a text may have, [CLS] included, where `windows` of `length` tokens read it."""
    return 1 + windows * (length - 1)


def count_windows(tokens: float, length: int) -> int:
    """The fewest windows of `length` tokens that hold a text of so many, [CLS] included in both."""
    return max(1, math.ceil((tokens - 1) / (length - 1)))


def require_single_texts(windows: int | None, is_pair: bool) -> None:
    """Raises a UserError where several windows are asked for and texts are pairs."""
    if is_pair and windows not in (None, 1):
        raise UserError("--windows is for single texts: a pair's parts are compared whole, leave it away")


def split(ids: "Array", length: int) -> list["Array"]:
    """A text's windows.

    Args:
        ids: `[CLS] text`, int32 [tokens].
        length: tokens of a window at most.

    Returns:
        The text itself where it fits, or `[CLS] part` of each part, int32 [at most length].

    Examples:
        >>> [window.tolist() for window in split(np.array([2, 11, 12, 13, 14, 15]), length=4)]
        [[2, 11, 12], [2, 13, 14, 15]]
    """
    import numpy as np

    if len(ids) <= length:
        return [ids]
    tokens, count = len(ids) - 1, count_windows(len(ids), length)
    ends = [1 + tokens * window // count for window in range(count + 1)]
    return [np.concatenate([ids[:1], ids[start:end]]) for start, end in pairwise(ends)]


def split_all(ids: Sequence["Array"], length: int) -> tuple[list["Array"], "Array"]:
    """The windows of several texts, and of each window the number of its text, int64 [windows]."""
    import numpy as np

    parts = [split(row, length) for row in ids]
    return [window for windows in parts for window in windows], np.repeat(np.arange(len(ids)), list(map(len, parts)))


def answer_by_windows(
    ids: Sequence["Array"], length: int | None, answer: Callable[[list["Array"]], "Array"]
) -> "Array":
    """What a model answers to texts of any length.

    Args:
        ids: token ids of each text; one of pairs has at most `length`.
        length: that the model takes, or None of one that takes all of them.
        answer: gives the model's outputs [rows, ..] for rows of at most `length` tokens.

    Returns:
        Of each text the mean of its windows' outputs, [texts, ..]; of integers rounded, halves up, as the device does.
    """
    import numpy as np

    if length is None or all(len(row) <= length for row in ids):
        return answer(list(ids))
    windows, texts = split_all(ids, length)
    outputs = answer(windows)
    counts = np.bincount(texts).reshape(-1, *[1] * (outputs.ndim - 1))
    if np.issubdtype(outputs.dtype, np.integer):
        sums = np.zeros((len(ids), *outputs.shape[1:]), np.int64)
        np.add.at(sums, texts, outputs)
        return ((2 * sums + counts) // (2 * counts)).astype(outputs.dtype)
    means = np.zeros((len(ids), *outputs.shape[1:]))
    np.add.at(means, texts, outputs / counts[texts])
    return means.astype(outputs.dtype)
