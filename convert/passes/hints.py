"""What would shrink a model's arena, and by how many bytes: the passes that are not applied yet, each made on a copy.

A pass that keeps the answers comes with the command that applies it. What changes them, or the build of TFLM, comes
with the words of what to do.
"""

from collections.abc import Callable, Iterable

from convert.passes.measure import Measure
from convert.passes.optimizer import optimize_model
from convert.passes.pipeline import LARGE, PASSES, GraphPass, ModelPass, Rewrite
from convert.tflite.offline_plan import offline_offsets
from convert.tflm.allocator import allocate
from convert.tflm.arena import describe_allocation, of_build
from convert.tflm.builds import Target, find_build
from convert.tflm.compilers import COMPILERS
from convert.tflm.instructions import estimate_instructions
from convert.tflm.libraries import library_of
from convert.tflm.structs import ARM32_MVE_FOR_SIZE

MANY = 12  # of more operators, what each saves alone is not computed
BOUNDS = ("float tensors",)  # passes of which only a bound of what they save is known

MOST_BUFFERS = 500  # of a head in which better places are looked for


def find_hints(data: bytes, target: Target, command: str | None = None) -> list[dict]:
    """The changes that make a model's arena smaller.

    Args:
        data: bytes of a model that TFLM runs.
        target: the build of TFLM.
        command: what applies the passes that keep the answers.

    Returns:
        The largest saving first: rule (the pass's name), text, bytes (how much smaller `total` gets by this change
        alone), at_most (whether these bytes are only a bound of what can be saved), command (None for a change that is
        not ours to make) and operators: [{index, name, bytes}], those of the first graph to change, with the saving of
        each alone (None where they are many). Operators and tensors stay as they are in a model with an offline plan,
        for the plan is theirs, and in a very large one.
    """
    measure = Measure.of_file(data, target)
    hints = [_sums_of_weights(measure)] if target.build.simd == "mve" else []
    is_small = len(measure.model.graphs[0].operators) <= LARGE and len(measure.buffers) <= MOST_BUFFERS
    is_open = offline_offsets(measure.model) is None and is_small
    passes = [one for one in PASSES if not isinstance(one, GraphPass)] if is_open else []
    hints += [_of_pass(measure, one, command) for one in passes if measure.is_plain or not one.exact]
    if is_open and measure.is_plain:
        hints.append(_together(data, measure, command))
    else:
        hints.append(_gaps(measure))
    return sorted((hint for hint in hints if hint["bytes"] > 0), key=lambda hint: -hint["bytes"])


def _of_pass(measure: Measure, one: ModelPass | Rewrite, command: str | None) -> dict:
    """What a pass saves by itself."""
    applied_by = command if one.exact else None
    if isinstance(one, Rewrite):
        return _hint(one.name, one.doc, *_savings_of_rewrite(measure, one), command=applied_by)
    saved = measure.total - Measure(one.apply(measure), measure.target).total
    return _hint(one.name, one.doc, saved, at_most=one.name in BOUNDS, command=applied_by)


def _savings_of_rewrite(measure: Measure, rewrite: Rewrite) -> tuple[int, list[dict]]:
    """What a rewrite saves at all operators that it changes, and at each."""

    def saving(numbers: list[int]) -> int:
        changed = measure.model.copy()
        graph = changed.graphs[0]
        for op in [graph.operators[number] for number in numbers]:
            rewrite.rule(graph, op)
        return measure.total - Measure(changed, measure.target).total

    return _savings(measure, rewrite.change(measure.model.copy().graphs[0]), saving)


def _savings(measure: Measure, numbers: list[int], saving: Callable[[list[int]], int]) -> tuple[int, list[dict]]:
    """What a change saves at all operators, and [{index, name, bytes}] of those without which it would save less."""
    together = saving(numbers) if numbers else 0
    if together <= 0:
        return 0, []
    if len(numbers) > MANY:
        return together, _places(measure, dict.fromkeys(numbers))
    for number in list(numbers):
        others = [other for other in numbers if other != number]
        if others and saving(others) >= together:
            numbers = others
    return saving(numbers), _places(measure, {number: saving([number]) for number in numbers})


def _places(measure: Measure, saved: dict[int, int | None]) -> list[dict]:
    ops = measure.model.graphs[0].operators
    return [{"index": number, "name": ops[number].name, "bytes": nbytes} for number, nbytes in saved.items()]


def _together(data: bytes, measure: Measure, command: str | None) -> dict:
    """What `convert.optimize` makes of it."""
    smaller, stages = optimize_model(data, measure.target)
    saved = measure.total - stages[-1].total
    text = f"all passes that keep the answers, as they get on together: a file of {len(smaller):,} B, now {len(data):,}"
    return _hint("together", text, saved, command=command)


def _gaps(measure: Measure) -> dict:
    """What is left when the head is as small as the lower bound."""
    bound, planned = measure.allocation.lower_bound, measure.allocation.planned
    ratio = planned / bound if bound else 1.0
    return _hint(
        "gaps",
        f"planned is {ratio:.2f} of the lower bound: an offline plan (OfflineMemoryAllocation), or "
        "tensors in another order, which breaks the planner's ties",
        measure.total - measure.allocation.total_with(bound),
        at_most=True,
    )


def _sums_of_weights(measure: Measure) -> dict:
    smaller = allocate(measure.model, ARM32_MVE_FOR_SIZE, measure.target.kernels).total
    return _hint(
        "sums_of_weights",
        "kernels keep sums of constant weights: build TFLM with OPTIMIZE_KERNELS_FOR=KERNELS_OPTIMIZED_FOR_SIZE",
        measure.total - smaller,
    )


def _hint(
    rule: str, text: str, nbytes: int, operators: Iterable[dict] = (), at_most: bool = False, command: str | None = None
) -> dict:
    return {
        "rule": rule,
        "text": text,
        "bytes": nbytes,
        "at_most": at_most,
        "command": command,
        "operators": list(operators),
    }


def explain_arena(data: bytes, core: str, kernels: str, compiler: str = COMPILERS[0]) -> dict:
    """`plan_arena`, with `hints`: what would shrink it (`find_hints`), and the `instructions` of an inference
    (`estimate_instructions`; None for a core without counts by that compiler).
    """
    measure = Measure.of_file(data, find_build(core, kernels))
    named = f"--tflm {kernels}" if library_of(kernels) else f"--kernels {kernels}"
    command = f"python -m convert.optimize MODEL.tflite --out SMALLER.tflite --core {core} {named}"
    return of_build(core, kernels, describe_allocation(measure.model, measure.allocation)) | {
        "hints": find_hints(data, measure.target, command),
        "instructions": estimate_instructions(measure.model, core, kernels, compiler),
    }
