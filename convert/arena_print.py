"""Arena figures as tables for people."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from convert.arena_builds import NOT_MEASURED

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
        cores = ", ".join(report["core"].removeprefix("cortex-") + ("" if report["measured"] else "*")
                          for report in alike)
        table.add_row(cores, *figures)
    console.print(table)
    if not all(report["measured"] for report in reports):
        console.print("* not measured; it runs the code of the core beside it")


def _print_detail(console: Console, path: str, report: dict) -> None:
    console.print(f"{escape(path)} on {report['core']}, {report['kernels']} kernels", soft_wrap=True)
    if not report["measured"]:
        console.print(f"not measured on this core: computed as for {NOT_MEASURED[report['core']]}")
    ratio = report["planned"] / report["lower_bound"] if report["lower_bound"] else 1.0
    notes = ("to reserve", "taken after AllocateTensors", f"activations and scratch, {ratio:.2f} of the lower bound",
             "of any planner without overlaps", "the most at one operator", "structs and kernels' data",
             "needed before the activations are planned")
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
    if hints:
        console.print("what would shrink it, each change by itself:")
    for hint in hints:
        saving = f"{'at most ' if hint['at_most'] else ''}{hint['bytes']:,} B"
        console.print(f"  {saving:>18}  {escape(_places(hint['operators']) + hint['text'])}", soft_wrap=True)


def _places(operators: list[dict]) -> str:
    """`BATCH_MATMUL #14 (32,768 B), #29 (32,768 B): `."""
    if not operators:
        return ""
    numbers = ", ".join(f"#{op['index']}" + (f" ({op['bytes']:,} B)" if op["bytes"] else "")
                        for op in operators[:SHOWN_OPERATORS])
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
