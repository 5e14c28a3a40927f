"""The tasks' metrics, in percent: accuracy, Matthews correlation, F1, Pearson and Spearman correlation."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import log_softmax
from sklearn.metrics import f1_score, matthews_corrcoef

from tf_embbert.model.folded import Array


def cross_entropy(logits: Array, labels: Array) -> float:
    """Mean of -log p of the labels; logits float [rows, classes]."""
    return float(-log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean())


def accuracy(labels: Array, predictions: Array) -> float:
    """Share of equal labels."""
    return 100.0 * float(np.mean(labels == predictions))


def matthews(labels: Array, predictions: Array) -> float:
    """Matthews correlation of two classes (CoLA): +100 all right, 0 chance. Constant predictions give 0."""
    return 100.0 * float(matthews_corrcoef(labels == 1, predictions == 1))


def f1(labels: Array, predictions: Array) -> float:
    """Harmonic mean of precision and recall of class 1."""
    return 100.0 * float(f1_score(labels == 1, predictions == 1, zero_division=0))


def weighted_f1(labels: Array, predictions: Array) -> float:
    """F1 of every class, weighted by its rows (the paper's figure for MRPC and QQP)."""
    return 100.0 * float(f1_score(labels, predictions, average="weighted", zero_division=0))


def pearson(labels: Array, predictions: Array) -> float:
    """Linear correlation; 0 where either side is constant."""
    if not (np.ptp(labels) and np.ptp(predictions)):
        return 0.0
    return 100.0 * float(stats.pearsonr(np.asarray(labels, np.float64), np.asarray(predictions, np.float64)).statistic)


def spearman(labels: Array, predictions: Array) -> float:
    """Pearson correlation of the ranks, ties sharing their mean rank; 0 where either side is constant."""
    if not (np.ptp(labels) and np.ptp(predictions)):
        return 0.0
    return 100.0 * float(stats.spearmanr(labels, predictions).statistic)


METRICS = {
    "accuracy": accuracy,
    "mcc": matthews,
    "f1": f1,
    "weighted_f1": weighted_f1,
    "pearson": pearson,
    "spearman": spearman,
}


def share_gap(logits: Array, share: float) -> float:
    """What the second of two logits must lose for a share of the rows to stay of its class.

    Trained on few rows or by an unsure teacher, a model gives nearly all rows to the more frequent class. Accuracy
    forgives that, Matthews correlation does not: on two folds of five of CoLA's training rows (a teacher's share of
    0.8) it is 10.0 as trained, and 16.6 where each class gets the share of rows that it has.

    Args:
        logits: [rows, 2].
        share: of the second class, 0..1.

    Returns:
        The difference of logits at which the classes part.
    """
    return np.quantile(logits[:, 1] - logits[:, 0], 1 - share)


def score(metric: str, labels: ArrayLike, outputs: Array) -> float:
    """One metric of a model's outputs.

    Args:
        metric: a name in METRICS.
        labels: int32 class ids or float32 scores, [rows].
        outputs: logits [rows, C]; C = 1 is a regression's score.

    Returns:
        The metric in percent (correlations times 100).

    Examples:
        >>> score("accuracy", [1, 0], np.array([[0.1, 0.9], [0.2, 0.8]]))
        50.0
    """
    predictions = outputs[:, 0] if outputs.shape[1] == 1 else outputs.argmax(axis=1)
    return METRICS[metric](np.asarray(labels), predictions)
