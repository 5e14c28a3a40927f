"""Scores of runs: the int8 one that counts, means over seeds with their errors; and how far estimates are off."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from convert.bundle.card import standard_error


def int8_of(metrics: Mapping[str, Any]) -> float:
    """The metric, x 100, of the integers that the selection rows chose, in TFLM."""
    return float(metrics[f"{metrics['chosen']}_tflm"])


def error_of(metric: str, scores: Sequence[float], rows: int) -> float | None:
    """The standard error of a mean.

    Args:
        metric: a name in `tf_embbert.training.metrics.METRICS`.
        scores: one a seed, x 100, all of the same rows: these err alike, so more seeds do not make their part smaller.
        rows: how many.

    Returns:
        The errors over rows and over seeds together, x 100; None where the metric's is not known.
    """
    over_rows = standard_error(metric, statistics.mean(scores), rows)
    over_seeds = statistics.stdev(scores) / math.sqrt(len(scores)) if len(scores) > 1 else 0.0
    return None if over_rows is None else math.hypot(over_rows, over_seeds)


def with_error(metric: str, scores: Sequence[float], rows: int) -> str:
    """A table's cell: the mean, and its standard error where it is known."""
    error = error_of(metric, scores, rows)
    return f"{statistics.mean(scores):.2f}" + (f" ± {error:.2f}" if error is not None else "")


def ninetieth_and_worst(found: list[float]) -> tuple[float, float]:
    """The 90th percentile of errors' sizes, one of them, and the largest."""
    sizes = sorted(map(abs, found))
    return sizes[math.ceil(0.9 * len(sizes)) - 1], sizes[-1]
