"""TFLM's MicroAllocator on paper: what a model takes from an arena, byte for byte (micro/micro_allocator.cc).

The arena has two ends. The tail holds what stays: the allocator's own objects, a struct per tensor and operator, the
kernels' data. The head first holds temporaries while the operators are prepared, then the tables of the planner, and in
the end the activations where the planner puts them. `used` is head and tail in the end; `total` is the most that both
ever need together, rounded up to 16.
"""

from dataclasses import dataclass
from functools import cached_property

from convert.tflite.offline_plan import ONLINE, offline_offsets
from convert.tflite.view import Model
from convert.tflm.kernels_reference import Kernel
from convert.tflm.lifetimes import list_buffers
from convert.tflm.planner import BUFFER_ALIGNMENT, Buffer, bytes_alive, head_bytes, plan_buffers
from convert.tflm.prepare import ArenaEnds, Node, Preparation
from convert.tflm.structs import Build, align_up

SCRATCH_REQUESTS_PER_OPERATOR = 12  # micro_allocator.cc, kMaxScratchBuffersPerOp


@dataclass(frozen=True)
class Allocation:
    """What AllocateTensors takes.

    Attributes:
        total: bytes of the arena from which on AllocateTensors succeeds.
        used: bytes of head and tail in the end.
        planned: bytes of the head, what the planner gave the buffers.
        persistent: bytes of the tail.
        preparation: bytes needed before the activations have a place: tail, and temporaries or the planner's tables.
        buffers: activations and scratch buffers of the head.
        offsets: where the planner put them.
        steps: (graph, operator) by the steps of the buffers' lives.
        unmodelled: (graph, operator) of those whose data is not known: the figures are lower bounds.
    """

    total: int
    used: int
    planned: int
    persistent: int
    preparation: int
    buffers: list[Buffer]
    offsets: list[int]
    steps: list[tuple[int, int]]
    unmodelled: list[tuple[int, int]]

    def alive(self, step: int) -> list[Buffer]:
        """The buffers that a step needs."""
        return [buffer for buffer in self.buffers if buffer.alive(step)]

    @cached_property
    def peak(self) -> int:
        """The step at which most bytes are alive."""
        alive = bytes_alive(self.buffers)
        return alive.index(max(alive))

    @cached_property
    def lower_bound(self) -> int:
        """Bytes alive at the peak: no planner without overlaps goes below."""
        return max(bytes_alive(self.buffers))

    @cached_property
    def step_of(self) -> dict[int, int]:
        """The step of each operator of a model of one graph; step 0 is before the first."""
        return {number: step for step, (_, number) in enumerate(self.steps) if step}

    def total_with(self, planned: int) -> int:
        """`total` if the head were of another size."""
        return align_up(max(self.preparation, planned + self.persistent), BUFFER_ALIGNMENT)


def allocate(model: Model, build: Build, kernels: dict[str, Kernel]) -> Allocation:
    """Goes through AllocateTensors of a MicroInterpreter (micro_interpreter.cc).

    Args:
        model: a model that TFLM runs.
        build: the build of TFLM.
        kernels: what each operator takes, by name.

    Returns:
        The allocation.
    """
    return _Allocator(model, build, kernels, ArenaEnds(build)).run()


def allocate_together(models: list[Model], build: Build, kernels: dict[str, Kernel]) -> Allocation:
    """Goes through AllocateTensors of a MicroInterpreter for each model, all with one MicroAllocator: the tails of all
    stay, and the head is that of the model with the largest (micro_allocator.cc, max_head_buffer_usage_).

    Args:
        models: models that TFLM runs, in the order in which the firmware allocates them.
        build, kernels: as for `allocate`.

    Returns:
        The allocation after the last; its buffers, offsets and steps are the last model's.
    """
    ends, allocation = ArenaEnds(build), None
    for model in models:
        allocation = _Allocator(model, build, kernels, ends, allocation).run()
    assert allocation is not None
    return allocation


