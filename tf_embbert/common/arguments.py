"""What command lines share: a parser that complains in one line, the types of numbers, options that several have."""

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypedDict, TypeVar

from tf_embbert.common.errors import UserError

Number = TypeVar("Number", int, float)


class Output(TypedDict):
    """Where a run lies, and what to do about what lies there."""

    out: str
    resume: bool
    force: bool


class CommandParser(argparse.ArgumentParser):
    """An ArgumentParser whose complaints are UserErrors, one line like every other: `run_command` prints them.

    Options with any number of words (`nargs="+"`, no files) may stand before a command's file: what looks like a path
    among their words is the file.
    """

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {self.prog} --help)")

    def _print_message(self, message: str, file: Any = None) -> None:
        """As argparse has it, but help that cannot be printed is an error."""
        print(message, end="", file=file or sys.stderr, flush=True)

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """As argparse has it, paths among the words of an option first."""
        given = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(self._files_first(given), namespace)

    def _files_first(self, given: list[str]) -> list[str]:
        """The arguments, with paths among the words of an option before all others."""
        words = {name for action in self._actions if action.nargs == "+" for name in action.option_strings}
        words -= {name for action in self._actions if action.metavar == "FILE" for name in action.option_strings}
        files: list[str] = []
        rest: list[str] = []
        among = False
        for text in given:
            among = text in words if text.startswith("-") else among
            (files if among and _is_path(text) else rest).append(text)
        return files + rest


def _is_path(text: str) -> bool:
    return not text.startswith("-") and ("/" in text or Path(text).suffix != "" or Path(text).exists())


def given(options: argparse.Namespace) -> dict[str, Any]:
    """The options that were given: what is None is left to the defaults of the library."""
    return {name: value for name, value in vars(options).items() if value is not None}


def add_task_options(data: argparse._ActionsContainer) -> None:
    """Gives a parser the options that name a task: the fields of `tf_embbert.data.source.TaskSource`."""
    data.add_argument("--task", required=True, help="a task's name, or a CSV, TSV or JSON Lines file, or a folder")
    data.add_argument("--data-dir", metavar="DIR", help="folder with one folder a named task; without it, the hub")
    for column, default in (("text", "text"), ("pair", "text_pair"), ("label", "label")):
        data.add_argument(f"--{column}-column", metavar="NAME", help=f"of a file or folder (default: {default})")
    data.add_argument("--encoding", metavar="NAME", help="of text files (default: UTF-8, or recognised)")
    data.add_argument("--no-header", dest="header", action="store_false", help="the first row is data")
    data.add_argument("--skip-missing", action="store_true", help="leave out rows without a label or a text")
    data.add_argument("--strict", action="store_true", help="refuse what would be a note on the data")


def add_output_options(parse: CommandParser) -> None:
    """Gives a CommandParser the options of where the run lies and whether to go on with it: those of `Output`."""
    output = parse.add_argument_group("output")
    output.add_argument("--out", required=True, metavar="RUN", help="the run's folder")
    output.add_argument("--resume", action="store_true", help="go on with the interrupted training of this --out")
    output.add_argument("--force", action="store_true", help="replace the run that is there")


def split_output(options: argparse.Namespace) -> tuple[dict[str, Any], Output]:
    """The options that were given, those of the output apart."""
    values = given(options)
    output: Output = {"out": values.pop("out"), "resume": values.pop("resume"), "force": values.pop("force")}
    return values, output


def whole_number(low: int, high: float = math.inf) -> Callable[[str], int]:
    """An argument's type: an int from `low` to `high`, both included."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        return require(low <= value <= high, value, text, f"a whole number {span(low, high)}")

    return parse


def real_number(low: float, high: float = math.inf, above: bool = False) -> Callable[[str], float]:
    """An argument's type: a finite float from `low` (or above it) to below `high`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        within = (low < value if above else low <= value) and value < high  # never true for a NaN
        wanted = f"a number {'above' if above else 'from'} {low}" + ("" if high == math.inf else f" and below {high}")
        return require(within, value, text, wanted)

    return parse


def require(valid: bool, value: Number, text: str, wanted: str) -> Number:
    """The value where it is valid; argparse makes the command's complaint of the error otherwise."""
    if not valid:
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return value


def span(low: float, high: float) -> str:
    """A range in words."""
    return f"of at least {low}" if high == math.inf else f"from {low} to {high}"


positive_int = whole_number(1)
seed = whole_number(0, 2**32 - 1)  # what numpy and TensorFlow take
positive = real_number(0, above=True)
non_negative = real_number(0)
share = real_number(0, 1)
