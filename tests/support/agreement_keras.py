"""Models from TensorFlow's converter, of the kinds that people bring: which of them TFLM runs."""

from collections.abc import Callable

import tensorflow as tf
import tf_keras as keras

from tests.support.agreement import Case
from tests.support.keras_models import (
    activations,
    attention,
    autoencoder,
    blocks,
    branches,
    cnn,
    condition,
    convert_function,
    convert_keras,
    dense,
    depthwise_cnn,
    elementwise,
    image,
    layer_norm,
    lstm,
    slices,
    two_inputs,
)

layers = keras.layers


def unrolled_gru() -> keras.Model:
    x = image(4, 3)
    return keras.Model(x, layers.Dense(2)(layers.GRU(5, unroll=True)(x)))


def open_batch() -> keras.Model:
    x = keras.Input((6,))
    return keras.Model(x, layers.Dense(3)(layers.Reshape((2, 3))(x)))


def embedding() -> keras.Model:
    x = keras.Input((5,), batch_size=1, dtype=tf.int32)
    return keras.Model(x, layers.Dense(2)(layers.GlobalAveragePooling1D()(layers.Embedding(11, 4)(x))))


def gelu() -> keras.Model:
    x = image(6)
    return keras.Model(x, tf.nn.gelu(layers.Dense(4)(x)))


def dynamic_range(build: Callable[[], keras.Model]) -> bytes:
    """Weights of int8 and activations of float: what `optimizations` gives without a dataset."""
    keras.utils.set_random_seed(0)
    converter = tf.lite.TFLiteConverter.from_keras_model(build())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter.convert()


def wide_dense() -> keras.Model:
    x = image(64)
    return keras.Model(x, layers.Dense(64)(layers.Dense(64)(x)))


def open_reshape(x: tf.Tensor) -> tf.Tensor:
    """A shape that is only known when it runs: SHAPE, STRIDED_SLICE and PACK before the RESHAPE."""
    return tf.reshape(x, [tf.shape(x)[0], -1]) * 2.0


def common_cases() -> list[Case]:
    """The kinds that people bring most."""
    models = {
        f"int8 {build.__name__}": convert_keras(build) for build in (cnn, depthwise_cnn, dense, unrolled_gru, attention)
    }
    models |= {f"float {build.__name__}": convert_keras(build, tf.float32) for build in (dense, gelu, open_batch)}
    return _cases(models | {"dynamic range dense": dynamic_range(wide_dense)})


def keras_cases() -> list[Case]:
    """Converted models of all kinds; rules and interpreter must agree on each."""
    int8 = [
        dense,
        cnn,
        depthwise_cnn,
        attention,
        unrolled_gru,
        autoencoder,
        branches,
        two_inputs,
        layer_norm,
        activations,
        slices,
        blocks,
    ]
    models = {f"int8 {build.__name__}": convert_keras(build) for build in int8}
    models |= {
        f"float {build.__name__}": convert_keras(build, tf.float32)
        for build in (dense, cnn, unrolled_gru, attention, embedding, gelu, open_batch, lstm)
    }
    models |= {
        "int16 cnn": convert_keras(cnn, tf.int16),
        "dynamic range dense": dynamic_range(wide_dense),
        "dynamic range cnn": dynamic_range(cnn),
        "elementwise": convert_function(elementwise, 1, 6),
        "condition": convert_function(condition, 1, 8),
        "open reshape": convert_function(open_reshape, None, 2, 3),
    }
    return _cases(models)


def _cases(models: dict[str, bytes]) -> list[Case]:
    return [Case("free", None, name, model) for name, model in models.items()]
