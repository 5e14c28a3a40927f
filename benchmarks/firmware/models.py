"""The small models that the firmware measures: seeded random weights, made by TensorFlow's converter or by `convert`.

    python -m benchmarks.firmware.models

Writes benchmarks/firmware/models/*.tflite. These files are committed and stay as they are when the converter changes:
what was measured is of their bytes.
"""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.firmware.svdf import svdf

FOLDER = Path(__file__).parent / "models"
SEED = 7


def read_models(folder: Path = FOLDER) -> dict[str, bytes]:
    """The committed models of a folder by their names: these, or those of `kinds` and `fused`."""
    return {path.stem: path.read_bytes() for path in sorted(folder.glob("*.tflite"))}


def cnn(keras: ModuleType) -> Any:
    x = keras.Input((32, 32, 3), batch_size=1)
    y = keras.layers.Conv2D(16, 3, activation="relu")(x)
    y = keras.layers.Conv2D(24, 3, strides=2, padding="same")(keras.layers.MaxPooling2D()(y))
    y = keras.layers.Flatten()(keras.layers.AveragePooling2D(2)(y))
    return keras.Model(x, keras.layers.Dense(10, "softmax")(y))


def depthwise_cnn(keras: ModuleType) -> Any:
    x = keras.Input((48, 40, 1), batch_size=1)
    y = keras.layers.Conv2D(8, (10, 4), strides=2, padding="same", activation="relu")(x)
    for channels, stride in ((24, 1), (32, 2), (48, 1)):
        y = keras.layers.ReLU(6.0)(keras.layers.DepthwiseConv2D(3, strides=stride, padding="same")(y))
        y = keras.layers.ReLU(6.0)(keras.layers.Conv2D(channels, 1)(y))
    return keras.Model(x, keras.layers.Dense(12)(keras.layers.GlobalAveragePooling2D()(y)))


def separable_cnn(keras: ModuleType) -> Any:
    """Deeper, of few positions; a depthwise convolution that multiplies channels."""
    x = keras.Input((16, 16, 8), batch_size=1)
    y = keras.layers.DepthwiseConv2D(5, depth_multiplier=2, activation="relu")(x)
    y = keras.layers.Conv2D(64, 1, activation="relu")(y)
    y = keras.layers.Conv2D(96, 1, activation="relu")(keras.layers.DepthwiseConv2D(3, strides=2)(y))
    y = keras.layers.Conv2D(24, 3, padding="same", activation="relu")(y)
    return keras.Model(x, keras.layers.Dense(10)(keras.layers.Flatten()(y)))


def multiplied_cnn(keras: ModuleType) -> Any:
    """Depthwise convolutions that make many channels of one, and of some."""
    x = keras.Input((20, 24, 1), batch_size=1)
    y = keras.layers.DepthwiseConv2D(3, strides=2, depth_multiplier=8, padding="same", activation="relu")(x)
    y = keras.layers.DepthwiseConv2D((5, 3), depth_multiplier=4, activation="relu")(y)
    return keras.Model(x, keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(y)))


def autoencoder(keras: ModuleType) -> Any:
    x = y = keras.Input((160,), batch_size=1)
    for units in (64, 64, 8, 64, 64):
        y = keras.layers.Dense(units, "relu")(y)
    return keras.Model(x, keras.layers.Dense(160)(y))


