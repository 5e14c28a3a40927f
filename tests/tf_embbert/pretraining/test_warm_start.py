"""Where pretraining starts: counted neighbours and vectors against plain NumPy, and the initial values they become."""

import numpy as np
import pytest

from tests.support.helpers import small_config
from tf_embbert.pretraining import cooccurrence
from tf_embbert.pretraining.cooccurrence import WINDOW, count_neighbours, mutual_information, token_vectors
from tf_embbert.pretraining.warm_start import (
    BLUR,
    REACH,
    TOKEN_SCALE,
    log_frequencies,
    sharpen,
    start_encoder,
    start_head,
)

VOCAB = 40


@pytest.fixture(scope="module")
def ids() -> np.ndarray:
    """Two topics in turn, ten tokens each (10 to 19, 20 to 29), and tokens 5 to 9 in both."""
    rng = np.random.default_rng(0)
    topics = [np.concatenate([np.arange(5, 10), np.arange(10 * t, 10 * t + 10)]) for t in (1, 2)]
    return np.concatenate([rng.choice(topics[i % 2], 50) for i in range(200)]).astype(np.int32)


def test_neighbours_are_counted_within_the_window_by_distance(ids: np.ndarray) -> None:
    part = ids[:300]
    expected = np.zeros((VOCAB, VOCAB))
    for i in range(len(part)):
        for j in range(len(part)):
            if 0 < abs(i - j) <= WINDOW:
                expected[part[i], part[j]] += 1 / abs(i - j)
    np.testing.assert_allclose(count_neighbours(part, VOCAB), expected, rtol=1e-5)


def test_a_corpus_is_counted_in_parts(ids: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.bincount(ids, minlength=VOCAB)
    monkeypatch.setattr(cooccurrence, "IDS_AT_ONCE", 999)
    np.testing.assert_array_equal(cooccurrence.count_tokens(ids, VOCAB), whole)


def test_mutual_information_is_positive_where_tokens_meet_more_often_than_by_chance(ids: np.ndarray) -> None:
    information = mutual_information(count_neighbours(ids, VOCAB))
    assert np.isfinite(information).all() and information.min() == 0
    assert information[10:20, 10:20].min() > 0 and information[10:20, 20:30].max() == 0


def test_tokens_of_a_topic_have_like_vectors(ids: np.ndarray) -> None:
    vectors = token_vectors(ids, VOCAB, width=4, seed=0)
    assert vectors.dtype == np.float32 and not vectors[:5].any() and not vectors[30:].any()
    np.testing.assert_allclose(np.mean(vectors[5:30] ** 2), 1, rtol=1e-5)

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    for token in range(10, 20):
        same = np.mean([cosine(vectors[token], vectors[other]) for other in range(10, 20) if other != token])
        assert same > 0.5 > np.mean([cosine(vectors[token], vectors[other]) for other in range(20, 30)])
    np.testing.assert_array_equal(vectors, token_vectors(ids, VOCAB, width=4, seed=0))


def test_the_span_is_that_of_numpys_svd(ids: np.ndarray) -> None:
    """The randomised SVD's leading values are those of the whole one."""
    from tf_embbert.pretraining.cooccurrence import leading_vectors

    matrix = mutual_information(count_neighbours(ids, VOCAB))
    vectors = leading_vectors(matrix, 4, seed=0)
    np.testing.assert_allclose((vectors**2).sum(axis=0), np.linalg.svd(matrix)[1][:4], rtol=1e-3)


def test_each_channel_begins_by_looking_at_one_of_the_last_tokens() -> None:
    kernel = np.random.default_rng(0).normal(size=(8, 16, 2)).astype(np.float32)
    sharpened = sharpen(kernel)
    for channel in range(16):
        expected = BLUR * kernel[:, channel]
        expected[7 - channel % REACH] += 1
        np.testing.assert_allclose(sharpened[:, channel], expected, rtol=1e-6)
    assert sharpen(kernel[:2]).shape == (2, 16, 2)  # a kernel shorter than the reach


def test_a_model_begins_with_vectors_and_frequencies(ids: np.ndarray) -> None:
    import tf_keras as keras

    from tf_embbert.model.classifier import build_pretraining_model

    keras.utils.set_random_seed(0)
    model = build_pretraining_model(small_config(vocab_size=VOCAB, dropout=0.0))
    start_encoder(model, ids, seed=0)
    start_head(model, ids)
    np.testing.assert_allclose(
        model.get_layer("embed").token_table.numpy(), TOKEN_SCALE * token_vectors(ids, VOCAB, 4, 0), rtol=1e-6
    )
    shares = np.exp(log_frequencies(ids, VOCAB))
    np.testing.assert_allclose(shares.sum(), 1, rtol=1e-5)
    np.testing.assert_allclose(shares[:10], (1 + np.bincount(ids)[:10]) / (len(ids) + VOCAB), rtol=1e-5)
    np.testing.assert_array_equal(model.get_layer("mlm").bias.numpy(), log_frequencies(ids, VOCAB))
