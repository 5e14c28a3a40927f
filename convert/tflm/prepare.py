"""The two ends of TFLM's arena, and an operator that takes from them while TFLM prepares it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from convert.tflite.view import Operator, OptionalTensor
from convert.tflm.lifetimes import Scratch
from convert.tflm.planner import BUFFER_ALIGNMENT
from convert.tflm.structs import Build, align_up

INT_ALIGNMENT = 4


class ArenaEnds:
    """Head, temporaries and tail of an arena (arena_allocator/single_arena_buffer_allocator.cc).

    `head` and `temp` are bytes from the start, `tail` bytes from the end; `needed` is the arena from which on nothing
    so far fails. TFLM does not compare the tail with temporaries when it grows: it may overwrite them. `spare` is how
    many bytes at their end no kernel reads; an arena in which more is lost is too small, though TFLM may not notice.
    """

    def __init__(self, build: Build) -> None:
        self.build = build
        self.head = self.temp = self.tail = self.spare = self.needed = 0

    def persistent(self, size: int, alignment: int = BUFFER_ALIGNMENT) -> None:
        self.tail = align_up(self.tail + size, alignment)
        self._need(max(self.head, self.temp - self.spare) + self.tail)

    def persistent_struct(self, name: str, count: int = 1) -> None:
        """An array of structs, aligned as the struct is; kernels' data is aligned to 16 instead."""
        size, alignment = self.build.layout(name)
        self.persistent(size * count, alignment)

    def persistent_tensor(self, scales: int) -> None:
        """A TfLiteTensor with its quantisation (micro_allocator.cc, AllocatePersistentTfLiteTensor)."""
        self.persistent_struct("TfLiteTensor")
        if scales:
            self.persistent_struct("TfLiteAffineQuantization")
            self.persistent(self.build.int_array(scales), INT_ALIGNMENT)

    def temporary(self, size: int, alignment: int) -> None:
        self.temp = align_up(self.temp, alignment) + size
        self._need(self.temp + self.tail)

    def temporary_struct(self, name: str, count: int = 1) -> None:
        size, alignment = self.build.layout(name)
        self.temporary(size * count, alignment)

    def temporary_tensor(self, scales: int) -> None:
        """A TfLiteTensor with its quantisation (micro_allocator.cc, AllocateTempTfLiteTensor)."""
        self.temporary_struct("TfLiteTensor")
        self.spare = self.build.after_last("TfLiteTensor")  # is_variable
        if scales:
            zero_points = self.build.int_array(scales)
            self.temporary_struct("TfLiteAffineQuantization")
            self.temporary(zero_points, INT_ALIGNMENT)
            self.spare = self.build.after_last("TfLiteAffineQuantization") + zero_points  # quantized_dimension

    def temporary_tensors(self, scales: int, count: int) -> None:
        """Many alike, which may be millions: the first two tell how far apart all of them are."""
        for _ in range(min(count, 2)):
            first = self.temp
            self.temporary_tensor(scales)
        if count > 2:
            self.temp += (self.temp - first) * (count - 2)
            self._need(self.temp + self.tail)

    def planner_tables(self, buffers: int) -> None:
        """The planner takes all that is left, from an aligned start to an aligned end."""
        start, end = (align_up(value, BUFFER_ALIGNMENT) for value in (self.temp, self.tail))
        self._need(start + end + buffers * self.build.size("PlannedBuffer"))

    def resize_head(self, size: int) -> None:
        """Sets the head and frees all temporaries."""
        self.head = self.temp = size
        self.spare = 0
        self._need(self.head + self.tail)

    def _need(self, size: int) -> None:
        self.needed = max(self.needed, size)


@dataclass
class Preparation:
    """What the operators of a model share while they are prepared.

    Attributes:
        scratches: what kernels asked for so far.
        handles: the resource that each output of a VAR_HANDLE stands for, by (graph, tensor); the operator holds the
            tensor's data itself.
        resources: the resources that have memory.
    """

    ends: ArenaEnds
    scratches: list[Scratch] = field(default_factory=list)
    handles: dict[tuple[int, int], tuple] = field(default_factory=dict)
    resources: set[tuple] = field(default_factory=set)


