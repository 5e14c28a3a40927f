"""A Graph to the schema's objects, and to the bytes of a .tflite file.

What the device never reads is left out: tensor names other than those of inputs and outputs, empty buffers, signatures,
metadata.
"""

import numpy as np

from convert.lowering.graph import Graph, Op, Quantization, Tensor
from convert.tflite import schema
from convert.tflite.writer import pack_model

SCHEMA_VERSION = 3
OPTIONAL = -1  # index of an input left out
TENSOR_TYPES = {"int8": schema.TensorType.INT8, "int32": schema.TensorType.INT32}
# Options class of each operator; None where the schema has none, or none whose fields TFLite reads.
OPTIONS = {
    "ADD": "AddOptions",
    "CONCATENATION": "ConcatenationOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "GATHER": "GatherOptions",
    "HARD_SWISH": None,
    "L2_NORMALIZATION": "L2NormOptions",
    "LOGISTIC": None,
    "MUL": "MulOptions",
    "PAD": None,
    "RESHAPE": "ReshapeOptions",
    "SLICE": None,
    "SOFTMAX": "SoftmaxOptions",
    "SPLIT_V": "SplitVOptions",
    "SUB": "SubOptions",
    "TRANSPOSE": None,
}
OPTION_FIELDS = {
    "axis": "axis",
    "beta": "beta",
    "new_shape": "newShape",
    "depth_multiplier": "depthMultiplier",
    "dilation": "dilationHFactor",
    "splits": "numSplits",
    "keep_dims": "keepNumDims",
}


def write_model(graph: Graph, keep_names: bool = False) -> bytes:
    """Writes a graph as a TFLite flatbuffer.

    Args:
        graph: the graph, its operators in execution order.
        keep_names: write the names of all tensors, to debug; they cost flash.

    Returns:
        The bytes of the file.
    """
    return pack_model(make_model(graph, keep_names))


def make_model(graph: Graph, keep_names: bool = False) -> schema.ModelT:
    """A graph as the schema's objects; the arguments are those of `write_model`."""
    buffers = _Buffers()
    codes = sorted({_code(op) for op in graph.ops})
    indices = {id(tensor): index for index, tensor in enumerate(graph.tensors)}
    named = {id(t) for t in (graph.tensors if keep_names else graph.inputs + graph.outputs)}

    subgraph = schema.SubGraphT()
    subgraph.tensors = [_tensor(t, buffers, id(t) in named) for t in graph.tensors]
    subgraph.inputs = [indices[id(t)] for t in graph.inputs]
    subgraph.outputs = [indices[id(t)] for t in graph.outputs]
    subgraph.operators = [_operator(op, codes, indices) for op in graph.ops]

    model = schema.ModelT()
    model.version = SCHEMA_VERSION
    model.operatorCodes = [_operator_code(*code) for code in codes]
    model.subgraphs = [subgraph]
    model.buffers = buffers.all
    return model


def operator_version(op: Op) -> int:
    """The lowest version of an operator that has its types, as TFLite's converter picks it
    (tensorflow/lite/tools/versioning/op_version.cc)."""
    if op.kind == "RESHAPE" or op.inputs[0].dtype == np.int32:
        return 1
    if op.kind == "MUL":
        x, y, z = (t.quantization.per_tensor_scale for t in op.inputs + op.outputs)
        return 3 if x * y / z >= 1 else 2
    if op.options.get("keep_dims"):
        return 5
    return {"FULLY_CONNECTED": 4, "DEPTHWISE_CONV_2D": 3, "HARD_SWISH": 1}.get(op.kind, 2)


class _Buffers:
    """The constants of a model; equal ones share a buffer, and everything without data has buffer 0."""

    def __init__(self):
        self.all = [schema.BufferT()]
        self._indices: dict[bytes, int] = {}

    def index(self, tensor: Tensor) -> int:
        if tensor.data is None:
            return 0
        data = tensor.data.tobytes()
        if data not in self._indices:
            self._indices[data] = len(self.all)
            self.all.append(schema.BufferT(np.frombuffer(data, np.uint8)))
        return self._indices[data]


def _tensor(tensor: Tensor, buffers: _Buffers, named: bool) -> schema.TensorT:
    packed = schema.TensorT()
    packed.shape = list(tensor.shape)
    packed.type = TENSOR_TYPES[tensor.dtype.name]
    packed.buffer = buffers.index(tensor)
    packed.name = tensor.name if named else None
    packed.quantization = tensor.quantization and _quantization(tensor.quantization)
    return packed


def _quantization(quantization: Quantization) -> schema.QuantizationParametersT:
    packed = schema.QuantizationParametersT()
    packed.scale = np.array(quantization.scale, np.float32)
    packed.zeroPoint = np.full(len(quantization.scale), quantization.zero_point, np.int64)
    packed.quantizedDimension = quantization.axis
    return packed


def _code(op: Op) -> tuple[str, int]:
    return op.kind, operator_version(op)


def _operator_code(kind: str, version: int) -> schema.OperatorCodeT:
    packed = schema.OperatorCodeT()
    packed.builtinCode = getattr(schema.BuiltinOperator, kind)
    packed.deprecatedBuiltinCode = min(packed.builtinCode, 127)  # one byte, for readers of the first schema
    packed.version = version
    return packed


def _operator(op: Op, codes: list, indices: dict[int, int]) -> schema.OperatorT:
    packed = schema.OperatorT()
    packed.opcodeIndex = codes.index(_code(op))
    packed.inputs = [OPTIONAL if t is None else indices[id(t)] for t in op.inputs]
    packed.outputs = [indices[id(t)] for t in op.outputs]
    if OPTIONS[op.kind]:
        packed.builtinOptionsType = getattr(schema.BuiltinOptions, OPTIONS[op.kind])
        packed.builtinOptions = _options(op)
    return packed


def _options(op: Op):
    packed = getattr(schema, OPTIONS[op.kind] + "T")()
    for name, value in op.options.items():
        if name == "fused_activation":
            packed.fusedActivationFunction = getattr(schema.ActivationFunctionType, value)
        else:
            setattr(packed, OPTION_FIELDS[name], value)
    if op.kind == "DEPTHWISE_CONV_2D":
        packed.padding = schema.Padding.VALID
        packed.strideH = packed.strideW = 1
    return packed
