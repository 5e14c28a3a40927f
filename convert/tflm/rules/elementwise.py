"""Rules of the operators that work element by element."""

import math

from convert.tflite.view import Operator, Tensor, read_numbers
from convert.tflm.rules.registry import FINE, FORM, VALUE, Verdict, first_broken, require, rule

ARITHMETIC = "ADD SUB MUL DIV"
COMPARISONS = "EQUAL NOT_EQUAL GREATER GREATER_EQUAL LESS LESS_EQUAL"
BINARY = f"{COMPARISONS} LOGICAL_AND LOGICAL_OR FLOOR_DIV FLOOR_MOD SQUARED_DIFFERENCE"
UNARY = (
    "ABS COS SIN LOG SQRT SQUARE RSQRT LOGICAL_NOT FLOOR NEG CAST ZEROS_LIKE QUANTIZE DEQUANTIZE RELU RELU6 "
    "LEAKY_RELU ELU HARD_SWISH LOGISTIC TANH SOFTMAX L2_NORMALIZATION"
)
QUANTIZED = ("INT8", "INT16")
SHOWN_DIMENSIONS = 8


def broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape that shapes broadcast to, None when they do not."""
    rank = max(len(shape) for shape in shapes)
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    dims = [max(column) for column in zip(*padded)]
    fits = all(n in (1, dim) for column, dim in zip(zip(*padded), dims) for n in column)
    return tuple(dims) if fits else None


def shape_text(tensor: Tensor) -> str:
    if tensor.rank > SHOWN_DIMENSIONS:
        return f"{'x'.join(map(str, tensor.shape[:SHOWN_DIMENSIONS]))}.. of {tensor.rank:,} dimensions"
    return "x".join(map(str, tensor.shape)) or "a scalar"


@rule(f"{ARITHMETIC} {BINARY} MAXIMUM MINIMUM", FORM, "reshape or tile an input in the Keras model", unchecked=True)
def broadcast_to_output(op: Operator) -> Verdict:
    """The inputs' shapes broadcast to the output's."""
    result = broadcast(op.inputs[0].shape, op.inputs[1].shape)
    output = op.output.shape
    return require(
        result is not None
        and (output == result or (math.prod(output) == math.prod(result) and op.inputs[0].shape == op.inputs[1].shape)),
        op.output,
        f"is {shape_text(op.output)}, the inputs {shape_text(op.inputs[0])} and {shape_text(op.inputs[1])}",
    )


@rule(UNARY, FORM, "give the output as many elements as the input", unchecked=True)
def elements_kept(op: Operator) -> Verdict:
    """The output has as many elements as the input."""
    return require(
        op.output.elements == op.input.elements,
        op.output,
        f"has {op.output.elements:,} elements, the input {op.input.elements:,}",
    )


@rule("CEIL EXP ROUND CUMSUM LOG_SOFTMAX", FORM, "give the output the input's shape")
def shape_kept(op: Operator) -> Verdict:
    """The output has the input's shape."""
    return require(
        op.output.shape == op.input.shape, op.output, f"is {shape_text(op.output)}, the input {shape_text(op.input)}"
    )


@rule("ADD_N", FORM, "give all inputs one shape")
def add_n_shapes(op: Operator) -> Verdict:
    """All inputs have one shape."""
    return first_broken(
        [
            require(False, tensor, f"is {shape_text(tensor)}, the first input {shape_text(op.input)}")
            for tensor in op.read
            if tensor.shape != op.input.shape
        ]
    )


@rule("ADD_N", FORM, "give the output the inputs' shape", unchecked=True)
def add_n_output(op: Operator) -> Verdict:
    """The output has no more elements than an input: the kernel counts those of the output."""
    fits = op.output.elements <= op.input.elements
    return require(fits, op.output, f"is {shape_text(op.output)}, the first input {shape_text(op.input)}")


@rule("ADD_N", FORM, "quantise the inputs together: one scale and zero point")
def add_n_grids(op: Operator) -> Verdict:
    """int8 inputs have one scale and zero point."""
    grid = (op.input.scale, op.input.zero_point)
    return first_broken(
        [
            require(False, tensor, f"has scale {tensor.scale:g} and zero point {tensor.zero_point}")
            for tensor in op.read
            if op.input.type == "INT8" and (tensor.scale, tensor.zero_point) != grid
        ]
    )


@rule("ADD", FORM, "quantise the output: run the converter with a representative dataset")
def add_output_quantized(op: Operator) -> Verdict:
    """An int8 or int16 output has a scale and a zero point."""
    return require(op.output.type not in QUANTIZED or op.output.quantized, op.output, "has no scale and zero point")


@rule("ADD SUB DIV", FORM, "remove the quantisation of the int32 tensors; int32 is added as it is")
def int32_unquantized(op: Operator) -> Verdict:
    """int32 inputs have no scale and zero point."""
    tensors = [*op.inputs[:2], *(op.outputs[:1] if op.name == "SUB" else [])]
    return first_broken(
        [
            require(op.output.type != "INT32" or not tensor.quantized, tensor, "has a scale and a zero point")
            for tensor in tensors
        ]
    )


