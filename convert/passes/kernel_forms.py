"""Operators in a form with which a firmware's kernels answer what TFLM's reference kernels answer: the same bytes.

CMSIS-NN's kernels have four dimensions, and take some operators for others (`tflm/rules/cmsis_nn.py`); older libraries
lack types (`tflm/rules/libraries.py`). A form here mends one rule for one operator; its docstring is what the user
reads. `kernel_shapes.py` has those of shapes.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from convert.passes import kernel_shapes
from convert.passes.strip import strip_model
from convert.tflite import schema
from convert.tflite.editing import (
    add_integers,
    add_like,
    add_tensor,
    new_operator,
    quantize,
    readers,
    repeat_operator,
    replace_operator,
    set_options,
)
from convert.tflite.offline_plan import offline_offsets
from convert.tflite.view import Graph, Model, Operator, Tensor, view_model
from convert.tflite.writer import pack_model
from convert.tflm.builds import Target
from convert.tflm.rules.registry import RULES, Rule

LARGE = 1000  # operators of a graph, from which on nothing is looked for
LOOKUPS = ("GATHER", "EMBEDDING_LOOKUP")
MOST_ELEMENTS = 2**31 - 1  # of a tensor of int8
ROUNDS = 6  # a form may leave an operator that another form mends
Form = Callable[[Graph, Operator], bool]


def bias_of_zeros(graph: Graph, op: Operator) -> bool:
    """has no bias: give it one of zeros"""
    given = 3 if op.name == "TRANSPOSE_CONV" else 2  # inputs before the bias
    bias = kernel_shapes.zeros(graph, op.inputs[given - 1 if given == 3 else 0], op.inputs[1], op.inputs[1].shape[0])
    op.inputs = (*op.inputs[:given], bias)
    return True


def pads_without_subtraction(graph: Graph, op: Operator) -> bool:
    """marks the pads among ids by max(1 - id, 0) in int32: by (min(id, 1) - 1)^2"""
    if op.name != "SUB" or op.option("fusedActivationFunction") != schema.ActivationFunctionType.RELU:
        return False
    one, ids = op.inputs
    are_ids = any(reader.name in LOOKUPS and ids in reader.inputs[:2] for reader in readers(graph, ids))
    if one.values != [1] or not are_ids:  # a lookup's ids are not negative
        return False
    least = add_like(graph, ids, ids.shape)
    replace_operator(
        graph,
        op,
        [
            new_operator(graph, "MINIMUM", [ids, one], [least]),
            new_operator(graph, "SQUARED_DIFFERENCE", [least, one], op.outputs),
        ],
    )
    return True


def weights_in_int8(graph: Graph, op: Operator) -> bool:
    """has weights of int4: store them in int8"""
    weights = op.inputs[1]
    if weights.data is None or len(weights.data) < -(-weights.elements // 2):
        return False
    halves = (half for byte in weights.data for half in (byte & 15, byte >> 4))
    values = bytes(half | 0xF0 if half & 8 else half for half in halves)[: weights.elements]  # the sign of four bits
    quantization = (weights.scales, weights.zero_points, weights.axis)
    wide = add_tensor(graph, "", "INT8", weights.shape, values, quantization)
    op.inputs = (op.input, wide, *op.inputs[2:])
    return True


def group_by_group(graph: Graph, op: Operator) -> bool:
    """computes several groups of channels: a convolution for each, and their outputs side by side"""
    weights, bias = op.inputs[1], (op.inputs[2] if len(op.inputs) > 2 else None)
    channels, depth, outputs = op.input.shape[3], weights.shape[3], weights.shape[0]
    if weights.data is None or weights.type != "INT8" or (bias is not None and bias.values is None):
        return False
    groups, made, parts = channels // depth, [], []
    each = outputs // groups
    for number in range(groups):
        start, chosen = [0, 0, 0, number * depth], slice(number * each, (number + 1) * each)
        size = [*op.input.shape[:3], depth]
        piece = add_like(graph, op.input, size)
        made.append(
            new_operator(graph, "SLICE", [op.input, add_integers(graph, start), add_integers(graph, size)], [piece])
        )
        constants = [_rows(graph, tensor, chosen) for tensor in (weights, bias) if tensor]
        parts.append(add_like(graph, op.output, [*op.output.shape[:3], each]))
        made.append(repeat_operator(op, [piece, *constants], [parts[-1]]))
    made.append(new_operator(graph, "CONCATENATION", parts, [op.output], "ConcatenationOptions", axis=3))
    replace_operator(graph, op, made)
    return True


def whole_output_cropped(graph: Graph, op: Operator) -> bool:
    """is padded: without padding, and its output cropped"""
    sizes, weights, data = op.inputs[:3]
    batch, _, _, outputs = op.output.shape
    rows, columns = (
        data.shape[axis] * op.option(stride) + max(weights.shape[axis] - op.option(stride), 0)
        for axis, stride in ((1, "strideH"), (2, "strideW"))
    )
    ahead = [_ahead(op, 1, "strideH"), _ahead(op, 2, "strideW")]
    if sizes.values is None or rows < ahead[0] + op.output.shape[1] or columns < ahead[1] + op.output.shape[2]:
        return False
    if batch * rows * columns * outputs > MOST_ELEMENTS:
        return False
    whole = add_like(graph, op.output, [batch, rows, columns, outputs])
    again = repeat_operator(op, [add_integers(graph, whole.shape), *op.inputs[1:]], [whole])
    set_options(again, "TransposeConvOptions", padding=schema.Padding.VALID)
    begin, size = add_integers(graph, [0, *ahead, 0]), add_integers(graph, op.output.shape)
    replace_operator(graph, op, [again, new_operator(graph, "SLICE", [whole, begin, size], [op.output])])
    return True


def row_to_its_last_stride(graph: Graph, op: Operator) -> bool:
    """leaves columns of a row over: cut them off before it"""
    columns = (op.output.shape[2] - 1) * op.option("strideW") + op.inputs[1].shape[2]
    shape = [*op.input.shape[:2], columns, op.input.shape[3]]
    piece = add_like(graph, op.input, shape)
    cut = new_operator(graph, "SLICE", [op.input, add_integers(graph, [0] * 4), add_integers(graph, shape)], [piece])
    replace_operator(graph, op, [cut, repeat_operator(op, [piece, *op.inputs[1:]], op.outputs)])
    return True


def _rows(graph: Graph, tensor: Any, chosen: slice) -> Tensor:
    """Some of a constant's first dimension, with their scales."""
    row = tensor.nbytes // tensor.shape[0]
    shape = [chosen.stop - chosen.start, *tensor.shape[1:]]
    part = add_like(graph, tensor, shape, tensor.data[chosen.start * row : chosen.stop * row])
    if len(tensor.scales) > 1:
        quantize(part, tensor.scales[chosen], tensor.zero_points[chosen], tensor.axis)
    return part


