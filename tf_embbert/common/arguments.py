"""What command lines share: a parser that complains in one line, and the types of numbers."""

import argparse
import math
import sys
from pathlib import Path
from typing import NoReturn

from tf_embbert.common.errors import UserError


class CommandParser(argparse.ArgumentParser):
    """An ArgumentParser whose complaints are UserErrors, one line like every other: `run_command` prints them.

    Options with any number of words (`nargs="+"`, no files) may stand before a command's file: what looks like a path
    among their words is the file.
    """

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {self.prog} --help)")

    def parse_known_args(self, args=None, namespace=None):
        given = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(self._files_first(given), namespace)

    def _files_first(self, given: list[str]) -> list[str]:
        """The arguments, with paths among the words of an option before all others."""
        words = {name for action in self._actions if action.nargs == "+" for name in action.option_strings}
        words -= {name for action in self._actions if action.metavar == "FILE" for name in action.option_strings}
        files, rest, among = [], [], False
        for text in given:
            among = text in words if text.startswith("-") else among
            (files if among and _is_path(text) else rest).append(text)
        return files + rest


def _is_path(text: str) -> bool:
    return not text.startswith("-") and ("/" in text or Path(text).suffix != "" or Path(text).exists())


def whole_number(low, high=math.inf):
    """An argument's type: an int from `low` to `high`, both included."""

    def parse(text):
        try:
            value = int(text)
        except ValueError:
            value = math.nan
        return require(low <= value <= high, value, text, f"a whole number {span(low, high)}")

    return parse


def real_number(low, high=math.inf, above=False):
    """An argument's type: a finite float from `low` (or above it) to below `high`."""

    def parse(text):
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        within = (low < value if above else low <= value) and value < high  # never true for a NaN
        return require(
            within,
            value,
            text,
            f"a number {'above' if above else 'from'} {low}" + ("" if high == math.inf else f" and below {high}"),
        )

    return parse


def require(valid, value, text, wanted):
    if not valid:
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return value


def span(low, high):
    return f"of at least {low}" if high == math.inf else f"from {low} to {high}"


positive_int = whole_number(1)
seed = whole_number(0, 2**32 - 1)  # what numpy and TensorFlow take
positive = real_number(0, above=True)
non_negative = real_number(0)
share = real_number(0, 1)
