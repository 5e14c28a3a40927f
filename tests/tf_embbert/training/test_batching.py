"""Bucketed batches hold every row once, with little padding, in an order that the seed alone decides."""

from typing import Any

import numpy as np
import pytest

from tf_embbert.training.batching import make_batches, predict_in_order


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


def test_the_seed_decides_the_order(rows: list[np.ndarray]) -> None:
    def order(seed: int) -> np.ndarray:
        return np.concatenate([batch[:, 0] for batch in make_batches(rows, batch_size=16, seed=seed)])

    np.testing.assert_array_equal(order(1), order(1))
    assert not np.array_equal(order(1), order(2))


def test_predictions_come_in_the_rows_order(rows: list[np.ndarray]) -> None:
    import tensorflow as tf

    def first_token(tokens: Any, training: bool) -> Any:
        return tf.cast(tokens[:, :1], tf.float32)

    np.testing.assert_array_equal(predict_in_order(first_token, rows)[:, 0], [row[0] for row in rows])
