"""Words weighted by naive Bayes: the paper's ratio, and what a regression of so weighted words says."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from tf_embbert.teaching.voting import VotingTeacher
from tf_embbert.teaching.weighted_words import STRENGTH, WeightedWords
from tf_embbert.training.ngrams import log_ratio


def test_the_ratio_is_that_of_smoothed_counts() -> None:
    """Two texts inside with words (a), (a, b), one outside with (b, c): p = 1 + (2, 1, 0), q = 1 + (0, 1, 1)."""
    present = csr_matrix([[1, 0, 0], [1, 1, 0], [0, 1, 1]])
    ratio = log_ratio(present, np.array([True, True, False]))
    np.testing.assert_allclose(np.exp(ratio), np.array([3 / 6, 2 / 6, 1 / 6]) / np.array([1 / 5, 2 / 5, 2 / 5]))


@pytest.mark.parametrize("classes", [2, 3])
def test_it_says_what_a_regression_of_weighted_words_says(classes: int, rng: np.random.Generator) -> None:
    labels = np.arange(120) % classes
    present = csr_matrix(rng.random((120, 20)) < 0.2 + 0.5 * (np.arange(20) % classes == labels[:, None]))
    model = WeightedWords().fit(present, labels + 4)
    assert model.classes_.tolist() == list(range(4, 4 + classes))
    said = model.decision_function(present).reshape(120, -1)
    for column, label in zip(said.T, [1] if classes == 2 else range(classes)):
        weighted = present.multiply(log_ratio(present, labels == label)).tocsr()
        alone = LogisticRegression(C=STRENGTH, solver="liblinear").fit(weighted, labels == label)
        np.testing.assert_allclose(column, alone.decision_function(weighted), atol=1e-6)


def test_of_long_texts_words_are_heard_without_runs_of_characters(rng: np.random.Generator) -> None:
    """What tells the class stands beyond the characters whose runs are counted, and those runs are chance."""
    labels = np.arange(120) % 2
    noise = ["".join(rng.choice(list("abcdefgh "), 1100)) for _ in labels]
    marks = [["dull", "weak", "slow"], ["fresh", "deep", "quick"]]
    texts = [f"{text} {rng.choice(marks[label])} {rng.choice(marks[label])}" for text, label in zip(noise, labels)]
    teacher = VotingTeacher(texts, labels, 2, seed=0)
    assert {"weighted words", "LinearSVC of words"} & set(teacher.chosen), teacher.chosen
    assert not {"LinearSVC", "logistic regression", "naive Bayes"} & set(teacher.chosen), teacher.chosen
