"""Leaving out of a .tflite model what no device reads: names, duplicate constants, unused tensors and buffers."""

from copy import copy

from convert.tflite.editing import replace_tensors, set_tensors, used_tensors
from convert.tflite.model import CALLED_GRAPHS
from convert.tflite.view import Graph, Model, Tensor
from convert.tflite.writer import content_key, quantization_key

VARIABLES = ("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE")


def strip_model(model: Model) -> Model:
    """A model without what no device reads; operators, their order and what they compute stay.

    Names of inputs and outputs stay; an offline memory plan goes, for it counts on the tensors' indices.
    """
    stripped = model.copy()
    stripped.metadata.clear()
    stripped.unpacked = copy(model.unpacked)
    stripped.unpacked.description = stripped.unpacked.signatureDefs = None
    for graph in stripped.graphs:
        _strip_graph(graph)
    return stripped


def is_plain(model: Model) -> bool:
    """Whether a model is one graph whose operators do nothing but compute outputs, so that their order is free and the
    memory of a tensor is its own from its operator on.
    """
    flow = {op.name for op in model.operators} & {*VARIABLES, *CALLED_GRAPHS}
    variables = any(tensor.variable for graph in model.graphs for tensor in graph.tensors)
    return len(model.graphs) == 1 and not variables and not flow and _written_once(model.graphs[0])


def _written_once(graph: Graph) -> bool:
    """Whether every tensor has one value: operators write each once, before it is read, and no input or constant."""
    written = {graph.tensors[i] for i in graph.inputs}
    given = {tensor for tensor in graph.tensors if tensor.constant or not tensor.nbytes} | {None}
    for op in graph.operators:
        if any(tensor not in written and tensor not in given for tensor in op.inputs):
            return False
        for tensor in op.outputs:
            if tensor is None or tensor in written or tensor.constant:
                return False
            written.add(tensor)
    return all(graph.tensors[i] in written or graph.tensors[i] in given for i in graph.outputs)


def _strip_graph(graph: Graph) -> None:
    graph.packed = copy(graph.packed)
    graph.packed.name = None
    replace_tensors(graph, _equal_constants(graph))
    used = used_tensors(graph)
    set_tensors(graph, (tensor for tensor in graph.tensors if tensor in used))
    named = {*graph.inputs, *graph.outputs}
    for tensor in graph.tensors:
        tensor.name = tensor.name if tensor.index in named else ""


def _equal_constants(graph: Graph) -> dict[Tensor, Tensor]:
    """Constants that are equal to one before them, and which that is; inputs and outputs stay what they are."""
    first: dict[tuple, Tensor] = {}
    same = {}
    named = {*graph.inputs, *graph.outputs}
    for tensor in graph.tensors:
        if tensor.data is None or tensor.variable or tensor.index in named or tensor.packed.sparsity is not None:
            continue
        quantization = tensor.packed.quantization and quantization_key(tensor.packed.quantization)
        key = (content_key(tensor.data), tensor.shape, tensor.type, quantization)
        if first.setdefault(key, tensor) is not tensor:
            same[tensor] = first[key]
    return same
