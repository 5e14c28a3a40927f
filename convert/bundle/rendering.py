"""The templates of the report, of the page in the browser, of the card, and of exports."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).with_name("templates")
KERNEL_NAMES = {"cmsis_nn": "CMSIS-NN", "reference": "reference", "fast": "ours over CMSIS-NN"}


@cache
def environment() -> Environment:
    """Templates that escape all they are given."""
    made = environment_of(TEMPLATES, autoescape=True)
    made.filters["bytes"] = lambda value: "unknown" if value is None else f"{value:,}"
    made.filters["score"] = lambda value: "not measured" if value is None else f"{value:.2f}"
    return made


def plain_environment(*folders: Path) -> Environment:
    """Templates of text that is no HTML, in the first of some folders that has them: nothing is escaped."""
    return environment_of(*folders, keep_trailing_newline=True)


def environment_of(*folders: Path, **options: Any) -> Environment:
    """What all templates have in common: an unknown name is an error, a tag alone leaves no line, bytes have commas."""
    loader = FileSystemLoader(folders)
    made = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, **options)
    made.filters["bytes"] = lambda value: f"{value:,}"
    return made