def _ahead(op: Operator, axis: int, stride: str) -> int:
    """Rows or columns of the output's frame before it (kernels/padding.h, ComputePaddingHeightWidth)."""
    if op.option("padding") == schema.Padding.VALID:
        return 0
    size, step = op.output.shape[axis], op.option(stride)
    return max((-(-size // step) - 1) * step + op.inputs[1].shape[axis] - size, 0) // 2


# Rule that an operator breaks: the form that mends it.
FORMS: dict[str, Form] = {
    "transpose_dimensions": kernel_shapes.transpose_in_four,
    "transpose_moves": kernel_shapes.transpose_in_four,
    "transpose_moves_mve": kernel_shapes.transpose_in_four,
    "pad_dimensions": kernel_shapes.pad_in_four,
    "extreme_rank": kernel_shapes.broadcast_in_four,
    "extreme_broadcast": kernel_shapes.broadcast_in_four,
    "matmul_dimensions": kernel_shapes.matmul_in_four,
    "dense_zero_point": kernel_shapes.dense_in_two,
    "dense_int16_per_tensor": kernel_shapes.dense_as_convolution,
    "transpose_conv_bias": bias_of_zeros,
    "transpose_conv_pad": whole_output_cropped,
    "transpose_conv_rows": whole_output_cropped,
    "convolution_int16_bias": bias_of_zeros,
    "grouped_bias": bias_of_zeros,
    "grouped_int16": group_by_group,
    "grouped_int4": weights_in_int8,
    "depthwise_int4_channels": weights_in_int8,
    "depthwise_int4_mve": weights_in_int8,
    "row_convolution_ends": row_to_its_last_stride,
    "arduino_dense_scales": kernel_shapes.dense_as_convolution,
    "arduino_groups": group_by_group,
    "arduino_int16_bias": bias_of_zeros,
    "arduino_types": pads_without_subtraction,
    "pico_types": pads_without_subtraction,
}


class Mended(NamedTuple):
    """A model's bytes after the forms, and a line about each operator that was rewritten."""

    data: bytes
    rewritten: list[str]


def mend_model(data: bytes, target: Target) -> Mended:
    """A model whose operators a target's kernels answer as the reference kernels do, as far as there are forms for it.

    Args:
        data: bytes of a model that the reference kernels run.
        target: the build; with reference kernels there is nothing to do.

    Returns:
        The model, the very bytes where nothing was rewritten, and what was rewritten.
    """
    model = view_model(data)
    changed, rewritten = mend_operators(model, target)
    return Mended(pack_model(changed) if rewritten else data, rewritten)


def mend_operators(model: Model, target: Target) -> tuple[Model, list[str]]:
    """`mend_model` of a view, the very one where nothing is rewritten. An offline plan goes: it counts on the tensors'
    indices.
    """
    rules = [rule for rule in RULES if rule.name in FORMS and rule.concerns(rule.operators[0], target.asked)]
    if not rules or len(model.operators) > LARGE or not _broken(model, rules):
        return model, []
    changed = strip_model(model) if offline_offsets(model) is not None else model.copy()
    rewritten: list[str] = []
    for _ in range(ROUNDS):
        broken = [(op, FORMS[rule.name], f"{op.name} (number {op.index})") for op, rule in _broken(changed, rules)]
        found = [f"{place} {_words(form)}" for op, form, place in broken if form(op.graph, op)]
        rewritten += found
        if not found:
            break
    return (changed, rewritten) if rewritten else (model, [])


def _broken(model: Model, rules: Sequence[Rule]) -> list[tuple[Operator, Rule]]:
    """Operators that break rules, with the first that each breaks."""
    return [
        (op, broken[0])
        for op in model.operators
        if (broken := [rule for rule in rules if op.name in rule.operators and not rule.check(op)[0]])
    ]


def _words(form: Form) -> str:
    return " ".join(str(form.__doc__).split())
