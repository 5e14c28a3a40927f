"""Rules of reductions and of indices into tensors."""

import math
from itertools import cycle, pairwise

from convert.tflite.view import Operator
from convert.tflm.rules.elementwise import shape_text
from convert.tflm.rules.registry import FINE, FORM, TYPE, VALUE, Verdict, first_broken, require, rule
from convert.tflm.rules.shapes import axis_of, known_axis

REDUCTIONS = "MEAN SUM REDUCE_MAX REDUCE_MIN REDUCE_ALL"


@rule(REDUCTIONS, VALUE, "reduce over axes that the input has")
def reduction_axes(op: Operator) -> Verdict:
    """Constant axes are axes of the input."""
    axes = op.inputs[1]
    fits = op.input.rank == 0 or all(axis_of(n, op.input.rank) is not None for n in axes.values or [])
    quiet = (op.name == "MEAN" and op.input.type != "FLOAT32") or (op.name == "SUM" and op.input.type != "FLOAT32")
    return require(fits or quiet, axes, f"is {axes.values}, the input has {op.input.rank} dimensions")


@rule(REDUCTIONS, VALUE, "give the output the reduced shape", unchecked=True)
def reduction_elements(op: Operator) -> Verdict:
    """The output has an element for each that the constant axes leave."""
    axes = op.inputs[1].values
    if axes is None:
        return FINE
    places = {axis_of(n, op.input.rank) for n in axes}
    left = math.prod(n for i, n in enumerate(op.input.shape) if i not in places)
    return require(op.output.elements == left, op.output, f"is {shape_text(op.output)}, not of {left:,} elements")


@rule("REDUCE_MAX REDUCE_MIN", VALUE, "quantise the output as the input is: the largest value needs no other range")
def extreme_grid(op: Operator) -> Verdict:
    """An int8 output has the input's scale and zero point."""
    same = (op.input.scale, op.input.zero_point) == (op.output.scale, op.output.zero_point)
    return require(
        op.input.type != "INT8" or same,
        op.output,
        f"has scale {op.output.scale:g} and zero point "
        f"{op.output.zero_point}, the input {op.input.scale:g} and {op.input.zero_point}",
    )


@rule("ARG_MAX ARG_MIN", FORM, "give the output the input's shape without the axis", unchecked=True)
def arg_shape(op: Operator) -> Verdict:
    """A constant axis is one of the input, and the output has an element for each that it leaves."""
    axis = op.inputs[1]
    if not axis.values:
        return FINE
    place = axis_of(axis.values[0], op.input.rank)
    left = math.prod(n for i, n in enumerate(op.input.shape) if i != place)
    return first_broken(
        [
            require(place is not None, axis, f"is {axis.values}, the input {shape_text(op.input)}"),
            require(op.output.elements == left, op.output, f"is {shape_text(op.output)}"),
        ]
    )


@rule("CUMSUM", FORM, "give the axis as one number that the input has")
def cumsum_axis(op: Operator) -> Verdict:
    """The axis is one number, and if constant an axis of the input."""
    axis = op.inputs[1]
    fits = not axis.values or axis_of(axis.values[0], op.input.rank) is not None
    return require(axis.elements == 1 and op.input.rank >= 1 and fits, axis, f"is {axis.values or shape_text(axis)}")


@rule("REVERSE_V2", FORM, "reverse neighbouring axes that the input has")
def reverse_axes(op: Operator) -> Verdict:
    """The axes are a vector of at most as many as the input has of its at most 6, and if constant, neighbours."""
    axes = op.inputs[1]
    places = [axis_of(n, op.input.rank) for n in axes.values or []]
    known = sorted(place for place in places if place is not None)
    fits = None not in places and all(b - a == 1 for a, b in pairwise(known))
    return require(
        axes.rank == 1 and axes.elements <= op.input.rank <= 6 and fits,
        axes,
        f"is {axes.values}, the input {shape_text(op.input)}",
    )


