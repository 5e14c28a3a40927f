"""A file's model as rules, allocator and passes see it: operators with their tensors, and what TFLM makes of these."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from convert.tflite import schema
from convert.tflite.model import TYPE_BYTES, TYPE_NAMES, operator_name, text

INTEGERS = {"INT8": "<i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8"}


@dataclass(frozen=True, eq=False)
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
    """

    index: int
    name: str
    type: str
    shape: tuple[int, ...]
    variable: bool
    data: np.ndarray | None
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int

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
        """The elements of a constant of integers; None when it is computed, of another type, or cut short."""
        if self.data is None or self.type not in INTEGERS or len(self.data) < self.nbytes:
            return None
        return np.frombuffer(self.data.tobytes()[: self.nbytes], INTEGERS[self.type]).tolist()


# What may be None where a tensor is left out; the first stage of rules holds those to be there that a kernel reads.
OptionalTensor: TypeAlias = Tensor | Any


@dataclass(frozen=True, eq=False)
class Operator:
    """An operator of a graph; `inputs` and `outputs` hold None where an optional tensor is left out."""

    model: "Model"
    graph: "Graph"
    index: int
    name: str
    inputs: tuple[OptionalTensor, ...]
    outputs: tuple[OptionalTensor, ...]
    options: object

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


@dataclass(eq=False)
class Graph:
    """A graph; the lists of tensors and operators are filled when the model is read."""

    index: int
    tensors: list[Tensor]
    inputs: list[int]
    outputs: list[int]
    operators: list[Operator]


class Model:
    """A model whose indices all refer to something (tflm/rules/structure.py)."""

    def __init__(self, unpacked: schema.ModelT) -> None:
        self.unpacked = unpacked
        self.graphs = [
            Graph(
                index,
                [_tensor(unpacked, i, t) for i, t in enumerate(vector(graph.tensors))],
                numbers(graph.inputs),
                numbers(graph.outputs),
                [],
            )
            for index, graph in enumerate(unpacked.subgraphs)
        ]
        for graph, packed in zip(self.graphs, unpacked.subgraphs):
            graph.operators += [self._operator(graph, i, op) for i, op in enumerate(vector(packed.operators))]

    @property
    def operators(self) -> list[Operator]:
        return [op for graph in self.graphs for op in graph.operators]

    def _operator(self, graph: Graph, index: int, op: schema.OperatorT) -> Operator:
        inputs, outputs = (
            tuple(graph.tensors[i] if i >= 0 else None for i in numbers(indices)) for indices in (op.inputs, op.outputs)
        )
        return Operator(self, graph, index, operator_name(self.unpacked, op), inputs, outputs, op.builtinOptions)


def vector(values: Any) -> list:
    """A vector of the file that may be absent."""
    return [] if values is None else values


def numbers(values: Iterable[int] | None) -> list[int]:
    """A vector of integers of the file that may be absent."""
    return [] if values is None else [int(value) for value in values]


def _tensor(model: schema.ModelT, index: int, tensor: schema.TensorT) -> Tensor:
    data = vector(model.buffers[tensor.buffer].data)
    quantization = tensor.quantization
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis = 0
    if quantization is not None and len(vector(quantization.scale)) and len(vector(quantization.zeroPoint)):
        scales = tuple(float(scale) for scale in quantization.scale)
        zero_points = tuple(
            int(np.int32(np.int64(point) & 0xFFFFFFFF if point >= 0 else point)) for point in quantization.zeroPoint
        )
        axis = quantization.quantizedDimension
    return Tensor(
        index,
        text(tensor.name),
        TYPE_NAMES.get(tensor.type, str(tensor.type)),
        tuple(numbers(tensor.shape)),
        bool(tensor.isVariable),
        np.asarray(data) if len(data) else None,
        scales,
        zero_points,
        axis,
    )
