"""Batches of token ids for `fit`: rows of like length together, so that short texts don't pay for long padding."""

import math
from collections.abc import Sequence

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
    columns = [np.asarray(column) for column in (targets, sample_weights) if column is not None]
    require_columns(ids, targets, sample_weights)
    flat, ends = tf.constant(np.concatenate(ids)), np.cumsum([len(row) for row in ids])
    starts = ends - [len(row) for row in ids]
    dataset = tf.data.Dataset.from_tensor_slices((starts, ends, *columns))
    if seed is not None:
        dataset = dataset.shuffle(len(ids), seed=seed)
    dataset = dataset.map(lambda start, end, *others: (flat[start:end], *others))
    if seed is None or pad_to:
        dataset = dataset.padded_batch(batch_size, ((pad_to,), *(column.shape[1:] for column in columns)))
        count = math.ceil(len(ids) / batch_size)
    else:
        boundaries = bucket_boundaries(ids)
        dataset = dataset.bucket_by_sequence_length(
            lambda row, *_: tf.shape(row)[0], boundaries, [batch_size] * (len(boundaries) + 1)
        )
        count = count_batches(ids, batch_size)
    if targets is None:
        dataset = dataset.map(lambda row: row)
    return dataset.apply(tf.data.experimental.assert_cardinality(count)).prefetch(2)


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


def bucket_boundaries(ids: Sequence[Array]) -> list[int]:
    """The shortest length of each bucket that the rows need, but the first."""
    return [b + 1 for b in BUCKETS if b < max(map(len, ids))]


def count_batches(ids: Sequence[Array], batch_size: int, pad_to: int | None = None) -> int:
    """Number of batches of a shuffled epoch: every bucket ends in a batch of its own that may be small."""
    if pad_to:
        return math.ceil(len(ids) / batch_size)
    buckets = np.searchsorted(bucket_boundaries(ids), [len(row) for row in ids], side="right")
    return sum(math.ceil(rows / batch_size) for rows in np.bincount(buckets))


def predict_in_order(model: keras.Model, ids: Sequence[Array], batch_size: int = 128) -> Array:
    """The model's outputs for every row, in the rows' order: float32 [rows, C].

    Rows are sorted by length first, so that batches hold little padding.
    """
    order = np.argsort([len(row) for row in ids], kind="stable")
    batches = make_batches([ids[i] for i in order], batch_size=batch_size)
    outputs = np.concatenate([model(batch, training=False).numpy() for batch in batches])
    return outputs[np.argsort(order, kind="stable")]
