"""The memory timeline of an arena: what lies where in its head, from operator to operator."""

from collections import Counter
from dataclasses import dataclass

from convert.tflite.view import Model
from convert.tflm.allocator import Allocation
from convert.tflm.lifetimes import Buffer

INPUT, SCRATCH, OTHER = "model input", "kernel scratch", "others"
COLORED = 7  # kinds with a colour of their own


@dataclass(frozen=True)
class Box:
    """A buffer: `kind` is the operator that writes it, INPUT or SCRATCH; steps and bytes are the planner's."""

    name: str
    kind: str
    nbytes: int
    first: int
    last: int
    offset: int


@dataclass(frozen=True)
class Timeline:
    """The head of an arena over the steps of an inference.

    Attributes:
        boxes: all buffers.
        operators: name of the operator of each step; step 0 is before the first.
        head: bytes that the plan takes.
        alive: bytes that live at each step.
        peak: the step at which most is alive.
        kinds: the kinds that take most, which are worth a colour, the largest first; the rest are OTHER.
    """

    boxes: list[Box]
    operators: list[str]
    head: int
    alive: list[int]
    peak: int
    kinds: list[str]

    @property
    def height(self) -> int:
        """Bytes to draw: buffers that share memory can be more than the head holds."""
        return max(self.head, self.alive[self.peak])

    @property
    def at_peak(self) -> list[Box]:
        """What lives at the peak, the largest first."""
        boxes = [box for box in self.boxes if box.first <= self.peak <= box.last]
        return sorted(boxes, key=lambda box: -box.nbytes)


def lay_out(model: Model, allocation: Allocation) -> Timeline:
    """The timeline of a model's allocation."""
    names = [_step_name(model, step, place) for step, place in enumerate(allocation.steps)]
    makers = _makers(model)
    boxes = [
        Box(*_describe(model, buffer, makers, names), buffer.nbytes, buffer.first, buffer.last, offset)
        for buffer, offset in zip(allocation.buffers, allocation.offsets)
    ]
    alive = [sum(buffer.size for buffer in allocation.alive(step)) for step in range(len(names))]
    return Timeline(boxes, names, allocation.planned, alive, allocation.peak, _largest_kinds(boxes))


def _step_name(model: Model, step: int, place: tuple[int, int]) -> str:
    graph, number = place
    return model.graphs[graph].operators[number].name if step else "start"


def _makers(model: Model) -> dict[tuple[int, int], str]:
    """The operator that writes each tensor, by (graph, tensor)."""
    return {(op.graph.index, tensor.index): op.name for op in model.operators for tensor in op.outputs if tensor}


def _describe(model: Model, buffer: Buffer, makers: dict, names: list[str]) -> tuple[str, str]:
    """Name and kind of a buffer; a tensor without a name is called by its type and shape."""
    if buffer.owner is None:
        return f"scratch of {names[buffer.first]}", SCRATCH
    graph, index = buffer.owner
    tensor = model.graphs[graph].tensors[index]
    shape = "x".join(str(n) for n in tensor.shape) or "scalar"
    return f"tensor {index} {tensor.name or tensor.type.lower() + ' ' + shape}", makers.get(buffer.owner, INPUT)


def _largest_kinds(boxes: list[Box]) -> list[str]:
    area: Counter[str] = Counter()
    for box in boxes:
        area[box.kind] += box.nbytes * (box.last - box.first + 1)
    kinds = sorted(area, key=lambda kind: (-area[kind], kind))
    return kinds[:COLORED] + [OTHER] * (len(kinds) > COLORED)
