"""How many bytes of arena a model needs in TFLM, and why.

    python -m convert.arena MODEL.tflite [--core ID] [--kernels NAME] [--tflm NAME] [--clock-mhz MHZ]
                            [--compiler NAME] [--max-bytes N] [--beside FILE ...] [--json]

The bytes are computed from the file, by going through TFLM's allocator on paper; the instructions of an inference are
an estimate. MODEL may also be a C file with the model in an array. Exit status: 0 fine, 1 over --max-bytes or not known
to stay within it, or TFLM would refuse the model, 2 bad input.
"""

import json
import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from convert.options import add_target_arguments
from convert.tflm.compilers import COMPILERS
from tf_embbert.common.arguments import CommandParser, positive, positive_int
from tf_embbert.common.errors import UserError, run_command

if TYPE_CHECKING:  # the commands import what they need after they have read their options: --help answers at once
    from rich.console import Console

EXPLAINED = "cortex-m7"  # the core that is explained when none is named


def _choose(core: str | None, kernels: str | None, tflm: str) -> list[tuple[str, str]]:
    """The core and kernels that are named, or a library in their place; every core when none is, with TFLM's kernels
    when none are.
    """
    from convert.tflm.builds import BUILDS, LIBRARY_BUILDS, WITH_OURS, choose_kernels
    from convert.tflm.libraries import library_of

    chosen = choose_kernels(core, kernels, tflm)
    if core:
        return [(core, chosen)]
    if library_of(tflm):
        return [key for key in LIBRARY_BUILDS if key[1] == tflm] or [(EXPLAINED, tflm)]
    return [key for key in (BUILDS | WITH_OURS if kernels else BUILDS) if kernels in (None, key[1])]


def _is_over(reports: list[dict], limit: int | None) -> bool:
    """Whether an arena is over the limit, or only known to be at least something below it; says which and why."""
    if limit is None:
        return False
    unsure = [report for report in reports if report["total"] > limit or report["at_least"]]
    for report in unsure:
        place, total = f"{report['core']}, {report['kernels']}", f"{_at_least(report)}{report['total']:,} B"
        if report["total"] > limit:
            print(f"{place}: {total} is over {limit:,} B", file=sys.stderr)
        else:
            names = ", ".join(sorted({op["name"] for op in report["at_least"]}))
            print(f"{place}: {total}, {names} not counted: not known to stay within {limit:,} B", file=sys.stderr)
    return bool(unsure)


def _at_least(report: dict) -> str:
    return "at least " if report["at_least"] else ""


SHOWN_OPERATORS = 6
FIGURES = ("total", "used", "planned", "lower_bound", "scratch", "persistent", "preparation")


def print_reports(path: str, reports: list[dict], explained: dict) -> None:
    """A table of all reports, and one in detail.

    Args:
        path: what was read.
        reports: of one model, as `plan_arenas` returns them; none for no table.
        explained: as `explain_arena` returns it.
    """
    from rich.console import Console

    console = Console()
    if reports:
        _print_overview(console, path, reports)
    _print_detail(console, path, explained)


def _print_overview(console: "Console", path: str, reports: list[dict]) -> None:
    """A line for the cores that have the same figures."""
    from rich.markup import escape
    from rich.table import Table

    lines: dict = {}
    for report in reports:
        figures = tuple(
            f"{_at_least(report)}{report[name]:,}" for name in ("total", "used", "planned", "persistent", "scratch")
        )
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
        is_main = all(report["tflm"] == "main" for report in reports)
        console.print("* not measured" + ("; it runs the code of the core beside it" if is_main else ""))


def _print_detail(console: "Console", path: str, report: dict) -> None:
    from rich.markup import escape
    from rich.table import Table

    from convert.tflm.builds import NOT_MEASURED
    from convert.tflm.libraries import MAIN, words

    kernels = report["kernels"] if report["tflm"] == MAIN else report["tflm"]
    console.print(f"{escape(path)} on {report['core']}, {words(kernels)}", soft_wrap=True)
    if not report["measured"]:
        alike = f": computed as for {NOT_MEASURED[report['core']]}" if report["tflm"] == MAIN else ""
        console.print(f"not measured on this core{alike}")
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
    table = Table("arena", "bytes", "")
    table.columns[1].justify = "right"
    for name, note in zip(FIGURES, notes):
        table.add_row(name.replace("_", " "), f"{_at_least(report)}{report[name]:,}", note)
    console.print(table)
    _print_peak(console, report["peak"])
    for op in report["at_least"]:
        console.print(f"[yellow]not modelled[/] {escape(op['name'])} (number {op['index']})", soft_wrap=True)
    _print_hints(console, report["hints"])
    if report["instructions"]:
        _print_instructions(console, report["instructions"])
    if "together" in report:
        _print_together(console, report["together"])


def _print_peak(console: "Console", peak: dict) -> None:
    from rich.markup import escape

    op = peak["op"]
    place = f"operator {op['index']} ({op['name']})" if op else "the start"
    console.print(f"most is alive at {place}: {peak['bytes']:,} B", soft_wrap=True)
    for tensor in peak["tensors"]:
        label = tensor["name"] if tensor["index"] is None else f"tensor {tensor['index']} {tensor['name']}"
        console.print(f"  {tensor['bytes']:>9,} B  {escape(label)}", soft_wrap=True)


def _print_hints(console: "Console", hints: list[dict]) -> None:
    from rich.markup import escape

    for command in dict.fromkeys(hint["command"] for hint in hints):
        by = f"{command} would" if command else "another conversion or build could"
        console.print(f"what {escape(by)} save, each change by itself:", soft_wrap=True)
        _print_savings(console, [hint for hint in hints if hint["command"] == command])


