"""Batches of token ids for `fit`: rows of like length together, so that short texts don't pay for long padding."""

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_embbert.model.folded import Array

# Upper lengths of the buckets; a batch is padded to its own longest row, never to a bucket's end.
BUCKETS = (8, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 224, 256, 384, 512, 768, 1024)


def make_batches(
    ids: Sequence[Array],
    targets: Array | None = None,
    batch_size: int = 32,
    seed: int | None = None,
    pad_to: int | None = None,
) -> tf.data.Dataset:
    """A `tf.data.Dataset` of padded batches, bucketed by length.

    Args:
        ids: token ids of each text, int32 [length], unpadded.
        targets: array [rows, ..] batched along with the ids, or None.
        batch_size: rows a batch.
        seed: shuffles with this seed; None keeps the rows in order, in batches of consecutive rows.
        pad_to: pads every row to this length instead (what bucketing saves is measured against it).

    Returns:
        Dataset of int32 [B, L], or of (int32 [B, L], targets [B, ..]) pairs.
    """
    flat, ends = tf.constant(np.concatenate(ids)), np.cumsum([len(row) for row in ids])
    starts = ends - [len(row) for row in ids]
    dataset = tf.data.Dataset.from_tensor_slices((starts, ends) if targets is None else (starts, ends, targets))
    if seed is not None:
        dataset = dataset.shuffle(len(ids), seed=seed)
    dataset = dataset.map(lambda start, end, *target: (flat[start:end], *target))
    if seed is None or pad_to:
        shapes = ((pad_to,),) if targets is None else ((pad_to,), np.shape(targets)[1:])
        dataset = dataset.padded_batch(batch_size, padded_shapes=shapes)
    else:
        boundaries = bucket_boundaries(ids)
        dataset = dataset.bucket_by_sequence_length(
            lambda row, *_: tf.shape(row)[0], boundaries, [batch_size] * (len(boundaries) + 1)
        )
    if targets is None:
        dataset = dataset.map(lambda row: row)
    return dataset.prefetch(2)


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
