"""What would shrink a model's arena, and by how many bytes: each change is made on a copy of the model, or of its plan,
and the arena computed anew."""

from collections.abc import Callable, Iterable, Iterator

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from convert.passes.attention_rows import rows_at_once
from convert.passes.in_place import find_overwriting, share_places
from convert.passes.reorder import reorder
from convert.passes.rewrites import ONE_SCALE, copy_to_flatten, float_end, scales_per_channel, transposed_copy
from convert.tflite.editing import Draft
from convert.tflite.model import operator_name, operators, read_model
from convert.tflite.offline_plan import offline_offsets
from convert.tflm.allocator import Allocation, allocate
from convert.tflm.arena import describe_allocation, of_build
from convert.tflm.builds import Target, find_build
from convert.tflm.instructions import estimate_instructions
from convert.tflm.planner import head_bytes
from convert.tflm.structs import ARM32_MVE_FOR_SIZE

RULES = (transposed_copy, scales_per_channel, copy_to_flatten, float_end, rows_at_once)
EXACT = (transposed_copy, copy_to_flatten, rows_at_once)  # those that keep the model's answers, to the byte
MANY = 12  # of more operators, what each saves alone is not computed
LARGE = 1000  # a graph of more operators is not changed: that would take long
OVERWRITING = "could overwrite its input: give both one offset in an offline plan (OfflineMemoryAllocation)"
THEN_OVERWRITING = "then an offline plan (OfflineMemoryAllocation) in which outputs overwrite inputs that are done with"


def find_hints(model: schema.ModelT, target: Target, allocation: Allocation) -> list[dict]:
    """The changes that make a model's arena smaller.

    Args:
        model: the model.
        target: the build of TFLM.
        allocation: what the model takes as it is.

    Returns:
        The largest saving first: rule, text, bytes (how much smaller `total` gets by this change alone), at_most
        (whether these bytes are only a bound of what can be saved) and operators: [{index, name, bytes}], those of the
        first graph to change, with the saving of each alone (None where they are many). Operators and tensors stay as
        they are in a model with an offline plan, for the plan is theirs, and in a very large one.
    """
    hints = [_gaps(allocation)]
    if target.build.simd == "mve":
        hints.append(_sums_of_weights(model, target, allocation))
    if offline_offsets(model) is None and len(operators(model.subgraphs[0])) <= LARGE:
        hints += [_operators_hint(model, target, allocation, rule) for rule in RULES]
        hints += _graph_hints(model, target, allocation)
        hints.append(_together(model, target, allocation, max(hint["bytes"] for hint in hints if not hint["at_most"])))
    return sorted((hint for hint in hints if hint["bytes"] > 0), key=lambda hint: -hint["bytes"])


def _operators_hint(model: schema.ModelT, target: Target, allocation: Allocation, rule: Callable) -> dict:
    """A rule at every operator that it changes."""

    def saving(numbers: list[int]) -> int:
        draft = Draft(model)
        for op in [draft.operators[number] for number in numbers]:
            rule(draft, op)
        return allocation.total - allocate(draft.model, *target).total

    return _hint(rule.__name__, rule.__doc__, *_savings(model, _changed(Draft(model), rule), saving))


def _changed(draft: Draft, rule: Callable) -> list[int]:
    """Applies a rule to all operators; the numbers of those that it changed."""
    return [number for number, op in enumerate(list(draft.operators)) if rule(draft, op)]


def _savings(model: schema.ModelT, numbers: list[int], saving: Callable[[list[int]], int]) -> tuple[int, list[dict]]:
    """What a change saves at all operators, and [{index, name, bytes}] of those without which it would save less."""
    together = saving(numbers) if numbers else 0
    if together <= 0:
        return 0, []
    if len(numbers) > MANY:
        return together, _places(model, dict.fromkeys(numbers))
    for number in list(numbers):
        others = [other for other in numbers if other != number]
        if others and saving(others) >= together:
            numbers = others
    return saving(numbers), _places(model, {number: saving([number]) for number in numbers})


def _places(model: schema.ModelT, saved: dict[int, int | None]) -> list[dict]:
    return [
        {"index": number, "name": operator_name(model, model.subgraphs[0].operators[number]), "bytes": nbytes}
        for number, nbytes in saved.items()
    ]


def _gaps(allocation: Allocation) -> dict:
    """What is left when the head is as small as the lower bound."""
    bound = allocation.lower_bound
    ratio = allocation.planned / bound if bound else 1.0
    return _hint(
        "gaps",
        f"planned is {ratio:.2f} of the lower bound: an offline plan (OfflineMemoryAllocation), or "
        "tensor indices in another order, which break the planner's ties",
        allocation.total - allocation.total_with(bound),
        at_most=True,
    )


