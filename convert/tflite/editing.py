"""Changes to a model that passes make (`view.Model`), on a copy of it."""

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any, TypeAlias

from convert.tflite import schema
from convert.tflite.flatbuffer import number_bytes
from convert.tflite.model import text
from convert.tflite.view import Graph, Model, Operator, OptionalTensor, Tensor

SCHEMA_VERSION = 3
Buffer: TypeAlias = Any  # bytes, or what holds some: a NumPy array
ACTIVATIONS = {name: code for name, code in vars(schema.ActivationFunctionType).items() if not name.startswith("_")}
PADDINGS = {name: code for name, code in vars(schema.Padding).items() if not name.startswith("_")}


def new_model() -> Model:
    """A model of one graph without anything in it."""
    unpacked = schema.ModelT()
    unpacked.version, unpacked.subgraphs, unpacked.buffers = SCHEMA_VERSION, [schema.SubGraphT()], [schema.BufferT()]
    return Model(unpacked)


def add_graph(model: Model) -> Graph:
    """Another graph of a model, without anything in it."""
    packed = schema.SubGraphT()
    model.unpacked.subgraphs.append(packed)
    graph = Graph(model, len(model.graphs), [], [], [], [], packed)
    model.graphs.append(graph)
    return graph


def new_code(model: Model, name: str, version: int | None = None) -> schema.OperatorCodeT:
    """The model's code for an operator, made if there is none; of any version, or of a given one.

    Args:
        model: the model.
        name: of a builtin operator in the schema, or CUSTOM:NAME.
        version: of the operator.
    """
    kind, _, custom = name.partition(":")
    number = getattr(schema.BuiltinOperator, kind)
    for code in model.codes:
        same = max(code.builtinCode, code.deprecatedBuiltinCode) == number and text(code.customCode) == custom
        if same and version in (None, code.version):
            return code
    code = schema.OperatorCodeT()
    code.builtinCode, code.version = number, version or 1
    code.deprecatedBuiltinCode = min(number, 127)  # one byte, for readers of the first schema
    code.customCode = custom.encode() if custom else None
    model.codes.append(code)
    return code


def readers(graph: Graph, tensor: Tensor) -> list[Operator]:
    """Operators with the tensor among their inputs, once for each time."""
    return [op for op in graph.operators for other in op.inputs if other is tensor]


def maker(graph: Graph, tensor: Tensor) -> Operator | None:
    """The operator that a tensor comes from."""
    return next((op for op in graph.operators if tensor in op.outputs), None)


def is_output(graph: Graph, tensor: Tensor) -> bool:
    return tensor.index in graph.outputs


def add_tensor(
    graph: Graph,
    name: str,
    kind: str,
    shape: Sequence[int],
    data: Buffer | None = None,
    quantization: tuple[Sequence[float], Sequence[int], int] | None = None,
) -> Tensor:
    """A tensor, the last of a graph.

    Args:
        graph: the graph.
        name: what the file calls it; empty for no name.
        kind: its type in the schema: INT8.
        shape: its dimensions.
        data: the elements of a constant, of the type's size.
        quantization: scales, zero points and the axis that they run along.
    """
    packed = schema.TensorT()
    held = None if data is None else memoryview(memoryview(data).tobytes())
    tensor = Tensor(len(graph.tensors), name, kind, tuple(shape), False, held, (), (), 0, packed)
    if quantization:
        quantize(tensor, *quantization)
    graph.tensors.append(tensor)
    return tensor


def add_like(graph: Graph, like: Tensor, shape: Sequence[int], data: Buffer | None = None) -> Tensor:
    """A tensor of the type and quantisation of another, the last of a graph."""
    tensor = add_tensor(graph, "", like.type, shape, data)
    tensor.scales, tensor.zero_points, tensor.axis = like.scales, like.zero_points, like.axis
    tensor.packed = copy(like.packed)
    tensor.packed.shapeSignature = tensor.packed.sparsity = None
    return tensor


def add_integers(graph: Graph, values: Sequence[int]) -> Tensor:
    """A constant int32 vector."""
    return add_tensor(graph, "", "INT32", [len(values)], number_bytes("i", values))


def quantize(tensor: Tensor, scales: Sequence[float], zero_points: Sequence[int], axis: int = 0) -> None:
    """Gives a tensor other quantisation parameters."""
    tensor.scales, tensor.zero_points, tensor.axis = tuple(scales), tuple(zero_points), axis
    tensor.packed = copy(tensor.packed)
    tensor.packed.quantization = schema.QuantizationParametersT()
    tensor.packed.quantization.scale = list(scales)
    tensor.packed.quantization.zeroPoint = list(zero_points)
    tensor.packed.quantization.quantizedDimension = axis


