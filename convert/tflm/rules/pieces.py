"""Rules of the operators that join tensors and cut them: concatenation, pack, split, slice."""

import math

from convert.tflite.view import Operator, Tensor
from convert.tflm.rules.elementwise import shape_text
from convert.tflm.rules.registry import FINE, FORM, VALUE, Verdict, first_broken, require, rule
from convert.tflm.rules.shapes import axis_of

MAX_JOINED = 10


@rule("CONCATENATION", FORM, "join at most 10 tensors at a time")
def concatenation_count(op: Operator) -> Verdict:
    """There are at most 10 inputs."""
    return require(len(op.inputs) <= MAX_JOINED, None, f"it joins {len(op.inputs)} tensors")


@rule("CONCATENATION", FORM, "reshape to at most 6 dimensions before it")
def concatenation_rank(op: Operator) -> Verdict:
    """Inputs have at most 6 dimensions."""
    return first_broken([require(tensor.rank <= 6, tensor, f"has {tensor.rank} dimensions") for tensor in op.inputs])


@rule("CONCATENATION", VALUE, "quantise the joined tensors with one range (in QAT: one quantizer for all of them)")
def concatenation_grids(op: Operator) -> Verdict:
    """int8 inputs have the output's scale and zero point; int16 tensors have zero point 0."""
    grid = (op.output.scale, op.output.zero_point)
    fits = {
        "INT8": lambda tensor: (tensor.scale, tensor.zero_point) == grid,
        "INT16": lambda tensor: tensor.zero_point == 0,
    }.get(op.input.type, lambda tensor: True)
    return first_broken(
        [
            require(
                fits(tensor),
                tensor,
                f"has scale {tensor.scale:g} and zero point {tensor.zero_point}, the output {grid[0]:g} and {grid[1]}",
            )
            for tensor in (*op.inputs, op.output)
        ]
    )


@rule("CONCATENATION", VALUE, "give all inputs one shape but for the axis, and the output their sum", unchecked=True)
def concatenation_shapes(op: Operator) -> Verdict:
    """The inputs differ along the axis only, and the output has their sum there."""
    return _joined(op, op.option("axis"), op.inputs, op.output)


@rule("SPLIT SPLIT_V", FORM, "split along an axis that the input has")
def split_axis(op: Operator) -> Verdict:
    """The axis is one of the input."""
    axis, data = _split(op)
    return require(
        not axis.values or axis_of(axis.values[0], data.rank) is not None,
        axis,
        f"is {axis.values}, the split tensor has {data.rank} dimensions",
    )


@rule(
    "SPLIT SPLIT_V",
    VALUE,
    "give the outputs the input's shape but for the axis; SPLIT makes equal parts",
    unchecked=True,
)
def split_shapes(op: Operator) -> Verdict:
    """The outputs differ along the axis only (for SPLIT not even there), and their sum is the input."""
    axis, data = _split(op)
    equal = op.name == "SPLIT_V" or len({tensor.shape for tensor in op.outputs}) == 1
    if not equal or not axis.values:
        return require(equal and bool(axis.values), op.output, f"is {shape_text(op.output)}")
    return _joined(op, axis.values[0], op.outputs, data)


@rule("PACK", VALUE, "give all inputs one shape", unchecked=True)
def pack_shapes(op: Operator) -> Verdict:
    """Inputs have one shape, and the output that shape with their number at the axis, as the options count them."""
    return _stacked(op, op.inputs, op.output, op.option("valuesCount"))


@rule("UNPACK", VALUE, "give all outputs one shape", unchecked=True)
def unpack_shapes(op: Operator) -> Verdict:
    """Outputs have the input's shape without the axis, and are as many as it is long, as the options count them."""
    return _stacked(op, op.outputs, op.input, op.option("num"))


@rule("SLICE", FORM, "reshape to at most 5 dimensions before it", unchecked=True)
def slice_rank(op: Operator) -> Verdict:
    """The input has at most 5 dimensions, and begin and size have a number for each."""
    vectors = all(tensor.rank == 1 and tensor.elements == op.input.rank for tensor in op.inputs[1:3])
    return require(
        op.input.rank <= 5 and vectors,
        op.input,
        f"is {shape_text(op.input)}, begin {shape_text(op.inputs[1])} and size {shape_text(op.inputs[2])}",
    )


