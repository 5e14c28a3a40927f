"""Batches of token ids for `fit`: rows of like length together, so that short texts don't pay for long padding."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_embbert.common.errors import UserError
from tf_embbert.model.folded import Array

# Upper lengths of the buckets; a batch is padded to its own longest row, never to a bucket's end.
BUCKETS = (8, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 224, 256, 384, 512, 768, 1024)


def make_batches(
    ids: Sequence[Array],
    targets: Array | None = None,
    batch_size: int = 32,
    seed: int | None = None,
    pad_to: int | None = None,
    sample_weights: Array | None = None,
) -> tf.data.Dataset:
    """A `tf.data.Dataset` of padded batches, bucketed by length, as `fit` takes it; it knows how many batches it has.

    Args:
        ids: token ids of each text, int32 [length], unpadded, as `Tokenizer.encode(..).ids` has them.
        targets: array [rows, ..] batched along with the ids, or None.
        batch_size: rows a batch.
        seed: shuffles with this seed; None keeps the rows in order, in batches of consecutive rows.
        pad_to: pads every row to this length instead (what bucketing saves is measured against it).
        sample_weights: of each row in the loss, float [rows]; they need targets.

    Returns:
        Dataset of int32 [B, L]; of pairs with targets [B, ..]; of triples with weights [B] too.

    Raises:
        UserError: no rows, rows that are no ids, not as many targets or weights as rows, or weights without targets.

    Examples:
        >>> import numpy as np
        >>> batches = make_batches([np.array([2, 7, 8]), np.array([2, 9])], np.array([1, 0]), batch_size=2)
        >>> len(batches), [part.shape for part in next(iter(batches))]
        (1, [TensorShape([2, 3]), TensorShape([2])])
    """
    columns = [tf.constant(np.asarray(column)) for column in (targets, sample_weights) if column is not None]
    require_columns(ids, targets, sample_weights)
    lengths = [len(row) for row in ids]
    if pad_to and max(lengths) > pad_to:
        raise UserError(f"a row of {max(lengths)} ids cannot be padded to {pad_to}")
    texts = tf.RaggedTensor.from_row_lengths(np.concatenate(ids), lengths)
    numbers = tf.data.Dataset.range(len(ids))
    if seed is not None:
        numbers = numbers.shuffle(len(ids), seed=seed)
    if seed is None or pad_to:
        numbers, count = numbers.batch(batch_size), math.ceil(len(ids) / batch_size)
    else:
        bucket = buckets_of(lengths)
        sizes = batch_sizes(bucket, batch_size)
        numbers, count = numbers.batch(len(ids)).flat_map(bucketed(bucket, sizes, batch_size)), len(sizes)

    def batch(rows: tf.Tensor) -> tf.Tensor | tuple[tf.Tensor, ...]:
        padded = tf.gather(texts, rows).to_tensor(shape=[None, pad_to])  # [B, L]
        return (padded, *(tf.gather(column, rows) for column in columns)) if columns else padded

    return numbers.map(batch).apply(tf.data.experimental.assert_cardinality(count)).prefetch(2)


def bucketed(bucket: Array, sizes: Sequence[int], batch_size: int) -> Callable[[tf.Tensor], tf.data.Dataset]:
    """Makes batches of one order of the rows, each of rows of a bucket.

    A whole order at once takes a tenth of the time of `tf.data`'s bucket_by_sequence_length, which looks at one row
    after another (a seventh of a training step on short texts); the batches are the same, in the same order.

    Args:
        bucket: of each row, int [rows].
        sizes: of the batches, bucket after bucket.
        batch_size: rows of a full one.

    Returns:
        Row numbers in a random order, int64 [rows] -> dataset of each batch's row numbers, int64 [B].
    """
    ends, is_full = np.cumsum(sizes), np.array(sizes) == batch_size

    def batches(order: tf.Tensor) -> tf.data.Dataset:
        by_bucket = tf.argsort(tf.gather(bucket, order), stable=True)  # places in the order
        filled = tf.gather(by_bucket, ends - 1)  # where a batch has its last row: then it comes; the others come last
        turn = tf.argsort(tf.where(is_full, filled, len(bucket)), stable=True)
        rows = tf.RaggedTensor.from_row_lengths(tf.gather(order, by_bucket), sizes)
        return tf.data.Dataset.from_tensor_slices(tf.gather(rows, turn))

    return batches


def require_columns(ids: Sequence[Array], targets: Array | None, sample_weights: Array | None) -> None:
    """Raises a UserError unless there is a target, and a weight, for each row where there are any."""
    if not len(ids):
        raise UserError("no rows to make batches of")
    if isinstance(ids[0], str) or np.ndim(ids[0]) != 1:
        raise UserError("ids, row 1, is no row of token ids: tokenizer.encode(texts).ids has them")
    if sample_weights is not None and targets is None:
        raise UserError("sample_weights weigh a loss: give the targets too")
    for name, column in (("targets", targets), ("sample_weights", sample_weights)):
        if column is not None and len(column) != len(ids):
            raise UserError(f"{len(column)} {name} for {len(ids)} rows of ids: as many are needed")


def buckets_of(lengths: Sequence[int]) -> Array:
    """The bucket of each row, numbered by length; the last one takes all that are longer."""
    boundaries = [b + 1 for b in BUCKETS if b < max(lengths)]  # the shortest length of each, but the first
    return np.searchsorted(boundaries, lengths, side="right")


def batch_sizes(bucket: Array, batch_size: int) -> list[int]:
    """Rows of each batch of a shuffled epoch, bucket after bucket: each has a last batch that may be small."""
    return [min(batch_size, rows - first) for rows in np.bincount(bucket) for first in range(0, rows, batch_size)]


def count_batches(ids: Sequence[Array], batch_size: int, pad_to: int | None = None) -> int:
    """Number of batches of a shuffled epoch."""
    if pad_to:
        return math.ceil(len(ids) / batch_size)
    return len(batch_sizes(buckets_of([len(row) for row in ids]), batch_size))


def predict_in_order(model: keras.Model, ids: Sequence[Array], batch_size: int = 128) -> Array:
    """The model's outputs for every row, in the rows' order: float32 [rows, C].

    Rows are sorted by length first, so that batches hold little padding.
    """
    order = np.argsort([len(row) for row in ids], kind="stable")
    batches = make_batches([ids[i] for i in order], batch_size=batch_size)
    outputs = np.concatenate([model(batch, training=False).numpy() for batch in batches])
    return outputs[np.argsort(order, kind="stable")]
