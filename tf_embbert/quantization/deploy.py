"""The deploy graph: EmbBERT after `fold.py`'s exact rewrites, operator by operator what the microcontroller runs.

Each layer is one TFLM operator (or the constants before it) and its output is one named tensor. `quantize.py` wraps
those layers in tensorflow-model-optimization's quantizers; `convert.lowering.lower` writes them as int8. In float it
equals the train graph. B = batch, L = padded length, d = hidden size, r = reduced size, m = expansion, k = taps.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tf_embbert.model.causal_conv import causal_depthwise_conv
from tf_embbert.model.folded import Array, FoldedModel
from tf_embbert.model.layers import hard_swish, segment_ids, token_mask
from tf_embbert.model.program import Program


class DeployLayer(keras.layers.Layer):
    """A layer with given initial weights.

    Args:
        initial: {attribute: array}, for example {"kernel": .., "bias": ..}.
        weight_names: {attribute: name among the folded weights}.
    """

    def __init__(
        self, initial: Mapping[str, Array] | None = None, weight_names: Mapping[str, str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.initial, self.weight_names = dict(initial or {}), dict(weight_names or {})
        self.is_bare = False  # whether its output has no range of its own
        self.own: dict[str, tf.Variable] = {}

    def build(self, input_shape: Any) -> None:
        for attribute, value in self.initial.items():
            constant = keras.initializers.Constant(value)
            self.own[attribute] = self.add_weight(attribute, value.shape, initializer=constant)
            setattr(self, attribute, self.own[attribute])
        super().build(input_shape)

    def compute_output_shape(self, input_shape: Any) -> tf.TensorShape:
        # The quantize wrapper wants a shape for its quantizer, which has one range whatever the shape.
        return tf.TensorShape(None)


class Features(DeployLayer):
    """GATHER and CONCATENATION: tokens int32 [B, L] -> [B, L, 2r], or 2r+1 with the second segment's flag."""

    def call(self, tokens: tf.Tensor) -> tf.Tensor:
        rows, length = tf.shape(tokens)[0], tf.shape(tokens)[1]
        position = tf.broadcast_to(self.position[:length], (rows, length, self.position.shape[1]))
        parts = [tf.gather(self.token, tokens), position]
        if "segment" in self.initial:
            parts.append(tf.gather(self.segment, segment_ids(tokens)))
        return tf.concat(parts, axis=-1)


