"""How many bytes of arena a model needs in TFLM, and why.

    python -m convert.arena MODEL.tflite [--core ID] [--kernels NAME] [--clock-mhz MHZ] [--max-bytes N] [--json]

The bytes are computed from the file, by going through TFLM's allocator on paper; the instructions of an inference are an
estimate. Exit status: 0 fine, 1 over --max-bytes or TFLM would refuse the model, 2 bad input.
"""

import json
import sys
from pathlib import Path

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from convert.arena_builds import BUILDS, HOST, NOT_MEASURED, default_kernels, find_build
from convert.arena_hints import find_hints
from convert.arena_model import Allocation, allocate
from convert.arena_planner import Buffer
from convert.arena_print import print_reports
from convert.check import check_model
from convert.inspection import operator_name, read_model
from convert.instructions import estimate_instructions
from tf_embbert.arguments import CommandParser, positive, positive_int
from tf_embbert.errors import UserError, run_command

LARGEST_TENSORS = 5
EXPLAINED = "cortex-m7"  # the core that is explained when none is named


def plan_arena(model: bytes, core: str = HOST, kernels: str = "reference") -> dict:
    """The arena of a model, as a plain MicroInterpreter of TFLM allocates it.

    Args:
        model: bytes of a .tflite file that TFLM runs (`convert.check`).
        core: cortex-m0plus, m3, m4, m7, m33, m55 or m85 written cortex-m4, or `host64`, a 64-bit host.
        kernels: `reference`, or for a Cortex-M `cmsis_nn` (built for speed, TFLM's default).

    Returns:
        core and kernels; measured: whether firmware for this core was measured, otherwise the core whose code it runs
        was; in bytes: total (the smallest arena, a multiple of 16, from which on AllocateTensors succeeds), used (head
        and tail after it), planned (the head), lower_bound (what no planner without overlaps can go below), persistent
        (the tail), preparation (what is needed before the head is planned), scratch (the most that kernels ask for at
        one operator, part of the head);
        peak: {op: {index, name}, bytes, tensors: [{index, name, bytes}]}, the operator at which most is alive and the
        five largest tensors then, scratch with index None; at_least: [{index, name}] of the operators whose data is
        not modelled, which makes all bytes lower bounds.

    Raises:
        UserError: there are no figures for the core and kernels.
    """
    return plan_arenas(model, [(core, kernels)])[0]


def plan_arenas(model: bytes, chosen: list[tuple[str, str]]) -> list[dict]:
    """`plan_arena` for several cores and kernels; cores that run the same code are computed once."""
    unpacked, described = read_model(model), {}
    targets = [find_build(core, kernels) for core, kernels in chosen]
    for target in targets:
        if id(target) not in described:
            described[id(target)] = describe_allocation(unpacked, allocate(unpacked, *target))
    return [_of_build(core, kernels, described[id(target)]) for (core, kernels), target in zip(chosen, targets)]


def explain_arena(model: bytes, core: str, kernels: str) -> dict:
    """`plan_arena`, with `hints`: what would shrink it (`arena_hints.find_hints`), and the `instructions` of an inference
    (`estimate_instructions`; None for a core without counts)."""
    unpacked, target = read_model(model), find_build(core, kernels)
    allocation = allocate(unpacked, *target)
    return _of_build(core, kernels, describe_allocation(unpacked, allocation)) | {
        "hints": find_hints(unpacked, target, allocation),
        "instructions": estimate_instructions(unpacked, core, kernels)}


def _of_build(core: str, kernels: str, figures: dict) -> dict:
    return {"core": core, "kernels": kernels, "measured": core not in NOT_MEASURED, **figures}


def describe_allocation(model: schema.ModelT, allocation: Allocation) -> dict:
    """What `plan_arena` says of an allocation, hints aside."""
    peak = allocation.alive(allocation.peak)
    scratch = max(sum(buffer.size for buffer in allocation.alive(step) if buffer.owner is None)
                  for step in range(len(allocation.steps)))
    return {
        "total": allocation.total,
        "used": allocation.used,
        "planned": allocation.planned,
        "lower_bound": allocation.lower_bound,
        "persistent": allocation.persistent,
        "preparation": allocation.preparation,
        "scratch": scratch,
        "peak": {"op": _operator(model, *allocation.steps[allocation.peak]), "bytes": allocation.lower_bound,
                 "tensors": [_tensor(model, buffer) for buffer in _largest(peak)]},
        "at_least": [_operator(model, *place) for place in allocation.unmodelled],
    }


