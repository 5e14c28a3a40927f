"""Soft labels: the probabilities that a teacher gives to classes, and the file that `finetune --soft-rows` reads."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.special import log_softmax

from tf_embbert.common.files import write_atomically
from tf_embbert.model.folded import Array


def hear_labels(logits: Array, labels: Array) -> Array:
    """Adds to what is said of sentences that they stand in a text of some label, as far as the two agree at all.

    A sentence of a text with label y has that label itself with a probability a: the mean share that the logits give
    to the texts' labels. So y's logit rises by log(a / (1 - a)) against two classes, by more against many.

    Args:
        logits: float [sentences, classes].
        labels: int [sentences], of their texts, from the same classes.

    Returns:
        float [sentences, classes].
    """
    own = np.eye(logits.shape[1])[labels]
    agreement = np.mean(np.sum(np.exp(log_softmax(logits, axis=1)) * own, axis=1))
    agreement = min(agreement, 1 - 0.5 / len(labels))  # no sample makes certain
    return logits + own * np.log(agreement * (logits.shape[1] - 1) / (1 - agreement))


def write_soft_labels(path: Path, texts: Sequence[str], probabilities: Array, labels: Sequence[str]) -> None:
    """Writes texts with soft labels, JSON Lines, gzipped; the same rows give the same bytes.

    Args:
        path: the file.
        texts: single texts.
        probabilities: float [texts, classes].
        labels: class names in id order.
    """
    lines = [
        json.dumps({"text": text, "probabilities": dict(zip(labels, np.round(shares, 4).tolist()))})
        for text, shares in zip(texts, probabilities)
    ]
    write_atomically(path, gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))
