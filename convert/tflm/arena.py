"""The bytes of arena that a model needs in TFLM, described: the totals, the parts, the tensors at the peak."""

from convert.tflite.view import Model, view_model
from convert.tflm.allocator import Allocation, allocate, allocate_together
from convert.tflm.builds import HOST, NOT_MEASURED, find_build
from convert.tflm.libraries import library_of, shown
from convert.tflm.planner import Buffer

LARGEST_TENSORS = 5


def plan_arena(model: bytes, core: str = HOST, kernels: str = "reference") -> dict:
    """The arena of a model, as a plain MicroInterpreter of TFLM allocates it.

    Args:
        model: bytes of a .tflite file that TFLM runs (`convert.check`).
        core: cortex-m0plus, m3, m4, m7, m33, m55 or m85 written cortex-m4, or `host64`, a 64-bit host.
        kernels: `reference`, or for a Cortex-M `cmsis_nn` (built for speed, TFLM's default), or another library than
            tensorflow/tflite-micro (`libraries.yaml`).

    Returns:
        core, kernels, and tflm, the library ('main': tensorflow/tflite-micro); measured: whether firmware for this core
        was measured, otherwise the core whose code it runs was; in bytes: total (the smallest arena, a multiple of 16,
        from which on AllocateTensors succeeds), used (head and tail after it), planned (the head), lower_bound (what no
        planner without overlaps can go below), persistent (the tail), preparation (what is needed before the head is
        planned), scratch (the most that kernels ask for at one operator, part of the head);
        peak: {op: {index, name}, bytes, tensors: [{index, name, bytes}]}, the operator at which most is alive and the
        five largest tensors then, scratch with index None; at_least: [{index, name}] of the operators whose data is
        not modelled, which makes all bytes lower bounds.

    Raises:
        UserError: there are no figures for the core and kernels.
    """
    return plan_arenas(model, [(core, kernels)])[0]


def plan_arenas(model: bytes, chosen: list[tuple[str, str]]) -> list[dict]:
    """`plan_arena` for several cores and kernels; cores that run the same code are computed once."""
    view, described = view_model(model), {}
    targets = [find_build(core, kernels) for core, kernels in chosen]
    for target in targets:
        if id(target) not in described:
            described[id(target)] = describe_allocation(view, allocate(view, *target))
    return [of_build(core, kernels, described[id(target)]) for (core, kernels), target in zip(chosen, targets)]


def plan_together(models: list[bytes], core: str, kernels: str) -> dict:
    """What several models of one firmware need, by how they share.

    Args:
        models: bytes of .tflite files that TFLM runs, in the order in which the firmware allocates them.
        core, kernels: as for `plan_arena`.

    Returns:
        Bytes in all: apart, an arena and an interpreter for each; one_allocator, one arena and one MicroAllocator that
        all interpreters are given, which keeps the state of each; taking_turns, one arena in which an interpreter is
        made anew whenever the model changes, which keeps none; at_least: whether an operator's data is not modelled.
    """
    target, views = find_build(core, kernels), [view_model(model) for model in models]
    alone = [allocate(view, *target) for view in views]
    totals = [allocation.total for allocation in alone]
    return {
        "apart": sum(totals),
        "one_allocator": allocate_together(views, *target).total,
        "taking_turns": max(totals),
        "at_least": any(allocation.unmodelled for allocation in alone),
    }


def of_build(core: str, kernels: str, figures: dict) -> dict:
    library = library_of(kernels)
    measured = core in library.measured if library else core not in NOT_MEASURED
    return {"core": core, **shown(kernels), "measured": measured, **figures}


def describe_allocation(model: Model, allocation: Allocation) -> dict:
    """What `plan_arena` says of an allocation, hints aside."""
    peak = allocation.alive(allocation.peak)
    scratch = max(
        sum(buffer.size for buffer in allocation.alive(step) if buffer.owner is None)
        for step in range(len(allocation.steps))
    )
    return {
        "total": allocation.total,
        "used": allocation.used,
        "planned": allocation.planned,
        "lower_bound": allocation.lower_bound,
        "persistent": allocation.persistent,
        "preparation": allocation.preparation,
        "scratch": scratch,
        "peak": {
            "op": _operator(model, *allocation.steps[allocation.peak]),
            "bytes": allocation.lower_bound,
            "tensors": [_tensor(model, buffer) for buffer in _largest(peak)],
        },
        "at_least": [_operator(model, *place) for place in allocation.unmodelled],
    }


def _largest(buffers: list[Buffer]) -> list[Buffer]:
    return sorted(buffers, key=lambda buffer: -buffer.nbytes)[:LARGEST_TENSORS]


def _operator(model: Model, graph: int, number: int) -> dict | None:
    """{index, name} of an operator, and its graph where there are several; None in a graph without operators."""
    if not model.graphs[graph].operators:
        return None
    name = model.graphs[graph].operators[number].name
    return {"index": number, "name": name} | ({"graph": graph} if len(model.graphs) > 1 else {})


def _tensor(model: Model, buffer: Buffer) -> dict:
    if buffer.owner is None:
        return {"index": None, "name": "scratch", "bytes": buffer.nbytes}
    graph, index = buffer.owner
    return {"index": index, "name": model.graphs[graph].tensors[index].name, "bytes": buffer.nbytes}
