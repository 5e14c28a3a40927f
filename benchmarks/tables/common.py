"""What tables are made of: result files, lines of Markdown, numbers as they are written."""

import json
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parents[1]
SHORT_CORES = ("cortex-m4", "cortex-m7", "cortex-m55")  # those of the README's tables


def read_result(name: str | Path) -> dict:
    """The result file of that name in benchmarks/results."""
    return json.loads((HERE / "results" / name).read_text())


def lines_of(header: str, rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table: its header as it is written, then a line a row."""
    rule = "|".join(["---"] * (header.count("|") - 1))
    return "\n".join([header, f"|{rule}|", *(f"| {' | '.join(cells)} |" for cells in rows)])


def millions(count: float) -> str:
    """A number of instructions, as tables have it."""
    return f"{count / 1e6:.0f} M"