@rule("SLICE", VALUE, "slice within the input", unchecked=True)
def slice_within(op: Operator) -> Verdict:
    """A slice of constants lies within the input, and has the output's shape."""
    begin, size = op.inputs[1].values, op.inputs[2].values
    if begin is None or size is None:
        return FINE
    made = tuple(dim - first if n == -1 else n for dim, first, n in zip(op.input.shape, begin, size))
    inside = all(first >= 0 and n >= 0 and first + n <= dim for dim, first, n in zip(op.input.shape, begin, made))
    return require(
        inside and math.prod(made) == op.output.elements,
        op.output,
        f"is {shape_text(op.output)}, begin {begin} and size {size} of {shape_text(op.input)}",
    )


@rule("STRIDED_SLICE", FORM, "reshape to at most 4 dimensions before it; slice one axis at a time")
def strided_slice_rank(op: Operator) -> Verdict:
    """The input has at most 4 dimensions."""
    return require(op.input.rank <= 4, op.input, f"has {op.input.rank} dimensions")


@rule("STRIDED_SLICE", FORM, "index with constants for each dimension", unchecked=True)
def strided_slice_numbers(op: Operator) -> Verdict:
    """begin, end and strides have a number for each dimension of the input."""
    return first_broken(
        [
            require(
                tensor.elements >= op.input.rank,
                tensor,
                f"has {tensor.elements} numbers, the input {op.input.rank} dimensions",
            )
            for tensor in op.inputs[1:4]
        ]
    )


@rule("STRIDED_SLICE", VALUE, "slice with steps other than 0; ellipsis and new axes are not supported")
def strided_slice_shape(op: Operator) -> Verdict:
    """Strides are not 0, and the output has the shape that begin, end, strides and masks make."""
    numbers = [tensor.values for tensor in op.inputs[1:4]]
    if any(values is None for values in numbers):
        return FINE
    made = _strided(op, *numbers)
    return require(
        made == op.output.shape, op.output, f"is {shape_text(op.output)}, begin, end and strides are {numbers}"
    )


def _split(op: Operator) -> tuple[Tensor, Tensor]:
    """Axis and data."""
    return (op.inputs[0], op.inputs[1]) if op.name == "SPLIT" else (op.inputs[2], op.inputs[0])


def _joined(op: Operator, axis: int, parts: tuple[Tensor, ...], whole: Tensor) -> Verdict:
    place = axis_of(axis, whole.rank)
    if place is None:
        return require(False, whole, f"has no axis {axis}")
    rest = whole.shape[:place] + whole.shape[place + 1 :]
    return first_broken(
        [
            *(
                require(False, part, f"is {shape_text(part)}, the whole {shape_text(whole)}, axis {axis}")
                for part in parts
                if part.rank != whole.rank or part.shape[:place] + part.shape[place + 1 :] != rest
            ),
            require(
                sum(part.shape[place] for part in parts if part.rank == whole.rank) == whole.shape[place],
                whole,
                f"is {shape_text(whole)}, the parts {', '.join(map(shape_text, parts[:MAX_JOINED]))}",
            ),
        ]
    )


def _stacked(op: Operator, parts: tuple[Tensor, ...], whole: Tensor, count: int) -> Verdict:
    place = axis_of(op.option("axis"), whole.rank)
    if place is None:
        return require(False, whole, f"has no axis {op.option('axis')}")
    rest = math.prod(whole.shape[:place] + whole.shape[place + 1 :])
    return first_broken(
        [
            require(False, part, f"is {shape_text(part)}, the whole {shape_text(whole)}")
            for part in parts
            if part.elements != rest
        ]
        + [
            require(
                len(parts) == whole.shape[place] == count,
                whole,
                f"is {shape_text(whole)} for {len(parts)} parts, the options say {count}",
            )
        ]
    )


def _strided(op: Operator, begins: list[int], ends: list[int], strides: list[int]) -> tuple[int, ...] | None:
    """The shape that a STRIDED_SLICE makes (kernels/internal/strided_slice_logic.h); None with a stride of 0."""
    begin_mask, end_mask, shrink = (op.option(name) for name in ("beginMask", "endMask", "shrinkAxisMask"))
    made = []
    for axis, (dim, begin, end, stride) in enumerate(zip(op.input.shape, begins, ends, strides)):
        if stride == 0:
            return None
        first, last = (0, dim) if stride > 0 else (-1, dim - 1)
        begin = (0 if stride > 0 else dim - 1) if begin_mask >> axis & 1 else begin + dim * (begin < 0)
        begin = min(max(begin, 0 if stride > 0 else first), last)
        if shrink >> axis & 1:
            continue
        end = (dim if stride > 0 else -1) if end_mask >> axis & 1 else end + dim * (end < 0)
        end = min(max(end, first), last)
        made.append(max(math.ceil((end - begin) / stride), 0))
    return tuple(made)