@rule("REVERSE_V2", FORM, "give the output the input's shape", unchecked=True)
def reverse_elements(op: Operator) -> Verdict:
    """The output has as many elements as the input."""
    return require(
        op.output.elements >= op.input.elements,
        op.output,
        f"has {op.output.elements:,} elements, the first input {op.input.elements:,}",
    )


@rule("GATHER", FORM, "gather along an axis that the input has")
def gather_axis(op: Operator) -> Verdict:
    """The axis is one of the input, not before the batch dimensions, in which input and positions are equal."""
    data, positions = op.inputs
    axis, batch = axis_of(op.option("axis"), data.rank), op.option("batchDims")
    batch = batch + positions.rank if batch < 0 else batch
    fits = axis is not None and 0 <= batch <= min(axis, positions.rank)
    return require(
        fits and data.shape[:batch] == positions.shape[:batch],
        data,
        f"is {shape_text(data)}, axis {op.option('axis')}, batch dimensions {op.option('batchDims')}",
    )


@rule("GATHER", VALUE, "give the output the input's shape with the positions' in place of the axis", unchecked=True)
def gather_shape(op: Operator) -> Verdict:
    """The output has the input's shape with the positions' in place of the axis."""
    data, positions = op.inputs
    axis, batch = known_axis(op.option("axis"), data.rank), op.option("batchDims")
    batch = batch + positions.rank if batch < 0 else batch
    wanted = data.shape[:axis] + positions.shape[batch:] + data.shape[axis + 1 :]
    return require(
        op.output.elements == math.prod(wanted) and op.output.rank >= len(wanted),
        op.output,
        f"is {shape_text(op.output)}, not {'x'.join(map(str, wanted))}",
    )


@rule("GATHER", VALUE, "gather from within the table")
def gather_positions(op: Operator) -> Verdict:
    """Constant positions are within the axis."""
    data, positions = op.inputs
    length = data.shape[known_axis(op.option("axis"), data.rank)]
    return require(all(0 <= n < length for n in positions.values or []), positions, f"goes beyond 0..{length - 1}")


@rule("GATHER_ND EMBEDDING_LOOKUP", VALUE, "gather what is there: rows are counted from 0")
def row_indices(op: Operator) -> Verdict:
    """Constant indices are within the dimensions that they count."""
    if op.name == "EMBEDDING_LOOKUP":
        indices, lengths = op.inputs[0], op.inputs[1].shape[:1]
    else:
        indices, lengths = op.inputs[1], op.input.shape[: op.inputs[1].shape[-1]]
    values = indices.values or []
    within = all(0 <= value < length for value, length in zip(values, cycle(lengths or (1,))))
    return require(within, indices, f"goes beyond {list(lengths)}")


@rule("GATHER_ND", FORM, "index with vectors of at most 5 numbers, one for each leading axis")
def gather_nd_indices(op: Operator) -> Verdict:
    """Indices are vectors of at most 5 numbers, no more than the input has dimensions."""
    data, indices = op.inputs
    fits = data.rank >= 1 and indices.rank >= 1 and indices.shape[-1] <= min(data.rank, 5)
    return require(fits, indices, f"is {shape_text(indices)}, the input {shape_text(data)}")


@rule("GATHER_ND", VALUE, "give the output a slice of the input for each index", unchecked=True)
def gather_nd_shape(op: Operator) -> Verdict:
    """The output has a slice of the input for each index."""
    data, indices = op.inputs
    wanted = indices.shape[:-1] + data.shape[indices.shape[-1] :]
    return require(
        op.output.elements == math.prod(wanted) and op.output.rank >= len(wanted),
        op.output,
        f"is {shape_text(op.output)}, not {'x'.join(map(str, wanted))}",
    )


