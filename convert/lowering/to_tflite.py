"""A Graph to a file's model, and to the bytes of a .tflite file.

What the device never reads is left out: tensor names other than those of inputs and outputs, empty buffers, signatures,
metadata.
"""

from collections.abc import Mapping

from convert.lowering.graph import Graph, Op, Quantization, Tensor
from convert.tflite.block_options import BLOCK
from convert.tflite.editing import (
    ACTIVATIONS,
    PADDINGS,
    add_graph,
    add_tensor,
    new_code,
    new_custom,
    new_model,
    new_operator,
    set_operators,
)
from convert.tflite.flatbuffer import number_bytes
from convert.tflite.model import TYPE_CODES
from convert.tflite.view import Graph as FileGraph
from convert.tflite.view import Model, Operator, read_numbers
from convert.tflite.view import Tensor as FileTensor
from convert.tflite.writer import pack_model

TENSOR_TYPES = {"int8": "INT8", "int16": "INT16", "int32": "INT32", "bool": "BOOL"}
# Options class of each operator; None where the schema has none, or none whose fields TFLite reads.
OPTIONS = {
    "ADD": "AddOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "CAST": "CastOptions",
    "CONCATENATION": "ConcatenationOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "GATHER": "GatherOptions",
    "HARD_SWISH": None,
    "L2_NORMALIZATION": "L2NormOptions",
    "LOGISTIC": None,
    "MUL": "MulOptions",
    "NOT_EQUAL": None,
    "PAD": None,
    "QUANTIZE": None,
    "RESHAPE": "ReshapeOptions",
    "SLICE": None,
    "SOFTMAX": "SoftmaxOptions",
    "SPLIT_V": "SplitVOptions",
    "SUB": "SubOptions",
    "TRANSPOSE": None,
    "WHILE": "WhileOptions",
}
OPTION_FIELDS = {
    "axis": "axis",
    "beta": "beta",
    "new_shape": "newShape",
    "depth_multiplier": "depthMultiplier",
    "dilation": "dilationHFactor",
    "splits": "numSplits",
    "keep_dims": "keepNumDims",
    "transposed": "adjY",
    "powers_of_two": "potScaleInt16",
    "condition": "condSubgraphIndex",
    "body": "bodySubgraphIndex",
}
INT16_VERSIONS = {"ADD": 3, "MUL": 4}


def write_model(graph: Graph, keep_names: bool = False) -> bytes:
    """Writes a graph as a TFLite flatbuffer.

    Args:
        graph: the graph, its operators in execution order.
        keep_names: write the names of all tensors, to debug; they cost flash.

    Returns:
        The bytes of the file.
    """
    return pack_model(make_model(graph, keep_names))


def make_model(graph: Graph, keep_names: bool = False) -> Model:
    """A graph as a file's model; the arguments are those of `write_model`."""
    model = new_model()
    graphs = [graph, *graph.subgraphs]
    for kind, version in sorted({(op.kind, operator_version(op)) for one in graphs for op in one.ops}):
        new_code(model, kind, version)
    for one in graphs:
        _write_graph(add_graph(model) if one is not graph else model.graphs[0], one, keep_names)
    return model


def _write_graph(written: FileGraph, graph: Graph, keep_names: bool) -> None:
    named = set(graph.tensors if keep_names else graph.inputs + graph.outputs)
    tensors = {t: _add_tensor(written, t, t.name if t in named else "") for t in graph.tensors}
    written.inputs = [tensors[t].index for t in graph.inputs]
    written.outputs = [tensors[t].index for t in graph.outputs]
    set_operators(written, [_operator(written, op, tensors) for op in graph.ops])


def write_operators(written: FileGraph, graph: Graph, known: Mapping[Tensor, FileTensor]) -> list[Operator]:
    """A graph's operators for a file's graph, not yet among those it has, with its tensors but those that are known."""
    tensors = {**known, **{t: _add_tensor(written, t, "") for t in graph.tensors if t not in known}}
    return [_operator(written, op, tensors) for op in graph.ops]


def _add_tensor(written: FileGraph, tensor: Tensor, name: str) -> FileTensor:
    quantization = None if tensor.quantization is None else _quantization(tensor.quantization)
    return add_tensor(written, name, TENSOR_TYPES[tensor.dtype.name], tensor.shape, tensor.data, quantization)


def operator_version(op: Op) -> int:
    """The lowest version of an operator that has its types, as TFLite's converter picks it
    (tensorflow/lite/tools/versioning/op_version.cc).
    """
    if op.kind in ("RESHAPE", "CAST", "QUANTIZE", "WHILE", BLOCK) or op.inputs[0].dtype == "int32":
        return 1
    if op.inputs[0].dtype == "int16" and op.kind in INT16_VERSIONS:
        return INT16_VERSIONS[op.kind]
    if op.kind == "MUL":
        x, y, z = (t.quantization.per_tensor_scale for t in op.inputs + op.outputs)
        return 3 if x * y / z >= 1 else 2
    if op.options.get("keep_dims"):
        return 5
    return {"FULLY_CONNECTED": 4, "DEPTHWISE_CONV_2D": 3, "HARD_SWISH": 1}.get(op.kind, 2)


def _quantization(quantization: Quantization) -> tuple[tuple[float, ...], list[int], int]:
    """Scales, as the file's 32 bits hold them, zero points and their axis."""
    scales = tuple(read_numbers(number_bytes("f", quantization.scale), "f"))
    return scales, [quantization.zero_point] * len(scales), quantization.axis


def _operator(written: FileGraph, op: Op, tensors: Mapping[Tensor, FileTensor]) -> Operator:
    inputs = [None if t is None else tensors[t] for t in op.inputs]
    outputs = [tensors[t] for t in op.outputs]
    if custom := op.options.get("custom_options"):
        return new_custom(written, op.kind, inputs, outputs, custom)
    fields = _options(op) if OPTIONS[op.kind] else {}
    return new_operator(written, op.kind, inputs, outputs, OPTIONS[op.kind], operator_version(op), **fields)


def _options(op: Op) -> dict[str, object]:
    """The fields of an operator's options by their names in the schema."""
    fields: dict[str, object] = {
        OPTION_FIELDS[name]: value for name, value in op.options.items() if name != "fused_activation"
    }
    if "fused_activation" in op.options:
        fields["fusedActivationFunction"] = ACTIVATIONS[op.options["fused_activation"]]
    if op.kind == "CAST":
        types = [TENSOR_TYPES[tensor.dtype.name] for tensor in (op.inputs[0], op.outputs[0])]
        fields |= dict(zip(("inDataType", "outDataType"), (TYPE_CODES[name] for name in types)))
    if op.kind == "DEPTHWISE_CONV_2D":
        fields |= {"padding": PADDINGS["VALID"], "strideH": 1, "strideW": 1}
    return fields
