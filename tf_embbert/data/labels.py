"""Labels of any origin to class ids, or to floats for regression.

Files carry names or numbers, the hub carries ids of a `ClassLabel`: everything becomes a class *name* first, and the
id is the name's place in one list. So a run and any later data agree by name, whatever numbers they came with.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tf_embbert.common.errors import UserError

Where = Callable[[int], str]  # names the place of row i for a message

_LISTED = 20  # class names shown in a message


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


def looks_like_regression(values: Sequence) -> bool:
    """True when every label is a number and one of them is not whole."""
    numbers = [number for value in values if (number := _number(value)) is not None]
    return len(numbers) == len(values) and any(not number.is_integer() for number in numbers)


def label_list(names: Iterable[str]) -> list[str]:
    """The distinct class names in id order: numbers by value, then words by alphabet.

    Raises:
        UserError: a name has a line break in it; a bundle's labels.txt has one name a line.
    """

    def key(name: str) -> tuple[bool, float, str]:
        number = _number(name)
        return (number is None, number or 0.0, name)

    distinct = sorted(set(names), key=key)
    for name in distinct:
        if len(name.splitlines()) > 1:
            raise UserError(f"label {name!r} has a line break: class names must be single lines")
    return distinct


def encode_labels(values: Sequence[str], labels: Sequence[str], where: Where) -> np.ndarray:
    """Class names to ids.

    Args:
        values: class names.
        labels: the names the model knows, in id order.
        where: names the place of a row.

    Returns:
        int32 ids, as many as values.

    Raises:
        UserError: a name that is not among `labels`, with the place and the known names.
    """
    ids = {label: i for i, label in enumerate(labels)}
    for i, value in enumerate(values):
        if value not in ids:
            raise UserError(f"{where(i)}: label {value!r} was never seen in training; known labels: {_listed(labels)}")
    return np.array([ids[value] for value in values], dtype=np.int32)


def _class_name(value: Any, names: Sequence[str] | None, where: Where, row: int) -> str:
    if isinstance(value, str) and value.strip():
        value = value.strip()
        if names is None or value in names or not value.isdecimal():
            return value
        value = int(value)  # an id, as CSV writes it
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)) and float(value).is_integer():
        value = int(value)
        if names is None:
            return str(value)
        if 0 <= value < len(names):
            return names[value]
        raise UserError(f"{where(row)}: label {value} is not an id of the {len(names)} classes {_listed(names)}")
    if value is None or value == "":
        raise UserError(f"{where(row)}: the label is missing")
    raise UserError(f"{where(row)}: label {value!r} is neither a name nor a whole number")


def _target(value: Any, where: Where, row: int) -> float:
    number = _number(value)
    if number is None:
        raise UserError(f"{where(row)}: label {value!r} is not a number, as regression needs")
    return number


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _listed(names: Sequence[str]) -> str:
    more = f", ... ({len(names)} in all)" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
