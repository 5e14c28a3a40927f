"""Rules of the operators that move values: reshape, transpose, pad, slice, join and split."""

import math

from convert.tflite.view import Operator, Tensor
from convert.tflm.rules.elementwise import broadcast, shape_text
from convert.tflm.rules.registry import FINE, FORM, VALUE, Verdict, first_broken, require, rule

MAX_JOINED = 10
FIXED_BATCH = "fix the batch size with `Input(batch_size=1)`, or give the exact shape"


def axis_of(axis: int, rank: int) -> int | None:
    """An axis counted from the front, None when there is none."""
    axis = axis + rank if axis < 0 else axis
    return axis if 0 <= axis < rank else None


def known_axis(axis: int, rank: int) -> int:
    """An axis counted from the front that a rule of an earlier stage holds to be there."""
    return axis + rank if axis < 0 else axis


@rule("RESHAPE", FORM, FIXED_BATCH)
def reshape_elements(op: Operator) -> Verdict:
    """The output has as many elements as the input, with at most one dimension of -1."""
    shape = op.output.shape
    if len(op.inputs) == 1 and shape == (0,):
        shape = ()
    known = math.prod(n for n in shape if n != -1)
    made = known if -1 not in shape else op.input.elements // known * known if known else 0
    return require(
        shape.count(-1) <= 1 and made == op.input.elements,
        op.output,
        f"is {shape_text(op.output)}, the input has {op.input.elements:,} elements",
    )


@rule("EXPAND_DIMS", FORM, FIXED_BATCH)
def expand_dims_shape(op: Operator) -> Verdict:
    """The output has the input's shape with a 1 at the axis, a constant of one number."""
    axis, shape = op.inputs[1], op.input.shape
    if axis.rank > 1 or not axis.values:
        return require(not axis.constant, axis, f"is {shape_text(axis)}")
    place = axis.values[0] + (len(shape) + 1 if axis.values[0] < 0 else 0)
    wanted = (*shape[: max(place, 0)], 1, *shape[max(place, 0) :])
    return require(
        0 <= place <= len(shape) and op.output.shape == wanted,
        op.output,
        f"is {shape_text(op.output)}, the input {shape_text(op.input)}",
    )


@rule("SQUEEZE", FORM, FIXED_BATCH)
def squeeze_shape(op: Operator) -> Verdict:
    """Squeezed dimensions are 1, and the output has all others, of at most 8."""
    dims = (
        [int(n) for n in op.option("squeezeDims")]
        if op.option("squeezeDims") is not None and not isinstance(op.option("squeezeDims"), int)
        else []
    )
    axes = [axis_of(n, op.input.rank) for n in dims] if dims else [i for i, n in enumerate(op.input.shape) if n == 1]
    if op.input.rank > 8 or len(dims) > 8 or None in axes or any(op.input.shape[axis or 0] != 1 for axis in axes):
        return require(False, op.input, f"is {shape_text(op.input)}, squeezed at {dims}")
    kept = [n for i, n in enumerate(op.input.shape) if i not in axes]
    fits = len(kept) <= op.output.rank and all(a >= b for a, b in zip(op.output.shape, kept))
    return require(fits, op.output, f"is {shape_text(op.output)}, the input {shape_text(op.input)}")


@rule("SQUEEZE", FORM, "give the output the input's type")
def squeeze_bytes(op: Operator) -> Verdict:
    """The output has as many bytes as the input, and is not of strings."""
    same = op.output.nbytes == op.input.nbytes and op.input.type not in ("STRING", "VARIANT")
    return require(same, op.output, f"has {op.output.nbytes:,} bytes, the input {op.input.nbytes:,}")


@rule("TRANSPOSE", FORM, "reshape to at most 5 dimensions before it")
def transpose_rank(op: Operator) -> Verdict:
    """The input has at most 5 dimensions."""
    return require(op.input.rank <= 5, op.input, f"has {op.input.rank} dimensions")


@rule("TRANSPOSE", VALUE, "give a permutation of the input's axes, counted from 0")
def transpose_permutation(op: Operator) -> Verdict:
    """The permutation is a vector with a number from 0 to the input's dimensions for each of them."""
    perm = op.inputs[1]
    values = perm.values or []
    return require(
        perm.rank == 1 and len(values) == op.input.rank and all(0 <= n < op.input.rank for n in values),
        perm,
        f"is {values}, the input has {op.input.rank} dimensions",
    )


@rule("TRANSPOSE", VALUE, "give the output the permuted shape", unchecked=True)
def transpose_shape(op: Operator) -> Verdict:
    """The output has the input's dimensions in their new order."""
    values = op.inputs[1].values or []
    wanted = tuple(op.input.shape[n] for n in values if 0 <= n < op.input.rank)
    return require(
        op.output.shape == wanted and sorted(values) == list(range(op.input.rank)),
        op.output,
        f"is {shape_text(op.output)} instead of {'x'.join(map(str, wanted))}",
    )


@rule("PAD PADV2", FORM, "reshape to at most 5 dimensions before it")
def pad_rank(op: Operator) -> Verdict:
    """The input has at most 5 dimensions."""
    return require(op.input.rank <= 5, op.input, f"has {op.input.rank} dimensions")


