"""What command lines share: a parser that complains in one line, and the types of numbers."""

import argparse
import math

from tf_embbert.common.errors import UserError


class CommandParser(argparse.ArgumentParser):
    """An ArgumentParser whose complaints are UserErrors, one line like every other: `run_command` prints them."""

    def error(self, message):
        raise UserError(f"{message} (see {self.prog} --help)")


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