def _print_savings(console: "Console", hints: list[dict]) -> None:
    from rich.markup import escape

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


def _print_instructions(console: "Console", instructions: dict) -> None:
    if instructions["total"] is None:
        console.print("how many instructions an inference takes is unknown")
    else:
        about = "at least" if instructions["at_least"] else "about"
        console.print(f"an inference takes {about} {_millions(instructions['total'])} instructions (estimated)")
    for entry in instructions["by_op"][:SHOWN_OPERATORS]:
        taken = _millions(entry["instructions"])
        console.print(f"  {taken:>11}  {entry['count']} {entry['name']}", soft_wrap=True)
    if instructions["unknown"]:
        console.print(f"  without a measured cost, not counted: {', '.join(instructions['unknown'])}", soft_wrap=True)
    if "milliseconds" in instructions:
        at_least = "at least " if instructions["at_least"] else ""
        console.print(f"  at one instruction per cycle: {at_least}{instructions['milliseconds']:,.3g} ms")


def _print_together(console: "Console", together: dict) -> None:
    console.print(f"together with the models beside it{', at least' if together['at_least'] else ''}:")
    for key, how in (
        ("apart", "an arena and an interpreter for each"),
        ("one_allocator", "one arena, one MicroAllocator for all interpreters: each keeps its state"),
        ("taking_turns", "one arena in turns, an interpreter made anew at each change: none keeps its state"),
    ):
        console.print(f"  {together[key]:,} B  {how}", soft_wrap=True)


def _millions(count: int) -> str:
    """`397.0 M`; small counts as they are."""
    return f"{count / 1e6:,.1f} M" if count >= 1e6 else f"{count:,}"


@run_command
def main(arguments: list[str] | None = None) -> int:
    parser = CommandParser(prog="python -m convert.arena", description="How many bytes of arena does this model need?")
    parser.add_argument("model", help="a .tflite file, or a C file with one in an array")
    add_target_arguments(parser, "a table of all cores and kernels")
    parser.add_argument(
        "--clock-mhz",
        type=positive,
        metavar="MHZ",
        help="also give the time of an inference, at one instruction per cycle",
    )
    parser.add_argument(
        "--compiler", choices=COMPILERS, default=COMPILERS[0], help="of the instructions (default: %(default)s)"
    )
    parser.add_argument(
        "--max-bytes", type=positive_int, metavar="N", help="exit 1 if a total is above N, or not known to be within"
    )
    parser.add_argument(
        "--beside",
        nargs="+",
        default=[],
        metavar="FILE",
        help="models of the same firmware: what all need together, by how they share (of one core)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    return _measure(parser.parse_args(arguments))


def _measure(options: Namespace) -> int:
    from convert.printing import refuse, warn_of_differences
    from convert.tflm.arena import plan_together
    from convert.tflm.builds import choose_kernels, find_build
    from convert.tflm.support import check_bytes, difference_texts, load_model

    if options.beside and options.json and not options.core:
        raise UserError("--beside is of one core: name it with --core")
    chosen = _choose(options.core, options.kernels, options.tflm)
    for core, kernels in chosen:
        find_build(core, kernels)
    model = load_model(options.model)
    core = options.core or (EXPLAINED if EXPLAINED in dict(chosen) else chosen[0][0])
    detail = core, choose_kernels(core, options.kernels, options.tflm)
    checked = check_bytes(model, options.model, detail[1], options.core)
    if not checked["supported"]:
        return refuse(checked, options.json)
    warn_of_differences(difference_texts(checked))
    others = [load_model(path) for path in options.beside]
    for path, other in zip(options.beside, others):
        if not (one := check_bytes(other, path, detail[1], options.core))["supported"]:
            return refuse(one, options.json)
    if options.core or not options.json:  # what would shrink it takes a while, and the list of all cores has none of it
        explained = _explain(model, detail, options) | {"warnings": checked["warnings"]}
        if others:
            explained["together"] = plan_together([model, *others], *detail)
    reports = [explained] if options.core else _all_reports(model, options.model, chosen)
    if options.json:
        print(json.dumps(explained if options.core else reports, indent=1))
    else:
        print_reports(options.model, reports if not options.core else [], explained)
    return int(_is_over(reports, options.max_bytes))


def _explain(model: bytes, target: tuple[str, str], options: Namespace) -> dict:
    """`explain_arena`, with the milliseconds of an inference at a clock."""
    from convert.passes.hints import explain_arena

    explained, clock_mhz = explain_arena(model, *target, options.compiler), options.clock_mhz
    if clock_mhz and explained["instructions"] and explained["instructions"]["total"] is not None:
        explained["instructions"]["milliseconds"] = explained["instructions"]["total"] / clock_mhz / 1000
    return explained


def _all_reports(model: bytes, path: str, chosen: list[tuple[str, str]]) -> list[dict]:
    """The figures of several cores, each with what the check warns of on it."""
    from convert.tflm.arena import plan_arenas
    from convert.tflm.builds import find_build
    from convert.tflm.support import check_bytes

    reports, checked = plan_arenas(model, chosen), dict[tuple[str, str], dict]()
    for report, (core, kernels) in zip(reports, chosen):  # cores that run the same code are asked once
        key = kernels, find_build(core, kernels).build.simd
        checked[key] = checked.get(key) or check_bytes(model, path, kernels, core)
        report["warnings"] = checked[key]["warnings"]
    return reports


if __name__ == "__main__":
    sys.exit(main())
