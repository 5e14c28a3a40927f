"""What the default choice, the smallest arena, costs: the instructions that some more bytes of arena would save."""

from typing import NamedTuple

from convert.export.build import build_model
from convert.tflm.arena import plan_arena
from convert.tflm.instructions import estimate_instructions
from convert.tflm.targets import KERNELS, PLANS
from tf_embbert.run import FoldedModel, Ranges

ROOM = 5 / 4  # how much more arena is looked at
WORTH = 0.97  # of the instructions: what saves less is not worth a word


class Form(NamedTuple):
    """What a model takes on a core: bytes of arena, and instructions of an inference, about."""

    arena: int
    instructions: int


def measure_form(model: bytes, core: str, kernels: str = KERNELS[0]) -> Form | None:
    """What a model takes; None on a core whose instructions were not measured."""
    estimate = estimate_instructions(model, core, kernels)
    if estimate is None or estimate["total"] is None:
        return None
    return Form(plan_arena(model, core, kernels)["total"], estimate["total"])


def find_faster(
    model: bytes,
    weights: FoldedModel,
    ranges: Ranges,
    sequence_length: int,
    core: str,
    plan: str = PLANS[0],
    kernels: str = KERNELS[0],
) -> tuple[Form, Form] | None:
    """What a model built without a budget takes, and what the fastest form found within `ROOM` times its arena takes.

    Args:
        model: as `build_model` gives it without `arena`.
        weights, ranges, sequence_length, core, plan, kernels: what it was built of.

    Returns:
        Both forms; the second's arena is the budget that gives it. None where nothing faster was found, or
        instructions are not known.
    """
    chosen = measure_form(model, core, kernels)
    if chosen is None:
        return None
    budget = int(chosen.arena * ROOM)
    faster = measure_form(build_model(weights, ranges, sequence_length, core, budget, plan, kernels), core, kernels)
    if faster is None or faster.arena > budget or faster.instructions > WORTH * chosen.instructions:
        return None
    return chosen, faster


def cost_text(chosen: Form, faster: Form, core: str, kernels: str = KERNELS[0]) -> str:
    """`find_faster` as a line."""
    return (
        f"the smallest arena was chosen: {chosen.arena:,} B, about {chosen.instructions / 1e6:.1f} M instructions an "
        f"inference on {core} with {kernels} kernels; {faster.arena - chosen.arena:,} B more "
        f"(--arena-budget {faster.arena}) bring it to {faster.instructions / 1e6:.1f} M"
    )