@rule(
    "ADD SUB",
    VALUE,
    "calibrate again: the representative dataset does not show the values' range",
    kernel="../kernels/internal/quantization_util.cc",
)
def sum_scales(op: Operator) -> Verdict:
    """Scales of int8 and int16 inputs are above 0; the output's is above 2 x the larger one / 2^20 (2^15 in int16)."""
    if op.output.type not in QUANTIZED:
        return FINE
    largest = max(tensor.scale for tensor in op.inputs[:2])
    unit = 2 * largest / 2 ** (20 if op.output.type == "INT8" else 15)
    return first_broken(
        [
            *(require(0 < tensor.scale < math.inf, tensor, f"has scale {tensor.scale:g}") for tensor in op.inputs[:2]),
            require(
                op.output.scale > unit and math.isfinite(op.output.scale),
                op.output,
                f"has scale {op.output.scale:g}, not above {unit:g}",
            ),
        ]
    )


@rule(
    "ADD_N CUMSUM",
    VALUE,
    "calibrate again: the representative dataset does not show the values' range",
    kernel="../kernels/internal/quantization_util.cc",
)
def running_sum_scales(op: Operator) -> Verdict:
    """The scale of an int8 input is above 0, and the output's is above 2 x that / 2^20."""
    if op.output.type != "INT8":
        return FINE
    unit = 2 * op.input.scale / 2**20
    return first_broken(
        [
            require(0 < op.input.scale < math.inf, op.input, f"has scale {op.input.scale:g}"),
            require(
                op.output.scale > unit and math.isfinite(op.output.scale),
                op.output,
                f"has scale {op.output.scale:g}, not above {unit:g}",
            ),
        ]
    )


@rule(
    COMPARISONS,
    VALUE,
    "scale the inputs down before they are compared",
    kernel="../kernels/internal/quantization_util.cc",
)
def comparison_scales(op: Operator) -> Verdict:
    """Scales of int8 inputs are above 0 and below 1."""
    return first_broken(
        [
            require(op.input.type != "INT8" or 0 < tensor.scale < 1, tensor, f"has scale {tensor.scale:g}")
            for tensor in op.inputs[:2]
        ]
    )


@rule(
    "SQUARED_DIFFERENCE",
    VALUE,
    "calibrate again: the representative dataset does not show the values' range",
    kernel="../kernels/internal/quantization_util.cc",
)
def difference_scales(op: Operator) -> Verdict:
    """Scales of int8 and int16 inputs are above 0."""
    return first_broken(
        [
            require(
                op.input.type not in QUANTIZED or 0 < tensor.scale < math.inf, tensor, f"has scale {tensor.scale:g}"
            )
            for tensor in op.inputs[:2]
        ]
    )


@rule("SQUARED_DIFFERENCE", VALUE, "quantise symmetrically in int16, and within -128..127 in int8")
def difference_zero_points(op: Operator) -> Verdict:
    """Zero points are within -128..127 in int8, and 0 in int16."""
    least, most = {"INT8": (-128, 127), "INT16": (0, 0)}.get(op.input.type, (-math.inf, math.inf))
    return first_broken(
        [
            require(least <= tensor.zero_point <= most, tensor, f"has zero point {tensor.zero_point}")
            for tensor in (*op.inputs[:2], op.output)
        ]
    )


@rule("MUL BATCH_MATMUL", VALUE, "quantise int16 tensors symmetrically (zero point 0)")
def product_zero_points(op: Operator) -> Verdict:
    """Zero points of int16 tensors are 0."""
    return _int16_zero_points(op, (*op.inputs[:2], op.output))


@rule("RELU TANH LOGISTIC", VALUE, "quantise int16 tensors symmetrically (zero point 0)")
def activation_zero_points(op: Operator) -> Verdict:
    """Zero points of int16 tensors are 0."""
    return _int16_zero_points(op, (op.input, op.output))


@rule("ABS RSQRT", FORM, "quantise the tensors: run the converter with a representative dataset")
def root_quantized(op: Operator) -> Verdict:
    """int8 tensors have a scale and a zero point, and the output of a quantised int16 input has them."""
    needed = op.input.type == "INT8" or (op.input.type == "INT16" and op.input.quantized)
    return first_broken(
        [
            require(not needed or tensor.quantized, tensor, "has no scale and zero point")
            for tensor in (op.input, op.output)
        ]
    )


@rule("ABS RSQRT", VALUE, "quantise int16 tensors symmetrically (zero point 0)")
def abs_zero_points(op: Operator) -> Verdict:
    """Zero points of int16 tensors are 0."""
    return _int16_zero_points(op, (op.input, op.output))


@rule("RSQRT", VALUE, "quantise within int8")
def root_zero_point(op: Operator) -> Verdict:
    """An int8 input's zero point is at most 127: there is no root of values below it."""
    return require(
        op.input.type != "INT8" or op.input.zero_point <= 127, op.input, f"has zero point {op.input.zero_point}"
    )


@rule("DIV FLOOR_DIV", VALUE, "leave zeros out of the constant divisor")
def divisor_not_zero(op: Operator) -> Verdict:
    """A constant divisor of int32, or of FLOOR_DIV, has no zero."""
    divisor = op.inputs[1]
    if op.name == "FLOOR_DIV":
        return require(divisor.data is None or all(read_numbers(divisor.data, "f")), divisor, "has a zero")
    return require(divisor.type != "INT32" or 0 not in (divisor.values or []), divisor, "has a zero")


def _int16_zero_points(op: Operator, tensors: tuple[Tensor, ...]) -> Verdict:
    return first_broken(
        [
            require(op.input.type != "INT16" or tensor.zero_point == 0, tensor, f"has zero point {tensor.zero_point}")
            for tensor in tensors
        ]
    )
