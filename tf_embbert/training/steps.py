"""A training step on labelled rows, on one device or several: each replica takes its rows of the batch.

A row's loss is divided by the rows of the whole batch wherever it is computed, and random layers draw the numbers that
the row has in the whole batch (`tf_embbert.model.layers.whole_batch`): a step is the same on any number of replicas.
"""

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf
import tf_keras as keras

from tf_embbert.model.layers import whole_batch
from tf_embbert.training.distribution import replicas

Loss: TypeAlias = keras.losses.Loss | Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
# Tokens [b, L], targets [b, ..], weights of the rows in the loss [b], number of the first row in the batch.
Part: TypeAlias = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
Step: TypeAlias = Callable[[tf.Tensor, tf.Tensor], float]


def make_step(model: keras.Model, loss: Loss, targets: tf.TensorSpec) -> Step:
    """A compiled training step under the present scope's strategy; one graph takes batches of all shapes.

    Args:
        model: with its optimizer, in the strategy's variables.
        loss: of each row: targets [B, ..] and outputs [B, C] -> [B].
        targets: what a batch's are, [B, ..].

    Returns:
        Tokens int32 [B, L] and targets -> the batch's mean loss. The model has made the step then.
    """
    strategy, (own, total) = tf.distribute.get_strategy(), replicas()

    def train(part: Part, rows: tf.Tensor) -> tf.Tensor:
        tokens, wanted, weights, first = part
        with tf.GradientTape() as tape:
            with whole_batch(first, rows):
                outputs = model(tokens, training=True)
            value = tf.reduce_sum(row_losses(loss, wanted, outputs) * weights) / tf.cast(rows, tf.float32)
        gradients = tape.gradient(value, model.trainable_variables)
        # Summed over the replicas before they are clipped and applied.
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return value

    weights = tf.TensorSpec([None], tf.float32)
    signature = (tf.TensorSpec([None, None], tf.int32), targets, weights, tf.TensorSpec([], tf.int32))

    @tf.function(autograph=False, input_signature=[[signature] * len(own), tf.TensorSpec([], tf.int32)])
    def step(parts: list[Part], rows: tf.Tensor) -> tf.Tensor:
        mine = strategy.experimental_distribute_values_from_function(
            lambda context: parts[context.replica_id_in_sync_group - own.start]
        )
        return strategy.reduce("sum", strategy.run(train, (mine, rows)), axis=None)

    def train_batch(tokens: tf.Tensor, wanted: tf.Tensor) -> float:
        parts = [part_of(tokens, wanted, number, total) for number in own]
        return float(step(parts, tf.constant(len(tokens))))

    return train_batch


def part_of(tokens: tf.Tensor, targets: tf.Tensor, number: int, count: int) -> Part:
    """What one of `count` replicas takes of a batch; where there is no row for it, one that weighs nothing."""
    first, last = (len(tokens) * i // count for i in (number, number + 1))
    if first == last:
        return tokens[:1], targets[:1], tf.zeros(1), tf.constant(0)
    return tokens[first:last], targets[first:last], tf.ones(last - first), tf.constant(first)


def row_losses(loss: Loss, targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """What each row costs: targets [B, ..] and outputs [B, C] -> [B]."""
    if targets.shape.rank == 1:
        targets = targets[:, None]  # as Keras' compile does it
    return loss.call(targets, outputs) if isinstance(loss, keras.losses.Loss) else loss(targets, outputs)
