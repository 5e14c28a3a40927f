"""Scales and zero points against TensorFlow's own fake quantisation."""

import numpy as np
import pytest
import tensorflow as tf

from convert.lowering.graph import Quantization
from convert.lowering.quantization import asymmetric, dequantize, quantize, quantize_bias, symmetric

SEED = 0


def random_ranges(count: int) -> np.ndarray:
    rng = np.random.default_rng(SEED)
    low = -rng.exponential(size=count) * (rng.random(count) < 0.8)
    return np.stack([low, low + rng.exponential(size=count) + 1e-3], axis=1).astype(np.float32) * 4


# A shortened scale is off by 2^-12 at most, so over 255 steps a value moves by less than this share of a step.
SHORTENED = 255 * 2**-12 + 1e-3


@pytest.mark.parametrize("low, high", random_ranges(40))
def test_activations_round_as_fake_quant_does(low: float, high: float) -> None:
    print("seed", SEED)
    values = np.random.default_rng(SEED).normal(size=500).astype(np.float32) * (high - low)
    expected = tf.quantization.fake_quant_with_min_max_vars(values, low, high, num_bits=8, narrow_range=False).numpy()
    parameters = asymmetric(low, high)
    assert_steps_of_fake_quant(values, expected, float(high - low) / 255, parameters, quantize(values, parameters))


@pytest.mark.parametrize("bound", [0.013, 0.5, 7.25])
def test_weights_round_as_narrow_fake_quant_does(bound: float) -> None:
    values = np.linspace(-1.2 * bound, 1.2 * bound, 301, dtype=np.float32) * 0.999
    expected = tf.quantization.fake_quant_with_min_max_vars(
        values, -bound, bound, num_bits=8, narrow_range=True
    ).numpy()
    parameters = symmetric(bound)
    integers = quantize(values, parameters, low=-127)
    assert integers.min() == -127 and integers.max() == 127 and parameters.zero_point == 0
    assert_steps_of_fake_quant(values, expected, bound / 127, parameters, integers)


def assert_steps_of_fake_quant(
    values: np.ndarray, expected: np.ndarray, step: float, parameters: Quantization, integers: np.ndarray
) -> None:
    """Each integer is the step fake_quant chose, but where the shortened scale moved the value over a tie."""
    theirs = np.rint(expected / step) + parameters.zero_point
    from_tie = np.abs((values.astype(np.float64) / step) % 1 - 0.5)
    assert np.abs(integers - theirs).max() <= 1
    assert (from_tie[integers != theirs] <= SHORTENED).all()


@pytest.mark.parametrize("low, high", random_ranges(20))
def test_products_of_scales_are_exact_in_float(low: float, high: float) -> None:
    """Or TFLM and TFLite, which multiply them in different precisions, would round some outputs differently."""
    first, second = asymmetric(low, high).per_tensor_scale, symmetric(high - low).per_tensor_scale
    assert float(np.float32(first) * np.float32(second)) == first * second
    assert np.float32(first) == first and abs(first / (float(high) - float(low)) * 255 - 1) <= 2**-12


def test_zero_is_exact() -> None:
    for low, high in random_ranges(40):
        parameters = asymmetric(min(low, 0), max(high, 0))
        assert dequantize(quantize(np.zeros(1), parameters), parameters) == 0


def test_scales_per_channel_run_along_their_axis() -> None:
    values = np.array([[1.0, 10.0], [-2.0, 20.0]])
    parameters = symmetric(np.array([2.0, 20.0]), axis=1)
    np.testing.assert_array_equal(quantize(values, parameters), [[64, 64], [-127, 127]])
    with pytest.raises(ValueError):
        _ = parameters.per_tensor_scale


def test_a_tensor_that_is_always_zero() -> None:
    assert asymmetric(0, 0) == Quantization((1.0,), 0)
    assert symmetric(0.0) == Quantization((1.0,), 0)


@pytest.mark.parametrize("low, high", [(1, 0), (np.nan, 1), (0, np.inf)])
def test_impossible_ranges(low: float, high: float) -> None:
    with pytest.raises(ValueError):
        asymmetric(low, high)


def test_biases_saturate_at_32_bits() -> None:
    np.testing.assert_array_equal(quantize_bias(np.array([1.0, 1e12]), np.array([0.5])), [2, 2**31 - 1])