def _sums_of_weights(model: schema.ModelT, target: Target, allocation: Allocation) -> dict:
    smaller = allocate(model, ARM32_MVE_FOR_SIZE, target.kernels).total
    return _hint(
        "sums_of_weights",
        "kernels keep sums of constant weights: build TFLM with OPTIMIZE_KERNELS_FOR=KERNELS_OPTIMIZED_FOR_SIZE",
        allocation.total - smaller,
    )


def _graph_hints(model: schema.ModelT, target: Target, allocation: Allocation) -> Iterator[dict]:
    yield _overwriting(model, allocation)
    draft = Draft(model)
    order = reorder(draft)
    smaller = allocate(draft.model, *target).total
    yield _hint("order", f"operators in another order: {order}", allocation.total - smaller)
    draft = Draft(model)
    for tensor in draft.tensors:
        if tensor.type == schema.TensorType.FLOAT32:
            tensor.type, tensor.quantization = schema.TensorType.INT8, ONE_SCALE
    smaller = allocate(draft.model, *target).total
    yield _hint("float_tensors", "tensors are float32: quantise to int8", allocation.total - smaller, at_most=True)


def _overwriting(model: schema.ModelT, allocation: Allocation) -> dict:
    pairs = find_overwriting(model, allocation.buffers)

    def saving(numbers: list[int]) -> int:
        return allocation.total - _shared_total(allocation, [pairs[number] for number in numbers])

    return _hint("overwriting", OVERWRITING, *_savings(model, list(pairs), saving))


def _together(model: schema.ModelT, target: Target, allocation: Allocation, alone: int) -> dict:
    """The changes of `shrink`, if they save more than the best of all by itself."""
    changed, offsets, rules = shrink(model, target)
    texts = [f"{_names(model, _changed(Draft(model), rule))}: {rule.__doc__}" for rule in rules]
    after = allocate(changed, *target)
    saved = allocation.total - after.total_with(head_bytes(after.buffers, offsets))
    return _hint("together", "; ".join([*texts, THEN_OVERWRITING]), saved if rules and saved > alone else 0)


def shrink(model: schema.ModelT, target: Target) -> tuple[schema.ModelT, list[int], list[Callable]]:
    """A model with the changes that keep its answers, where they save something on top of those before.

    Args:
        model: a model without an offline plan.
        target: the build of TFLM for which they save something.

    Returns:
        The changed model, offsets of its buffers by which outputs overwrite inputs, and the rules that changed it.
    """
    draft, best, rules = Draft(model), allocate(model, *target), []
    for rule in EXACT:
        trial = Draft(draft.model)
        if _changed(trial, rule):
            allocation = allocate(trial.model, *target)
            if _overwritten_total(trial.model, allocation) < _overwritten_total(draft.model, best):
                draft, best, rules = trial, allocation, [*rules, rule]
    pairs = find_overwriting(draft.model, best.buffers)
    return draft.model, share_places(best.buffers, pairs.values()), rules


def _names(model: schema.ModelT, numbers: list[int]) -> str:
    name = operator_name(model, model.subgraphs[0].operators[numbers[0]])
    return f"{name} " + ", ".join(f"#{number}" for number in numbers)


def _overwritten_total(model: schema.ModelT, allocation: Allocation) -> int:
    return min(allocation.total, _shared_total(allocation, find_overwriting(model, allocation.buffers).values()))


def _shared_total(allocation: Allocation, pairs: Iterable[tuple[int, int]]) -> int:
    """`total` with pairs of tensors at one offset."""
    return allocation.total_with(head_bytes(allocation.buffers, share_places(allocation.buffers, pairs)))


def _hint(rule: str, text: str, nbytes: int, operators: Iterable[dict] = (), at_most: bool = False) -> dict:
    return {
        "rule": rule,
        "text": " ".join(text.split()),
        "bytes": nbytes,
        "at_most": at_most,
        "operators": list(operators),
    }


def explain_arena(model: bytes, core: str, kernels: str) -> dict:
    """`plan_arena`, with `hints`: what would shrink it (`arena_hints.find_hints`), and the `instructions` of an inference
    (`estimate_instructions`; None for a core without counts)."""
    unpacked, target = read_model(model), find_build(core, kernels)
    allocation = allocate(unpacked, *target)
    return of_build(core, kernels, describe_allocation(unpacked, allocation)) | {
        "hints": find_hints(unpacked, target, allocation),
        "instructions": estimate_instructions(unpacked, core, kernels),
    }
