"""What a .tflite file says about itself, read with the schema classes of the tflite-micro package.

These functions walk the flatbuffer in Python. A damaged file can make them raise almost anything; `check.py` reads
files it does not trust in a child process.
"""

import math
from collections import Counter

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

FILE_IDENTIFIER = b"TFL3"
FLOAT_TYPES = {"FLOAT16", "FLOAT32", "FLOAT64", "BFLOAT16", "COMPLEX64", "COMPLEX128"}
TYPE_NAMES = {code: name for name, code in vars(schema.TensorType).items() if not name.startswith("_")}
OPERATOR_NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}


def read_model(data: bytes) -> schema.ModelT:
    """Unpacks a flatbuffer into the schema's objects; ValueError when it has no TFLite identifier."""
    if data[4:8] != FILE_IDENTIFIER:
        raise ValueError("not a TFLite flatbuffer")
    return schema.ModelT.InitFromPackedBuf(data)


def input_length(data: bytes) -> int:
    """L of an EmbBERT model: the last dimension of its first input."""
    graph = schema.Model.GetRootAs(data).Subgraphs(0)
    tensor = graph.Tensors(graph.Inputs(0))
    return int(tensor.Shape(tensor.ShapeLength() - 1))


def takes_pairs(data: bytes) -> bool:
    """Whether an EmbBERT model has segments as its second input."""
    return schema.Model.GetRootAs(data).Subgraphs(0).InputsLength() == 2


def output_quantization(model: schema.ModelT) -> tuple[float, int]:
    """Scale and zero point of the first output."""
    graph = model.subgraphs[0]
    quantization = graph.tensors[graph.outputs[0]].quantization
    return float(quantization.scale[0]), int(quantization.zeroPoint[0])


def float_tensors(model: schema.ModelT) -> list[dict]:
    """The tensors that are not integers: {index, name, type}, of all subgraphs."""
    return [{"index": index, "name": _name(tensor), "type": TYPE_NAMES[tensor.type]}
            for graph in model.subgraphs for index, tensor in enumerate(graph.tensors)
            if TYPE_NAMES[tensor.type] in FLOAT_TYPES]


def list_ops(model: schema.ModelT) -> list[dict]:
    """The operators used, sorted by name: {name, version, count, types}.

    `types` are the distinct `inputs>outputs` signatures, an input left out shown as `-`.
    """
    counts, types = Counter(), {}
    for graph in model.subgraphs:
        for op in graph.operators:
            key = _operator(model, op)
            counts[key] += 1
            types.setdefault(key, set()).add(_signature(graph, op))
    return [{"name": name, "version": version, "count": counts[name, version], "types": sorted(types[name, version])}
            for name, version in sorted(counts)]


def count_macs(model: schema.ModelT) -> int:
    """Multiply-accumulates of one inference: those of dense and convolution operators, where all but a percent are."""
    graph = model.subgraphs[0]
    return sum(_macs(graph, op, _operator(model, op)[0]) for op in graph.operators)


def live_bytes(model: schema.ModelT, alignment: int = 16) -> list[int]:
    """Bytes of activations alive at each operator: what a planner without overlaps cannot go below.

    Args:
        model: the model; its first graph counts.
        alignment: every buffer is rounded up to it (TFLM: 16, micro_arena_constants.h).

    Returns:
        One number per operator.
    """
    graph = model.subgraphs[0]
    alive = [0] * len(graph.operators)
    for index, (first, last) in _lifetimes(graph).items():
        size = -(-_nbytes(graph.tensors[index]) // alignment) * alignment
        for step in range(first, last + 1):
            alive[step] += size
    return alive


def _lifetimes(graph: schema.SubGraphT) -> dict[int, tuple[int, int]]:
    """First and last operator of each activation; inputs live from the start, outputs to the end."""
    first, last = ({int(i): 0 for i in graph.inputs} for _ in range(2))
    for step, op in enumerate(graph.operators):
        first.update({int(i): step for i in op.outputs})
        last.update({int(i): step for i in [*op.inputs, *op.outputs] if int(i) in first})
    last.update({int(i): len(graph.operators) - 1 for i in graph.outputs})
    return {index: (first[index], last[index]) for index in first}


def _nbytes(tensor: schema.TensorT) -> int:
    bits = int("".join(filter(str.isdigit, TYPE_NAMES[tensor.type])) or 8)  # INT8, FLOAT32; BOOL is a byte
    return math.prod(int(n) for n in tensor.shape) * bits // 8


def _macs(graph: schema.SubGraphT, op: schema.OperatorT, name: str) -> int:
    if name not in ("FULLY_CONNECTED", "DEPTHWISE_CONV_2D"):
        return 0
    weights, output = graph.tensors[op.inputs[1]].shape, graph.tensors[op.outputs[0]].shape
    terms = weights[-1] if name == "FULLY_CONNECTED" else weights[1] * weights[2]
    return math.prod(int(n) for n in output) * int(terms)


def _operator(model: schema.ModelT, op: schema.OperatorT) -> tuple[str, int]:
    code = model.operatorCodes[op.opcodeIndex]
    builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
    name = OPERATOR_NAMES.get(builtin, str(builtin))
    if name == "CUSTOM":
        name = f"CUSTOM:{_text(code.customCode)}"
    return name, code.version


def _signature(graph: schema.SubGraphT, op: schema.OperatorT) -> str:
    def types(indices):
        return ",".join("-" if i < 0 else TYPE_NAMES[graph.tensors[i].type].lower() for i in indices)
    return f"{types(op.inputs)}>{types(op.outputs)}"


def _name(tensor: schema.TensorT) -> str:
    return _text(tensor.name)


def _text(value: bytes | str | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""
