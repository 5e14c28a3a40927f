"""How many bytes of arena a model needs in TFLM, and why.

    python -m convert.arena MODEL.tflite [--core ID] [--kernels reference] [--max-bytes N] [--json]

The figures are computed from the file, by going through TFLM's allocator on paper. Exit status: 0 fine, 1 over
--max-bytes or TFLM would refuse the model, 2 bad input.
"""

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from convert.arena_abi import HOST64, WHEEL
from convert.arena_kernels import REFERENCE_KERNELS
from convert.arena_lifetimes import operator_name
from convert.arena_model import Allocation, allocate
from convert.arena_planner import Buffer
from convert.check import check_model
from convert.inspection import read_model
from tf_embbert.arguments import CommandParser, positive_int
from tf_embbert.errors import UserError, nearest, run_command

# What is published: builds and kernels that equal TFLM on every model tried.
BUILDS = {("host64", "reference"): (HOST64, REFERENCE_KERNELS)}
WHEEL_BUILD = (WHEEL, REFERENCE_KERNELS)  # what the tflite-micro package's own interpreter takes: for checking ours
CORTEX_M = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "cortex-m85")
LARGEST_TENSORS = 5


def plan_arena(model: bytes, core: str = "host64", kernels: str = "reference") -> dict:
    """The arena of a model, as a plain MicroInterpreter of TFLM allocates it.

    Args:
        model: bytes of a .tflite file that TFLM runs (`convert.check`).
        core: `host64` is a 64-bit host.
        kernels: `reference`.

    Returns:
        core, kernels; in bytes: total (the smallest arena, a multiple of 16, from which on AllocateTensors succeeds),
        used (head and tail after it), planned (the head), lower_bound (what no planner without overlaps can go below),
        persistent (the tail), scratch (the most that kernels ask for at one operator, part of the head);
        peak: {op: {index, name}, bytes, tensors: [{index, name, bytes}]}, the operator at which most is alive and the
        five largest tensors then, scratch with index None; at_least: [{index, name}] of the operators whose data is
        not modelled, which makes all bytes lower bounds.

    Raises:
        UserError: there are no figures for the core and kernels.
    """
    unpacked = read_model(model)
    allocation = allocate(unpacked, *_build(core, kernels))
    return {"core": core, "kernels": kernels, **describe_allocation(unpacked, allocation)}


def describe_allocation(model: schema.ModelT, allocation: Allocation) -> dict:
    """What `plan_arena` says of an allocation."""
    alive = _alive(allocation)
    peak = max(range(len(alive)), key=lambda step: _bytes(alive[step]))
    scratch = max(_bytes([buffer for buffer in buffers if buffer.owner is None]) for buffers in alive)
    return {
        "total": allocation.total,
        "used": allocation.used,
        "planned": allocation.planned,
        "lower_bound": _bytes(alive[peak]),
        "persistent": allocation.persistent,
        "scratch": scratch,
        "peak": {"op": _operator(model, *allocation.steps[peak]), "bytes": _bytes(alive[peak]),
                 "tensors": [_tensor(model, buffer) for buffer in _largest(alive[peak])]},
        "at_least": [_operator(model, *place) for place in allocation.unmodelled],
    }


def _build(core: str, kernels: str) -> tuple:
    if (core, kernels) in BUILDS:
        return BUILDS[core, kernels]
    if core in CORTEX_M:
        raise UserError(f"figures of {core} are not calibrated against firmware yet; --core host64 has figures")
    cores = sorted({core for core, _ in BUILDS})
    if core not in cores:
        raise UserError(f"unknown core {core!r}: {nearest(core, [*cores, *CORTEX_M]) or ', '.join(cores)}")
    raise UserError(f"{core} has no kernels {kernels!r}; it has {', '.join(k for c, k in BUILDS if c == core)}")


def _alive(allocation: Allocation) -> list[list[Buffer]]:
    """The buffers alive at each step."""
    return [[buffer for buffer in allocation.buffers if buffer.first <= step <= buffer.last]
            for step in range(len(allocation.steps))]


def _bytes(buffers: list[Buffer]) -> int:
    return sum(buffer.size for buffer in buffers)


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


def _print_report(path: str, report: dict) -> None:
    console = Console()
    at_least = "at least " if report["at_least"] else ""
    ratio = report["planned"] / report["lower_bound"] if report["lower_bound"] else 1.0
    console.print(f"{escape(path)} on {report['core']}, {report['kernels']} kernels", soft_wrap=True)
    table = Table("arena", "bytes", "")
    table.columns[1].justify = "right"
    for name, note in (("total", "to reserve"), ("used", "taken after AllocateTensors"),
                       ("planned", f"activations and scratch, {ratio:.2f} of the lower bound"),
                       ("lower_bound", "of any planner without overlaps"),
                       ("scratch", "the most at one operator"), ("persistent", "structs and kernels' data")):
        table.add_row(name.replace("_", " "), f"{at_least}{report[name]:,}", note)
    console.print(table)
    _print_peak(console, report["peak"])
    for op in report["at_least"]:
        console.print(f"[yellow]not modelled[/] {escape(op['name'])} (number {op['index']})", soft_wrap=True)


def _print_peak(console: Console, peak: dict) -> None:
    op = peak["op"]
    place = f"operator {op['index']} ({op['name']})" if op else "the start"
    console.print(f"most is alive at {place}: {peak['bytes']:,} B", soft_wrap=True)
    for tensor in peak["tensors"]:
        label = tensor["name"] if tensor["index"] is None else f"tensor {tensor['index']} {tensor['name']}"
        console.print(f"  {tensor['bytes']:>9,} B  {escape(label)}", soft_wrap=True)


def _print_refusals(refusals: list[dict]) -> None:
    for refusal in refusals:
        place = "".join(f"{part} " for part in (refusal["op"], refusal["index"]) if part is not None)
        print(f"TFLM would refuse this model: {place}{refusal['reason']}", file=sys.stderr)


def _plan_file(path: str, chosen: list[tuple[str, str]]) -> list[dict]:
    """`plan_arena` of a file that TFLM runs, but that may yet name what is not in it."""
    model = Path(path).read_bytes()
    try:
        return [plan_arena(model, core, kernels) for core, kernels in chosen]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is a damaged TFLite flatbuffer ({type(error).__name__}: {error})") from error


@run_command
def main(arguments: list[str] | None = None) -> int:
    parser = CommandParser(prog="python -m convert.arena", description="How many bytes of arena does this model need?")
    parser.add_argument("model", help="a .tflite file")
    parser.add_argument("--core", metavar="ID", help="host64 (default: every core with figures)")
    parser.add_argument("--kernels", metavar="NAME", help="reference (default)")
    parser.add_argument("--max-bytes", type=positive_int, metavar="N", help="exit 1 if the total is above N")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    options = parser.parse_args(arguments)
    named = options.core or options.kernels
    chosen = [(options.core or "host64", options.kernels or "reference")] if named else list(BUILDS)
    for core, kernels in chosen:
        _build(core, kernels)
    checked = check_model(options.model)
    if not checked["supported"]:
        _print_refusals(checked["refusals"])
        if options.json:
            print(json.dumps({"supported": False, "refusals": checked["refusals"]}, indent=1))
        return 1
    reports = _plan_file(options.model, chosen)
    if options.json:
        print(json.dumps(reports[0] if named else reports, indent=1))
    else:
        for report in reports:
            _print_report(options.model, report)
    return int(options.max_bytes is not None and any(report["total"] > options.max_bytes for report in reports))


if __name__ == "__main__":
    sys.exit(main())