class Dense(DeployLayer):
    """FULLY_CONNECTED with a constant kernel [out, in], perhaps a bias, perhaps "relu"."""

    def __init__(self, *args: Any, activation: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.activation = activation

    def call(self, x: tf.Tensor) -> tf.Tensor:
        y = tf.matmul(x, self.kernel, transpose_b=True)
        y = y + self.bias if "bias" in self.initial else y
        return tf.nn.relu(y) if self.activation else y


class UnitNorm(DeployLayer):
    """L2_NORMALIZATION over the last axis: RMSNorm without its constants; a norm's epsilon beside the sum of squares
    is in the float graph only.
    """

    def __init__(self, *args: Any, epsilon: float = 0.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.epsilon = epsilon

    def call(self, x: tf.Tensor) -> tf.Tensor:
        squares = tf.reduce_sum(tf.square(x), axis=-1, keepdims=True) + self.epsilon
        return x * tf.math.rsqrt(tf.maximum(squares, 1e-12))


class Scores(DeployLayer):
    """FULLY_CONNECTED of queries with the keys as weights; its bias masks pads: [B, q, d], [B, L, d] -> [B, q, L].

    The float mask is exact; under int8 it saturates at the bottom of the scores' range.
    """

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        query, keys, tokens = inputs
        mask = (1.0 - token_mask(tokens)[:, None, :]) * query.dtype.min / 2
        return tf.matmul(query, keys, transpose_b=True) + mask


class Softmax(DeployLayer):
    def call(self, scores: tf.Tensor) -> tf.Tensor:
        return tf.nn.softmax(scores)


class Mix(DeployLayer):
    """FULLY_CONNECTED of attention weights with the values as weights: [B, q, L], [B, L, d] -> [B, q, d]."""

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        weights, values = inputs
        context = tf.matmul(weights, values)
        return context + self.bias if "bias" in self.initial else context


class Conv(DeployLayer):
    """PAD and DEPTHWISE_CONV_2D: kernel [k, d*m], k-1 zeros on the left, [B, L, d] -> [B, L, d*m]."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        taps, channels = self.initial["kernel"].shape
        kernel = tf.reshape(self.kernel, (taps, x.shape[-1], channels // x.shape[-1]))
        return causal_depthwise_conv(x, kernel) + self.bias


class Gate(DeployLayer):
    """LOGISTIC."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.sigmoid(x)


class HardSwish(DeployLayer):
    """HARD_SWISH."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return hard_swish(x)


class Multiply(DeployLayer):
    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        return inputs[0] * inputs[1]


class Add(DeployLayer):
    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        return inputs[0] + inputs[1]


class FirstRow(keras.layers.Layer):
    """SLICE: the [CLS] row, [B, L, d] -> [B, 1, d]."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return x[:, :1]


Wrap = Callable[[DeployLayer], keras.layers.Layer]


def build_deploy_model(folded: FoldedModel | Program, wrap: Wrap = lambda layer: layer) -> keras.Model:
    """The deploy graph as a Keras model: tokens int32 [B, L] -> logits float32 [B, C].

    Args:
        folded: the weights, as `fold_model` gives them, or a program.
        wrap: what becomes of each layer before it is called; `quantize.py` puts it under fake quantisation.

    Returns:
        Keras model whose layers are named as their output tensors; trainable, any batch, any length up to the
        position table's.
    """
    if isinstance(folded, Program):
        from tf_embbert.quantization.steps import build_program_model  # its layers are made of those here

        return build_program_model(folded, wrap)
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    layer = LayerFactory(folded, wrap)
    tables = ("token", "position", "segment") if folded.is_pair else ("token", "position")
    features = layer(Features, "embed.features", **{table: f"embed.{table}" for table in tables})(tokens)
    x = layer(Dense, "x0", kernel="embed.kernel", bias="embed.bias")(features)
    for index in range(len(folded.blocks)):
        x = add_block(layer, index, x, tokens)
    logits = add_last_block(layer, len(folded.blocks), x, tokens)[:, 0]
    return keras.Model(tokens, logits, name="embbert_deploy")


class LayerFactory:
    """Makes the named layers from the folded weights: `factory(Dense, "x0", kernel="embed.kernel")`."""

    def __init__(self, folded: FoldedModel, wrap: Wrap) -> None:
        self.arrays, self.activation, self.wrap = folded.arrays(), folded.activation, wrap

    def __call__(self, kind: type[DeployLayer], tensor: str, **weight_names: str) -> keras.layers.Layer:
        initial = {attribute: self.arrays[name] for attribute, name in weight_names.items()}
        return self.wrap(kind(initial, weight_names, name=tensor))


def deploy_layers(model: keras.Model) -> list[DeployLayer]:
    """The DeployLayers of a deploy model, out of their wrappers, in the order they run."""
    inner = (getattr(layer, "layer", layer) for layer in model.layers)
    return [layer for layer in inner if isinstance(layer, DeployLayer)]


def read_arrays(model: keras.Model) -> dict[str, Array]:
    """The folded weights as a deploy model has them now, float32, by name: see `FoldedModel.arrays`."""
    return {
        name: layer.own[attribute].numpy()
        for layer in deploy_layers(model)
        for attribute, name in layer.weight_names.items()
    }


def add_block(layer: LayerFactory, index: int, x: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
    """One block before the last: [B, L, d] -> [B, L, d]."""
    name = f"block{index}"
    unit = layer(UnitNorm, f"{name}.norm")(x)
    query = layer(Dense, f"{name}.query", kernel=f"{name}.query.kernel", bias=f"{name}.query.bias")(unit)
    attention = attend(layer, name, query, unit, tokens)
    values = layer(Dense, f"{name}.values", kernel=f"{name}.value.kernel")(unit)
    context = layer(Mix, f"{name}.context", bias=f"{name}.context.bias")([attention, values])
    active = convolve(layer, name, unit)
    contract = layer(Dense, f"{name}.contract", kernel=f"{name}.contract.kernel")(active)
    return layer(Add, f"x{index + 1}")([context, contract])


def add_last_block(layer: LayerFactory, index: int, x: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
    """The last block for the [CLS] row only, and the head: [B, L, d] -> [B, 1, C]."""
    name = f"block{index}"
    unit = layer(UnitNorm, f"{name}.norm")(x)
    first = FirstRow(name=f"{name}.first")(unit)
    query = layer(Dense, f"{name}.query", kernel=f"{name}.query.kernel", bias=f"{name}.query.bias")(first)
    context = layer(Mix, f"{name}.context")([attend(layer, name, query, unit, tokens), unit])
    active = convolve(layer, name, first)
    from_context = layer(Dense, "head.context", kernel="head.context.kernel", bias="head.bias")(context)
    from_conv = layer(Dense, "head.conv", kernel="head.conv.kernel")(active)
    return layer(Add, "logits")([from_context, from_conv])


def attend(layer: LayerFactory, name: str, query: tf.Tensor, keys: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
    """Attention weights: [B, q, d], [B, L, d] -> [B, q, L]."""
    return layer(Softmax, f"{name}.weights")(layer(Scores, f"{name}.scores")([query, keys, tokens]))


def convolve(layer: LayerFactory, name: str, x: tf.Tensor) -> tf.Tensor:
    """Convolution and its activation: [B, L, d] -> [B, L, d*m]."""
    conv = layer(Conv, f"{name}.conv", kernel=f"{name}.conv.kernel", bias=f"{name}.conv.bias")(x)
    if layer.activation == "hard_swish":
        return layer(HardSwish, f"{name}.hard_swish")(conv)
    return layer(Multiply, f"{name}.silu")([conv, layer(Gate, f"{name}.gate")(conv)])
