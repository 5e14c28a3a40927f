"""A linear model of which words a text has, each weighted by naive Bayes beforehand.

Wang and Manning (2012), "Baselines and Bigrams", section 2.3: of reviews and other long texts it knows more than linear
models of tf-idf do.
"""

from typing import Any

import numpy as np
from scipy.sparse import diags
from sklearn.linear_model import LogisticRegression

from tf_embbert.run import Array
from tf_embbert.training.ngrams import log_ratio

STRENGTH = 1.0  # C of each regression


class WeightedWords:
    """A logistic regression for each class against the others; for two classes one.

    Attributes:
        classes_: class ids that it has seen, in order.
    """

    classes_: Array

    def fit(self, present: Any, labels: Array) -> "WeightedWords":
        """Fits the weights and the regressions.

        Args:
            present: 1 where a text has a word: sparse [rows, words].
            labels: class ids [rows], of two classes at least.
        """
        self.classes_ = np.unique(labels)
        against = self.classes_[1:] if len(self.classes_) == 2 else self.classes_
        weights = []  # [words] a class
        self.biases = []
        for label in against:
            ratio = log_ratio(present, labels == label)
            fitted = LogisticRegression(C=STRENGTH, solver="liblinear").fit(present @ diags(ratio), labels == label)
            weights.append(fitted.coef_[0] * ratio)
            self.biases.append(fitted.intercept_[0])
        self.weights = np.stack(weights, axis=1)
        return self

    def decision_function(self, present: Any) -> Array:
        """How much likelier each class is than the others: [rows, classes]; of two classes the second, [rows]."""
        said = present @ self.weights + self.biases
        return said[:, 0] if len(self.classes_) == 2 else said