@rule("EMBEDDING_LOOKUP", FORM, "look up with a vector of ids, in a table of at least 2 dimensions")
def lookup_shapes(op: Operator) -> Verdict:
    """Ids are a vector, the table has at least 2 dimensions, and the output a row of it for each id."""
    ids, table = op.inputs
    wanted = ids.elements * math.prod(table.shape[1:]) * math.prod(op.output.shape[table.rank :])
    return first_broken(
        [
            require(ids.rank == 1, ids, f"is {shape_text(ids)}"),
            require(table.rank >= 2, table, f"is {shape_text(table)}"),
            require(
                op.output.rank >= table.rank and op.output.elements >= wanted, op.output, f"is {shape_text(op.output)}"
            ),
        ]
    )


@rule("EMBEDDING_LOOKUP", TYPE, "look up int8 rows as int8, or dequantise a table with zero point 0")
def lookup_types(op: Operator) -> Verdict:
    """The output is float32, or int8 as the table; an int8 table that becomes float32 has zero point 0."""
    table, output = op.inputs[1], op.output
    fits = output.type in (table.type, "FLOAT32") and (output.type == table.type or table.zero_point == 0)
    return require(
        fits, output, f"is {output.type.lower()}, the table {table.type.lower()} with zero point {table.zero_point}"
    )


@rule("DYNAMIC_UPDATE_SLICE", FORM, "give the update as many dimensions as the operand, and a start for each")
def update_shapes(op: Operator) -> Verdict:
    """The update fits into the operand, with a start for each of its dimensions."""
    operand, update, starts = op.inputs
    fits = starts.rank == 1 and starts.shape[0] == operand.rank == update.rank and 1 <= operand.rank <= 6
    fits = fits and all(a <= b for a, b in zip(update.shape, operand.shape))
    return require(fits, update, f"is {shape_text(update)}, the operand {shape_text(operand)}")


@rule("DYNAMIC_UPDATE_SLICE", FORM, "give the output the operand's shape", unchecked=True)
def update_elements(op: Operator) -> Verdict:
    """The output has as many elements as the operand."""
    return require(
        op.output.elements >= op.input.elements,
        op.output,
        f"has {op.output.elements:,} elements, the first input {op.input.elements:,}",
    )


@rule("SHAPE", FORM, "give the output a number for each dimension", unchecked=True)
def shape_length(op: Operator) -> Verdict:
    """The output has a number for each dimension of the input."""
    return require(
        op.output.elements >= op.input.rank,
        op.output,
        f"has {op.output.elements} elements, the input {op.input.rank} dimensions",
    )


@rule("BROADCAST_ARGS", FORM, "compute the shapes, or make them inputs of the model", unchecked=True)
def broadcast_args_computed(op: Operator) -> Verdict:
    """Shapes are constants, inputs, or computed before: what happens to be in memory is no shape, and ends TFLM."""
    made = {op.graph.tensors[i] for i in op.graph.inputs}
    made |= {tensor for other in op.graph.operators[: op.index] for tensor in other.outputs if tensor}
    return first_broken(
        [
            require(
                tensor.constant or tensor.variable or tensor in made or not tensor.elements,
                tensor,
                "is no input, and nothing computes it",
            )
            for tensor in op.inputs
        ]
    )


@rule("BROADCAST_ARGS", FORM, "give shapes as vectors")
def broadcast_args_rank(op: Operator) -> Verdict:
    """Both shapes and the output are vectors."""
    return first_broken(
        [require(tensor.rank == 1, tensor, f"has {tensor.rank} dimensions") for tensor in (*op.inputs, op.output)]
    )


@rule("BROADCAST_ARGS", VALUE, "give shapes that broadcast")
def broadcast_args_fit(op: Operator) -> Verdict:
    """Constant shapes broadcast: of two dimensions, counted from the last, one is 1 or they are equal."""
    first, second = (tensor.values for tensor in op.inputs)
    pairs = zip(reversed(first or []), reversed(second or []), range(op.output.elements))
    fits = all(1 in (a, b) or a == b for a, b, _ in pairs)
    return require(fits, op.inputs[1], f"is {second}, the other {first}")
