"""Bucketed batches hold every row once, with little padding, in an order that the seed alone decides."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tf_embbert.common.errors import UserError
from tf_embbert.training.batching import BUCKETS, make_batches, predict_in_order


@pytest.fixture
def rows() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [np.full(length, number + 1, np.int32) for number, length in enumerate(rng.integers(1, 200, 300))]


def test_every_row_once_with_its_target(rows: list[np.ndarray]) -> None:
    targets = np.arange(len(rows))
    seen = []
    for tokens, numbers in make_batches(rows, targets, batch_size=16, seed=3):
        for row, number in zip(tokens.numpy(), numbers.numpy()):
            np.testing.assert_array_equal(row[row != 0], rows[number])
            seen.append(number)
    assert sorted(seen) == list(targets)


def test_buckets_hold_little_padding(rows: list[np.ndarray]) -> None:
    batches = [batch.numpy() for batch in make_batches(rows, batch_size=16, seed=0)]
    padding = np.mean(np.concatenate([batch.ravel() for batch in batches]) == 0)
    padded = next(iter(make_batches(rows, batch_size=16, seed=0, pad_to=256))).shape[1]
    assert padding < 0.25 and padded == 256
    assert all((batch != 0).any(axis=0).all() for batch in batches)  # no column of pads alone


@pytest.mark.parametrize("batch_size", [1, 16, 300])
def test_batches_are_those_of_tensorflow(rows: list[np.ndarray], batch_size: int) -> None:
    ends = [b + 1 for b in BUCKETS if b < max(map(len, rows))]
    theirs = tf.data.Dataset.from_generator(lambda: rows, output_signature=tf.TensorSpec([None], tf.int32))
    theirs = theirs.shuffle(len(rows), seed=5)
    theirs = theirs.bucket_by_sequence_length(lambda row: tf.shape(row)[0], ends, [batch_size] * (len(ends) + 1))
    batches = make_batches(rows, batch_size=batch_size, seed=5)
    for _ in range(2):  # a second epoch has another order
        for ours, others in zip(batches, theirs, strict=True):
            np.testing.assert_array_equal(ours, others)


def test_a_row_that_is_longer_than_what_it_is_padded_to(rows: list[np.ndarray]) -> None:
    with pytest.raises(UserError, match=r"^a row of 199 ids cannot be padded to 100$"):
        make_batches(rows, pad_to=100)


def test_the_seed_decides_the_order(rows: list[np.ndarray]) -> None:
    def order(seed: int) -> np.ndarray:
        return np.concatenate([batch[:, 0] for batch in make_batches(rows, batch_size=16, seed=seed)])

    np.testing.assert_array_equal(order(1), order(1))
    assert not np.array_equal(order(1), order(2))


@pytest.mark.parametrize(("seed", "pad_to"), [(None, None), (3, None), (3, 256)])
def test_the_number_of_batches_is_known(rows: list[np.ndarray], seed: int | None, pad_to: int | None) -> None:
    batches = make_batches(rows, batch_size=16, seed=seed, pad_to=pad_to)
    assert len(batches) == sum(1 for _ in batches)


def test_weights_come_with_their_rows(rows: list[np.ndarray]) -> None:
    numbers = np.arange(len(rows))
    for tokens, targets, weights in make_batches(rows, numbers, 16, seed=0, sample_weights=numbers / 10):
        np.testing.assert_array_equal(tokens[:, 0], targets + 1)
        np.testing.assert_allclose(weights, targets.numpy() / 10)


def test_a_weighted_row_counts_as_often(rng: np.random.Generator) -> None:
    """`fit` and `evaluate` take the triples as Keras defines them."""
    import tf_keras as keras

    from tests.support.helpers import small_config
    from tf_embbert import build_classifier

    model = build_classifier(small_config(), 2)
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    ids, labels = [rng.integers(5, 64, length).astype(np.int32) for length in (5, 5, 9)], np.array([0, 1, 1])
    model.fit(make_batches(ids, labels, sample_weights=np.array([1.0, 0.0, 2.0]), seed=0), verbose=0)
    weighted = model.evaluate(make_batches(ids, labels, sample_weights=np.array([1.0, 0.0, 2.0])), verbose=0)
    single = [model.evaluate(make_batches([row], labels[i : i + 1]), verbose=0) for i, row in enumerate(ids)]
    assert weighted == pytest.approx((single[0] + 2 * single[2]) / 3, rel=1e-5)


def test_columns_that_do_not_fit_are_refused(rows: list[np.ndarray]) -> None:
    with pytest.raises(UserError, match="299 targets for 300 rows"):
        make_batches(rows, np.zeros(299))
    with pytest.raises(UserError, match="301 sample_weights for 300 rows"):
        make_batches(rows, np.zeros(300), sample_weights=np.zeros(301))
    with pytest.raises(UserError, match="give the targets too"):
        make_batches(rows, sample_weights=np.zeros(300))
    with pytest.raises(UserError, match="no rows"):
        make_batches([])
    with pytest.raises(UserError, match="ids, row 1, is no row of token ids"):
        make_batches(["a text", "another"], np.zeros(2))  # type: ignore[list-item]


def test_predictions_come_in_the_rows_order(rows: list[np.ndarray]) -> None:
    import tensorflow as tf

    def first_token(tokens: Any, training: bool) -> Any:
        return tf.cast(tokens[:, :1], tf.float32)

    np.testing.assert_array_equal(predict_in_order(first_token, rows)[:, 0], [row[0] for row in rows])
