"""Which tensors and scratch buffers live in the head of TFLM's arena, and from when to when
(micro/micro_allocation_info.cc).
"""

from dataclasses import dataclass

from convert.tflite.offline_plan import ONLINE, offline_offsets
from convert.tflite.view import Model, Operator, Tensor
from convert.tflm.planner import Buffer

UNUSED = -1  # first and last step of a buffer that no operator has (kUninitializedLifetime)


@dataclass(frozen=True)
class Scratch:
    """Bytes that the kernel of an operator asks for while it runs."""

    graph: int
    op: int
    nbytes: int


def list_buffers(
    model: Model, scratches: list[Scratch], elsewhere: set[tuple[int, int]]
) -> tuple[list[Buffer], list[tuple[int, int]]]:
    """Buffers of the head in the planner's order: tensors by graph and index, then scratch buffers.

    Args:
        model: the model.
        scratches: what kernels ask for, in the order in which they ask.
        elsewhere: (graph, tensor) of tensors whose data kernels hold themselves.

    Returns:
        The buffers, and (graph, operator) of each step; step 0 is before the first operator.
    """
    lives = _Lifetimes(model, scratches)
    lives.walk(0)
    owners = [(graph.index, tensor.index) for graph in model.graphs for tensor in graph.tensors]
    buffers = []
    for owner, offset in zip(owners, offline_offsets(model) or [ONLINE] * len(owners)):
        tensor = model.graphs[owner[0]].tensors[owner[1]]
        if _in_head(tensor, offset) and owner not in elsewhere:
            buffers.append(Buffer(tensor.nbytes, *lives.of(owner), offset, owner))
    buffers += [Buffer(scratch.nbytes, *lives.of(number)) for number, scratch in enumerate(scratches)]
    return buffers, lives.steps


def _in_head(tensor: Tensor, offset: int) -> bool:
    """Variables are in the tail, unless an offline plan has a place for them (InitializeAllocationInfo)."""
    if tensor.variable:
        return offset != ONLINE
    return tensor.nbytes > 0 and not tensor.constant


class _Lifetimes:
    """Walks the operators as they run, graphs called by an operator inside it; each operator and call is a step."""

    def __init__(self, model: Model, scratches: list[Scratch]) -> None:
        self._model, self._scratches = model, scratches
        self._lives: dict[tuple[int, int] | int, tuple[int, int]] = {}
        self.steps: list[tuple[int, int]] = [(0, 0)]

    def of(self, key: tuple[int, int] | int) -> tuple[int, int]:
        """First and last step of a tensor (graph, index), or of a scratch buffer by its number."""
        return self._lives.get(key, (UNUSED, UNUSED))

    def walk(self, g: int) -> None:
        """MarkAllocationLifetimes."""
        graph = self._model.graphs[g]
        inputs, outputs = ([(g, i) for i in tensors] for tensors in (graph.inputs, graph.outputs))
        self._create(inputs)
        self._use(inputs)
        for op in graph.operators:
            self._walk_operator(g, op)
        self._create(outputs)
        self._use(outputs)

    def _walk_operator(self, g: int, op: Operator) -> None:
        inputs, outputs = ([(g, t.index) for t in tensors] for tensors in (op.read, op.written))
        scratches = [key for key, scratch in enumerate(self._scratches) if (scratch.graph, scratch.op) == (g, op.index)]
        self.steps.append((g, op.index))
        self._create(outputs + scratches)
        for called in op.called:
            self.steps.append((g, op.index))
            self.walk(called)
        self._use(inputs + outputs + scratches)

    def _create(self, keys: list) -> None:
        for key in keys:
            first, last = self.of(key)
            self._lives[key] = (len(self.steps) - 1 if first == UNUSED else first, last)

    def _use(self, keys: list) -> None:
        for key in keys:
            self._lives[key] = (self.of(key)[0], len(self.steps) - 1)
