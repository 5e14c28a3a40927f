"""Files damaged part by part: well-formed flatbuffers that say what no model should.

A good model is unpacked, one to three of its parts are edited, and it is packed again. Number `i` of a seed is the same
whoever makes it and however many others are made.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from flatbuffers.builder import BuilderSizeError
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from tests.support import agreement_models

# Their objects stand among those of the schema's own classes, and are packed with them.
operator: Callable[..., Any] = agreement_models.operator
operator_code: Callable[..., Any] = agreement_models.operator_code
pack: Callable[..., bytes] = agreement_models.pack
Edit = Callable[[schema.ModelT, np.random.Generator], None]
INT_MAX = 2**31 - 1
NUMBERS = (-(2**31), -(2**30), -129, -2, -1, 0, 1, 2, 3, 4, 5, 7, 8, 16, 127, 128, 255, 1000, 65536, 2**30, INT_MAX)
SIZES = (-1, 0, 1, 1, 2, 3, 4, 5, 8, 64, 1000, 70_000, 2**20, 2**31 - 1)
SCALES = (0.0, -1.0, 1e-45, 1e-30, 1e-9, 1 / 256, 1 / 32768, 0.5, 1.0, 2.0, 1e9, 3e38, float("inf"), float("nan"))
POINTS = (-(2**63), -(2**40), -32768, -129, -128, -1, 0, 1, 3, 127, 128, 255, 2**31, 2**40, 2**63 - 1)
PLAN_OFFSETS = (-(2**31), -16, -2, -1, 0, 1, 15, 16, 4096, 2**20, 2**30, INT_MAX - 15, INT_MAX)
MANY = 1000


def structure_mutants(models: list[bytes], numbers: Iterable[int], seed: int) -> list[bytes]:
    """The mutants of some numbers."""
    return [structure_mutant(models, number, seed) for number in numbers]


def structure_mutant(models: list[bytes], number: int, seed: int) -> bytes:
    """One damaged model; edits that no file can hold are made anew."""
    rng = np.random.default_rng((seed, number))
    while True:
        model = schema.ModelT.InitFromPackedBuf(models[rng.integers(len(models))])
        try:
            for _ in range(rng.choice((1, 2, 3), p=(0.75, 0.2, 0.05))):
                _pick(rng, EDITS)(model, rng)
            return pack(model)
        except (AttributeError, BuilderSizeError, LookupError, OverflowError, TypeError, ValueError, struct.error):
            continue  # an edit of what another has taken away, a number without room in its field, over 2 GB


def _pick(rng: np.random.Generator, values: Sequence[Any]) -> Any:
    return values[int(rng.integers(len(values)))]


def _graph(model: schema.ModelT, rng: np.random.Generator) -> schema.SubGraphT:
    return _pick(rng, model.subgraphs)


def _tensor(model: schema.ModelT, rng: np.random.Generator) -> schema.TensorT:
    graph = _graph(model, rng)
    if graph.tensors is None or not len(graph.tensors):
        graph.tensors = [schema.TensorT()]
    return _pick(rng, graph.tensors)


def _operator(model: schema.ModelT, rng: np.random.Generator) -> schema.OperatorT:
    graph = _graph(model, rng)
    if graph.operators is None or not len(graph.operators):
        graph.operators = [operator(0, [], [])]
    return _pick(rng, graph.operators)


def _edit_list(values: Any, rng: np.random.Generator, numbers: tuple[int, ...]) -> list[int] | None:
    """A list with an element set, added, taken away, doubled, or without any; None for no list."""
    edited = [] if values is None else [int(value) for value in values]
    kind, place = rng.integers(8), int(rng.integers(max(len(edited), 1)))
    if kind < 3 and edited:
        edited[place] = _pick(rng, numbers)
    elif kind == 3:
        edited.insert(place, _pick(rng, numbers))
    elif kind == 4 and edited:
        del edited[place]
    elif kind == 5 and edited:
        edited.append(edited[place])
    elif kind == 6:
        edited = []
    else:
        return None
    return edited


def operator_tensors(model: schema.ModelT, rng: np.random.Generator) -> None:
    op, ends = _operator(model, rng), _pick(rng, ("inputs", "outputs"))
    setattr(op, ends, _edit_list(getattr(op, ends), rng, (-2, -1, 0, 1, 2, 3, 4, 9, 100, INT_MAX)))


def graph_ends(model: schema.ModelT, rng: np.random.Generator) -> None:
    graph, ends = _graph(model, rng), _pick(rng, ("inputs", "outputs"))
    setattr(graph, ends, _edit_list(getattr(graph, ends), rng, (-1, 0, 1, 2, 3, 9, 100, INT_MAX)))


def aliases(model: schema.ModelT, rng: np.random.Generator) -> None:
    """One tensor in two places: an operator that writes its input, or what another wrote, or a constant."""
    graph = _graph(model, rng)
    if graph.operators is None or not len(graph.operators) or not len(graph.tensors):
        return
    op, tensor = _pick(rng, graph.operators), int(rng.integers(len(graph.tensors)))
    for ends in ("inputs", "outputs"):
        values = [int(i) for i in (getattr(op, ends) if getattr(op, ends) is not None else [])]
        if values and rng.integers(2):
            values[int(rng.integers(len(values)))] = tensor
            setattr(op, ends, values)


def shapes(model: schema.ModelT, rng: np.random.Generator) -> None:
    _tensor(model, rng).shape = _edit_list(_tensor(model, rng).shape, rng, SIZES)


def dimension(model: schema.ModelT, rng: np.random.Generator) -> None:
    tensor = _tensor(model, rng)
    tensor.shape = _edit_list(tensor.shape, rng, SIZES)


def ranks(model: schema.ModelT, rng: np.random.Generator) -> None:
    """Many dimensions: of one, of two (the product has thousands of digits), or hundreds of thousands."""
    count = int(_pick(rng, (5, 6, 7, 9, 40, MANY, 20_000, 300_000)))
    _tensor(model, rng).shape = np.full(count, _pick(rng, (1, 1, 2, 10)), np.int32)  # packed at once


def types(model: schema.ModelT, rng: np.random.Generator) -> None:
    _tensor(model, rng).type = int(_pick(rng, (*range(22), 60, 127, -5)))


def variables(model: schema.ModelT, rng: np.random.Generator) -> None:
    tensor = _tensor(model, rng)
    tensor.isVariable = not tensor.isVariable


def signatures(model: schema.ModelT, rng: np.random.Generator) -> None:
    """Open shapes, sparsity, and signatures of the model that name what is not there."""
    tensor = _tensor(model, rng)
    tensor.shapeSignature = _edit_list(tensor.shape, rng, (-1, -2, 0, 5))
    if rng.integers(3) == 0:
        tensor.sparsity = schema.SparsityParametersT()
        tensor.sparsity.traversalOrder, tensor.sparsity.blockMap, tensor.sparsity.dimMetadata = [9, -1], [], []
    if rng.integers(2):
        signature, entry = schema.SignatureDefT(), schema.TensorMapT()
        entry.name, entry.tensorIndex = "x", int(_pick(rng, (0, 1, 9, INT_MAX)))
        signature.inputs, signature.outputs, signature.signatureKey = [entry], [], "serve"
        signature.subgraphIndex = int(_pick(rng, (0, 1, 9, INT_MAX)))
        model.signatureDefs = [signature]


def buffers(model: schema.ModelT, rng: np.random.Generator) -> None:
    """Buffers that are not there, shared ones, and ones outside of the flatbuffer."""
    kind, tensor = rng.integers(5), _tensor(model, rng)
    if kind == 0:
        tensor.buffer = int(_pick(rng, (0, 1, 2, 3, len(model.buffers), 10**6, 2**32 - 1)))
    elif kind == 1:
        tensor.buffer = _tensor(model, rng).buffer
    elif kind == 2:
        buffer = _pick(rng, model.buffers)
        buffer.offset, buffer.size = int(_pick(rng, (0, 1, 2, 4096, 2**40))), int(_pick(rng, (0, 1, 4, 2**40)))
    elif kind == 3:
        model.buffers = model.buffers[: int(rng.integers(len(model.buffers) + 1))]
    else:
        model.buffers[0].data = np.zeros(int(_pick(rng, (1, 4, 64))), np.uint8)


def constants(model: schema.ModelT, rng: np.random.Generator) -> None:
    """Other bytes in a constant: numbers out of range, fewer of them, more, none. Or a tensor becomes one."""
    tensor, kind = _tensor(model, rng), rng.integers(6)
    buffer = schema.BufferT() if kind == 0 or tensor.buffer >= len(model.buffers) else model.buffers[tensor.buffer]
    data = np.array([] if buffer.data is None else buffer.data, np.uint8)
    if kind == 0:
        model.buffers.append(buffer)
        tensor.buffer, data = len(model.buffers) - 1, np.zeros(int(_pick(rng, (1, 4, 64, 256))), np.uint8)
    elif kind == 1:
        data = data[: int(rng.integers(len(data) + 1))]
    elif kind == 2:
        data = np.concatenate([data, data])
    elif kind == 3:
        data = rng.integers(0, 256, len(data)).astype(np.uint8)
    else:
        values = data[: len(data) // 4 * 4].view("<i4").copy()
        if len(values):
            values[int(rng.integers(len(values)))] = _pick(rng, NUMBERS)
        data = values.view(np.uint8)
    buffer.data = data


def quantization(model: schema.ModelT, rng: np.random.Generator) -> None:
    tensor = _tensor(model, rng)
    if tensor.quantization is None or rng.integers(6) == 0:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [0.5], [0]
    found, kind = tensor.quantization, rng.integers(6)
    count = max(len(found.scale) if found.scale is not None else 0, 1)
    if kind == 0:
        tensor.quantization = None
    elif kind == 1:
        found.scale = [_pick(rng, SCALES)] * int(_pick(rng, (0, 1, count, count, count + 1, 3)))
    elif kind == 2:
        found.zeroPoint = [_pick(rng, POINTS)] * int(_pick(rng, (0, 1, count, count, count + 1, 3)))
    elif kind == 3:
        found.quantizedDimension = _pick(rng, NUMBERS)
    elif kind == 4:
        count = int(_pick(rng, (2, 3, 4, MANY)))
        found.scale, found.zeroPoint = [0.5] * count, [0] * count
    else:
        found.scale, found.zeroPoint = [_pick(rng, SCALES)], [_pick(rng, POINTS)]


def options(model: schema.ModelT, rng: np.random.Generator) -> None:
    """Attributes out of range, options of another operator, none at all."""
    op, kind = _operator(model, rng), rng.integers(8)
    fields = (
        [name for name, value in vars(op.builtinOptions).items() if isinstance(value, int | float)]
        if (op.builtinOptions is not None)
        else []
    )
    if kind == 0:
        op.builtinOptions, op.builtinOptionsType = None, 0
    elif kind == 1:
        name = _pick(rng, [name for name in vars(schema.BuiltinOptions) if name[0].isupper() and name != "NONE"])
        op.builtinOptions, op.builtinOptionsType = getattr(schema, f"{name}T")(), getattr(schema.BuiltinOptions, name)
    elif fields:
        name = _pick(rng, fields)
        old = getattr(op.builtinOptions, name)
        value = float(_pick(rng, SCALES)) if isinstance(old, float) else _pick(rng, (*NUMBERS, 0, 1, 2, 3))
        setattr(op.builtinOptions, name, bool(value) if isinstance(old, bool) else value)


def codes(model: schema.ModelT, rng: np.random.Generator) -> None:
    """Other operators, unknown ones, custom ones with odd names, versions."""
    code, kind = _pick(rng, model.operatorCodes), rng.integers(5)
    if kind == 0:
        code.builtinCode = int(_pick(rng, (*range(0, 210, 7), 209, 250, 10_000, -1)))
        code.deprecatedBuiltinCode = min(max(code.builtinCode, -1), 127)
    elif kind == 1:
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = _pick(
            rng, (None, "", "Mine", "FlexErf", "ethos-u", "SignalWindow", "TFLM_DECODE", "\u00e9" * 9)
        )
    elif kind == 2:
        _operator(model, rng).opcodeIndex = int(_pick(rng, (0, 1, 2, 7, 2**32 - 1)))
    elif kind == 3:
        code.deprecatedBuiltinCode = int(_pick(rng, (-1, 0, 9, 32, 127)))
    else:
        _operator(model, rng).customOptions = rng.integers(0, 256, int(rng.integers(9))).astype(np.uint8)


def intermediates(model: schema.ModelT, rng: np.random.Generator) -> None:
    op = _operator(model, rng)
    op.intermediates = _edit_list(op.intermediates, rng, (-1, 0, 1, 2, 9, INT_MAX))


def calls(model: schema.ModelT, rng: np.random.Generator) -> None:
    """Operators that run graphs: themselves, each other, none there is, many times."""
    graph = _graph(model, rng)
    kind = _pick(rng, ("If", "While", "CallOnce"))
    fields = {
        "If": ("thenSubgraphIndex", "elseSubgraphIndex"),
        "While": ("condSubgraphIndex", "bodySubgraphIndex"),
        "CallOnce": ("initSubgraphIndex",),
    }[kind]
    model.operatorCodes.append(operator_code({"CallOnce": "CALL_ONCE"}.get(kind, kind.upper())))
    ends = ([], []) if kind == "CallOnce" else (list(graph.inputs or [])[:2], list(graph.outputs or [])[:2])
    called = {name: int(_pick(rng, (0, 0, 1, 1, 2, 3, -1, INT_MAX))) for name in fields}
    op = operator(
        len(model.operatorCodes) - 1, [int(i) for i in ends[0]], [int(i) for i in ends[1]], f"{kind}Options", called
    )
    graph.operators = [*(graph.operators if graph.operators is not None else []), op]


def plans(model: schema.ModelT, rng: np.random.Generator) -> None:
    """OfflineMemoryAllocation: no buffer, one of odd size, offsets far away, of other tensors than there are."""
    count = sum(len(graph.tensors) for graph in model.subgraphs if graph.tensors is not None)
    kind, offsets = rng.integers(6), [int(_pick(rng, PLAN_OFFSETS)) for _ in range(count)]
    if kind == 0:
        offsets = offsets[: int(rng.integers(len(offsets) + 1))]
    header = [1, 0, int(_pick(rng, (count, count, count, 0, 1, -1, INT_MAX))) if kind == 1 else count]
    data = np.array([*header, *offsets], "<i4").view(np.uint8)
    if kind == 2:
        data = data[: int(rng.integers(len(data) + 1))]
    model.buffers.append(schema.BufferT())
    model.buffers[-1].data = None if kind == 3 else data
    entry = schema.MetadataT()
    entry.name = _pick(rng, (None, "", "OfflineMemoryAllocatio")) if kind == 4 else "OfflineMemoryAllocation"
    entry.buffer = int(_pick(rng, (0, len(model.buffers), 2**32 - 1))) if kind == 5 else len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]


def wide(model: schema.ModelT, rng: np.random.Generator) -> None:
    """Many inputs, outputs, tensors or graphs, or a thousand operators that share a thousand inputs."""
    op, kind = _operator(model, rng), rng.integers(5)
    values = [0] if op.inputs is None or not len(op.inputs) else [int(i) for i in op.inputs]
    if kind == 0:
        op.inputs = np.array(values * MANY, np.int32)
    elif kind == 1 and op.outputs is not None:
        op.outputs = np.array([int(i) for i in op.outputs] * MANY, np.int32)
    elif kind == 2:
        op.inputs = np.array((values * MANY)[:MANY], np.int32)
        model.subgraphs[0].operators = [op] * MANY
    elif kind == 3:
        model.subgraphs = list(model.subgraphs) + [model.subgraphs[-1]] * 100
    else:
        graph = model.subgraphs[0]
        graph.tensors = list(graph.tensors) + [graph.tensors[-1]] * MANY


def deep(model: schema.ModelT, rng: np.random.Generator) -> None:
    """A chain of hundreds of operators, in order or not."""
    graph = model.subgraphs[0]
    model.operatorCodes.append(operator_code("RELU"))
    last, count = len(graph.tensors) - 1, int(_pick(rng, (3, 30, 300)))
    graph.tensors = list(graph.tensors) + [graph.tensors[last]] * count
    chain = [operator(len(model.operatorCodes) - 1, [last + i], [last + i + 1]) for i in range(count)]
    chain = chain[::-1] if rng.integers(4) == 0 else chain
    graph.operators = [*(graph.operators if graph.operators is not None else []), *chain]
    graph.outputs = [last + count]


def absent(model: schema.ModelT, rng: np.random.Generator) -> None:
    """A part that is not there."""
    part, names = _pick(
        rng,
        (
            (model, ("operatorCodes", "buffers", "metadata", "description")),
            (_graph(model, rng), ("tensors", "inputs", "outputs", "operators", "name")),
            (_operator(model, rng), ("inputs", "outputs", "builtinOptions")),
            (_tensor(model, rng), ("shape", "name", "quantization")),
        ),
    )
    setattr(part, _pick(rng, names), None)


EDITS: tuple[Edit, ...] = (
    operator_tensors,
    graph_ends,
    aliases,
    shapes,
    dimension,
    dimension,
    ranks,
    types,
    types,
    variables,
    signatures,
    buffers,
    constants,
    constants,
    quantization,
    quantization,
    options,
    options,
    codes,
    intermediates,
    calls,
    plans,
    wide,
    deep,
    absent,
)
