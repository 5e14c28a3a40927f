"""Models of many kinds, built in Keras and converted by TensorFlow's converter."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("tf_keras")
layers = keras.layers
SEED = 3


def convert_keras(build: Callable[[], Any], dtype: Any = tf.int8) -> bytes:
    """A Keras model as .tflite: all int8, int16 activations with int8 weights, or float."""
    model = build()
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if dtype != tf.float32:
        shapes, rng = [tensor.shape for tensor in model.inputs], np.random.default_rng(SEED)
        ops = tf.lite.OpsSet
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (
            [rng.normal(size=shape).astype(np.float32) for shape in shapes] for _ in range(2)
        )
        converter.target_spec.supported_ops = [
            ops.TFLITE_BUILTINS_INT8
            if dtype == tf.int8
            else ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
        converter.inference_input_type = converter.inference_output_type = dtype
    return converter.convert()


def convert_function(function: Callable, *shape: int | None) -> bytes:
    concrete = tf.function(function).get_concrete_function(tf.TensorSpec(shape, tf.float32))
    return tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert()


def image(*shape: int) -> Any:
    return keras.Input(shape, batch_size=1)


def dense() -> Any:
    x = image(10)
    return keras.Model(x, layers.Dense(4, "softmax")(layers.Dense(16, "relu")(x)))


def wide_dense() -> Any:
    """Few bytes of activations and many channels: the temporaries of Prepare decide."""
    x = image(6)
    return keras.Model(x, layers.Dense(130)(x))


def cnn() -> Any:
    x = image(12, 12, 3)
    y = layers.MaxPooling2D()(layers.Conv2D(8, 3, activation="relu")(x))
    y = layers.Flatten()(layers.AveragePooling2D(2)(layers.Conv2D(6, 2)(y)))
    return keras.Model(x, layers.Dense(3, "softmax")(y))


def wide_cnn() -> Any:
    x = image(1, 1, 4)
    return keras.Model(x, layers.Conv2D(120, 1)(x))


def depthwise_cnn() -> Any:
    x = image(9, 9, 3)
    y = layers.ReLU(6.0)(layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x))
    y = layers.GlobalAveragePooling2D()(layers.SeparableConv2D(8, 3, strides=2)(y))
    return keras.Model(x, layers.Dense(2, "sigmoid")(y))


def autoencoder() -> Any:
    x = image(8, 8, 2)
    y = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(x)
    y = layers.UpSampling2D()(layers.Conv2DTranspose(3, 3, strides=2, padding="same")(y))
    return keras.Model(x, layers.Conv2D(2, 3, padding="same", activation="tanh")(y))


def attention() -> Any:
    """Two BATCH_MATMULs, one of which keeps a transposed copy."""
    x = image(8, 16)
    scores = tf.matmul(layers.Dense(16)(x), layers.Dense(16)(x), transpose_b=True)
    return keras.Model(x, tf.matmul(tf.nn.softmax(scores), x))


def branches() -> Any:
    """Lives of all lengths, a tensor that is output and goes on, two outputs."""
    x = image(6, 6, 4)
    a = layers.Conv2D(4, 3, padding="same")(x)
    b = layers.UpSampling2D(2, interpolation="bilinear")(layers.MaxPooling2D(2)(x))
    joined = layers.Concatenate()([a, b, layers.Conv2D(2, 1)(a), x])
    total = layers.Multiply()([layers.Add()([layers.Conv2D(4, 1)(joined), a]), x])
    return keras.Model(x, [total, a, layers.GlobalMaxPooling2D()(joined)])


def two_inputs() -> Any:
    x, z = image(5, 7), image(7)
    y = tf.transpose(layers.Dense(7)(x) - layers.RepeatVector(5)(z), [0, 2, 1])
    return keras.Model([x, z], [tf.reduce_sum(y, 1), tf.reduce_mean(y, [1, 2]), y])


def layer_norm() -> Any:
    x = image(6, 8)
    y = layers.Dense(8)(x)
    mean = tf.reduce_mean(y, -1, keepdims=True)
    variance = tf.reduce_mean(tf.math.squared_difference(y, mean), -1, keepdims=True)
    return keras.Model(x, (y - mean) * tf.math.rsqrt(variance + 1e-3))


def activations() -> Any:
    x = image(20)
    y = layers.Dense(9)(layers.LeakyReLU()(x))
    y = layers.PReLU()(tf.nn.tanh(layers.ELU()(keras.activations.hard_sigmoid(y) * y)))
    y = tf.maximum(tf.minimum(y, 0.3), layers.Dense(9)(x))
    return keras.Model(x, tf.nn.log_softmax(tf.nn.relu(y - 0.1)))


def slices() -> Any:
    x = image(8, 6)
    a, b = tf.split(x, 2, axis=2)
    y = tf.unstack(tf.stack([a, b], 1)[:, :, 1:7:2, :], axis=1)
    y = tf.concat([tf.slice(y[0], [0, 0, 0], [1, 2, 3]), y[1]], 1)
    y = tf.gather(tf.pad(y, [[0, 0], [1, 2], [0, 1]]), [0, 2, 1], axis=1)
    return keras.Model(x, tf.reverse(y, [1]))


def blocks() -> Any:
    x = image(4, 4, 4)
    y = tf.nn.depth_to_space(layers.Conv2D(16, 1)(tf.nn.space_to_depth(x, 2)), 2)
    y = tf.batch_to_space(tf.space_to_batch_nd(y, [2, 2], [[0, 0], [0, 0]]), [2, 2], [[0, 0], [0, 0]])
    y = tf.reduce_max(tf.pad(y, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="REFLECT"), [1, 2])
    return keras.Model(x, [tf.cumsum(y, 1), tf.argmax(y, 1, output_type=tf.int32), tf.reduce_min(y, 1)])


def lstm() -> Any:
    x = image(6, 4)
    return keras.Model(x, layers.Dense(2)(layers.LSTM(5, return_sequences=True)(x)))


def elementwise(x: Any) -> Any:
    y = tf.exp(x) + tf.sin(x) * tf.cos(x)
    y = tf.sqrt(tf.square(y)) + tf.math.log(tf.abs(y) + 1.0) - tf.floor(y) / tf.math.ceil(y + 2.0)
    y = tf.where(y > 0.5, tf.round(y), tf.zeros([1, 1])) + tf.math.floormod(y, 3.0) + tf.math.floordiv(y, 2.0)
    within = tf.logical_and(tf.logical_or(y < 3.0, tf.equal(y, 1.0)), y <= 9.0)
    return tf.cast(tf.reduce_all(within, 1), tf.int32), tf.add_n([x, y, x]), tf.gather_nd(y, [[0, 1], [0, 2]])


def condition(x: Any) -> Any:
    return tf.cond(tf.reduce_sum(x) > 0.0, lambda: tf.nn.relu(x) + x * 3.0, lambda: tf.tanh(x * 2.0) - 1.0)


def loop(x: Any) -> Any:
    return x + tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, tf.tanh(y) * 2.0), [tf.constant(0), x])[1]


class Counters(tf.Module):  # type: ignore[name-defined]
    """Resource variables: handles, assignments, reads, and a graph that runs once."""

    def __init__(self) -> None:
        self.sum, self.scale = tf.Variable(tf.zeros([1, 5])), tf.Variable(tf.ones([1, 3]))

    @tf.function(input_signature=[tf.TensorSpec([1, 5], tf.float32)])
    def __call__(self, x: Any) -> Any:
        self.sum.assign(self.sum + x)
        self.scale.assign(self.scale * 2.0)
        return self.sum * 2.0 + tf.reduce_sum(self.scale)

    def convert(self) -> bytes:
        function = self.__call__.get_concrete_function()
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function], self)
        converter.experimental_enable_resource_variables = True
        return converter.convert()
