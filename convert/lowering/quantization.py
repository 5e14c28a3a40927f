"""Ranges to integers: scales and zero points as TensorFlow's fake quantisation nudges them, so that the graph trained
with fake quantisation and the int8 graph round to the same grid.
"""

import math

import numpy as np

from convert.lowering.graph import Quantization

INT8_MIN, INT8_MAX = -128, 127
WEIGHT_MAX = 127  # weights use -127..127: TFLite's specification, and fake_quant with narrow_range
FOUR_BIT_MAX = 7  # likewise of weights of 4 bits

# Scales keep 12 bits of mantissa, so that the product of two is exact in float32. Kernels disagree on whether to
# multiply scales in float or in double (TFLM's kernel_util.cc changed between releases); one last bit of the product
# moves a rounding now and then: 1 of 200 rows of a trained model differed between TFLM and TensorFlow 2.19 before.
SCALE_BITS = 12

NORM_SCALE = Quantization((1 / 128,), 0)  # L2_NORMALIZATION, fixed by its kernel (integer_ops/l2normalization.h)
PROBABILITY_SCALE = Quantization((1 / 256,), INT8_MIN)  # SOFTMAX and LOGISTIC, fixed by their Prepare


def asymmetric(minimum: float, maximum: float) -> Quantization:
    """int8 parameters of an activation range, nudged as tf.quantization.fake_quant_with_min_max_vars does.

    All arithmetic is float32 as in TensorFlow (core/kernels/fake_quant_ops_functor.h, Nudge), with num_bits 8 and the
    full range; int8 is TensorFlow's 0..255 shifted by 128. The scale is then shortened to SCALE_BITS.

    Args:
        minimum: smallest real value to represent.
        maximum: largest real value to represent.

    Returns:
        One scale and a zero point in -128..127. An empty range (a tensor that is always zero) gets scale 1.

    Raises:
        ValueError: the range is not finite or upside down.
    """
    low, high = np.float32(minimum), np.float32(maximum)
    _require_range(low, high)
    if low == high:
        return Quantization((1.0,), 0)
    scale = (high - low) / np.float32(255)
    from_minimum = float(-low / scale)
    nudged = np.clip(np.floor(from_minimum + 0.5), 0, 255)
    return Quantization((short_scale(float(scale)),), int(nudged) + INT8_MIN)


def symmetric(bound: float | np.ndarray, axis: int = 0) -> Quantization:
    """int8 parameters with zero point 0 and -bound..bound on -127..127.

    Args:
        bound: largest absolute real value, or one per index of `axis`.
        axis: the dimension that several bounds run along.

    Returns:
        As many scales as bounds. A bound of 0 gets scale 1.

    Raises:
        ValueError: a bound is negative or not finite.
    """
    bounds = np.atleast_1d(np.asarray(bound, np.float32))
    if not (np.isfinite(bounds).all() and (bounds >= 0).all()):
        raise ValueError(f"bounds must be finite and not negative, found {bound}")
    scales = np.where(bounds > 0, bounds / np.float32(WEIGHT_MAX), np.float32(1))
    return Quantization(tuple(short_scale(s) for s in scales), 0, axis)


def short_scale(scale: float) -> float:
    """The nearest number of SCALE_BITS bits: at most 2^-12 away, a sixteenth of a step at the end of a range."""
    mantissa, exponent = math.frexp(scale)
    return math.ldexp(round(mantissa * 2**SCALE_BITS), exponent - SCALE_BITS)


def four_bit_scale(values: np.ndarray) -> Quantization:
    """The scale at which weights of -7 .. 7 are nearest to these, in the mean of the squares: the largest values may
    lie beyond it.
    """
    bound = np.abs(values).max()
    bounds = bound * np.linspace(0.4, 1, 31) if bound else np.ones(1)
    scales = [Quantization((short_scale(float(each) / FOUR_BIT_MAX),)) for each in bounds]
    return min(scales, key=lambda scale: _squared_error(values, scale))


def _squared_error(values: np.ndarray, scale: Quantization) -> float:
    return float(np.square(dequantize(quantize(values, scale, -FOUR_BIT_MAX, FOUR_BIT_MAX), scale) - values).mean())


def quantize(values: np.ndarray, quantization: Quantization, low: int = INT8_MIN, high: int = INT8_MAX) -> np.ndarray:
    """Real values to int8, rounding halves up as fake_quant does, saturating at `low` and `high`."""
    scale = _along_axis(quantization, np.ndim(values))
    steps = np.floor(np.asarray(values, np.float64) / scale + 0.5) + quantization.zero_point
    return np.clip(steps, low, high).astype(np.int8)


def quantize_bias(values: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """A real bias to the int32 of an accumulator, whose step is input scale times weight scale."""
    limits = np.iinfo(np.int32)
    return np.clip(np.round(np.asarray(values, np.float64) / scales), limits.min, limits.max).astype(np.int32)


def dequantize(values: np.ndarray, quantization: Quantization) -> np.ndarray:
    """Integers to float64 real values."""
    scale = _along_axis(quantization, np.ndim(values))
    return (np.asarray(values, np.float64) - quantization.zero_point) * scale


def _along_axis(quantization: Quantization, rank: int) -> np.ndarray:
    scales = np.array(quantization.scale, np.float64)
    if scales.size == 1:
        return scales.reshape(())
    shape = [1] * rank
    shape[quantization.axis] = -1
    return scales.reshape(shape)


def _require_range(low: np.float32, high: np.float32) -> None:
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ValueError(f"a range needs two finite numbers in order, found ({low}, {high})")
