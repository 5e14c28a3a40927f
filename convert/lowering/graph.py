"""The graph between the lowering and the flatbuffer: tensors, operators in execution order, nothing else.

`lower.py` makes a Graph with the builder of `ops.py`, passes cut it (`passes/pipeline.py`), `to_tflite.py` writes it.
What comes after, operator order, tensor order and memory plan, works on the file's model, for any model.
"""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Quantization:
    """Real value = scale * (integer - zero_point); one scale, or one per index of `axis`."""

    scale: tuple[float, ...]
    zero_point: int = 0
    axis: int = 0

    @property
    def per_tensor_scale(self) -> float:
        """The only scale; ValueError where there is one per channel."""
        (scale,) = self.scale
        return scale


@dataclass(eq=False)
class Tensor:
    """A static tensor: a constant when `data` is set, else an activation."""

    name: str
    shape: tuple[int, ...]
    dtype: "np.dtype"
    quantization: Quantization | Any = None  # None of what is no quantised number: ids, masks
    data: "np.ndarray | Any" = None

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the elements, unpadded."""
        return self.size * self.dtype.itemsize


OptionalTensor: TypeAlias = Tensor | Any  # None where an operator has no bias; who reads it knows which may be None


class Role(NamedTuple):
    """What an operator does in the model: of the block of this number it is the "query", the "conv" and so on."""

    block: int
    part: str


@dataclass(eq=False)
class Op:
    """One operator; `kind` is its name in the TFLite schema, None among the inputs an optional one left out.

    `role` is what passes find it by; a tile of it keeps it, and what passes add has none.
    """

    kind: str
    inputs: list[OptionalTensor]
    outputs: list[Tensor]
    options: dict = field(default_factory=dict)
    role: Role | None = None


@dataclass(eq=False)
class Graph:
    """Operators in execution order.

    The order of `tensors` is the order of tensor indices in the file: TFLM's greedy planner breaks ties of equal size
    by it (memory_planner/greedy_memory_planner.cc), so it is part of the graph and not left to the writer.
    """

    tensors: list[Tensor] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    subgraphs: list["Graph"] = field(default_factory=list)  # that a WHILE runs: the file's graphs from 1 on

    def find(self, block: int, part: str) -> Op | None:
        """The first operator of a role, if there is one."""
        return next((op for op in self.ops if op.role == (block, part)), None)

    def part(self, block: int, part: str) -> Op:
        """The first operator of a role; KeyError when there is none."""
        op = self.find(block, part)
        if op is None:
            raise KeyError(f"block {block} has no {part}")
        return op

    def maker(self, tensor: Tensor) -> Op:
        """The operator that writes a tensor."""
        return next(op for op in self.ops if tensor in op.outputs)

    def consumers(self, tensor: Tensor) -> list[Op]:
        """The operators that read a tensor."""
        return [op for op in self.ops if tensor in op.inputs]

    def inserted(self, after: Op, ops: list[Op]) -> "Graph":
        """A graph with `ops` after an operator; its tensors are in order of first use."""
        at = self.ops.index(after) + 1
        return self.with_ops(self.ops[:at] + ops + self.ops[at:])

    def replaced(self, removed: list[Op], ops: list[Op]) -> "Graph":
        """A graph with `ops` where the last of the removed operators was; its tensors are in order of first use."""
        kept = [op for op in self.ops if op not in removed[:-1]]
        at = kept.index(removed[-1])
        return self.with_ops(kept[:at] + ops + kept[at + 1 :])

    def with_ops(self, ops: list[Op]) -> "Graph":
        """A graph of the same inputs and outputs; its tensors are in order of first use."""
        tensors = [*self.inputs, *(t for op in ops for t in [*op.inputs, *op.outputs] if t is not None)]
        return Graph(list(dict.fromkeys(tensors)), ops, self.inputs, self.outputs, self.subgraphs)
