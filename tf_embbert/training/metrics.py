"""The tasks' metrics, in percent: accuracy, Matthews correlation, F1, Pearson and Spearman correlation."""

import numpy as np


def accuracy(labels, predictions):
    """Share of equal labels."""
    return 100.0 * float(np.mean(labels == predictions))


def matthews(labels, predictions):
    """Matthews correlation of two classes (CoLA): +100 all right, 0 chance. Constant predictions give 0."""
    return pearson(labels == 1, predictions == 1)


def f1(labels, predictions, positive=1):
    """Harmonic mean of precision and recall of one class."""
    hits = np.sum((labels == positive) & (predictions == positive))
    total = np.sum(labels == positive) + np.sum(predictions == positive)
    return 100.0 * float(2 * hits / total) if total else 0.0


def weighted_f1(labels, predictions):
    """F1 of every class, weighted by its rows (the paper's figure for MRPC and QQP)."""
    classes, counts = np.unique(labels, return_counts=True)
    return float(np.average([f1(labels, predictions, c) for c in classes], weights=counts))


def pearson(labels, predictions):
    """Linear correlation; 0 where either side is constant."""
    a, b = np.asarray(labels, np.float64), np.asarray(predictions, np.float64)
    a, b = a - a.mean(), b - b.mean()
    norm = np.sqrt((a @ a) * (b @ b))
    return 100.0 * float(a @ b / norm) if norm else 0.0


def spearman(labels, predictions):
    """Pearson correlation of the ranks, ties sharing their mean rank."""
    return pearson(ranks(labels), ranks(predictions))


def ranks(values):
    """Mean rank of every value, from 0."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((last - counts + last - 1) / 2)[inverse]


METRICS = {
    "accuracy": accuracy,
    "mcc": matthews,
    "f1": f1,
    "weighted_f1": weighted_f1,
    "pearson": pearson,
    "spearman": spearman,
}


def share_gap(logits, share):
    """What the second of two logits must lose for a share of the rows to stay of its class.

    Trained on few rows or by an unsure teacher, a model gives nearly all rows to the more frequent class, which accuracy
    forgives and Matthews correlation does not: on two folds of five of CoLA's training rows (a teacher's share of 0.8)
    10.0 as trained, and 16.6 where each class gets the share of rows that it has.

    Args:
        logits: [rows, 2].
        share: of the second class, 0..1.
    """
    return np.quantile(logits[:, 1] - logits[:, 0], 1 - share)


def score(metric, labels, outputs):
    """One metric of a model's outputs.

    Args:
        metric: a name in METRICS.
        labels: int32 class ids or float32 scores, [rows].
        outputs: logits [rows, C]; C = 1 is a regression's score.
    Returns:
        the metric in percent (correlations times 100).
    """
    predictions = outputs[:, 0] if outputs.shape[1] == 1 else outputs.argmax(axis=1)
    return METRICS[metric](np.asarray(labels), predictions)
