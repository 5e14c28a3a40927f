"""Blocks of EmbBERT, each to one operator: EMBBERT_BLOCK of tflm_app/kernels, with the same bytes.

It takes the graph of `lower_mixed`. What a block has of the length of the text is then x, which the operator turns into
n where it lies, and what it writes; all else is a few rows at a time (`tflite/block_options.py`, scratch_bytes). TFLM
has no kernel for it: only firmware with ours runs such a model, and interpreters what `expand.py` makes of it.
"""

import dataclasses

import numpy as np

from convert.lowering.fused_block import conv_rescale, fits_four_bits, make_options, pack_weights
from convert.lowering.graph import Graph, Op, Quantization, Role, Tensor
from convert.lowering.ops import GraphBuilder
from convert.lowering.to_tflite import write_model
from convert.tflite.block_options import BLOCK, INPUTS, STEPS

BYTES = 256


def fuse_blocks(graph: Graph, tile_rows: int) -> Graph:
    """The graph with an EMBBERT_BLOCK for each block but the last.

    Args:
        graph: as `lower_mixed` gives it.
        tile_rows: rows that are computed at a time: more take more scratch, and fewer instructions.

    Raises:
        ValueError: a block has more than one channel of convolution for one of its input; the operator has not.
    """
    block = 0
    while graph.find(block, "contract"):
        graph = _fuse_block(graph, block, tile_rows)
        block += 1
    return graph


def _fuse_block(graph: Graph, block: int, tile_rows: int) -> Graph:
    ops = [op for op in graph.ops if op.role and op.role.block == block and op.role.part != "mask"]
    part = {op.role.part: op for op in ops if op.role}
    if part["conv"].options["depth_multiplier"] != 1:
        raise ValueError("EMBBERT_BLOCK takes one channel of convolution for one of its input")
    activation = "silu" if "silu" in part else "hard_swish"
    norm, last = part["norm"], ops[-1]
    made = {name: part[name].outputs[0].quantization for name in STEPS}
    hidden = made | {"conv": part["conv"].outputs[0].quantization, "active": part[activation].outputs[0].quantization}
    kernels = {name: part[user].inputs[1] for name, user in (("query", "query"), ("value", "context"))}
    kernels["contract"] = part["contract"].inputs[1]
    options = make_options(
        tile_rows,
        norm.inputs[0].quantization,
        last.outputs[0].quantization,
        hidden,
        {name: tensor.quantization.per_tensor_scale for name, tensor in kernels.items()},
        activation,
    )
    if all(fits_four_bits(_data(tensor)) for tensor in kernels.values()):
        kernels = {name: _packed(tensor) for name, tensor in kernels.items()}
    conv = part["conv"]
    _, conv_kernel, conv_bias = conv.inputs
    tensors = {
        "x": norm.inputs[0],
        "mask": part["scores"].inputs[2],
        **{f"{name}.kernel": tensor for name, tensor in kernels.items()},
        "query.bias": part["query"].inputs[2],
        "context.bias": part["context"].inputs[2],
        "conv.kernel": conv_kernel,
        "conv.bias": conv_bias,
        "conv.rescale": _constant("conv.rescale", conv_rescale(conv_kernel.quantization, hidden["conv"])),
        "activation": _constant("activation", _activate(activation, hidden["conv"], hidden["active"])),
    }
    fused = Op(
        BLOCK, [tensors[name] for name in INPUTS], [last.outputs[0]], {"custom_options": options}, Role(block, "fused")
    )
    return graph.replaced(ops, [fused])


def _data(tensor: Tensor) -> np.ndarray:
    assert tensor.data is not None
    return tensor.data


def _packed(kernel: Tensor) -> Tensor:
    data = pack_weights(_data(kernel))
    return dataclasses.replace(kernel, shape=data.shape, data=data)


def _constant(name: str, data: np.ndarray) -> Tensor:
    return Tensor(name, data.shape, data.dtype, None, data)


def _activate(activation: str, conv: Quantization, active: Quantization) -> np.ndarray:
    """What TFLM's operators make of each byte 0 .. 255 of a convolution, int8 [256]: asked of its interpreter."""
    from convert.tflm.interpreters import predict

    build = GraphBuilder()
    tokens = build.input("tokens", (1, BYTES))
    every = np.arange(BYTES, dtype=np.uint8).view(np.int8)
    x = build.gather("bytes", build.constant("every", every, conv), tokens)
    if activation == "silu":
        x = build.multiply("silu", x, build.logistic("gate", x), active)
    else:
        x = build.hard_swish("hard_swish", x, active)
    build.output(x)
    return predict(write_model(build.graph), [np.arange(BYTES, dtype=np.int32)], processes=1)[0].astype(np.int8)
