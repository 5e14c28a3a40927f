"""Changes to single operators that make the arena smaller. A rule changes an operator of a draft and says so, or leaves
it; its docstring is what the user reads after the operator's name."""

from collections.abc import Callable
from copy import copy

import numpy as np

from convert.tflite import schema
from convert.tflite.editing import Draft
from convert.tflm.prepare import quantization_scales

Rule = Callable[[Draft, schema.OperatorT], bool]
ONE_SCALE = schema.QuantizationParametersT(scale=[1.0], zeroPoint=[0])


def transposed_copy(draft: Draft, op: schema.OperatorT) -> bool:
    """keeps a transposed copy of an operand: transpose it in an operator before (a constant in the file), set adj_y and
    clear adj_x"""
    if draft.name(op) != "BATCH_MATMUL":
        return False
    options = copy(op.builtinOptions) or schema.BatchMatMulOptionsT()
    if options.adjY and not options.adjX:
        return False
    if options.adjX:
        op.inputs[0] = _transpose(draft, op, op.inputs[0])
    if not options.adjY:
        op.inputs[1] = _transpose(draft, op, op.inputs[1])
    options.adjX, options.adjY = False, True
    op.builtinOptions, op.builtinOptionsType = options, schema.BuiltinOptions.BatchMatMulOptions
    return True


def scales_per_channel(draft: Draft, op: schema.OperatorT) -> bool:
    """keeps a multiplier and a shift per channel: give its weights one scale
    (converter._experimental_disable_per_channel_quantization_for_dense_layers)"""
    if draft.name(op) != "FULLY_CONNECTED" or quantization_scales(draft.tensors[op.inputs[1]]) < 2:
        return False
    for index in op.inputs[1:]:
        if index >= 0 and quantization_scales(draft.tensors[index]) > 1:
            draft.tensors[index].quantization = ONE_SCALE
    return True


def copy_to_flatten(draft: Draft, op: schema.OperatorT) -> bool:
    """only flattens for FULLY_CONNECTED, which reads its input flat anyway: leave it out"""
    if draft.name(op) not in ("RESHAPE", "SQUEEZE", "EXPAND_DIMS") or draft.is_output(op.outputs[0]):
        return False
    source, result = op.inputs[0], op.outputs[0]
    if not all(
        draft.name(reader) == "FULLY_CONNECTED" and reader.inputs.index(result) == 0 for reader in draft.readers(result)
    ):
        return False
    draft.replace_input(result, source)
    draft.remove(op)
    return True


def float_end(draft: Draft, op: schema.OperatorT) -> bool:
    """only changes the type of the model's input or output: convert with integer ones (converter.inference_input_type,
    inference_output_type)"""
    graph, name = draft.graph, draft.name(op)
    if name == "QUANTIZE" and op.inputs[0] in graph.inputs and len(draft.readers(op.inputs[0])) == 1:
        graph.inputs = [op.outputs[0] if index == op.inputs[0] else index for index in graph.inputs]
    elif name == "DEQUANTIZE" and draft.is_output(op.outputs[0]) and not draft.readers(op.outputs[0]):
        graph.outputs = [op.inputs[0] if index == op.outputs[0] else index for index in graph.outputs]
    else:
        return False
    draft.remove(op)
    return True


def float_as_int8(model: schema.ModelT) -> schema.ModelT:
    """A model whose float tensors are int8 with one scale; it only serves to see what that would save."""
    draft = Draft(model)
    for tensor in draft.tensors:
        if tensor.type == schema.TensorType.FLOAT32:
            tensor.type, tensor.quantization = schema.TensorType.INT8, ONE_SCALE
    return draft.model


def _transpose(draft: Draft, op: schema.OperatorT, tensor: int) -> int:
    """A tensor with its last two dimensions swapped, by a TRANSPOSE before the operator unless it is constant."""
    if draft.is_constant(tensor):
        return draft.add_constant(tensor, np.swapaxes(draft.values(tensor), -1, -2), "transposed")
    rank = len(draft.shape(tensor))
    axes = [*range(rank - 2), rank - 1, rank - 2]
    result = draft.add_tensor(tensor, [draft.shape(tensor)[axis] for axis in axes], "transposed")
    permutation = draft.add_integers(axes, "permutation")
    draft.operators.insert(draft.operators.index(op), draft.new_operator("TRANSPOSE", [tensor, permutation], [result]))
    return result
