"""Forms of operators in at most four dimensions, which are all that CMSIS-NN's kernels have: the same bytes."""

import math
from collections.abc import Sequence

from convert.tflite import schema
from convert.tflite.editing import (
    add_integers,
    add_like,
    add_tensor,
    maker,
    new_operator,
    repeat_operator,
    replace_operator,
    set_options,
)
from convert.tflite.flatbuffer import number_bytes
from convert.tflite.view import Graph, Operator, Tensor

RANK = 4


def transpose_in_four(graph: Graph, op: Operator) -> bool:
    """has more dimensions than the kernel, or moves nothing: in steps of at most four dimensions"""
    if op.inputs[1].values is None:
        return False
    shape, order = merge_axes(op.input.shape, op.inputs[1].values)
    steps = [(shape, order)] if len(order) <= RANK else _moves(shape, order)
    tensor, made = op.input, list[Operator]()
    for axes, step in steps if order != [0] else ():
        tensor = _reshaped(graph, tensor, axes, made)
        result = add_like(graph, op.output, [axes[axis] for axis in step])
        made.append(new_operator(graph, "TRANSPOSE", [tensor, add_integers(graph, step)], [result], "TransposeOptions"))
        tensor = result
    made.append(_reshape(graph, tensor, op.output))
    replace_operator(graph, op, made)
    return True


def pad_in_four(graph: Graph, op: Operator) -> bool:
    """has more dimensions than the kernel: in steps of at most four dimensions"""
    amounts = op.inputs[1].values
    if amounts is None:
        return False
    pairs = list(zip(amounts[::2], amounts[1::2]))
    tensor, shape, made = op.input, list(op.input.shape), list[Operator]()
    padded = [axis for axis, pair in enumerate(pairs) if any(pair)]
    for axis in padded:  # one dimension each: what is before it, it, and what is behind
        before, behind = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
        tensor = _reshaped(graph, tensor, [before, shape[axis] * behind], made)
        shape[axis] += sum(pairs[axis])
        result = add_like(graph, op.output, [before, shape[axis] * behind])
        ends = [0, 0, *(pad * behind for pad in pairs[axis])]
        amount = add_tensor(graph, "", "INT32", [2, 2], number_bytes("i", ends))
        made.append(repeat_operator(op, [tensor, amount, *op.inputs[2:]], [result]))
        tensor = result
    made.append(_reshape(graph, tensor, op.output))
    replace_operator(graph, op, made)
    return True


def broadcast_in_four(graph: Graph, op: Operator) -> bool:
    """has dimensions that the kernel lacks: neighbours that broadcast alike as one"""
    shapes = merge_broadcast(op.inputs[0].shape, op.inputs[1].shape)
    if len(shapes[0]) > RANK:
        return False
    made: list[Operator] = []
    inputs = [_reshaped(graph, tensor, shape, made) for tensor, shape in zip(op.inputs, shapes)]
    result = add_like(graph, op.output, [max(pair) if 0 not in pair else 0 for pair in zip(*shapes)])
    made += [repeat_operator(op, inputs, [result]), _reshape(graph, result, op.output)]
    replace_operator(graph, op, made)
    return True


def matmul_in_four(graph: Graph, op: Operator) -> bool:
    """has dimensions that the kernel lacks: batches that broadcast alike as one"""
    batches = merge_broadcast(op.inputs[0].shape[:-2], op.inputs[1].shape[:-2])
    if len(batches[0]) > RANK - 2:
        return False
    made: list[Operator] = []
    inputs = [_reshaped(graph, tensor, [*batch, *tensor.shape[-2:]], made) for tensor, batch in zip(op.inputs, batches)]
    result = add_like(graph, op.output, [*map(max, zip(*batches)), *op.output.shape[-2:]])
    made += [repeat_operator(op, inputs, [result]), _reshape(graph, result, op.output)]
    replace_operator(graph, op, made)
    return True


