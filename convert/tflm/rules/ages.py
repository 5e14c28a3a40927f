"""Where firmware of tensorflow/tflite-micro 90b983c2b answers otherwise than the `tflite-micro` package of two months
later, whatever its kernels.
"""

import math

import numpy as np

from convert.tflite.view import Operator, Tensor
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
    if op.output.type not in SHIFTS or not _usable(*op.inputs[:2], op.output):
        return FINE
    older, newer = (_multipliers(op, kind) for kind in (np.float32, np.float64))
    same = older == newer or (op.output.type == "INT8" and np.array_equal(_table(op, older), _table(op, newer)))
    scales = ", ".join(f"{tensor.scale:g}" for tensor in (*op.inputs[:2], op.output))
    return require(same, op.output, f"has scales {scales}")


@rule(
    "ABS RELU LEAKY_RELU",
    VALUE,
    "calibrate so that input and output have one scale",
    kernel="kernels/activations_common.cc",
    warning=True,
    differs=True,
)
def rescaling_scales(op: Operator) -> Verdict:
    """The scales of an integer ABS, RELU or LEAKY_RELU give one result whether they are divided in float, as TFLM did,
    or in double, as its Python package does: others differ by one now and then.
    """
    if op.output.type not in SHIFTS or not _usable(op.input, op.output):
        return FINE
    low, high = (limit - op.input.zero_point for limit in LIMITS[op.output.type])
    positive = np.arange(max(high, -low) if op.name == "ABS" else max(high, 0), dtype=np.int64) + 1
    same = _rescaled_alike(op, 1.0, positive)
    if op.name == "LEAKY_RELU":
        same = same and _rescaled_alike(op, abs(op.option("alpha")), np.arange(min(low, 0), 0, dtype=np.int64))
    return require(same, op.output, f"has scales {op.input.scale:g} and {op.output.scale:g}")


def _rescaled_alike(op: Operator, factor: float, values: np.ndarray) -> bool:
    """Whether input steps times factor x input scale / output scale are the same output steps either way."""
    ratios = [
        float(kind(np.float32(op.input.scale)) * kind(np.float32(factor)) / kind(np.float32(op.output.scale)))
        for kind in (np.float32, np.float64)
    ]
    older, newer = map(_quantize, ratios)
    low, high = (limit - op.output.zero_point for limit in LIMITS[op.output.type])
    key = ("alike", older, newer, low, high, len(values), int(values[0]) if len(values) else 0)
    if key not in op.model.known:  # many operators of a model have the same scales
        steps_older, steps_newer = (np.clip(_scaled(values, one), low, high) for one in (older, newer))
        op.model.known[key] = older == newer or np.array_equal(steps_older, steps_newer)
    return bool(op.model.known[key])


@rule(
    "DIV", VALUE, "multiply by the reciprocal", kernel="../kernels/internal/reference/div.h", warning=True, differs=True
)
def quotient_shift(op: Operator) -> Verdict:
    """An int8 quotient is not shifted by more than 31 bits, which C++ leaves undefined: where the divisor may be above
    input scale / (divisor's scale x output scale), a quotient near zero becomes any value, another one on each
    processor.
    """
    divisor = op.inputs[1]
    if op.output.type != "INT8" or not _usable(op.input, divisor, op.output):
        return FINE
    values = divisor.values or LIMITS["INT8"]
    largest = max(abs(value - divisor.zero_point) for value in values)
    shift = _quantize(op.input.scale / (divisor.scale * op.output.scale))[1]
    words = f"goes up to {largest}, the scales' ratio is below {2.0**shift:g}"
    return require(largest.bit_length() - 1 <= shift, divisor, words)


def _multipliers(op: Operator, kind: type) -> list[Multiplier]:
    """Of both inputs and the output, computed in float32 or float64 (CalculateOpDataSub, QuantizeMultiplier)."""
    first, second, output = (kind(np.float32(tensor.scale)) for tensor in (*op.inputs[:2], op.output))
    twice = kind(2) * max(first, second)
    ratios = first / twice, second / twice, twice / (kind(1 << SHIFTS[op.output.type]) * output)
    return [_quantize(float(ratio)) for ratio in ratios]


def _quantize(ratio: float) -> Multiplier:
    """A multiplier and its shift (kernels/internal/quantization_util.cc, QuantizeMultiplier)."""
    if not math.isfinite(ratio):
        return 2**31 - 1, 30
    fraction, exponent = math.frexp(ratio)
    fixed = math.floor(fraction * 2**31 + 0.5)
    fixed, shift = (fixed // 2, exponent + 1) if fixed == 2**31 else (fixed, exponent)
    return (0, 0) if shift < -31 else (2**31 - 1, 30) if shift > 30 else (fixed, shift)


def _usable(*tensors: Tensor | None) -> bool:
    """Whether scales are such that something can be computed: others are warned of elsewhere."""
    return all(tensor is not None and 1e-30 < tensor.scale < 1e30 for tensor in tensors)


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
