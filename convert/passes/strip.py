"""Leaving out of a .tflite model what no device reads: names, duplicate constants, unused tensors and buffers."""

import copy

import numpy as np

from convert.tflite import schema
from convert.tflite.editing import renumber_as
from convert.tflite.model import CALLED_GRAPHS, indices, is_constant, operator_name, operators
from convert.tflite.writer import quantization_key

VARIABLES = ("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE")


def strip_model(model: schema.ModelT) -> schema.ModelT:
    """A model without what no device reads; operators, their order and what they compute stay.

    Names of inputs and outputs stay; an offline memory plan goes, for it counts on the tensors' indices.
    """
    stripped = copy.copy(model)
    stripped.description = stripped.metadata = stripped.metadataBuffer = stripped.signatureDefs = None
    stripped.subgraphs = [_strip_graph(model, graph) for graph in model.subgraphs]
    _merge_buffers(stripped)
    return stripped


def is_plain(model: schema.ModelT) -> bool:
    """Whether a model is one graph whose operators do nothing but compute outputs, so that their order is free and the
    memory of a tensor is its own from its operator on."""
    names = {operator_name(model, op) for graph in model.subgraphs for op in operators(graph)}
    variables = any(tensor.isVariable for graph in model.subgraphs for tensor in graph.tensors)
    flow = names & {*VARIABLES, *CALLED_GRAPHS}
    return len(model.subgraphs) == 1 and not variables and not flow and _written_once(model)


def _written_once(model: schema.ModelT) -> bool:
    """Whether every tensor has one value: operators write each once, before it is read, and no input or constant."""
    graph = model.subgraphs[0]
    written = {*indices(graph.inputs)}
    later = {i for op in operators(graph) for i in indices(op.outputs)}
    for op in operators(graph):
        if any(i in later and i not in written for i in indices(op.inputs)):
            return False
        for i in indices(op.outputs):
            if i in written or i < 0 or is_constant(model, graph.tensors[i]):
                return False
            written.add(i)
    return True


def _strip_graph(model: schema.ModelT, graph: schema.SubGraphT) -> schema.SubGraphT:
    same = _equal_constants(model, graph)
    named = {*indices(graph.inputs), *indices(graph.outputs)}
    used = {
        same.get(i, i)
        for op in operators(graph)
        for i in (*indices(op.inputs), *indices(op.outputs), *indices(op.intermediates))
    } | named
    order = [index for index in range(len(graph.tensors)) if index in used]
    new = {old: number for number, old in enumerate(order)}
    stripped = renumber_as(graph, order, new | {twin: new[first] for twin, first in same.items() if first in new})
    stripped.name = None
    stripped.tensors = [copy.copy(tensor) for tensor in stripped.tensors]
    for old, tensor in zip(order, stripped.tensors):
        tensor.name = tensor.name if old in named else None
    return stripped


def _equal_constants(model: schema.ModelT, graph: schema.SubGraphT) -> dict[int, int]:
    """Constants that are equal to one before them, and which that is; inputs and outputs stay what they are."""
    first, same = {}, {}
    named = {*indices(graph.inputs), *indices(graph.outputs)}
    for index, tensor in enumerate(graph.tensors):
        data = _data(model, tensor.buffer)
        if data is None or tensor.isVariable or index in named or tensor.sparsity is not None:
            continue
        quantization = tensor.quantization and quantization_key(tensor.quantization)
        key = (data, tuple(indices(tensor.shape)), tensor.type, quantization)
        if first.setdefault(key, index) != index:
            same[index] = first[key]
    return same


def _merge_buffers(model: schema.ModelT) -> None:
    """Equal buffers become one, those without a tensor go; buffer 0 stays the empty one. Tensors must be copies."""
    buffers, numbers = [schema.BufferT()], {}
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            data = _data(model, tensor.buffer)
            if data is not None and data not in numbers:
                numbers[data] = len(buffers)
                buffers.append(model.buffers[tensor.buffer])
            tensor.buffer = 0 if data is None else numbers[data]
    model.buffers = buffers


def _data(model: schema.ModelT, buffer: int) -> bytes | None:
    data = model.buffers[buffer].data
    return None if data is None or not len(data) else np.asarray(data, np.uint8).tobytes()
