"""A file's model as rules, allocator and passes see it: graphs of operators and tensors, which passes may change.

The file's own objects (`schema.py`) stay behind it: what nobody asks about is carried along in `packed` and written
back by `writer.pack_view`. Changes are made on a `copy`, by the methods of `Graph` in `editing.py`.
"""

import math
import struct
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from convert.tflite import schema
from convert.tflite.flatbuffer import SCALARS, number_bytes
from convert.tflite.model import CALLED_GRAPHS, TYPE_BYTES, TYPE_NAMES, indices, operator_name, read_model, text

INTEGERS = {"INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q"}  # formats of their elements


@dataclass(eq=False)
class Tensor:
    """A tensor of a graph.

    Attributes:
        index: its place in the graph.
        name: its name, which may be empty.
        type: its type in the schema; a number where the schema has none.
        shape: its dimensions.
        variable: whether it keeps its value between two inferences.
        data: its bytes in the file, None for one that is computed.
        scales: the scales of its quantisation; empty without zero points, as TFLM sees it (micro_allocator.cc).
        zero_points: the zero points, empty without scales.
        axis: the dimension that has a scale each, where there are several.
        packed: what else the file says of it.
    """

    index: int
    name: str
    type: str
    shape: tuple[int, ...]
    variable: bool
    data: memoryview | None
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int
    packed: schema.TensorT = field(repr=False)

    @property
    def constant(self) -> bool:
        return self.data is not None

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the elements; one of rank 0 has one element."""
        return self.elements * TYPE_BYTES.get(self.type, 0)

    @property
    def quantized(self) -> bool:
        return bool(self.scales)

    @property
    def scale(self) -> float:
        """The first scale; 0 without quantisation, as in TFLM."""
        return self.scales[0] if self.scales else 0.0

    @property
    def zero_point(self) -> int:
        return self.zero_points[0] if self.zero_points else 0

    @cached_property
    def values(self) -> list[int] | Any:
        """The elements of a constant of integers, none of one without elements, which has no bytes in a file; None when
        it is computed, of another type, or cut short.
        """
        if self.type in INTEGERS and not self.elements:
            return []
        if self.data is None or self.type not in INTEGERS or len(self.data) < self.nbytes:
            return None
        return read_numbers(self.data[: self.nbytes], INTEGERS[self.type])


# What may be None where a tensor is left out; the first stage of rules holds those to be there that a kernel reads.
OptionalTensor: TypeAlias = Tensor | Any


@dataclass(eq=False)
class Operator:
    """An operator of a graph; `inputs` and `outputs` hold None where an optional tensor is left out.

    `code` is the model's entry for operators of its kind and version, `packed` what else the file says of it.
    """

    graph: "Graph" = field(repr=False)
    index: int
    name: str
    inputs: tuple[OptionalTensor, ...]
    outputs: tuple[OptionalTensor, ...]
    intermediates: tuple[OptionalTensor, ...]
    options: Any
    code: schema.OperatorCodeT = field(repr=False)
    packed: schema.OperatorT = field(repr=False)

    @property
    def model(self) -> "Model":
        return self.graph.model

    @cached_property
    def custom_options(self) -> dict:
        """The options of a custom operator, a map of FlexBuffers; empty when there are none or they cannot be read."""
        from flatbuffers import flexbuffers  # it imports NumPy where there is one

        data = b"" if self.packed.customOptions is None else bytes(self.packed.customOptions)
        try:
            options = flexbuffers.Loads(data) if len(data) > 2 else {}
        except (ArithmeticError, LookupError, MemoryError, RecursionError, TypeError, ValueError):
            return {}
        return options if isinstance(options, dict) else {}

    def option(self, name: str) -> Any:
        """A field of the options; 0 where the file has none, as TFLM takes it."""
        return getattr(self.options, name, 0)

    def tensor(self, role: str) -> OptionalTensor:
        """The tensor of a role: `i0` is the first input, `o0` the first output; None when there is none."""
        tensors = self.inputs if role[0] == "i" else self.outputs
        position = int(role[1:])
        return tensors[position] if position < len(tensors) else None

    @property
    def input(self) -> Tensor:
        return self.inputs[0]

    @property
    def output(self) -> Tensor:
        return self.outputs[0]

    @property
    def read(self) -> list[Tensor]:
        """The tensors that it reads, each once: an operator may have one tensor a thousand times."""
        return _each_once(self.inputs)

    @property
    def written(self) -> list[Tensor]:
        """The tensors that it writes, each once."""
        return _each_once(self.outputs)

    @property
    def called(self) -> list[int]:
        """The graphs that it runs, by number."""
        return [self.option(name) for name in CALLED_GRAPHS.get(self.name, ())]


@dataclass(eq=False)
class Graph:
    """A graph; `inputs` and `outputs` are indices of tensors."""

    model: "Model" = field(repr=False)
    index: int
    tensors: list[Tensor]
    inputs: list[int]
    outputs: list[int]
    operators: list[Operator]
    packed: schema.SubGraphT = field(repr=False)

    def copied(self, model: "Model") -> "Graph":
        """The graph once more, in another model, with tensors and operators of its own."""
        twins: dict[OptionalTensor, OptionalTensor] = {None: None, **{tensor: copy(tensor) for tensor in self.tensors}}
        graph = Graph(
            model, self.index, [twins[t] for t in self.tensors], [*self.inputs], [*self.outputs], [], self.packed
        )
        for op in self.operators:
            twin = copy(op)
            twin.graph = graph
            twin.inputs, twin.outputs, twin.intermediates = (
                tuple(twins[tensor] for tensor in tensors) for tensors in (op.inputs, op.outputs, op.intermediates)
            )
            graph.operators.append(twin)
        return graph


class Model:
    """A model whose indices all refer to something (tflm/rules/structure.py).

    Attributes:
        graphs: the first is the one that is run.
        codes: kinds and versions of operators.
        metadata: by name; of several with one name the last.
        unpacked: the file's own objects, as they were read.
    """

    def __init__(self, unpacked: schema.ModelT) -> None:
        self.unpacked = unpacked
        self.codes = list(unpacked.operatorCodes or [])
        self.metadata = {text(entry.name): _data(unpacked, entry.buffer) for entry in unpacked.metadata or []}
        self.graphs = [self._graph(index, graph) for index, graph in enumerate(unpacked.subgraphs or [])]
        self.known: dict[Any, Any] = {}  # what rules found out once and ask for again

    @property
    def operators(self) -> list[Operator]:
        return [op for graph in self.graphs for op in graph.operators]

    def copy(self) -> "Model":
        """The model once more: to change one leaves the other as it is, and constants are not copied."""
        model = copy(self)
        model.codes, model.metadata = list(self.codes), dict(self.metadata)
        model.graphs = [graph.copied(model) for graph in self.graphs]
        return model

    def _graph(self, index: int, packed: schema.SubGraphT) -> Graph:
        tensors = [_tensor(self.unpacked, i, tensor) for i, tensor in enumerate(vector(packed.tensors))]
        graph = Graph(self, index, tensors, numbers(packed.inputs), numbers(packed.outputs), [], packed)
        graph.operators = [self._operator(graph, i, op) for i, op in enumerate(vector(packed.operators))]
        return graph

    def _operator(self, graph: Graph, index: int, op: schema.OperatorT) -> Operator:
        inputs, outputs, intermediates = (
            tuple([graph.tensors[i] if i >= 0 else None for i in numbers(chosen)])
            for chosen in (op.inputs, op.outputs, op.intermediates)
        )
        name, code = operator_name(self.unpacked, op), self.codes[op.opcodeIndex]
        return Operator(graph, index, name, inputs, outputs, intermediates, op.builtinOptions, code, op)


def view_model(data: bytes) -> Model:
    """The model of a file.

    Raises:
        DamagedModel: it is no TFLite flatbuffer, or has no graph.
        IndexError: it names a tensor, a buffer or an operator's code that is not there (`check` says which).
    """
    return Model(read_model(data))


def vector(values: Any) -> list:
    """A vector of the file that may be absent."""
    return [] if values is None else values


numbers = indices  # a vector of integers of the file that may be absent


def read_numbers(data: bytes | memoryview, format: str) -> list:
    """The numbers, of a format of `struct`, that bytes of a file are."""
    return list(struct.unpack_from(f"<{len(data) // SCALARS[format].size}{format}", data))


def _each_once(tensors: tuple[OptionalTensor, ...]) -> list[Tensor]:
    seen = dict.fromkeys(tensors)
    seen.pop(None, None)
    return list(seen)


def _data(model: schema.ModelT, buffer: int) -> memoryview | None:
    """The bytes of a buffer, None for an empty one."""
    data = vector(model.buffers[buffer].data)
    if not len(data):
        return None
    return data if isinstance(data, memoryview) else memoryview(number_bytes("B", data))


def _as_int32(number: int) -> int:
    """The lower 32 bits of a number, as TFLM keeps them."""
    return (number + 2**31) % 2**32 - 2**31


def _tensor(model: schema.ModelT, index: int, tensor: schema.TensorT) -> Tensor:
    quantization = tensor.quantization
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis = 0
    if quantization is not None and len(vector(quantization.scale)) and len(vector(quantization.zeroPoint)):
        scales = tuple(float(scale) for scale in quantization.scale)
        zero_points = tuple(_as_int32(int(point)) for point in quantization.zeroPoint)
        axis = quantization.quantizedDimension
    return Tensor(
        index,
        text(tensor.name),
        TYPE_NAMES.get(tensor.type, str(tensor.type)),
        tuple(numbers(tensor.shape)),
        bool(tensor.isVariable),
        _data(model, tensor.buffer),
        scales,
        zero_points,
        axis,
        tensor,
    )