def attention(keras: ModuleType, length: int = 40, size: int = 32, heads: int = 2) -> Any:
    """Two BATCH_MATMULs per head, one of which keeps a transposed copy, and a feed-forward part of rank 3."""
    import tensorflow as tf

    x = keras.Input((length, size), batch_size=1)
    contexts = []
    for _ in range(heads):
        query, key, value = (keras.layers.Dense(size // heads)(x) for _ in range(3))
        contexts.append(tf.matmul(tf.nn.softmax(tf.matmul(query, key, transpose_b=True)), value))
    y = x + keras.layers.Dense(size)(tf.concat(contexts, -1))
    return keras.Model(x, y + keras.layers.Dense(size)(keras.layers.Dense(2 * size, "relu")(y)))


def long_attention(keras: ModuleType) -> Any:
    return attention(keras, length=72, size=48, heads=1)


def gru(keras: ModuleType) -> Any:
    x = keras.Input((12, 10), batch_size=1)
    return keras.Model(x, keras.layers.Dense(4, "softmax")(keras.layers.GRU(16, unroll=True)(x)))


def lstm(keras: ModuleType) -> Any:
    x = keras.Input((20, 12), batch_size=1)
    y = keras.layers.LSTM(16)(keras.layers.LSTM(24, return_sequences=True)(x))
    return keras.Model(x, keras.layers.Dense(3, "softmax")(y))


def residual_pooling(keras: ModuleType) -> Any:
    x = keras.Input((24, 24, 8), batch_size=1)
    y = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    y = keras.layers.Add()([x, keras.layers.Conv2D(8, 3, padding="same")(y)])
    y = keras.layers.MaxPooling2D(3, strides=2)(keras.layers.ZeroPadding2D(1)(y))
    y = keras.layers.Concatenate()(
        [keras.layers.AveragePooling2D(3, strides=2)(y), keras.layers.MaxPooling2D(3, strides=2)(y)]
    )
    return keras.Model(x, keras.layers.Dense(5)(keras.layers.GlobalMaxPooling2D()(y)))


def norm_and_activations(keras: ModuleType) -> Any:
    """Layer normalisation as its parts, and the activations that are operators of their own."""
    import tensorflow as tf

    x = keras.Input((12, 10, 16), batch_size=1)
    y = keras.layers.Conv2D(16, 1)(x)
    variance = tf.reduce_mean(tf.math.squared_difference(y, tf.reduce_mean(y, -1, keepdims=True)), -1, keepdims=True)
    y = keras.layers.PReLU()(y * tf.math.rsqrt(variance + 1e-2))
    y = keras.layers.LeakyReLU()(keras.layers.UpSampling2D()(y))
    y = keras.activations.hard_sigmoid(y) * tf.nn.relu(y - 0.1)
    return keras.Model(x, keras.layers.Dense(6)(tf.reduce_sum(y, [1, 2])))


def gates(keras: ModuleType) -> Any:
    """Elementwise operators over a sequence: LOGISTIC, TANH, MUL, SUB, MEAN, TRANSPOSE, slices."""
    import tensorflow as tf

    x = keras.Input((50, 24), batch_size=1)
    a, b = tf.split(keras.layers.Dense(48)(x), 2, axis=-1)
    y = tf.sigmoid(a) * tf.tanh(b) - x
    y = tf.transpose(tf.maximum(y[:, ::2], tf.minimum(y[:, 1::2], 0.25)), [0, 2, 1])
    return keras.Model(x, keras.layers.Dense(6)(tf.reduce_mean(y, -1)))


def shapes(keras: ModuleType) -> Any:
    """QUANTIZE, SLICE, PACK, PAD, RESHAPE, DEQUANTIZE: operators that only move data."""
    import tensorflow as tf

    x = keras.Input((30, 20), batch_size=1)
    a, b = tf.slice(x, [0, 0, 0], [1, 20, 16]), tf.slice(x, [0, 10, 4], [1, 20, 16])
    y = tf.pad(tf.stack([a, b], 1), [[0, 0], [0, 0], [2, 3], [0, 0]])
    return keras.Model(x, keras.layers.Dense(8)(tf.reshape(y, [1, 50, 16])))


def convolution_1d(keras: ModuleType) -> Any:
    x = keras.Input((128, 6), batch_size=1)
    y = keras.layers.Conv1D(16, 5, activation="relu")(x)
    y = keras.layers.Conv1D(24, 3, strides=2, dilation_rate=1, activation="relu")(y)
    return keras.Model(x, keras.layers.Dense(4, "sigmoid")(keras.layers.GlobalAveragePooling1D()(y)))


def dense(keras: ModuleType) -> Any:
    x = keras.Input((64,), batch_size=1)
    y = keras.layers.Dense(96, "relu")(x)
    return keras.Model(x, keras.layers.Dense(10, "softmax")(keras.layers.Dense(48, "tanh")(y)))


def convert_keras(
    build: Callable[[ModuleType], Any], integers: bool = True, per_channel_dense: bool = True, float_io: bool = False
) -> bytes:
    """A Keras model as .tflite: int8 throughout, or float; dense weights with a scale per channel, or one."""
    import tensorflow as tf
    import tf_keras as keras

    keras.utils.set_random_seed(SEED)
    model = build(keras)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if integers:
        shape, rng = model.inputs[0].shape, np.random.default_rng(SEED)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([rng.normal(size=shape).astype(np.float32)] for _ in range(8))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.float32 if float_io else tf.int8
        converter._experimental_disable_per_channel_quantization_for_dense_layers = not per_channel_dense
    return converter.convert()


def embbert(length: int, pair: bool, **sizes: Any) -> bytes:
    """An untrained EmbBERT, calibrated on random tokens."""
    import tf_keras as keras

    from convert.export.build import build_model
    from tf_embbert.model.classifier import build_classifier
    from tf_embbert.model.config import EmbBERTConfig
    from tf_embbert.quantization.calibrate import calibrate
    from tf_embbert.quantization.fold import fold_model

    keras.utils.set_random_seed(SEED)
    config = EmbBERTConfig(vocab_size=256, max_length=length, **sizes)
    weights = fold_model(build_classifier(config, 5), config, pair)
    rng = np.random.default_rng(SEED)
    texts = [rng.integers(5, config.vocab_size, length).astype(np.int32) for _ in range(16)]
    return build_model(weights, calibrate(weights, texts, SEED), length)


MODELS = {
    "embbert-64": lambda: embbert(64, False, hidden_size=64, reduced_size=16, num_blocks=3, kernel_size=16),
    "embbert-pair-96": lambda: embbert(96, True, hidden_size=32, reduced_size=8, num_blocks=2, kernel_size=8),
    "embbert-128": lambda: embbert(128, False, hidden_size=48, reduced_size=12, num_blocks=2, kernel_size=12),
    "cnn": lambda: convert_keras(cnn),
    "depthwise-cnn": lambda: convert_keras(depthwise_cnn),
    "residual-pooling": lambda: convert_keras(residual_pooling),
    "convolution-1d": lambda: convert_keras(convolution_1d),
    "separable-cnn": lambda: convert_keras(separable_cnn),
    "multiplied-cnn": lambda: convert_keras(multiplied_cnn),
    "autoencoder": lambda: convert_keras(autoencoder, per_channel_dense=False),
    "dense-per-channel": lambda: convert_keras(dense),
    "dense-float": lambda: convert_keras(dense, integers=False),
    "attention": lambda: convert_keras(attention, per_channel_dense=False),
    "attention-long": lambda: convert_keras(long_attention, per_channel_dense=False),
    "attention-per-channel": lambda: convert_keras(attention),
    "gru": lambda: convert_keras(gru),
    "lstm": lambda: convert_keras(lstm),
    "gates": lambda: convert_keras(gates),
    "norm-and-activations": lambda: convert_keras(norm_and_activations),
    "shapes": lambda: convert_keras(shapes, float_io=True),
    "svdf": lambda: svdf(SEED),
}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, make in MODELS.items():
        (FOLDER / f"{name}.tflite").write_bytes(make())


if __name__ == "__main__":
    main()
