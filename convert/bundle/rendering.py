"""The templates of the report and of the page in the browser."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

KERNEL_NAMES = {"cmsis_nn": "CMSIS-NN", "reference": "reference", "fast": "ours over CMSIS-NN"}


@cache
def environment() -> Environment:
    """Templates that escape all they are given."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["bytes"] = lambda value: "unknown" if value is None else f"{value:,}"
    made.filters["score"] = lambda value: "not measured" if value is None else f"{value:.2f}"
    return made