class _Allocator:
    """The stages of AllocateTensors, in an arena that another model may have been allocated in `before`."""

    def __init__(
        self, model: Model, build: Build, kernels: dict[str, Kernel], ends: ArenaEnds, before: Allocation | None = None
    ) -> None:
        self.model, self.build, self.kernels = model, build, kernels
        self.ends, self.before = ends, before
        self.preparation = Preparation(self.ends)
        self.scratches = self.preparation.scratches
        self.nodes = [Node(self.preparation, op) for op in model.operators]
        self.modelled = [(node, kernels[node.name]) for node in self.nodes if node.name in kernels]

    def run(self) -> Allocation:
        self.create()
        self.start()
        self.parse_options()
        self.initialise_kernels()
        self.prepare_kernels()
        buffers, offsets, steps = self.plan()
        preparation = self.ends.needed
        self.ends.resize_head(max(head_bytes(buffers, offsets), self.before.planned if self.before else 0))
        self.finish()
        unmodelled = [(node.graph, node.number) for node in self.nodes if node.name not in self.kernels]
        return Allocation(
            align_up(self.ends.needed, BUFFER_ALIGNMENT),
            self.ends.head + self.ends.tail,
            self.ends.head,
            self.ends.tail,
            preparation,
            buffers,
            offsets,
            steps,
            unmodelled,
        )

    def create(self) -> None:
        """MicroAllocator::Create or RecordingMicroAllocator::Create, and MicroResourceVariables::Create."""
        prefix = "Recording" if self.build.recording else ""
        own = (f"{prefix}SingleArenaBufferAllocator", "GreedyMemoryPlanner", f"{prefix}MicroAllocator")
        for struct in () if self.before else own:
            self.ends.persistent_struct(struct)
        variables = {node.option("sharedName") for node in self.nodes if node.name == "VAR_HANDLE"}
        if variables:
            self.ends.persistent(self.build.size("MicroResourceVariables"))
            self.ends.persistent(self.build.size("MicroResourceVariable") * len(variables))

    def start(self) -> None:
        """MicroAllocator::StartModelAllocation."""
        self.ends.persistent_struct("MicroBuiltinDataAllocator")
        self._reserve_scratch_requests()
        self.ends.persistent_struct("SubgraphAllocations", len(self.model.graphs))
        for graph in self.model.graphs:
            self.ends.persistent_struct("TfLiteEvalTensor", len(graph.tensors))
        for graph in self.model.graphs:
            self.ends.persistent_struct("NodeAndRegistration", len(graph.operators))

    def parse_options(self) -> None:
        """MicroInterpreter::PrepareNodeAndRegistrationDataFromFlatbuffer."""
        for _, kernel in self.modelled:
            if kernel.options:
                self.ends.persistent_struct(kernel.options)

    def initialise_kernels(self) -> None:
        """MicroInterpreterGraph::InitSubgraphs."""
        for node, kernel in self.modelled:
            kernel.run_init(node)

    def prepare_kernels(self) -> None:
        """MicroInterpreterGraph::PrepareSubgraphs; temporaries are freed when their operator is done."""
        for node, kernel in self.modelled:
            kernel.run_prepare(node)
            self._reserve_scratch_requests()

    def plan(self) -> tuple[list[Buffer], list[int], list[tuple[int, int]]]:
        """MicroAllocator::FinishModelAllocation and CommitStaticMemoryPlan, up to the head's last size."""
        if self.scratches:
            self.ends.persistent_struct("ScratchBufferHandle", len(self.scratches))
        tensors = sum(len(graph.tensors) for graph in self.model.graphs)
        self.ends.temporary_struct("SubgraphOffset", len(self.model.graphs))
        self.ends.temporary_struct("AllocationInfo", tensors + len(self.scratches))
        self._allocate_variables()
        buffers, steps = list_buffers(self.model, self.scratches, set(self.preparation.handles))
        self.ends.planner_tables(len(buffers))
        return buffers, plan_buffers(buffers), steps

    def finish(self) -> None:
        """The TfLiteTensors of inputs and outputs (MicroInterpreter::AllocateTensors)."""
        graph = self.model.graphs[0]
        for tensors in (graph.inputs, graph.outputs):
            self.ends.persistent(self.build.pointer * len(tensors))
            for index in tensors:
                self.ends.persistent_tensor(len(graph.tensors[index].scales))

    def _reserve_scratch_requests(self) -> None:
        """Room for what the next operator may ask for (InitScratchBufferData, FinishPrepareNodeAllocations)."""
        requests = len(self.scratches) + SCRATCH_REQUESTS_PER_OPERATOR
        self.ends.resize_head(requests * self.build.size("ScratchBufferRequest"))

    def _allocate_variables(self) -> None:
        """AllocateVariables; for every graph it reads the offline plan from its start."""
        offsets = offline_offsets(self.model)
        for graph in self.model.graphs:
            for index, tensor in enumerate(graph.tensors):
                if tensor.variable and (offsets is None or offsets[index] == ONLINE):
                    self.ends.persistent(tensor.nbytes)
