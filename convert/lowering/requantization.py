"""A scale for a product of two int8 tensors under which all kernels round alike.

MUL's multiplier is first scale times second scale by the output's: TFLM reckons it in double (kernels/mul_common.cc),
TFLite in float (lite/kernels/mul.cc). The two multipliers differ in their last bits, and where a product lies on a tie
of the first rounding, so do the results: -728 * 0.0337371826171875 / 256 / 0.0174560546875 became -6 in one and -5 in
the other, and of 200 rows of a trained model one had other logits. So all products that there can be are tried.
"""

import math

import numpy as np

from convert.lowering.graph import Quantization
from convert.lowering.quantization import INT8_MAX, INT8_MIN, SCALE_BITS, short_scale

STEPS = np.arange(INT8_MIN, INT8_MAX + 1)


def agreeing(first: Quantization, second: Quantization, wanted: Quantization) -> Quantization:
    """The parameters nearest the wanted ones under which TFLM's and TFLite's MUL give the same for all int8 values.

    Args:
        first: of a factor, one scale.
        second: of the other.
        wanted: of the product, one scale.

    Returns:
        `wanted`, or with a scale some of its last bits away.
    """
    products = np.unique(np.outer(STEPS - first.zero_point, STEPS - second.zero_point)).astype(np.int64)
    scales = first.per_tensor_scale, second.per_tensor_scale
    step = math.ldexp(1.0, math.frexp(wanted.per_tensor_scale)[1] - SCALE_BITS)
    for away in range(2**SCALE_BITS):
        scale = short_scale(wanted.per_tensor_scale + (away + 1) // 2 * (step if away % 2 else -step))
        reals = in_double(*scales, scale), in_float(*scales, scale)
        tflm, tflite = (requantize(products, real, wanted.zero_point) for real in reals)
        if np.array_equal(tflm, tflite):
            return Quantization((scale,), wanted.zero_point)
    raise ValueError(f"no scale near {wanted.per_tensor_scale} on which the kernels agree")


def in_double(first: float, second: float, output: float) -> float:
    """MUL's real multiplier as TFLM reckons it."""
    return first * second / output


def in_float(first: float, second: float, output: float) -> float:
    """MUL's real multiplier as TFLite reckons it."""
    return float(np.float32(first) * np.float32(second) / np.float32(output))


def multiplier_of(real: float) -> tuple[int, int]:
    """A multiplier of 31 fractional bits and a shift to the left, which make `real` (QuantizeMultiplier,
    lite/kernels/internal/quantization_util.cc).
    """
    mantissa, exponent = math.frexp(real)
    multiplier = math.floor(mantissa * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier, exponent = 2**30, exponent + 1
    return (0, 0) if exponent < -31 else (multiplier, exponent)


def requantize(products: np.ndarray, real: float, zero_point: int) -> np.ndarray:
    """Integer products to int8, rounding twice (MultiplyByQuantizedMultiplier, lite/kernels/internal/common.h).

    Args:
        products: int64, each of at most 17 bits.
        real: the multiplier.
        zero_point: of the result.

    Returns:
        integers in -128..127.
    """
    multiplier, exponent = multiplier_of(real)
    wide = (products << max(exponent, 0)) * multiplier
    high = np.where(wide >= 0, (wide + 2**30) >> 31, -((-wide - 1 + 2**30) >> 31))  # halves away from zero, first up
    shift = max(-exponent, 0)
    mask = (1 << shift) - 1
    rest, half = high & mask, (mask >> 1) + (high < 0)
    return np.clip((high >> shift) + (rest > half) + zero_point, INT8_MIN, INT8_MAX)
