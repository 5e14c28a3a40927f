"""Changes to single operators that make the arena smaller. A rule changes an operator of a graph and says so, or leaves
it; its docstring is what the user reads after the operator's name.
"""

from collections.abc import Callable

from convert.tflite.editing import (
    add_integers,
    add_like,
    is_output,
    new_operator,
    quantize,
    readers,
    remove_operators,
    replace_tensors,
    set_operators,
    set_options,
)
from convert.tflite.view import Graph, Model, Operator, Tensor

Rule = Callable[[Graph, Operator], bool]
ONE_SCALE = ((1.0,), (0,))


def transposed_copy(graph: Graph, op: Operator) -> bool:
    """keeps a transposed copy of an operand: transpose it in an operator before (a constant in the file), set adj_y and
    clear adj_x
    """
    if op.name != "BATCH_MATMUL" or (op.option("adjY") and not op.option("adjX")):
        return False
    first, second = op.inputs
    if op.option("adjX"):
        first = _transpose(graph, op, first)
    if not op.option("adjY"):
        second = _transpose(graph, op, second)
    op.inputs = (first, second)
    set_options(op, "BatchMatMulOptions", adjX=False, adjY=True)
    return True


def scales_per_channel(graph: Graph, op: Operator) -> bool:
    """keeps a multiplier and a shift per channel: give its weights one scale
    (converter._experimental_disable_per_channel_quantization_for_dense_layers)
    """
    if op.name != "FULLY_CONNECTED" or len(op.inputs[1].scales) < 2:
        return False
    for tensor in op.inputs[1:]:
        if tensor and len(tensor.scales) > 1:
            quantize(tensor, *ONE_SCALE)
    return True


def copy_to_flatten(graph: Graph, op: Operator) -> bool:
    """only flattens for FULLY_CONNECTED, which reads its input flat anyway: leave it out"""
    if op.name not in ("RESHAPE", "SQUEEZE", "EXPAND_DIMS") or is_output(graph, op.output):
        return False
    if not all(
        reader.name == "FULLY_CONNECTED" and reader.inputs.index(op.output) == 0 for reader in readers(graph, op.output)
    ):
        return False
    replace_tensors(graph, {op.output: op.input})
    remove_operators(graph, [op])
    return True


def float_end(graph: Graph, op: Operator) -> bool:
    """only changes the type of the model's input or output: convert with integer ones (converter.inference_input_type,
    inference_output_type)
    """
    if op.name == "QUANTIZE" and op.input.index in graph.inputs and len(readers(graph, op.input)) == 1:
        graph.inputs = [op.output.index if index == op.input.index else index for index in graph.inputs]
    elif op.name == "DEQUANTIZE" and is_output(graph, op.output) and not readers(graph, op.output):
        graph.outputs = [op.input.index if index == op.output.index else index for index in graph.outputs]
    else:
        return False
    remove_operators(graph, [op])
    return True


def float_as_int8(model: Model) -> Model:
    """A model whose float tensors are int8 with one scale; it only serves to see what that would save."""
    changed = model.copy()
    for tensor in changed.graphs[0].tensors:
        if tensor.type == "FLOAT32":
            tensor.type = "INT8"
            quantize(tensor, *ONE_SCALE)
    return changed


def _transpose(graph: Graph, op: Operator, tensor: Tensor) -> Tensor:
    """A tensor with its last two dimensions swapped, by a TRANSPOSE before the operator unless it is constant."""
    axes = [*range(tensor.rank - 2), tensor.rank - 1, tensor.rank - 2]
    shape = [tensor.shape[axis] for axis in axes]
    if tensor.data is not None:
        return add_like(graph, tensor, shape, _transposed(tensor, tensor.data))
    result = add_like(graph, tensor, shape)
    transpose = new_operator(graph, "TRANSPOSE", [tensor, add_integers(graph, axes)], [result])
    at = graph.operators.index(op)
    set_operators(graph, [*graph.operators[:at], transpose, *graph.operators[at:]])
    return result


def _transposed(tensor: Tensor, data: memoryview) -> bytes:
    """The elements of a constant with its last two dimensions swapped."""
    size, (rows, columns) = tensor.nbytes // tensor.elements, tensor.shape[-2:]
    elements = [bytes(data[at : at + size]) for at in range(0, tensor.nbytes, size)]
    matrices = range(0, len(elements), rows * columns)
    return b"".join(
        element
        for start in matrices
        for column in range(columns)
        for element in elements[start + column : start + rows * columns : columns]
    )
