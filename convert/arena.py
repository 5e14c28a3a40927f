"""How many bytes of arena a model needs in TFLM, and why.

    python -m convert.arena MODEL.tflite [--core ID] [--kernels NAME] [--clock-mhz MHZ] [--max-bytes N] [--json]

The bytes are computed from the file, by going through TFLM's allocator on paper; the instructions of an inference are
an estimate. Exit status: 0 fine, 1 over --max-bytes or TFLM would refuse the model, 2 bad input.
"""

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from convert.passes.hints import explain_arena
from convert.tflm.arena import plan_arenas
from convert.tflm.builds import BUILDS, NOT_MEASURED, default_kernels, find_build
from convert.tflm.support import check_model
from tf_embbert.common.arguments import CommandParser, positive, positive_int
from tf_embbert.common.errors import UserError, run_command

EXPLAINED = "cortex-m7"  # the core that is explained when none is named


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


SHOWN_OPERATORS = 6
FIGURES = ("total", "used", "planned", "lower_bound", "scratch", "persistent", "preparation")


def print_reports(path: str, reports: list[dict], explained: dict) -> None:
    """A table of all reports, and one in detail.

    Args:
        path: what was read.
        reports: of one model, as `plan_arenas` returns them; none for no table.
        explained: as `explain_arena` returns it.
    """
    console = Console()
    if reports:
        _print_overview(console, path, reports)
    _print_detail(console, path, explained)


def _print_overview(console: Console, path: str, reports: list[dict]) -> None:
    """A line for the cores that have the same figures."""
    lines: dict = {}
    for report in reports:
        figures = tuple(f"{report[name]:,}" for name in ("total", "used", "planned", "persistent", "scratch"))
        lines.setdefault((report["kernels"], *figures), []).append(report)
    table = Table("cortex-", "kernels", "total", "used", "planned", "persistent", "scratch", title=escape(path))
    for column in table.columns[2:]:
        column.justify = "right"
    for figures, alike in lines.items():
        cores = ", ".join(
            report["core"].removeprefix("cortex-") + ("" if report["measured"] else "*") for report in alike
        )
        table.add_row(cores, *figures)
    console.print(table)
    if not all(report["measured"] for report in reports):
        console.print("* not measured; it runs the code of the core beside it")


def _print_detail(console: Console, path: str, report: dict) -> None:
    console.print(f"{escape(path)} on {report['core']}, {report['kernels']} kernels", soft_wrap=True)
    if not report["measured"]:
        console.print(f"not measured on this core: computed as for {NOT_MEASURED[report['core']]}")
    ratio = report["planned"] / report["lower_bound"] if report["lower_bound"] else 1.0
    notes = (
        "to reserve",
        "taken after AllocateTensors",
        f"activations and scratch, {ratio:.2f} of the lower bound",
        "of any planner without overlaps",
        "the most at one operator",
        "structs and kernels' data",
        "needed before the activations are planned",
    )
    at_least = "at least " if report["at_least"] else ""
    table = Table("arena", "bytes", "")
    table.columns[1].justify = "right"
    for name, note in zip(FIGURES, notes):
        table.add_row(name.replace("_", " "), f"{at_least}{report[name]:,}", note)
    console.print(table)
    _print_peak(console, report["peak"])
    for op in report["at_least"]:
        console.print(f"[yellow]not modelled[/] {escape(op['name'])} (number {op['index']})", soft_wrap=True)
    _print_hints(console, report["hints"])
    if report["instructions"]:
        _print_instructions(console, report["instructions"])


def _print_peak(console: Console, peak: dict) -> None:
    op = peak["op"]
    place = f"operator {op['index']} ({op['name']})" if op else "the start"
    console.print(f"most is alive at {place}: {peak['bytes']:,} B", soft_wrap=True)
    for tensor in peak["tensors"]:
        label = tensor["name"] if tensor["index"] is None else f"tensor {tensor['index']} {tensor['name']}"
        console.print(f"  {tensor['bytes']:>9,} B  {escape(label)}", soft_wrap=True)


def _print_hints(console: Console, hints: list[dict]) -> None:
    for command in dict.fromkeys(hint["command"] for hint in hints):
        by = f"{command} would" if command else "another conversion or build could"
        console.print(f"what {escape(by)} save, each change by itself:", soft_wrap=True)
        _print_savings(console, [hint for hint in hints if hint["command"] == command])


def _print_savings(console: Console, hints: list[dict]) -> None:
    for hint in hints:
        saving = f"{'at most ' if hint['at_most'] else ''}{hint['bytes']:,} B"
        text = f"{hint['rule']}: {_places(hint['operators'])}{hint['text']}"
        console.print(f"  {saving:>18}  {escape(text)}", soft_wrap=True)


def _places(operators: list[dict]) -> str:
    """`BATCH_MATMUL #14 (32,768 B), #29 (32,768 B): `."""
    if not operators:
        return ""
    numbers = ", ".join(
        f"#{op['index']}" + (f" ({op['bytes']:,} B)" if op["bytes"] else "") for op in operators[:SHOWN_OPERATORS]
    )
    more = len(operators) - SHOWN_OPERATORS
    return f"{operators[0]['name']} {numbers}{f' and {more} more' if more > 0 else ''}: "


def _print_instructions(console: Console, instructions: dict) -> None:
    console.print(f"an inference takes about {instructions['total'] / 1e6:,.1f} M instructions (estimated)")
    for entry in instructions["by_op"][:SHOWN_OPERATORS]:
        console.print(f"  {entry['instructions'] / 1e6:>9,.1f} M  {entry['count']} {entry['name']}", soft_wrap=True)
    if instructions["unknown"]:
        console.print(f"  without a measured cost, not counted: {', '.join(instructions['unknown'])}", soft_wrap=True)
    if "milliseconds" in instructions:
        console.print(f"  at one instruction per cycle: {instructions['milliseconds']:,.1f} ms")


@run_command
def main(arguments: list[str] | None = None) -> int:
    parser = CommandParser(prog="python -m convert.arena", description="How many bytes of arena does this model need?")
    parser.add_argument("model", help="a .tflite file")
    parser.add_argument("--core", metavar="ID", help="cortex-m4 and the like, or host64 (default: every core)")
    parser.add_argument(
        "--kernels", choices=("cmsis_nn", "reference"), help="default: both, or with --core those of its firmware"
    )
    parser.add_argument(
        "--clock-mhz",
        type=positive,
        metavar="MHZ",
        help="also give the time of an inference, at one instruction per cycle",
    )
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
