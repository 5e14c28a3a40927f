"""The metrics against worked examples and, on random data, against scipy."""

import numpy as np
import pytest
from scipy import stats

from tf_embbert.training import metrics

LABELS = np.array([1, 1, 1, 0, 0, 1])
PREDICTIONS = np.array([1, 0, 1, 0, 1, 1])  # 3 true positives, 1 false negative, 1 false positive, 1 true negative


def test_worked_examples() -> None:
    assert metrics.accuracy(LABELS, PREDICTIONS) == pytest.approx(100 * 4 / 6)
    assert metrics.f1(LABELS, PREDICTIONS) == pytest.approx(75.0)
    assert metrics.matthews(LABELS, PREDICTIONS) == pytest.approx(100 * (3 * 1 - 1 * 1) / (4 * 4 * 2 * 2) ** 0.5)
    assert metrics.weighted_f1(LABELS, PREDICTIONS) == pytest.approx((4 * 75.0 + 2 * 50.0) / 6)


def test_constant_predictions_have_no_correlation() -> None:
    assert metrics.matthews(LABELS, np.ones(6)) == 0.0
    assert metrics.spearman(LABELS, np.zeros(6)) == 0.0


def test_correlations_are_scipys() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 6, 200) / 2  # ties, as in STS-B
    outputs = np.round(labels + rng.normal(size=200), 1)
    assert metrics.spearman(labels, outputs) == pytest.approx(100 * stats.spearmanr(labels, outputs).statistic)
    assert metrics.pearson(labels, outputs) == pytest.approx(100 * stats.pearsonr(labels, outputs).statistic)


def test_score_takes_logits_or_a_regression() -> None:
    logits = np.array([[0.1, 0.9], [0.8, 0.2]])
    assert metrics.score("accuracy", [1, 1], logits) == 50.0
    assert metrics.score("pearson", [0.0, 1.0, 2.0], np.array([[1.0], [3.0], [5.0]])) == pytest.approx(100.0)
