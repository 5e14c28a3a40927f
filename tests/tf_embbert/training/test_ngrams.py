"""The n-grams of texts, and the teacher that counts them."""

from typing import Any

import numpy as np
import pytest

from tf_embbert.data.tasks import Rows
from tf_embbert.training.ngrams import count_grams, grams, weigh_grams

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
