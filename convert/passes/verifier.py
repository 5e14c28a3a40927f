"""What must hold after every pass: of a graph, of a file's model, and of the plan of its memory.

`pipeline.run_pass` asks all three where `pipeline.VERIFY_EACH` is set, as it is in the tests.
"""

from itertools import combinations

from convert.lowering.graph import Graph, Tensor
from convert.passes.measure import Measure
from convert.tflite.view import Model


class BrokenInvariant(AssertionError):
    """A pass made something that cannot be run, or that would not answer as before."""


def verify_graph(graph: Graph) -> None:
    """Holds a lowered graph to its form.

    Every tensor is in `tensors` once; an activation is an input of the graph or written by exactly one operator, and
    that before anyone reads it; constants are not written.

    Raises:
        BrokenInvariant: with the tensor and the operator.
    """
    listed = {id(tensor) for tensor in graph.tensors}
    _require(len(listed) == len(graph.tensors), "a tensor is listed twice")
    written = {id(tensor) for tensor in graph.inputs}
    for op in graph.ops:
        for tensor in filter(None, op.inputs):
            _require(id(tensor) in listed, f"{tensor.name}, which {op.kind} reads, is not a tensor of the graph")
            _require(_is_there(tensor, written), f"{op.kind} reads {tensor.name} before it is written")
        for tensor in op.outputs:
            _require(id(tensor) in listed, f"{tensor.name}, which {op.kind} writes, is not a tensor of the graph")
            _require(not _is_there(tensor, written), f"{op.kind} writes {tensor.name} once more")
            written.add(id(tensor))
    for tensor in graph.outputs:
        _require(_is_there(tensor, written), f"nobody writes the output {tensor.name}")


def verify_model(model: Model) -> None:
    """Holds a model's graphs to the same; state that is kept between inferences may be read before it is written.

    Raises:
        BrokenInvariant: with the tensor's index and the operator.
    """
    for graph in model.graphs:
        _require([t.index for t in graph.tensors] == list(range(len(graph.tensors))), "tensors are not numbered")
        given = {t for t in graph.tensors if t.constant or t.variable or not t.nbytes}
        written = {*(graph.tensors[i] for i in graph.inputs), *given}
        for number, op in enumerate(graph.operators):
            _require(op.index == number, f"{op.name} #{number} has the number {op.index}")
            for tensor in filter(None, op.inputs):
                _require(tensor in written, f"{op.name} #{number} reads tensor {tensor.index} before it is written")
            for tensor in filter(None, op.outputs):
                _require(tensor not in written, f"{op.name} #{number} writes tensor {tensor.index} once more")
                written.add(tensor)
        missing = [i for i in graph.outputs if graph.tensors[i] not in written]
        _require(not missing, f"nobody writes the outputs {missing}")


def verify_plan(measure: Measure) -> None:
    """Holds the places of a model's buffers to their lives: two that live at once do not overlap, unless the kernels
    allow it (`aliasing.Aliasing`).

    Raises:
        BrokenInvariant: with both buffers.
    """
    for (a, start), (b, other) in combinations(zip(measure.buffers, measure.allocation.offsets), 2):
        if a.first <= b.last and b.first <= a.last and start < other + b.size and other < start + a.size:
            allowed = (
                a.owner is not None
                and b.owner is not None
                and measure.is_plain
                and measure.aliasing.allows(a.owner[1], b.owner[1], other - start)
            )
            _require(allowed, f"{a} at byte {start} and {b} at byte {other} live at once")


def _is_there(tensor: Tensor, written: set[int]) -> bool:
    return tensor.data is not None or id(tensor) in written


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise BrokenInvariant(what)
