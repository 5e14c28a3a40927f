"""What a .tflite file says about itself.

`read_model` takes files that nobody vouches for: it raises `DamagedModel` (a ValueError), and costs little, whatever is
in them. What it gives may still make no sense; `check.py` tells.
"""

import math
import struct
from collections import Counter
from collections.abc import Iterable

from convert.tflite import schema
from convert.tflite.verifier import DamagedModel, verify_flatbuffer

FLOAT_TYPES = {"FLOAT16", "FLOAT32", "FLOAT64", "BFLOAT16", "COMPLEX64", "COMPLEX128", "FLOAT8_E4M3FN", "FLOAT8_E5M2"}
TYPE_NAMES = {code: name for name, code in vars(schema.TensorType).items() if not name.startswith("_")}
TYPE_CODES = {name: code for code, name in TYPE_NAMES.items()}
OPERATOR_NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}


def _options_by_operator() -> dict[str, str]:
    """The class of each operator's options, by the names of both: CONV_2D has a Conv2DOptionsT."""
    classes = {name.lower(): f"{name}T" for name in vars(schema.BuiltinOptions)}
    plain = {name: f"{name.replace('_', '').lower()}options" for name in OPERATOR_NAMES.values()}
    shared = dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"), "pool2doptions")
    shared |= dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ALL"), "reduceroptions")
    plain |= shared | {"L2_NORMALIZATION": "l2normoptions"}
    return {name: classes[found] for name, found in plain.items() if found in classes}


OPTIONS_OF = _options_by_operator()


def read_model(data: bytes) -> schema.ModelT:
    """Unpacks a flatbuffer into the schema's objects; vectors are views of `data`, or None where the file has none.

    Raises:
        DamagedModel: it is no TFLite flatbuffer, or has no graph.
    """
    verify_flatbuffer(data)
    try:
        model = schema.unpack_model(data)
    except (ValueError, struct.error) as error:
        raise DamagedModel(f"the options of an operator cannot be read ({error})") from error
    if not model.subgraphs:
        raise DamagedModel("it has no graph")
    _fill_absent(model)
    _drop_foreign_options(model)
    return model


def _fill_absent(model: schema.ModelT) -> None:
    """Empty lists for those that a writer dropped because they were empty, as TFLM's own align tool does. Those that
    TFLM counts on stay None: tensors of a graph, inputs and outputs of the first.
    """
    for g, graph in enumerate(model.subgraphs):
        ends = ("inputs", "outputs")
        _set_absent(graph, ("operators", *(ends if g else ())))
        for op in graph.operators:
            _set_absent(op, ends)


def _drop_foreign_options(model: schema.ModelT) -> None:
    """Options of another operator's kind are none, as TFLM takes them (core/api/flatbuffer_conversions.cc)."""
    for op in (op for graph in model.subgraphs for op in graph.operators):
        known = op.opcodeIndex < len(model.operatorCodes or [])
        wanted = OPTIONS_OF.get(operator_name(model, op)) if known and op.builtinOptions is not None else None
        if wanted and type(op.builtinOptions).__name__ != wanted:
            op.builtinOptions, op.builtinOptionsType = None, 0


def _set_absent(part: object, names: tuple[str, ...]) -> None:
    for name in names:
        if getattr(part, name) is None:
            setattr(part, name, [])


def input_length(data: bytes) -> int:
    """L of an EmbBERT model: the last dimension of its first input."""
    graph = read_model(data).subgraphs[0]
    try:
        return int(graph.tensors[graph.inputs[0]].shape[-1])
    except (LookupError, TypeError):
        raise DamagedModel("its first input is not there") from None


def takes_pairs(data: bytes) -> bool:
    """Whether an EmbBERT model has segments as its second input."""
    return len(read_model(data).subgraphs[0].inputs) == 2


def output_quantization(model: schema.ModelT) -> tuple[float, int]:
    """Scale and zero point of the first output."""
    graph = model.subgraphs[0]
    quantization = graph.tensors[graph.outputs[0]].quantization
    return float(quantization.scale[0]), int(quantization.zeroPoint[0])


