"""The graph between the lowering and the flatbuffer: tensors, operators in execution order, nothing else.

`lower.py` makes a Graph with the builder of `ops.py`, `flatbuffer.py` writes it. Steps that change a graph in between
(operator order, tiling, tensor indices) take a Graph and give a Graph.
"""

from dataclasses import dataclass, field

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
    dtype: np.dtype
    quantization: Quantization | None = None
    data: np.ndarray | None = None

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes of the elements, unpadded."""
        return self.size * self.dtype.itemsize


@dataclass(eq=False)
class Op:
    """One operator; `kind` is its name in the TFLite schema, None among the inputs an optional one left out."""

    kind: str
    inputs: list[Tensor | None]
    outputs: list[Tensor]
    options: dict = field(default_factory=dict)


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
