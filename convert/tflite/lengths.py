"""The lengths that one model.tflite serves: which model in the file is whose, and which of them a text goes to.

The file is the model of the longest length. Models of shorter ones begin further on in it and hold the same weights
(`build_lengths.py`); each is a .tflite file from its first byte to the end. A text goes to the shortest that has room
for its tokens, here as on the device (tflm_app/embbert/classifier.cc).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from convert.tflite.model import input_length, list_ops, read_model
from convert.tflite.verifier import DamagedModel
from tf_embbert.windows import answer_by_windows

if TYPE_CHECKING:
    import numpy as np


def split_lengths(data: bytes, offsets: dict[int, int]) -> dict[int, bytes]:
    """The models of a file.

    Args:
        data: bytes of model.tflite.
        offsets: byte at which the model of each length begins.

    Returns:
        {length: bytes of its .tflite file}, the shortest first.

    Raises:
        DamagedModel: there is no model of a length at its offset.
    """
    models = {}
    for length, offset in sorted(offsets.items()):
        models[length] = data[offset:]
        try:
            read_model(models[length])
        except DamagedModel as error:
            raise DamagedModel(f"there is no model at byte {offset}: {error}") from None
        if input_length(models[length]) != length:
            raise DamagedModel(f"the model at byte {offset} takes {input_length(models[length])} tokens, not {length}")
    return models


def list_all_ops(models: Iterable[bytes]) -> list[dict]:
    """`list_ops` of the last model, and of the others the operators that it does not have."""
    found = {(op["name"], op["version"]): op for model in models for op in list_ops(read_model(model))}
    return [found[key] for key in sorted(found)]


def rows_by_length(lengths: Iterable[int], ids: "list[np.ndarray]") -> dict[int, list[int]]:
    """Numbers of the rows that each length answers, the shortest first; a row that is too long goes to the longest."""
    rows = defaultdict(list)
    for number, row in enumerate(ids):
        rows[min((length for length in lengths if length >= len(row)), default=max(lengths))].append(number)
    return dict(sorted(rows.items()))


def answer_by_length(
    models: dict[int, bytes], ids: "list[np.ndarray]", answer: "Callable[[bytes, list[np.ndarray]], np.ndarray]"
) -> "np.ndarray":
    """What a device answers: every row by the model of the shortest length that holds it, a longer one by windows
    of the longest.

    Args:
        models: bytes of the model of each length.
        ids: unpadded int32 token ids, one array a row.
        answer: gives what a model answers to rows, an array whose first axis is the row.

    Returns:
        The answers in the order of the rows.
    """
    import numpy as np

    def answer_short(ids: "list[np.ndarray]") -> np.ndarray:
        answers: dict[int, np.ndarray] = {}
        for length, rows in rows_by_length(models, ids).items():
            answers |= zip(rows, answer(models[length], [ids[row] for row in rows]))
        return np.stack([answers[row] for row in range(len(ids))])

    return answer_by_windows(ids, max(models), answer_short)
