"""Labels of any origin to class ids, or to floats for regression.

Files carry names or numbers, the hub carries ids of a `ClassLabel`: everything becomes a class *name* first, and the
id is the name's place in one list. So a run and any later data agree by name, whatever numbers they came with.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tf_embbert.common.errors import UserError
from tf_embbert.data.table import require_characters, shown

Where = Callable[[int], str]  # names the place of row i for a message

UNKNOWN = -1  # the id of a label that training never saw: no prediction is right

_LISTED = 20  # class names shown in a message
_LARGEST = 1e15  # of a regression's labels: their squares stay within float32
_MOSTLY = 0.8  # share of numbers from which on the other labels are taken for mistakes


def class_names(values: Sequence, names: Sequence[str] | None, where: Where) -> list[str]:
    """Each label's class name.

    Args:
        values: the labels as read: names, whole numbers or booleans.
        names: names in id order where whole numbers are ids; None where a number is its own name.
        where: names the place of a row.

    Raises:
        UserError: a missing label, one of another type, or an id beyond the names.
    """
    return [_class_name(value, names, where, i) for i, value in enumerate(values)]


def regression_targets(values: Sequence, where: Where) -> np.ndarray:
    """Labels as float32, each a finite number; otherwise a UserError."""
    return np.array([_target(value, where, i) for i, value in enumerate(values)], dtype=np.float32)


def looks_like_regression(values: Sequence, where: Where) -> bool:
    """True when every label is a number and one of them is not whole.

    Raises:
        UserError: most are numbers, some with decimals, and some are none: neither classes nor a regression.
    """
    numbers = [as_number(value) for value in values]
    decimal = any(number is not None and not number.is_integer() for number in numbers)
    others = [row for row, number in enumerate(numbers) if number is None]
    if decimal and 0 < len(others) < (1 - _MOSTLY) * len(values):
        row = others[0]
        more = f", like {len(others) - 1} more" if len(others) > 1 else ""
        raise UserError(f"{where(row)}: label {shown(values[row])} is not a number{more}; the others are decimals")
    return decimal and not others


def label_list(names: Iterable[str]) -> list[str]:
    """The distinct class names in id order: numbers by value, then words by alphabet.

    Raises:
        UserError: a name has a line break in it, or is no valid text; a bundle's labels.txt has one name a line.
    """

    def key(name: str) -> tuple[bool, float, str]:
        number = as_number(name)
        return (number is None, number or 0.0, name)

    distinct = sorted(set(names), key=key)
    for name in distinct:
        require_characters(name, f"label {shown(name)}")
        if len(name.splitlines()) > 1:
            raise UserError(f"label {shown(name)} has a line break: class names must be single lines")
    return distinct


def encode_labels(
    values: Sequence[str], labels: Sequence[str], where: Where, allow_unknown: bool = False
) -> np.ndarray:
    """Class names to ids.

    Args:
        values: class names.
        labels: the names the model knows, in id order.
        where: names the place of a row.
        allow_unknown: whether names may be unknown, as long as one is known: they get the id UNKNOWN.

    Returns:
        int32 ids, as many as values.

    Raises:
        UserError: a name that is not among `labels`, with the place and the known names.
    """
    known = {label: i for i, label in enumerate(labels)}
    ids = np.array([known.get(value, UNKNOWN) for value in values], dtype=np.int32)
    unknown = np.flatnonzero(ids == UNKNOWN)
    if len(unknown) and (not allow_unknown or len(unknown) == len(ids)):
        first = int(unknown[0])
        raise UserError(
            f"{where(first)}: label {shown(values[first])} was never seen in training; known labels: {_listed(labels)}"
        )
    return ids


def as_number(value: Any) -> float | None:
    """A label's number; None where it is none, or beyond what a float64 holds."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _class_name(value: Any, names: Sequence[str] | None, where: Where, row: int) -> str:
    if isinstance(value, str) and value.strip():
        value = value.strip()
        number = as_number(value)
        if names is None or value in names or not value.isdecimal() or number is None:
            return value
        value = number  # an id, as CSV writes it
    if isinstance(value, bool):
        return str(value).lower()
    number = as_number(value)
    if number is not None and not isinstance(value, str) and number.is_integer() and abs(number) < 2**63:
        if names is None:
            return str(int(value))
        if 0 <= number < len(names):
            return names[int(value)]
        raise UserError(f"{where(row)}: label {int(value)} is not an id of the {len(names)} classes {_listed(names)}")
    raise UserError(f"{where(row)}: label {shown(value)} is neither a name nor a whole number")


def _target(value: Any, where: Where, row: int) -> float:
    number = as_number(value)
    if number is None:
        raise UserError(f"{where(row)}: label {shown(value)} is not a number, as regression needs")
    if abs(number) > _LARGEST:
        raise UserError(f"{where(row)}: label {shown(value)} is beyond {_LARGEST:g}: scale the labels")
    return number


def _listed(names: Sequence[str]) -> str:
    more = f", ... ({len(names)} in all)" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
