"""What a model needs on a build of TFLM: one allocation and what follows from it, made once and passed on."""

from dataclasses import dataclass
from functools import cached_property

from convert.lowering.graph import Graph
from convert.lowering.to_tflite import make_model
from convert.passes.aliasing import Aliasing
from convert.passes.placement import WIDTH, bytes_at_steps, least_head, place_buffers
from convert.passes.strip import is_plain, strip_model
from convert.tflite.offline_plan import write_plan
from convert.tflite.view import Model, view_model
from convert.tflm.allocator import Allocation, allocate
from convert.tflm.builds import Target
from convert.tflm.planner import Buffer, tensor_offsets


@dataclass(frozen=True, eq=False)
class Measure:
    """A model on a target; figures are computed when they are first asked for.

    Examples:
        >>> from convert.tflm.builds import find_build
        >>> measure = Measure.of_file(data, find_build("cortex-m7", "cmsis_nn"))  # doctest: +SKIP
        >>> measure.total, measure.least  # doctest: +SKIP
        (26320, 23236)
    """

    model: Model
    target: Target

    @classmethod
    def of_file(cls, data: bytes, target: Target) -> "Measure":
        """Of the bytes of a .tflite file."""
        return cls(view_model(data), target)

    @classmethod
    def of_graph(cls, graph: Graph, target: Target) -> "Measure":
        """Of a lowered graph, as the stripped model that it becomes."""
        return cls(strip_model(make_model(graph)), target)

    @cached_property
    def allocation(self) -> Allocation:
        """What TFLM takes of an arena, lives and places of the buffers included."""
        return allocate(self.model, *self.target)

    @property
    def buffers(self) -> list[Buffer]:
        """The buffers of the arena's head."""
        return self.allocation.buffers

    @cached_property
    def aliasing(self) -> Aliasing:
        """Which of the buffers may lie on one another; for models of one graph."""
        return Aliasing(self.model, self.buffers)

    @cached_property
    def is_plain(self) -> bool:
        """Whether operators may be moved, and memory be shared (`strip.is_plain`)."""
        return is_plain(self.model)

    @property
    def total(self) -> int:
        """Bytes of arena as the model is."""
        return self.allocation.total

    @cached_property
    def least_head(self) -> int:
        """Bytes of head below which no plan can go, shared memory included."""
        return least_head(self.buffers, self.aliasing) if self.is_plain else self.allocation.planned

    @property
    def least(self) -> int:
        """Bytes of arena below which no plan can go."""
        return min(self.least_head + self.allocation.persistent, self.total)

    def taken(self) -> list[int]:
        """Bytes alive at each step, where buffers lie on one another once."""
        return bytes_at_steps(self.buffers, self.aliasing)

    def with_plan(self, width: int = WIDTH) -> Model:
        """The model with the best plan found for its head (`placement.place_buffers`)."""
        offsets = place_buffers(self.buffers, self.aliasing, width)
        return write_plan(self.model, tensor_offsets(self.buffers, offsets))