def _largest(buffers: list[Buffer]) -> list[Buffer]:
    return sorted(buffers, key=lambda buffer: -buffer.nbytes)[:LARGEST_TENSORS]


def _operator(model: schema.ModelT, graph: int, number: int) -> dict | None:
    """{index, name} of an operator, and its graph where there are several; None in a graph without operators."""
    if not model.subgraphs[graph].operators:
        return None
    name = operator_name(model, model.subgraphs[graph].operators[number])
    return {"index": number, "name": name} | ({"graph": graph} if len(model.subgraphs) > 1 else {})


def _tensor(model: schema.ModelT, buffer: Buffer) -> dict:
    if buffer.owner is None:
        return {"index": None, "name": "scratch", "bytes": buffer.nbytes}
    graph, index = buffer.owner
    name = (model.subgraphs[graph].tensors[index].name or b"").decode("utf-8", "replace")
    return {"index": index, "name": name, "bytes": buffer.nbytes}


def _print_refusals(refusals: list[dict]) -> None:
    for refusal in refusals:
        place = "".join(f"{part} " for part in (refusal["op"], refusal["index"]) if part is not None)
        print(f"TFLM would refuse this model: {place}{refusal['reason']}", file=sys.stderr)


def _read_file(path: str, chosen: list[tuple[str, str]], detail: tuple[str, str]) -> tuple[list[dict], dict]:
    """`plan_arenas` and `explain_arena` of a file that TFLM runs, but that may yet name what is not in it."""
    try:
        model = Path(path).read_bytes()
        explained = explain_arena(model, *detail)
        return [explained] if chosen == [detail] else plan_arenas(model, chosen), explained
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise UserError(f"{path} is a damaged TFLite flatbuffer ({type(error).__name__}: {error})") from error


def _choose(core: str | None, kernels: str | None) -> list[tuple[str, str]]:
    """The core and kernels that are named; every core when none is."""
    if core:
        return [(core, kernels or default_kernels(core))]
    return [key for key in BUILDS if kernels in (None, key[1])]


def _is_over(reports: list[dict], limit: int | None) -> bool:
    over = [report for report in reports if limit is not None and report["total"] > limit]
    for report in over:
        print(f"{report['core']}, {report['kernels']}: {report['total']:,} B is over {limit:,} B", file=sys.stderr)
    return bool(over)


@run_command
def main(arguments: list[str] | None = None) -> int:
    parser = CommandParser(prog="python -m convert.arena", description="How many bytes of arena does this model need?")
    parser.add_argument("model", help="a .tflite file")
    parser.add_argument("--core", metavar="ID", help="cortex-m4 and the like, or host64 (default: every core)")
    parser.add_argument("--kernels", choices=("cmsis_nn", "reference"),
                        help="default: both, or with --core those of its firmware")
    parser.add_argument("--clock-mhz", type=positive, metavar="MHZ",
                        help="also give the time of an inference, at one instruction per cycle")
    parser.add_argument("--max-bytes", type=positive_int, metavar="N", help="exit 1 if a total is above N")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    options = parser.parse_args(arguments)
    chosen = _choose(options.core, options.kernels)
    for core, kernels in chosen:
        find_build(core, kernels)
    checked = check_model(options.model)
    if not checked["supported"]:
        _print_refusals(checked["refusals"])
        if options.json:
            print(json.dumps({"supported": False, "refusals": checked["refusals"]}, indent=1))
        return 1
    detail = chosen[0] if options.core else (EXPLAINED, options.kernels or default_kernels(EXPLAINED))
    reports, explained = _read_file(options.model, chosen, detail)
    if options.clock_mhz and explained["instructions"]:
        explained["instructions"]["milliseconds"] = explained["instructions"]["total"] / options.clock_mhz / 1000
    if options.json:
        print(json.dumps(explained if options.core else reports, indent=1))
    else:
        print_reports(options.model, reports if not options.core else [], explained)
    return int(_is_over(reports, options.max_bytes))


if __name__ == "__main__":
    sys.exit(main())