def new_operator(
    graph: Graph,
    name: str,
    inputs: Iterable[OptionalTensor],
    outputs: Iterable[Tensor],
    options: str | None = None,
    version: int | None = None,
    **fields: Any,
) -> Operator:
    """An operator that is not yet among the graph's.

    Args:
        graph: the graph.
        name: a builtin operator's name in the schema.
        inputs, outputs: its tensors.
        options: the schema's name for its options, SoftmaxOptions; None for none.
        version: of the operator; of any that the model has by default.
        fields: of the options.
    """
    code = new_code(graph.model, name, version)
    op = Operator(graph, -1, name, tuple(inputs), tuple(outputs), (), None, code, schema.OperatorT())
    if options:
        set_options(op, options, **fields)
    return op


def new_custom(
    graph: Graph, name: str, inputs: Iterable[OptionalTensor], outputs: Iterable[Tensor], options: bytes
) -> Operator:
    """A custom operator, CUSTOM:NAME, with options in bytes of its own; it is not yet among the graph's."""
    op = new_operator(graph, name, inputs, outputs)
    op.packed.customOptions = options
    return op


def set_options(op: Operator, options: str, **fields: Any) -> None:
    """Sets some fields of an operator's options; where it has none they are made."""
    op.options = copy(op.options) if op.options is not None else getattr(schema, options + "T")()
    for name, value in fields.items():
        setattr(op.options, name, value)


def repeat_operator(op: Operator, inputs: Iterable[OptionalTensor], outputs: Iterable[Tensor]) -> Operator:
    """An operator once more, for other tensors, not yet among the graph's."""
    again = copy(op)
    again.inputs, again.outputs = tuple(inputs), tuple(outputs)
    return again


def set_operators(graph: Graph, operators: Iterable[Operator]) -> None:
    """Makes operators those of a graph, in their order."""
    graph.operators = list(operators)
    for index, op in enumerate(graph.operators):
        op.index = index


def set_tensors(graph: Graph, tensors: Iterable[Tensor]) -> None:
    """Makes tensors those of a graph, in their order; those left out must not be used."""
    inputs, outputs = ([graph.tensors[i] for i in chosen] for chosen in (graph.inputs, graph.outputs))
    graph.tensors = list(tensors)
    for index, tensor in enumerate(graph.tensors):
        tensor.index = index
    graph.inputs, graph.outputs = [tensor.index for tensor in inputs], [tensor.index for tensor in outputs]


def replace_tensors(graph: Graph, others: dict[Tensor, Tensor]) -> None:
    """Makes every operator read others in place of some tensors."""
    for op in graph.operators:
        op.inputs = tuple(others.get(tensor, tensor) for tensor in op.inputs)


def _is_read(graph: Graph, tensor: Tensor) -> bool:
    return is_output(graph, tensor) or any(tensor in op.inputs for op in graph.operators)


def used_tensors(graph: Graph) -> set[Tensor]:
    """The tensors that operators have, and the inputs and outputs of a graph."""
    named = {graph.tensors[i] for i in (*graph.inputs, *graph.outputs)}
    ends = {tensor for op in graph.operators for tensor in (*op.inputs, *op.outputs, *op.intermediates)}
    return (named | ends) - {None}


def replace_operator(graph: Graph, op: Operator, others: Sequence[Operator]) -> None:
    """Puts others in an operator's place, and takes away what only it needed: its constants, RESHAPEs before it."""
    at = graph.operators.index(op)
    set_operators(graph, [*graph.operators[:at], *others, *graph.operators[at + 1 :]])
    while idle := [o for o in graph.operators if o.name == "RESHAPE" and not _is_read(graph, o.output)]:
        remove_operators(graph, idle)
    used = used_tensors(graph)
    lost = {tensor for tensor in op.inputs if tensor is not None} - used
    set_tensors(graph, (tensor for tensor in graph.tensors if tensor not in lost))


def remove_operators(graph: Graph, removed: Iterable[Operator]) -> None:
    """Takes operators away, and the tensors that nobody else has."""
    gone = set(removed)
    before = used_tensors(graph)
    set_operators(graph, (op for op in graph.operators if op not in gone))
    lost = before - used_tensors(graph)
    set_tensors(graph, (tensor for tensor in graph.tensors if tensor not in lost))