def dense_in_two(graph: Graph, op: Operator) -> bool:
    """has a weights' zero point, which the kernel of three dimensions forgets: in two dimensions"""
    if op.input.type != "INT8" or op.inputs[1].type != "INT8" or op.output.rank < 3:
        return False
    result = add_like(graph, op.output, [op.output.elements // op.output.shape[-1], op.output.shape[-1]])
    again = repeat_operator(op, op.inputs, [result])
    set_options(again, "FullyConnectedOptions", keepNumDims=False)
    replace_operator(graph, op, [again, _reshape(graph, result, op.output)])
    return True


def dense_as_convolution(graph: Graph, op: Operator) -> bool:
    """has a scale for each channel of its weights: as a convolution of one by one, whose kernel has them"""
    weights, bias = op.inputs[1], (op.inputs[2] if len(op.inputs) > 2 else None)
    if weights.data is None or weights.type != "INT8" or any(weights.zero_points):
        return False
    if bias is not None and bias.type != ("INT64" if op.input.type == "INT16" else "INT32"):
        return False
    units, depth = weights.shape
    made: list[Operator] = []
    tensor = _reshaped(graph, op.input, [1, op.input.elements // depth, 1, depth], made)
    filters = add_like(graph, weights, [units, 1, 1, depth], weights.data)
    bias = bias or zeros(graph, op.input, weights, units)
    result = add_like(graph, op.output, [1, op.input.elements // depth, 1, units])
    fields = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1, "padding": schema.Padding.VALID}
    fields["fusedActivationFunction"] = op.option("fusedActivationFunction")
    made.append(new_operator(graph, "CONV_2D", [tensor, filters, bias], [result], "Conv2DOptions", **fields))
    made.append(_reshape(graph, result, op.output))
    replace_operator(graph, op, made)
    return True


def merge_axes(shape: Sequence[int], order: Sequence[int]) -> tuple[list[int], list[int]]:
    """A transposition of as few dimensions as it takes: those of one element left out, neighbours that stay together
    as one.

    Example:
        >>> merge_axes((1, 6, 3, 2, 4), (0, 2, 3, 1, 4))
        ([6, 6, 4], [1, 0, 2])
    """
    runs: list[list[int]] = []
    for axis in [axis for axis in order if shape[axis] != 1]:
        follows = runs and all(shape[i] == 1 for i in range(runs[-1][-1] + 1, axis)) and axis > runs[-1][-1]
        runs[-1].append(axis) if follows else runs.append([axis])
    places = sorted(runs)
    sizes = [math.prod(shape[axis] for axis in run) for run in places]
    return sizes or [1], [places.index(run) for run in runs] or [0]


def merge_broadcast(first: Sequence[int], second: Sequence[int]) -> tuple[list[int], list[int]]:
    """Two shapes with as few dimensions as their broadcast takes.

    Example:
        >>> merge_broadcast((2, 3, 1, 1), (2, 3, 3, 5))
        ([6, 1], [6, 15])
    """
    rank = max(len(first), len(second))
    pairs = list(zip((1,) * (rank - len(first)) + tuple(first), (1,) * (rank - len(second)) + tuple(second)))
    merged: list[list[int]] = []
    kinds: list[tuple[bool, bool]] = []
    for pair in pairs:
        if pair == (1, 1):
            continue
        kind = (pair[0] == 1, pair[1] == 1)
        if kinds and kinds[-1] == kind:
            merged[-1] = [merged[-1][0] * pair[0], merged[-1][1] * pair[1]]
        else:
            merged.append(list(pair))
            kinds.append(kind)
    merged = merged or [[1, 1]]
    return [pair[0] for pair in merged], [pair[1] for pair in merged]


def _moves(shape: Sequence[int], order: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """A transposition as moves of one dimension each to its place: (shape, order) of at most four dimensions."""
    now, moves = list(range(len(order))), []
    for place, axis in enumerate(order):
        at = now.index(axis)
        if at == place:
            continue
        sizes = [shape[i] for i in now]
        parts = [math.prod(sizes[:place]), math.prod(sizes[place:at]), sizes[at], math.prod(sizes[at + 1 :])]
        moves.append(merge_axes(parts, [0, 2, 1, 3]))
        now.insert(place, now.pop(at))
    return moves


def _reshaped(graph: Graph, tensor: Tensor, shape: Sequence[int], made: list[Operator]) -> Tensor:
    """A tensor in another shape, by an operator more unless it is constant; behind a RESHAPE, what that reshapes."""
    while (before := maker(graph, tensor)) is not None and before.name == "RESHAPE":
        tensor = before.input
    if list(tensor.shape) == list(shape):
        return tensor
    result = add_like(graph, tensor, shape, tensor.data)
    if tensor.data is None:
        made.append(_reshape(graph, tensor, result))
    return result


def _reshape(graph: Graph, tensor: Tensor, result: Tensor) -> Operator:
    shape = add_integers(graph, result.shape)
    return new_operator(graph, "RESHAPE", [tensor, shape], [result], "ReshapeOptions", newShape=list(result.shape))


def zeros(graph: Graph, data: Tensor, weights: Tensor, length: int) -> Tensor:
    """A bias of zeros for weights and the data that they are multiplied with."""
    kind, size = ("INT64", 8) if data.type == "INT16" else ("INT32", 4)
    scales = [data.scale * scale for scale in weights.scales]
    return add_tensor(graph, "", kind, [length], bytes(size * length), (scales, [0] * len(scales), 0))
