"""The metrics against worked examples and, on random data, against their formulas in NumPy."""

from collections.abc import Callable

import numpy as np
import pytest

from tf_embbert.training import metrics

LABELS = np.array([1, 1, 1, 0, 0, 1])
PREDICTIONS = np.array([1, 0, 1, 0, 1, 1])  # 3 true positives, 1 false negative, 1 false positive, 1 true negative


def test_worked_examples() -> None:
    assert metrics.accuracy(LABELS, PREDICTIONS) == pytest.approx(100 * 4 / 6)
    assert metrics.f1(LABELS, PREDICTIONS) == pytest.approx(75.0)
    assert metrics.matthews(LABELS, PREDICTIONS) == pytest.approx(100 * (3 * 1 - 1 * 1) / (4 * 4 * 2 * 2) ** 0.5)
    assert metrics.weighted_f1(LABELS, PREDICTIONS) == pytest.approx((4 * 75.0 + 2 * 50.0) / 6)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("constant", [np.zeros(6), np.ones(6)])
def test_constant_predictions_have_no_correlation(constant: np.ndarray) -> None:
    """And nothing is printed about it: an untrained model answers so."""
    assert metrics.matthews(LABELS, constant) == 0.0
    assert metrics.pearson(LABELS, constant) == metrics.spearman(LABELS, constant) == 0.0
    assert metrics.f1(np.zeros(6), np.zeros(6)) == 0.0


# ---- the formulas ----


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    a, b = (np.asarray(values, np.float64) - np.mean(values, dtype=np.float64) for values in (a, b))
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def ranks(values: np.ndarray) -> np.ndarray:
    """Mean ranks: half of what is lower or equal, half of what is lower."""
    return np.array([np.sum(values < value) + (1 + np.sum(values == value)) / 2 for value in values])


def f1(labels: np.ndarray, predictions: np.ndarray, positive: int) -> float:
    hits = np.sum((labels == positive) & (predictions == positive))
    return float(2 * hits / (np.sum(labels == positive) + np.sum(predictions == positive)))


def weighted_f1(labels: np.ndarray, predictions: np.ndarray) -> float:
    return sum(np.mean(labels == one) * f1(labels, predictions, one) for one in np.unique(labels))


FORMULAS: dict[str, tuple[int, Callable[[np.ndarray, np.ndarray], float]]] = {
    "mcc": (2, lambda labels, given: pearson(labels == 1, given == 1)),
    "f1": (2, lambda labels, given: f1(labels, given, 1)),
    "weighted_f1": (5, weighted_f1),
    "pearson": (0, pearson),
    "spearman": (0, lambda labels, given: pearson(ranks(labels), ranks(given))),
}


@pytest.mark.parametrize("metric", FORMULAS)
def test_the_libraries_give_the_formulas_figures(metric: str) -> None:
    seed = int(np.random.SeedSequence().entropy % 2**31)  # type: ignore[operator]
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    classes, formula = FORMULAS[metric]
    for rows in (30, 1000):
        if classes:
            labels, given = rng.integers(0, classes, (2, rows)).astype(np.int32)
            labels[: rows // 2] = given[: rows // 2]
        else:
            labels = (rng.integers(0, 11, rows) / 2).astype(np.float32)  # ties, as in STS-B
            given = np.round(labels + rng.normal(size=rows), 1).astype(np.float32)
        assert metrics.METRICS[metric](labels, given) == pytest.approx(100 * formula(labels, given), abs=1e-9)


def test_score_takes_logits_or_a_regression() -> None:
    logits = np.array([[0.1, 0.9], [0.8, 0.2]])
    assert metrics.score("accuracy", [1, 1], logits) == 50.0
    assert metrics.score("pearson", [0.0, 1.0, 2.0], np.array([[1.0], [3.0], [5.0]])) == pytest.approx(100.0)
