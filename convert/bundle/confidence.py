"""How sure a model is of its answer: the softmax of its int8 logits, in integers, as the device computes it.

A bundle holds a table of exponentials of the logits' scale; `Classifier` (tflm_app/embbert/classifier.cc) adds and
divides as `confidences` does, so both say the same thousandths.
"""

import math

import numpy as np

ONE = 1 << 15  # exp(0) in the table, whose entries have 16 bits
STEPS = 256  # between two int8 logits, at most
REJECTS = (0, 500, 600, 700, 800, 900, 950, 990)  # thresholds of a table of coverage, in thousandths


def exponentials(scale: float) -> list[int]:
    """exp(-scale * steps) in 1/32768, for 0, 1, .. steps below the largest logit, up to the last that is not 0."""
    table = [round(ONE * math.exp(-scale * steps)) for steps in range(STEPS)]
    return [entry for entry in table if entry]


def confidences(logits: np.ndarray, scale: float) -> np.ndarray:
    """Softmax of the largest logit of each row, rounded to thousandths.

    Args:
        logits: int8 [rows, C].
        scale: of the logits: real value = scale * (logit - zero point).

    Returns:
        int64 [rows], 1 to 1000.
    """
    table = exponentials(scale)
    padded = np.array(table + [0] * (STEPS - len(table)), np.int64)
    wide = logits.astype(np.int64)
    sums = padded[wide.max(axis=1, keepdims=True) - wide].sum(axis=1)  # [rows]
    return (1000 * ONE + sums // 2) // sums


def thousandths(reject: float | None) -> int:
    """The confidence below which an answer is rejected, as the device compares it; of None 0, which rejects none."""
    return 0 if reject is None else round(1000 * reject)


def coverage_table(logits: np.ndarray, scale: float, labels: np.ndarray) -> list[dict]:
    """What rejecting unsure answers costs and gives.

    Args:
        logits: int8 [rows, C].
        scale: of the logits.
        labels: the right class of each row, int [rows].

    Returns:
        [{reject, coverage, accuracy}] for thresholds from 0 on: the confidence below which an answer is rejected,
        percent of rows that are answered, and percent of those that are answered right, None where there are none.
    """
    sure, right = confidences(logits, scale), logits.argmax(axis=1) == labels
    table = []
    for reject in REJECTS:
        answered = sure >= reject
        accuracy = 100.0 * float(right[answered].mean()) if answered.any() else None
        table.append({"reject": reject / 1000, "coverage": 100.0 * float(answered.mean()), "accuracy": accuracy})
    return table
