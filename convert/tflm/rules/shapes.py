"""Rules of the operators that give a tensor another shape: reshape, transpose, pad, broadcast, select."""

import math

from convert.tflite.view import Operator
from convert.tflm.rules.elementwise import broadcast, shape_text
from convert.tflm.rules.registry import FINE, FORM, VALUE, Verdict, first_broken, require, rule

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
