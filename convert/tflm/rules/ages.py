"""Where firmware of tensorflow/tflite-micro 90b983c2b answers otherwise than the `tflite-micro` package of two months
later, whatever its kernels.
"""

import math
import struct
from collections.abc import Callable

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
    older, newer = (_multipliers(op, rounded) for rounded in (_in_float, _in_double))
    same = older == newer or (op.output.type == "INT8" and _subtracted_alike(op, older, newer))
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
    positive = range(1, (max(high, -low) if op.name == "ABS" else max(high, 0)) + 1)
    same = _rescaled_alike(op, 1.0, positive)
    if op.name == "LEAKY_RELU":
        same = same and _rescaled_alike(op, abs(op.option("alpha")), range(min(low, 0), 0))
    return require(same, op.output, f"has scales {op.input.scale:g} and {op.output.scale:g}")


def _rescaled_alike(op: Operator, factor: float, values: range) -> bool:
    """Whether input steps times factor x input scale / output scale are the same output steps either way."""
    older, newer = (
        _quantize(rounded(rounded(op.input.scale * _in_float(factor)) / op.output.scale))
        for rounded in (_in_float, _in_double)
    )
    low, high = (limit - op.output.zero_point for limit in LIMITS[op.output.type])
    key = ("alike", older, newer, low, high, values)
    if key not in op.model.known:  # many operators of a model have the same scales
        op.model.known[key] = older == newer or all(
            _clipped(_scaled(value, older), low, high) == _clipped(_scaled(value, newer), low, high) for value in values
        )
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


def _in_float(value: float) -> float:
    """A number as C++'s float holds it; a sum, product or quotient of two floats comes out as if computed in float."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _in_double(value: float) -> float:
    """A number as C++'s double holds it, and Python's float."""
    return value


def _multipliers(op: Operator, rounded: Callable[[float], float]) -> tuple[Multiplier, ...]:
    """Of both inputs and the output, computed in float or double (CalculateOpDataSub, QuantizeMultiplier)."""
    first, second, output = (tensor.scale for tensor in (*op.inputs[:2], op.output))
    twice = rounded(2 * max(first, second))
    whole = rounded((1 << SHIFTS[op.output.type]) * output)
    return tuple(_quantize(rounded(ratio)) for ratio in (first / twice, second / twice, twice / whole))


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


def _subtracted_alike(op: Operator, older: tuple[Multiplier, ...], newer: tuple[Multiplier, ...]) -> bool:
    """Whether two inputs have the same difference either way."""
    points = tuple(tensor.zero_point for tensor in (*op.inputs[:2], op.output))
    key = ("subtracted alike", older, newer, points)
    if key not in op.model.known:
        op.model.known[key] = _differences(points, older) == _differences(points, newer)
    return bool(op.model.known[key])


def _differences(zero_points: tuple[int, ...], multipliers: tuple[Multiplier, ...]) -> list[int]:
    """The output for each of the 256 x 256 pairs of int8 inputs."""
    first, second, output = multipliers
    shift, (low, high) = SHIFTS["INT8"], LIMITS["INT8"]
    left, right = (
        [_scaled((step - zero_point) << shift, multiplier) for step in range(low, high + 1)]
        for zero_point, multiplier in zip(zero_points, (first, second))
    )
    return [_clipped(_scaled(a - b, output) + zero_points[2], low, high) for a in left for b in right]


def _clipped(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


def _scaled(x: int, multiplier: Multiplier) -> int:
    """x times a multiplier, rounded twice (kernels/internal/common.h, MultiplyByQuantizedMultiplier)."""
    fixed, shift = multiplier
    product = (x << max(shift, 0)) * fixed
    nudged = product + ((1 << 30) if product >= 0 else 1 - (1 << 30))
    high = nudged >> 31 if nudged >= 0 else -(-nudged >> 31)
    right = max(-shift, 0)
    rest, half = high & ((1 << right) - 1), ((1 << right) - 1 >> 1) + (high < 0)
    return (high >> right) + (rest > half)
