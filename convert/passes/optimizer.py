"""The passes over a file's model, applied where they make the arena smaller: the same outputs, byte for byte."""

import gc
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from convert.passes.measure import Measure
from convert.passes.pipeline import OPTIMIZE, ModelPass, Rewrite, run_model_pass
from convert.passes.strip import strip_model
from convert.tflite.offline_plan import offline_offsets
from convert.tflite.signatures import with_signatures
from convert.tflite.writer import pack_model
from convert.tflm.builds import Target

BEFORE = "as it was"
MANY_BYTES = 1 << 20


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

    @classmethod
    def of(cls, step: str, data: bytes, measure: Measure) -> "Stage":
        """The stage of a file that was measured."""
        needs = measure.allocation
        return cls(step, len(data), needs.total, needs.planned, needs.persistent, measure.least)

    def is_better(self, other: "Stage") -> bool:
        """Not worse in arena, and better in that or in the file."""
        mine, others = (self.total, self.least, self.file), (other.total, other.least, other.file)
        return self.total <= other.total and self.least <= other.least and mine < others


class _Reached(NamedTuple):
    """A file, what it needs, and the stages on the way to it."""

    data: bytes
    measure: Measure
    stages: list[Stage]

    @property
    def cost(self) -> tuple[int, int]:
        """What is made small: the arena, then the file."""
        return self.measure.total, len(self.data)


def optimize_model(
    data: bytes, target: Target, passes: Sequence[ModelPass | Rewrite] = OPTIMIZE, most_bytes: int | None = None
) -> tuple[bytes, list[Stage]]:
    """Applies passes to a model; one that does not make it better is left out.

    A rewrite is kept where the arena is smaller in the end, after the passes that follow the rewrites: what it leaves
    at first may well be more.

    Args:
        data: bytes of a model that TFLM runs.
        target: the build of TFLM that the arena is made small for.
        passes: exact ones over models, in the order of the list.
        most_bytes: what the file may not exceed, whatever the arena gains.

    Returns:
        The bytes of the smaller model, which has the signatures that it had, and what was needed at first and after
        each pass. Equal arguments give equal bytes.
    """
    smaller, stages = _optimize(data, target, passes, most_bytes)
    smaller = with_signatures(data, smaller)
    return smaller, [*stages[:-1], replace(stages[-1], file=len(smaller))]


def _optimize(
    data: bytes, target: Target, passes: Sequence[ModelPass | Rewrite], most_bytes: int | None
) -> tuple[bytes, list[Stage]]:
    before = Measure.of_file(data, target)
    first = Stage.of(BEFORE, data, before)
    if offline_offsets(before.model) is not None:
        return _plan_anew(data, first, target, passes, most_bytes)
    limit = float("inf") if most_bytes is None else most_bytes
    rewrites = [one for one in passes if isinstance(one, Rewrite) and before.is_plain]
    others = [one for one in passes if not isinstance(one, Rewrite)]
    reached, stages = _finish(_Reached(data, before, [first]), others, limit), [first]
    for rewrite in rewrites:
        changed = run_model_pass(rewrite, before)
        if changed:
            stage = Stage.of(rewrite.name, *changed)
            finished = _finish(_Reached(*changed, [stage]), others, limit)
            if finished.cost < reached.cost and len(finished.data) <= limit:
                reached, before, stages = finished, changed[1], [*stages, stage]
                continue
        stages.append(replace(stages[-1], step=rewrite.name))
    return reached.data, stages + reached.stages[1:]


def measure_stage(name: str, data: bytes, target: Target) -> Stage:
    """What a model needs now."""
    return Stage.of(name, data, Measure.of_file(data, target))


def _finish(reached: _Reached, passes: Sequence[ModelPass], limit: float) -> _Reached:
    """After each of some passes that makes it better."""
    data, measure, stages = reached
    for one in passes:
        stage = replace(stages[-1], step=one.name)
        changed = run_model_pass(one, measure) if one.name == "strip" or measure.is_plain else None
        if changed:
            better = Stage.of(one.name, *changed)
            if better.is_better(stages[-1]) and better.file <= limit:
                stage, (data, measure) = better, changed
            stages = [*stages, stage]
        changed = None
        _give_back(len(data))
    return _Reached(data, measure, stages)


def _give_back(nbytes: int) -> None:
    """Frees the files that passes made and that were not kept, where they are large: a model's parts refer to each
    other, and hold its file until Python looks for such circles.
    """
    if nbytes > MANY_BYTES:
        gc.collect()


def _plan_anew(
    data: bytes, before: Stage, target: Target, passes: Sequence[ModelPass | Rewrite], most_bytes: int | None
) -> tuple[bytes, list[Stage]]:
    """`optimize_model` of a model with a plan, which holds only for its order and indices: begins without it, and what
    does not end better is left out.
    """
    without = pack_model(strip_model(Measure.of_file(data, target).model))
    fresh, stages = _optimize(without, target, passes, most_bytes)
    if stages[-1].is_better(before) and (most_bytes is None or len(fresh) <= most_bytes):
        return fresh, [before, *stages[1:]]
    return data, [before, *(replace(before, step=stage.step) for stage in stages[1:])]
