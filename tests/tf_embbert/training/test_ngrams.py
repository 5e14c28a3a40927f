"""The n-grams of texts, and the teacher that counts them."""

from typing import Any

import numpy as np
import pytest

from tf_embbert.common.errors import UserError
from tf_embbert.data.tasks import Rows
from tf_embbert.training.ngrams import count_grams, grams, taught_labels, weigh_grams

pytestmark = pytest.mark.usefixtures("few_buckets")


def made_rows(count: int = 60) -> Rows:
    """Good and bad in turn, each with a word of its own."""
    texts = [f"{('a good', 'the bad')[i % 2]} film {'z' * i}" for i in range(count)]
    return Rows(texts, None, np.arange(count, dtype=np.int32) % 2)


def test_grams_are_words_and_neighbours() -> None:
    assert grams(("Go, go!", None)) == ["go", ",", "go", "!", "go ,", ", go", "go !"]
    assert grams(("a b", "b c")) == ["a a", "a b", "a a b", "b b", "b c", "b b c", "both b"]


def test_a_text_has_a_one_for_each_of_its_grams() -> None:
    counted = count_grams(Rows(["a a b", ""], None, np.zeros(2)), 2**18)
    assert counted.shape == (2, 2**18) and set(counted.data) == {1.0}
    assert counted.sum(axis=1).ravel().tolist() == [[4, 0]]  # a, b, "a a", "a b"


def test_grams_weigh_as_in_naive_bayes() -> None:
    rows = Rows(["sun", "sun rain", "rain"], None, np.array([0, 0, 1]))
    weights = weigh_grams(count_grams(rows, 2**18), rows.labels).diagonal()
    grams_of = {0: ["sun", "sun", "rain", "sun rain"], 1: ["rain"]}

    def share(gram: Any, label: int) -> float:
        return (1 + grams_of[label].count(gram)) / (2**18 + len(grams_of[label]))

    for gram in ("sun", "rain", "sun rain"):
        place = count_grams(Rows([gram], None, np.zeros(1)), 2**18).indices
        expected = abs(np.log(share(gram, 0) / share(gram, 1)))
        assert np.isclose(weights[place], expected).any(), gram


def test_taught_labels_are_distributions_that_keep_the_share_of_the_label() -> None:
    rows = made_rows()
    taught = taught_labels(rows, 2, 0.25, seed=0)
    assert taught.dtype == np.float32 and taught.shape == (60, 2)
    np.testing.assert_allclose(taught.sum(axis=1), 1, atol=1e-6)
    own = taught[np.arange(60), rows.labels]
    assert (own >= 0.75).all() and (own < 1).all()


def test_the_teacher_has_not_seen_the_label_of_the_row_it_speaks_of() -> None:
    rows = made_rows()
    opinion = taught_labels(rows, 2, 1.0, seed=3)
    assert (opinion.argmax(axis=1) == rows.labels).all()
    for row in (0, 7, 31):
        wrong = rows.labels.copy()
        wrong[row] = 1 - wrong[row]
        again = taught_labels(Rows(rows.texts, None, wrong), 2, 1.0, seed=3)
        assert np.array_equal(again[row], opinion[row])
        assert not np.array_equal(again, opinion)  # it has seen the others'


def test_a_class_that_a_fold_lacks_gets_no_share_there() -> None:
    rows = made_rows()
    rows.labels[5] = 2
    opinion = taught_labels(rows, 3, 1.0, seed=0)
    assert opinion[5, 2] == 0
    np.testing.assert_allclose(opinion.sum(axis=1), 1, atol=1e-6)


def test_one_class_without_a_fold_is_an_error() -> None:
    rows = made_rows()
    rows.labels[:] = np.arange(60) == 4
    with pytest.raises(UserError, match="too few rows"):
        taught_labels(rows, 2, 0.5, seed=0)
