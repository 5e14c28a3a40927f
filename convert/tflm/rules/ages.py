"""Where firmware of tensorflow/tflite-micro 90b983c2b answers otherwise than the `tflite-micro` package of two months
later, whatever its kernels.
"""

import math

import numpy as np

from convert.tflite.view import Operator
from convert.tflm.rules.registry import FINE, VALUE, Verdict, require, rule

SHIFTS = {"INT8": 20, "INT16": 15}
LIMITS = {"INT8": (-128, 127), "INT16": (-32768, 32767)}
Multiplier = tuple[int, int]


@rule(
    "SUB",
    VALUE,
    "calibrate so that the scales have other ratios, or add the negative",
    kernel="kernels/sub_common.cc",
    warning=True,
    differs=True,
)
def subtraction_scales(op: Operator) -> Verdict:
    """The scales of an integer subtraction give one result whether they are divided in float, as TFLM did, or in
    double, as its Python package does: others differ by one now and then.
    """
    if op.output.type not in SHIFTS:
        return FINE
    older, newer = (_multipliers(op, kind) for kind in (np.float32, np.float64))
    same = older == newer or (op.output.type == "INT8" and np.array_equal(_table(op, older), _table(op, newer)))
    scales = ", ".join(f"{tensor.scale:g}" for tensor in (*op.inputs[:2], op.output))
    return require(same, op.output, f"has scales {scales}")


def _multipliers(op: Operator, kind: type) -> list[Multiplier]:
    """Of both inputs and the output, computed in float32 or float64 (CalculateOpDataSub, QuantizeMultiplier)."""
    first, second, output = (kind(np.float32(tensor.scale)) for tensor in (*op.inputs[:2], op.output))
    twice = kind(2) * max(first, second)
    ratios = first / twice, second / twice, twice / (kind(1 << SHIFTS[op.output.type]) * output)
    return [_quantize(float(ratio)) for ratio in ratios]


def _quantize(ratio: float) -> Multiplier:
    fraction, exponent = math.frexp(ratio)
    fixed = math.floor(fraction * 2**31 + 0.5)
    return (fixed // 2, exponent + 1) if fixed == 2**31 else (fixed, exponent)


def _table(op: Operator, multipliers: list[Multiplier]) -> np.ndarray:
    """The output [256, 256] for every pair of int8 inputs."""
    first, second, output = multipliers
    steps = np.arange(-128, 128, dtype=np.int64)
    left, right = (
        _scaled((steps - tensor.zero_point) << SHIFTS["INT8"], multiplier)
        for tensor, multiplier in zip(op.inputs, (first, second))
    )
    return np.clip(_scaled(left[:, None] - right[None], output) + op.output.zero_point, *LIMITS["INT8"])


def _scaled(x: np.ndarray, multiplier: Multiplier) -> np.ndarray:
    """x times a multiplier, rounded twice (kernels/internal/common.h, MultiplyByQuantizedMultiplier)."""
    fixed, shift = multiplier
    product = (x << max(shift, 0)) * fixed
    nudged = product + np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    high = np.sign(nudged) * (abs(nudged) >> 31)
    right = max(-shift, 0)
    rest, half = high & ((1 << right) - 1), ((1 << right) - 1 >> 1) + (high < 0)
    return (high >> right) + (rest > half)
