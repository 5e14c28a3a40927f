"""Which tensors and scratch buffers live in the head of TFLM's arena, and from when to when
(micro/micro_allocation_info.cc).
"""

from dataclasses import dataclass

from convert.tflite import schema
from convert.tflite.model import CALLED_GRAPHS, indices, is_constant, operator_name, operators, tensor_bytes
from convert.tflite.offline_plan import ONLINE, offline_offsets
from convert.tflm.planner import Buffer

UNUSED = -1  # first and last step of a buffer that no operator has (kUninitializedLifetime)


@dataclass(frozen=True)
class Scratch:
    """Bytes that the kernel of an operator asks for while it runs."""

    graph: int
    op: int
    nbytes: int


def list_buffers(
    model: schema.ModelT, scratches: list[Scratch], elsewhere: set[tuple[int, int]]
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
    owners = [(g, index) for g, graph in enumerate(model.subgraphs) for index in range(len(graph.tensors))]
    buffers = []
    for owner, offset in zip(owners, offline_offsets(model) or [ONLINE] * len(owners)):
        tensor = model.subgraphs[owner[0]].tensors[owner[1]]
        if _in_head(model, tensor, offset) and owner not in elsewhere:
            buffers.append(Buffer(tensor_bytes(tensor), *lives.of(owner), offset, owner))
    buffers += [Buffer(scratch.nbytes, *lives.of(number)) for number, scratch in enumerate(scratches)]
    return buffers, lives.steps


def _in_head(model: schema.ModelT, tensor: schema.TensorT, offset: int) -> bool:
    """Variables are in the tail, unless an offline plan has a place for them (InitializeAllocationInfo)."""
    if tensor.isVariable:
        return offset != ONLINE
    return tensor_bytes(tensor) > 0 and not is_constant(model, tensor)


class _Lifetimes:
    """Walks the operators as they run, graphs called by an operator inside it; each operator and call is a step."""

    def __init__(self, model: schema.ModelT, scratches: list[Scratch]) -> None:
        self._model, self._scratches = model, scratches
        self._lives: dict[tuple[int, int] | int, tuple[int, int]] = {}
        self.steps: list[tuple[int, int]] = [(0, 0)]

    def of(self, key: tuple[int, int] | int) -> tuple[int, int]:
        """First and last step of a tensor (graph, index), or of a scratch buffer by its number."""
        return self._lives.get(key, (UNUSED, UNUSED))

    def walk(self, g: int) -> None:
        """MarkAllocationLifetimes."""
        graph = self._model.subgraphs[g]
        inputs, outputs = ([(g, i) for i in indices(tensors)] for tensors in (graph.inputs, graph.outputs))
        self._create(inputs)
        self._use(inputs)
        for number, op in enumerate(operators(graph)):
            self._walk_operator(g, number, op)
        self._create(outputs)
        self._use(outputs)

    def _walk_operator(self, g: int, number: int, op: schema.OperatorT) -> None:
        inputs, outputs = ([(g, i) for i in indices(tensors) if i >= 0] for tensors in (op.inputs, op.outputs))
        scratches = [key for key, scratch in enumerate(self._scratches) if (scratch.graph, scratch.op) == (g, number)]
        self.steps.append((g, number))
        self._create(outputs + scratches)
        for option in CALLED_GRAPHS.get(operator_name(self._model, op), ()):
            self.steps.append((g, number))
            self.walk(getattr(op.builtinOptions, option))
        self._use(inputs + outputs + scratches)

    def _create(self, keys: list) -> None:
        for key in keys:
            first, last = self.of(key)
            self._lives[key] = (len(self.steps) - 1 if first == UNUSED else first, last)

    def _use(self, keys: list) -> None:
        for key in keys:
            self._lives[key] = (self.of(key)[0], len(self.steps) - 1)