@rule("PAD PADV2", FORM, "give the output as many dimensions as the input", unchecked=True)
def pad_output_rank(op: Operator) -> Verdict:
    """The output has no more dimensions than the input."""
    return require(op.output.rank <= op.input.rank, op.output, f"has {op.output.rank}, the input {op.input.rank}")


@rule("PAD PADV2", VALUE, FIXED_BATCH)
def pad_shape(op: Operator) -> Verdict:
    """There are two paddings for each dimension of the output, which is the input's and both."""
    paddings, shape = op.inputs[1].values or [], op.input.shape
    made = tuple(n + before + after for n, before, after in zip(shape, paddings[::2], paddings[1::2]))
    return require(
        len(paddings) == 2 * op.output.rank and made == op.output.shape,
        op.output,
        f"is {shape_text(op.output)}, the input {shape_text(op.input)} and paddings {paddings}",
    )


@rule("PAD PADV2", VALUE, "pad with one number, quantised as the output is")
def pad_value(op: Operator) -> Verdict:
    """The value to pad with is one number of the input's type, and in int8 of the output's scale and zero point."""
    value, output = op.tensor("i2"), op.output
    if value is None:
        return FINE
    grid = op.input.type != "INT8" or (value.scale, value.zero_point) == (output.scale, output.zero_point)
    return require(
        value.type == op.input.type and value.elements == 1 and grid,
        value,
        f"is {value.type.lower()} {shape_text(value)} with scale {value.scale:g}, zero point {value.zero_point}",
    )


@rule("PAD PADV2", VALUE, "quantise the output within int8")
def pad_zero_point(op: Operator) -> Verdict:
    """An int8 output's zero point is within -128..127."""
    return require(
        op.input.type != "INT8" or op.tensor("i2") is not None or -128 <= op.output.zero_point <= 127,
        op.output,
        f"has zero point {op.output.zero_point}",
    )


@rule("MIRROR_PAD", FORM, "give paddings the shape dimensions x 2")
def mirror_pad_paddings(op: Operator) -> Verdict:
    """Paddings have a row of two for each dimension of the input."""
    paddings = op.inputs[1]
    return require(paddings.rank == 2 and paddings.shape[0] == op.input.rank, paddings, f"is {shape_text(paddings)}")


@rule("MIRROR_PAD", VALUE, "give the output the padded shape; pad with less than the dimension", unchecked=True)
def mirror_pad_shape(op: Operator) -> Verdict:
    """The output is the input with both paddings, which are shorter than its dimensions."""
    paddings, shape = op.inputs[1].values, op.input.shape
    if paddings is None:
        return FINE
    made = tuple(n + before + after for n, before, after in zip(shape, paddings[::2], paddings[1::2]))
    short = all(0 <= pad <= n for n, *pads in zip(shape, paddings[::2], paddings[1::2]) for pad in pads)
    return require(
        made == op.output.shape and short,
        op.output,
        f"is {shape_text(op.output)}, the input {shape_text(op.input)} and paddings {paddings}",
    )


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


@rule("BROADCAST_TO", FORM, "reshape to at most 5 dimensions before it")
def broadcast_to_shape(op: Operator) -> Verdict:
    """The output has the constant shape, of at most 5 dimensions, and the input broadcasts to it."""
    shape = op.inputs[1]
    wanted = tuple(shape.values or ())
    fits = shape.rank == 1 and len(wanted) <= 5 and op.output.shape == wanted and op.input.rank <= len(wanted)
    fits = fits and all(n in (1, dim) for n, dim in zip(op.input.shape[::-1], wanted[::-1]))
    return require(
        not shape.constant or fits,
        op.output,
        f"is {shape_text(op.output)}, shape is {list(wanted)} and the input {shape_text(op.input)}",
    )


@rule("FILL", FORM, FIXED_BATCH)
def fill_shape(op: Operator) -> Verdict:
    """The output has the constant shape, and the value is a scalar."""
    dims, value = op.inputs[0], op.inputs[1]
    fits = dims.rank == 1 and tuple(dims.values or ()) == op.output.shape
    return first_broken(
        [
            require(value.rank == 0, value, f"is {shape_text(value)}"),
            require(not dims.constant or fits, op.output, f"is {shape_text(op.output)}, dims are {dims.values}"),
        ]
    )


@rule("SELECT_V2", FORM, "reshape the inputs so that they broadcast")
def select_shapes(op: Operator) -> Verdict:
    """The inputs' shapes broadcast to the output's."""
    tensors = op.inputs[:3]
    if len({tensor.shape for tensor in tensors}) == 1 or all(t.elements == 1 for t in (*tensors, op.output)):
        return FINE
    return require(
        broadcast(*(tensor.shape for tensor in tensors)) == op.output.shape,
        op.output,
        f"is {shape_text(op.output)}, the inputs {', '.join(map(shape_text, tensors))}",
    )


@rule("SELECT_V2", FORM, "give the output the inputs' shape", unchecked=True)
def select_elements(op: Operator) -> Verdict:
    """Inputs of one shape have the output's number of elements."""
    same = len({tensor.shape for tensor in op.inputs[:3]}) == 1
    return require(not same or op.output.elements == op.input.elements, op.output, f"is {shape_text(op.output)}")


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