class Node:
    """An operator while TFLM prepares it. Tensors go by `i0`, `i1`, `o0`: input or output, and position."""

    def __init__(self, preparation: Preparation, op: Operator) -> None:
        self.op, self.name = op, op.name
        self.graph, self.number = op.graph.index, op.index
        self.inputs = len(op.inputs)
        self.build = preparation.ends.build
        self._preparation, self._ends = preparation, preparation.ends

    def temporaries(self, refs: str) -> None:
        """Temporary TfLiteTensors; inputs left out are passed over."""
        for ref in refs.split():
            if self.index(ref) >= 0:
                self._ends.temporary_tensor(self.scales(ref))

    def temporaries_of(self, tensors: Sequence[OptionalTensor]) -> None:
        """Temporary TfLiteTensors of tensors in their order."""
        for scales, alike in groupby(len(tensor.scales) for tensor in tensors if tensor is not None):
            self._ends.temporary_tensors(scales, sum(1 for _ in alike))

    def persistent(self, size: int) -> None:
        """Bytes that stay."""
        self._ends.persistent(size)

    def persistent_each(self, count: int, size: int) -> None:
        """So many times the same bytes, each aligned; there may be millions of them."""
        if count:
            self.persistent(align_up(size, BUFFER_ALIGNMENT) * (count - 1) + size)

    def persistent_multipliers(self, channels: int) -> None:
        """A multiplier and a shift for each channel, in two arrays that stay."""
        for _ in ("multipliers", "shifts"):
            self.persistent(4 * channels)

    def persistent_struct(self, name: str) -> None:
        """A struct that stays; none when it has no fields in this build."""
        if size := self.build.size(name):
            self._ends.persistent(size)

    def persistent_dims(self, ref: str) -> None:
        """A TfLiteIntArray that stays, as long as the rank of a tensor."""
        self._ends.persistent(self.build.int_array(len(self.dims(ref))))

    def scratch(self, size: int) -> None:
        """Bytes of the head while the operator runs."""
        self._preparation.scratches.append(Scratch(self.graph, self.number, size))

    def declare_resource(self) -> None:
        """`o0` is a handle of the resource that the options name (micro_resource_variable.cc, CreateIdIfNoneFound)."""
        resource = (self.option("container"), self.option("sharedName"))
        self._preparation.handles[self.graph, self.index("o0")] = resource

    def allocate_resource(self) -> None:
        """Memory for the resource of `i0`, as large as `i1`, unless it has some (MicroResourceVariables::Allocate)."""
        resource = self._preparation.handles.get((self.graph, self.index("i0")))
        if resource is not None and resource not in self._preparation.resources:
            self._preparation.resources.add(resource)
            self._ends.persistent(self.nbytes("i1"))

    def constant(self, ref: str) -> bool:
        """Whether the file has a tensor's data; an input left out has none."""
        tensor = self.op.tensor(ref)
        return tensor is not None and tensor.constant

    def index(self, ref: str) -> int:
        """Index of a tensor; negative for an input left out."""
        tensor = self.op.tensor(ref)
        return -1 if tensor is None else tensor.index

    def dims(self, ref: str) -> list[int]:
        return list(self.op.tensor(ref).shape)

    def elements(self, ref: str) -> int:
        return self.op.tensor(ref).elements

    def nbytes(self, ref: str) -> int:
        return self.op.tensor(ref).nbytes

    def type(self, ref: str) -> str:
        """Type of a tensor by its name in the schema: INT8."""
        return self.op.tensor(ref).type

    def scales(self, ref: str) -> int:
        """Number of quantisation scales."""
        return len(self.op.tensor(ref).scales)

    def option(self, name: str) -> Any:
        """A field of the operator's options; 0 where the file has none, as TFLM takes it."""
        return self.op.option(name)
