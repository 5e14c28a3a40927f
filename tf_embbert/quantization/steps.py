"""The deploy graph of a program: a Keras layer for each step, as `deploy.py` has them for EmbBERT.

B = batch, L = padded length, d = width.
"""

from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras

from tf_embbert.model.layers import segment_ids, token_mask
from tf_embbert.model.program import SEGMENTS, TOKENS, Program, Step
from tf_embbert.quantization import deploy


class Lookup(deploy.DeployLayer):
    """GATHER: ids int32 [B, L] -> [B, L, d]."""

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        return tf.gather(self.table, ids)


class Positions(deploy.DeployLayer):
    """A constant: the first rows of the table, for all texts alike: int32 [B, L] -> [B, L, d]."""

    def call(self, tokens: tf.Tensor) -> tf.Tensor:
        rows, length = tf.shape(tokens)[0], tf.shape(tokens)[1]
        return tf.broadcast_to(self.table[:length], (rows, length, self.table.shape[1]))


class Join(deploy.DeployLayer):
    """CONCATENATION of channels, whose parts share its range."""

    def call(self, parts: Sequence[tf.Tensor]) -> tf.Tensor:
        return tf.concat(parts, axis=-1)


class Lengths(deploy.DeployLayer):
    """Lengths of the channels over the tokens: [B, L, d], int32 [B, L] -> [B, d].

    On the device the product of a channel with its unit vector: L2_NORMALIZATION and BATCH_MATMUL.
    """

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        x, tokens = inputs
        squares = tf.reduce_sum(tf.square(x) * token_mask(tokens)[:, :, None], axis=1)
        return tf.sqrt(squares + 1e-12)  # sqrt has no gradient at 0


class OverRoot(deploy.DeployLayer):
    """x over the root of the number of tokens: [B, d], int32 [B, L] -> [B, d]."""

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        x, tokens = inputs
        return x * tf.math.rsqrt(tf.reduce_sum(token_mask(tokens), axis=1, keepdims=True))


class Scale(deploy.DeployLayer):
    """MUL with a constant row."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return x * self.gain


class Scan(deploy.DeployLayer):
    """The states of a selective scan (`baselines/mamba.py`): [B, L, e], [B, L, e], [B, L, n] -> [B, L, e n].

    On the device they are int16, in a loop over the tokens.
    """

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        x, z, b = inputs
        step = tf.nn.softplus(z)
        kept = tf.exp(-step[..., None] * self.decay)  # [B, L, e, n]
        added = (step * x)[..., None] * b[:, :, None, :]
        by_time = [tf.transpose(value, [1, 0, 2, 3]) for value in (kept, added)]
        states = tf.scan(lambda h, now: now[0] * h + now[1], by_time, tf.zeros_like(by_time[0][0]))
        return tf.reshape(
            tf.transpose(states, [1, 0, 2, 3]), (tf.shape(x)[0], tf.shape(x)[1], self.decay.shape.num_elements())
        )


class Readout(deploy.DeployLayer):
    """FULLY_CONNECTED of c with the states as weights: [B, L, e n], [B, L, n] -> [B, L, e]."""

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        h, c = inputs
        states = tf.reshape(h, (tf.shape(h)[0], tf.shape(h)[1], h.shape[-1] // c.shape[-1], c.shape[-1]))
        return tf.einsum("blen,bln->ble", states, c)


class Segments(keras.layers.Layer):
    """Ids of the segments, which the device is given: int32 [B, L] -> int32 [B, L]."""

    def call(self, tokens: tf.Tensor) -> tf.Tensor:
        return segment_ids(tokens)


LAYERS: dict[str, type[deploy.DeployLayer]] = {
    "features": deploy.Features,
    "lookup": Lookup,
    "positions": Positions,
    "dense": deploy.Dense,
    "unit_norm": deploy.UnitNorm,
    "scores": deploy.Scores,
    "softmax": deploy.Softmax,
    "mix": deploy.Mix,
    "join": Join,
    "conv": deploy.Conv,
    "gate": deploy.Gate,
    "multiply": deploy.Multiply,
    "add": deploy.Add,
    "scale": Scale,
    "scan": Scan,
    "readout": Readout,
    "lengths": Lengths,
    "over_root": OverRoot,
}


def build_program_model(program: Program, wrap: deploy.Wrap) -> keras.Model:
    """The program as a Keras model: tokens int32 [B, L] -> logits float32 [B, C].

    Args:
        program: as a fold gives it.
        wrap: what becomes of each layer before it is called.

    Returns:
        Keras model whose layers are named as their tensors.
    """
    tokens = keras.Input((None,), dtype="int32", name=TOKENS)
    tensors = {TOKENS: tokens, SEGMENTS: Segments(name=SEGMENTS)(tokens)}
    bare = {part for step in program.steps if step.kind == "join" for part in step.inputs}
    for step in program.steps:
        read = [tensors[name] for name in step.inputs]
        tensors[step.name] = step_layer(step, program, wrap, step.name in bare)(read if len(read) > 1 else read[0])
    logits = tensors[program.steps[-1].name]
    return keras.Model(tokens, logits if len(logits.shape) == 2 else logits[:, 0], name="deploy")


def step_layer(step: Step, program: Program, wrap: deploy.Wrap, is_bare: bool) -> keras.layers.Layer:
    """The layer of a step; what is joined has the range of the whole, and none of its own; 16 bits need no training."""
    if step.kind == "first":
        return deploy.FirstRow(name=step.name)
    initial = {part: program.weights[name] for part, name in step.weights.items()}
    layer = LAYERS[step.kind](initial, step.weights, name=step.name, **step.options)
    layer.is_bare = is_bare
    return layer if is_bare or step.kind == "scan" else wrap(layer)