def float_tensors(model: schema.ModelT) -> list[dict]:
    """The tensors that are not integers: {index, name, type}, of all subgraphs; those that no operator reads or writes
    are not computed with (the intermediates of an LSTM carry ranges of calibration).
    """
    return [
        {"index": index, "name": _name(graph.tensors[index]), "type": type_name(graph.tensors[index])}
        for graph in model.subgraphs
        for index in sorted(_touched(graph))
        if type_name(graph.tensors[index]) in FLOAT_TYPES
    ]


def _touched(graph: schema.SubGraphT) -> set[int]:
    """The tensors that come into a graph, leave it, or that an operator reads or writes."""
    ends = [graph.inputs, graph.outputs, *(values for op in graph.operators for values in (op.inputs, op.outputs))]
    return {i for values in ends for i in indices(values) if i >= 0}


def type_name(tensor: schema.TensorT) -> str:
    """INT8; the number of a type that the schema does not know."""
    return TYPE_NAMES.get(tensor.type, str(tensor.type))


def operator_name(model: schema.ModelT, op: schema.OperatorT) -> str:
    """ADD; CUSTOM:name; the number of an operator that the schema does not know."""
    code = model.operatorCodes[op.opcodeIndex]
    builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
    name = OPERATOR_NAMES.get(builtin, str(builtin))
    return f"CUSTOM:{text(code.customCode)}" if name == "CUSTOM" else name


def list_ops(model: schema.ModelT) -> list[dict]:
    """The operators used, sorted by name: {name, version, count, types}.

    `types` are the distinct `inputs>outputs` signatures, an input left out shown as `-`.
    """
    counts: Counter[tuple[str, int]] = Counter()
    types: dict[tuple[str, int], set[str]] = {}
    for graph in model.subgraphs:
        names = [type_name(tensor).lower() for tensor in graph.tensors]
        for op in graph.operators:
            key = operator_name(model, op), model.operatorCodes[op.opcodeIndex].version
            counts[key] += 1
            ends = (",".join(["-" if i < 0 else names[i] for i in chosen]) for chosen in (op.inputs, op.outputs))
            types.setdefault(key, set()).add(">".join(ends))
    return [
        {"name": name, "version": version, "count": counts[name, version], "types": sorted(types[name, version])}
        for name, version in sorted(counts)
    ]


def _name(tensor: schema.TensorT) -> str:
    return text(tensor.name)


def text(value: bytes | str | None) -> str:
    """A string of the file, whatever its bytes are."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""


# micro/memory_helpers.cc, TfLiteTypeSizeOf; an int4 is counted as a byte
TYPE_BYTES = {
    "FLOAT16": 2,
    "BFLOAT16": 2,
    "FLOAT32": 4,
    "FLOAT64": 8,
    "INT4": 1,
    "INT8": 1,
    "UINT8": 1,
    "INT16": 2,
    "UINT16": 2,
    "INT32": 4,
    "UINT32": 4,
    "INT64": 8,
    "UINT64": 8,
    "BOOL": 1,
    "RESOURCE": 4,
    "COMPLEX64": 8,
    "COMPLEX128": 16,
    "FLOAT8_E4M3FN": 1,
    "FLOAT8_E5M2": 1,
}
# Operators that run other graphs, and the options that name these.
CALLED_GRAPHS = {
    "IF": ("thenSubgraphIndex", "elseSubgraphIndex"),
    "CALL_ONCE": ("initSubgraphIndex",),
    "WHILE": ("condSubgraphIndex", "bodySubgraphIndex"),
}


def operators(graph: schema.SubGraphT) -> list[schema.OperatorT]:
    """The operators of a graph, which may have none."""
    return graph.operators if graph.operators is not None else []


def indices(values: Iterable[int] | None) -> list[int]:
    """A vector of integers in the flatbuffer, which may be absent."""
    return [] if values is None else list(map(int, values))


def tensor_bytes(tensor: schema.TensorT) -> int:
    """Bytes of a tensor's elements; one of rank 0 has one element."""
    return math.prod(indices(tensor.shape)) * TYPE_BYTES[TYPE_NAMES[tensor.type]]


def is_constant(model: schema.ModelT, tensor: schema.TensorT) -> bool:
    """Whether a tensor's data is in the file (micro_allocator.cc, GetFlatbufferTensorBuffer)."""
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0
