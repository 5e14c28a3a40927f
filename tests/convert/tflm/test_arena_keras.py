"""The arena's figures against TFLM's own interpreter on models that TensorFlow's converter made."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.graphs import assert_equal_to_tflm
from tests.support.keras_models import (
    Counters,
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
    layer_norm,
    loop,
    lstm,
    slices,
    tf,
    two_inputs,
    wide_cnn,
    wide_dense,
)

INT8 = [dense, cnn, attention, branches, two_inputs, blocks]
MORE = [wide_dense, wide_cnn, depthwise_cnn, autoencoder, layer_norm, activations, slices]


@pytest.mark.parametrize("builders", [INT8, pytest.param(MORE, marks=pytest.mark.slow)], ids=["some", "more"])
def test_int8_models(builders: list[Callable[..., Any]]) -> None:
    assert_equal_to_tflm({build.__name__: convert_keras(build) for build in builders})


def test_other_types() -> None:
    assert_equal_to_tflm(
        {
            "int16 cnn": convert_keras(cnn, tf.int16),
            "int16 attention": convert_keras(attention, tf.int16),
            "float autoencoder": convert_keras(autoencoder, tf.float32),
            "float elementwise": convert_function(elementwise, 1, 6),
        }
    )


def test_several_graphs() -> None:
    assert_equal_to_tflm(
        {
            "condition": convert_function(condition, 1, 8),
            "loop": convert_function(loop, 1, 8),
            "resource variables": Counters().convert(),
        }
    )


@pytest.mark.slow
def test_lstm() -> None:
    assert_equal_to_tflm({"int8 lstm": convert_keras(lstm), "float lstm": convert_keras(lstm, tf.float32)})
