"""A bundle as Python asks it: the answers of its device, byte for byte, to texts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tf_embbert.common.errors import UserError
from tf_embbert.data.labels import class_names, encode_labels, regression_targets
from tf_embbert.data.memory import list_of_texts
from tf_embbert.int8 import BundleModel
from tf_embbert.run import Array
from tf_embbert.training.metrics import score


class Classifier:
    """The model of a bundle, which answers what the device answers; of a regression, numbers.

    Args:
        bundle: the bundle's folder.

    Raises:
        UserError: no bundle there, or nothing here that runs its model.

    Examples:
        >>> classifier = Classifier("build/demo")  # doctest: +SKIP
        >>> classifier.predict(["wake me up at seven"])  # doctest: +SKIP
        ['set_alarm']
    """

    def __init__(self, bundle: str | Path) -> None:
        self._model = BundleModel(bundle)

    @property
    def labels(self) -> list[str] | None:
        """The class names in the order of the logits; None of a regression."""
        return self._model.labels

    @property
    def backend(self) -> str:
        """Who computes: "int8 in TFLM", or "int8 in TFLite's reference kernels" where TFLM's package is missing."""
        return self._model.kind

    def predict(self, texts: Any, pairs: Any = None) -> Any:
        """The label of each text; of a regression its value, float32 [rows].

        Args:
            texts: as `Tokenizer.encode` takes them.
            pairs: their second texts, for a bundle of pairs.

        Raises:
            UserError: one is no text, or pairs are given to a bundle of single texts or the other way round.
        """
        logits = self.logits(texts, pairs)
        return logits[:, 0] if self.labels is None else [self.labels[i] for i in logits.argmax(axis=1)]

    def predict_proba(self, texts: Any, pairs: Any = None) -> Array:
        """The softmax of the logits: float32 [rows, classes], columns in the order of `labels`; see `predict`."""
        if self.labels is None:
            raise UserError("this bundle predicts a number, which has no probability: use predict")
        logits = self.logits(texts, pairs)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    def evaluate(self, texts: Any, labels: Sequence[Any], pairs: Any = None) -> dict[str, Any]:
        """Scores the answers to labelled texts.

        Args:
            texts, pairs: as of `predict`.
            labels: a class name for each text, or its number in `labels`; of a regression a number.

        Returns:
            model (the `backend`), rows, and the accuracy in percent, of a regression 100 times Spearman's correlation.

        Raises:
            UserError: as `predict`, a label that the bundle has not, or not as many as texts.
        """
        texts, given = list_of_texts(texts), labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
        if len(given) != len(texts) or not texts:
            raise UserError(f"{len(given)} labels for {len(texts)} texts: as many are needed, and one at least")
        outputs = self.logits(texts, pairs)
        if self.labels is None:
            metric, truth = "spearman", regression_targets(given, _where)
        else:
            metric, truth = "accuracy", encode_labels(class_names(given, self.labels, _where), self.labels, _where)
        return {"model": self.backend, "rows": len(texts), metric: score(metric, truth, outputs)}

    def logits(self, texts: Any, pairs: Any = None) -> Array:
        """The logits as real numbers, steps of one int8: float32 [rows, classes]; see `predict`."""
        if (pairs is not None) != self._model.is_pair:
            raise UserError(f"this bundle takes {'pairs of texts: give both' if pairs is None else 'single texts'}")
        ids = self._model.tokenizer.encode(texts, pairs, max_length=self._model.room).ids
        if not ids:
            return np.zeros((0, len(self.labels or [None])), np.float32)
        steps = self._model.predict(ids).astype(np.float32) - self._model.zero_point
        return np.float32(self._model.scale) * steps


def _where(row: int) -> str:
    return f"labels, row {row + 1}"
