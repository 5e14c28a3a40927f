"""EMBBERT_BLOCKs back to TFLM's own operators: what interpreters run in the place of a fused model, to the same bytes.

It is the inverse of `passes/fuse.py` on a file's model, from nothing but the file.
"""

import numpy as np

from convert.lowering.fused_block import unpack_weights
from convert.lowering.graph import Graph as LoweredGraph
from convert.lowering.graph import Quantization
from convert.lowering.graph import Tensor as LoweredTensor
from convert.lowering.ops import GraphBuilder
from convert.lowering.to_tflite import write_operators
from convert.tflite.block_options import BLOCK, DENSE_KERNELS, INPUTS, are_packed, read_options
from convert.tflite.editing import replace_operator
from convert.tflite.model import operator_name, read_model
from convert.tflite.view import Tensor, view_model
from convert.tflite.writer import pack_model

TYPES = {"INT8": np.int8, "INT32": np.int32}


def expand_model(data: bytes) -> bytes:
    """A model without EMBBERT_BLOCK that answers the same; the bytes themselves where it has none."""
    unpacked = read_model(data)
    if not any(operator_name(unpacked, op) == BLOCK for graph in unpacked.subgraphs for op in graph.operators or ()):
        return data
    model = view_model(data)
    model.metadata.clear()  # a memory plan counts on the tensors' indices
    for graph in model.graphs:
        for op in [op for op in graph.operators if op.name == BLOCK]:
            known = {_mirror(tensor): tensor for tensor in (*op.inputs, op.output)}
            *inputs, output = known
            lowered = _lower_block(dict(zip(INPUTS, inputs)), output, bytes(op.packed.customOptions))
            replace_operator(graph, op, write_operators(graph, lowered, known))
    return pack_model(model)


def _mirror(tensor: Tensor) -> LoweredTensor:
    kind = np.dtype(TYPES[tensor.type])
    data = None if tensor.data is None else np.frombuffer(tensor.data, kind).reshape(tensor.shape)
    scale = Quantization(tensor.scales, tensor.zero_point, tensor.axis) if tensor.scales else None
    return LoweredTensor(f"tensor{tensor.index}", tensor.shape, kind, scale, data)


def _whole(build: GraphBuilder, name: str, kernel: LoweredTensor, width: int) -> LoweredTensor:
    """Dense weights of a byte each."""
    assert kernel.data is not None
    if are_packed(kernel.data.size, width):
        return build.constant(name, unpack_weights(kernel.data), kernel.quantization)
    return kernel


def _lower_block(given: dict[str, LoweredTensor], output: LoweredTensor, options: bytes) -> LoweredGraph:
    """A block as `lower_mixed` writes it."""
    _, hidden, activation = read_options(options)
    scale = {part: Quantization((value,), zero) for part, (value, zero) in hidden.items()}
    build = GraphBuilder()
    length, width = given["mask"].shape[-1], given["x"].shape[-1]
    given |= {name: _whole(build, name, given[name], width) for name in DENSE_KERNELS}
    n = build.l2_normalize("norm", given["x"])
    rows, keys = build.reshape("rows", n, (1, 1, length, width)), build.reshape("keys", n, (length, width))
    query = build.dense("query", rows, given["query.kernel"], given["query.bias"], scale["query"])
    scores = build.dense("scores", query, keys, given["mask"], scale["scores"])
    columns = build.transpose("columns", keys)
    mixed = build.dense("mixed", build.softmax("probabilities", scores), columns, None, scale["mixed"])
    context = build.dense("context", mixed, given["value.kernel"], given["context.bias"], scale["context"])
    taps = given["conv.kernel"].shape[2]
    padded = build.pad_rows("padded", rows, taps - 1) if taps > 1 else rows
    conv = build.depthwise_conv("conv", padded, given["conv.kernel"], given["conv.bias"], scale["conv"])
    if activation == "silu":
        active = build.multiply("silu", conv, build.logistic("gate", conv), scale["active"])
    else:
        active = build.hard_swish("hard_swish", conv, scale["active"])
    contract = build.dense("contract", active, given["contract.kernel"], None, scale["contract"])
    total = build.add("sum", context, contract, output.quantization)
    build.graph.ops[-1].outputs = [output]
    build.graph.tensors.remove(total)
    return build.graph
