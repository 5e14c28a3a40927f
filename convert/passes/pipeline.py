"""The passes over a model, in their order: the same outputs, byte for byte, from a smaller arena and file."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from convert.passes.aliasing import Sharing
from convert.passes.placement import least_head, place_buffers
from convert.passes.schedule import order_operators
from convert.passes.strip import is_plain, slim_model
from convert.passes.tensor_order import permute_tensors
from convert.tflite.model import read_model
from convert.tflite.offline_plan import offline_offsets, write_plan
from convert.tflite.writer import pack_model
from convert.tflm.allocator import allocate
from convert.tflm.builds import Target
from convert.tflm.planner import tensor_offsets

CORE = "cortex-m7"  # the same structs and scratch as a Cortex-M4 and M33


@dataclass(frozen=True)
class Stage:
    """What a model needs after a step, in bytes.

    Attributes:
        step: name of the step.
        file: the .tflite file.
        total: arena as TFLM plans it, head (`planned`) and tail (`persistent`).
        least: arena below which no plan can go, shared memory included.
    """

    step: str
    file: int
    total: int
    planned: int
    persistent: int
    least: int

    def is_better(self, other: "Stage") -> bool:
        """Not worse in arena, and better in that or in the file."""
        mine, others = (self.total, self.least, self.file), (other.total, other.least, other.file)
        return self.total <= other.total and self.least <= other.least and mine < others


class Step(NamedTuple):
    """One of the steps; `apply` takes the model and the target."""

    name: str
    apply: Callable[[schema.ModelT, Target], schema.ModelT]


def plan_memory(model: schema.ModelT, target: Target) -> schema.ModelT:
    """A model of one graph with an offline plan for its head, where activations share what `sharing.py` allows."""
    buffers = allocate(model, *target).buffers
    return write_plan(model, tensor_offsets(buffers, place_buffers(buffers, Sharing(model, buffers))))


STEPS = [
    Step("diet", lambda model, target: slim_model(model)),
    Step("operator order", lambda model, target: order_operators(model)),
    Step("tensor indices", permute_tensors),
    Step("offline plan", plan_memory),
]


def optimize_model(
    data: bytes, target: Target, steps: list[Step] = STEPS, most_bytes: int | None = None
) -> tuple[bytes, list[Stage]]:
    """Applies the steps to a model; one that does not make it better is left out.

    Args:
        data: bytes of a model that TFLM runs.
        target: the build of TFLM that the arena is made small for.
        steps: what to do, in order.
        most_bytes: what the file may not exceed, whatever the arena gains.

    Returns:
        The bytes of the smaller model, and what was needed at first and after each step. Equal arguments give equal
        bytes.
    """
    stages = [measure_stage("as it was", data, target)]
    if offline_offsets(read_model(data)) is not None:
        return _plan_anew(data, stages[0], target, steps, most_bytes)
    for step in steps:
        model = read_model(data)
        if step.name != "diet" and not is_plain(model):
            continue
        changed = pack_model(step.apply(model, target))
        stage = measure_stage(step.name, changed, target)
        if stage.is_better(stages[-1]) and (most_bytes is None or len(changed) <= most_bytes):
            data = changed
        else:
            stage = replace(stages[-1], step=step.name)
        stages.append(stage)
    return data, stages


def _plan_anew(
    data: bytes, before: Stage, target: Target, steps: list[Step], most_bytes: int | None
) -> tuple[bytes, list[Stage]]:
    """`optimize_model` of a model with a plan, which holds only for its order and indices: begins without it, and what
    does not end better is left out."""
    fresh, stages = optimize_model(pack_model(slim_model(read_model(data))), target, steps, most_bytes)
    if stages[-1].is_better(before) and (most_bytes is None or len(fresh) <= most_bytes):
        return fresh, [before, *stages[1:]]
    return data, [before, *(replace(before, step=stage.step) for stage in stages[1:])]


def measure_stage(name: str, data: bytes, target: Target) -> Stage:
    """What a model needs now."""
    model = read_model(data)
    needs = allocate(model, *target)
    least = least_head(needs.buffers, Sharing(model, needs.buffers)) if is_plain(model) else needs.planned
    return Stage(
        name, len(data), needs.total, needs.planned, needs.persistent, min(least + needs.persistent, needs.total)
    )
