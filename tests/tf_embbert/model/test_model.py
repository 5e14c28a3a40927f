"""The Keras model against a NumPy transcription of the paper's formulas, and what Keras users expect of a model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras as keras

from tests.support import reference_model
from tests.support.helpers import random_tokens, randomise, small_config
from tf_embbert.common.errors import UserError
from tf_embbert.model.causal_conv import causal_depthwise_conv
from tf_embbert.model.classifier import (
    build_classifier,
    build_encoder,
    build_pretraining_model,
    build_regressor,
    require_keras2,
)
from tf_embbert.model.config import ACTIVATIONS, PRESETS, EmbBERTConfig

PARAMETERS = {"nano": 65_856, "tiny": 146_048, "base": 357_248, "med": 1_834_752, "big": 7_306_752}


@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("expansion", [1, 2])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_encoder_equals_the_formulas(rng: np.random.Generator, pair: bool, expansion: int, activation: str) -> None:
    config = small_config(expansion=expansion, activation=activation)
    model = build_encoder(config)
    randomise(model, rng)
    tokens = random_tokens(rng, config, 12, [12, 7, 3, 1], pair)
    weights = reference_model.read_weights(model, 3)
    expected = np.array([reference_model.encode(weights, row, activation=activation) for row in tokens])
    got = model(tokens).numpy()
    # Pad rows count too: their attention weights are zero, their convolution is not.
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_padding_does_not_change_a_text(rng: np.random.Generator) -> None:
    config = small_config()
    model = build_classifier(config, 3)
    randomise(model, rng)
    short = random_tokens(rng, config, 6, [6, 4])
    padded = np.pad(short, [(0, 0), (0, 9)])
    np.testing.assert_allclose(model(short), model(padded), atol=1e-5)


@pytest.mark.parametrize("preset", PRESETS)
def test_parameter_counts_are_the_papers(preset: str) -> None:
    assert build_encoder(EmbBERTConfig.preset(preset)).count_params() == PARAMETERS[preset]


def test_parameter_counts_of_base_by_part() -> None:
    model = build_classifier(EmbBERTConfig.preset("base"), 2)
    embed, block = model.get_layer("embed"), model.get_layer("block0")

    def size(*weights: Any) -> int:
        return sum(int(np.prod(w.shape)) for w in weights)

    assert size(embed.token_table) == 131_072
    assert size(embed.position_table) == 4_096
    assert size(embed.token_kernel, embed.position_kernel) == 4_096
    assert size(embed.segment_table) == 384
    parts = {
        "norm": block.norm,
        "query": block.attention.query,
        "output": block.output_dense,
        "conv": block.conv,
        "contract": block.contract,
        "lambdas": block.sum,
    }
    assert {name: part.count_params() for name, part in parts.items()} == {
        "norm": 128,
        "query": 16_512,
        "output": 16_512,
        "conv": 4_224,
        "contract": 16_512,
        "lambdas": 512,
    }
    assert block.count_params() == 54_400
    assert model.count_params() == 357_506


def test_pad_rows_of_the_tables_stay_zero_in_training(rng: np.random.Generator) -> None:
    config = small_config(token_dropout=0.2)
    model = build_classifier(config, 2)
    model.compile(keras.optimizers.AdamW(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(random_tokens(rng, config, 8, [8, 3, 5, 1]), np.array([0, 1, 0, 1]), epochs=3, verbose=0)
    embed = model.get_layer("embed")
    assert not embed.token_table.numpy()[0].any() and not embed.segment_table.numpy()[0].any()


def test_fit_save_and_load_give_the_same_model(rng: np.random.Generator, tmp_path: Path) -> None:
    config = small_config()
    model = build_classifier(config, 2)
    tokens, labels = random_tokens(rng, config, 8, [8, 3, 5, 1] * 8), np.arange(32) % 2
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), ["accuracy"])
    history = model.fit(tokens, labels, epochs=30, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] / 2
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model.predict(tokens, verbose=0), loaded.predict(tokens, verbose=0))
    clone = keras.Model.from_config(model.get_config())
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(model(tokens), clone(tokens))


def test_regressor_and_pretraining_heads(rng: np.random.Generator) -> None:
    config = small_config()
    tokens = random_tokens(rng, config, 8, [8, 3])
    assert build_regressor(config)(tokens).shape == (2, 1)
    outputs = build_pretraining_model(config)(tokens)
    assert outputs["mlm"].shape == (2, 8, 64) and outputs["nsp"].shape == (2, 2)


def test_config_round_trip_and_its_errors() -> None:
    config = EmbBERTConfig.preset("tiny", vocab_size=100)
    assert EmbBERTConfig.from_dict(config.to_dict()) == config
    with pytest.raises(UserError, match="did you mean base"):
        EmbBERTConfig.preset("bsae")
    with pytest.raises(UserError, match="hidden_size"):
        EmbBERTConfig(hidden_size=0)
    with pytest.raises(UserError, match="activation must be silu or hard_swish, not 'gelu'"):
        EmbBERTConfig(activation="gelu")
    with pytest.raises(UserError, match="unknown field 'size'"):
        EmbBERTConfig.from_dict({"size": 3})


def test_keras3_model_is_refused_in_one_line() -> None:
    import keras as keras3

    with pytest.raises(UserError, match="import tf_keras as keras"):
        require_keras2(keras3.Sequential([keras3.layers.Dense(1)]))


@pytest.mark.parametrize("length", [1, 3, 9])
@pytest.mark.parametrize("expansion", [1, 2])
def test_convolution_gradient_is_tensorflows(rng: np.random.Generator, length: int, expansion: int) -> None:
    import tensorflow as tf

    x = tf.constant(rng.normal(size=(2, length, 3)), tf.float32)
    kernel = tf.constant(rng.normal(size=(4, 3, expansion)), tf.float32)

    def plain(x: Any, kernel: Any) -> Any:
        padded = tf.pad(x, [[0, 0], [3, 0], [0, 0]])[:, None]
        return tf.nn.depthwise_conv2d(padded, kernel[None], [1, 1, 1, 1], "VALID")[:, 0]

    def gradients(convolve: Callable[..., Any]) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = convolve(x, kernel)
            loss = tf.reduce_sum(y * y * y)
        return y, *tape.gradient(loss, [x, kernel])

    for ours, theirs in zip(gradients(causal_depthwise_conv), gradients(plain)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
