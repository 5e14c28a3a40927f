"""Labels as people write them into cells: missing ones, lists of one, decimal commas."""

import math
import re
from collections.abc import Sequence
from typing import Any

from tf_embbert.common.errors import UserError
from tf_embbert.data.labels import as_number
from tf_embbert.data.table import Table, shown

_MISSING = {"nan", "<na>", "n/a", "#n/a"}  # no class is called so
_MISSING_AMONG_NUMBERS = _MISSING | {"none", "null", "na", "-", "?", "."}
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


def complete(table: Table, text: str, label: str, names: Sequence[str] | None, skip_missing: bool) -> Table:
    """The table with labels that are single values, none missing.

    Args:
        table: as read.
        text, label: its columns.
        names: class names where the source fixes them: what is among them is not missing.
        skip_missing: whether rows without label or text are left out; otherwise those without label are refused.

    Returns:
        The table; notices say what was done.

    Raises:
        UserError: a label is missing or is several; the message names the line and how many more there are.
    """
    table = _single_labels(table, label)
    missing = missing_rows(table.column(label), names)
    if skip_missing:
        gone = {*missing, *(row for row, value in enumerate(table.column(text)) if value is None)}
        table = (
            table.without(gone, f"{table.title}: {len(gone)} rows without label or text are left out")
            if gone
            else table
        )
    elif missing:
        more = f", and in {len(missing) - 1} more rows" if len(missing) > 1 else ""
        raise UserError(f"{table.where(missing[0])}: the label is missing{more}; --skip-missing leaves such rows out")
    if not len(table):
        raise UserError(f"{table.name} has no row with a label")
    return _with_decimal_points(table, label) if table.decimal_comma else table


def missing_rows(values: Sequence[Any], names: Sequence[str] | None = None) -> list[int]:
    """The rows without a label: empty, NaN or a word for it; `none` and the like only where the others are numbers."""
    known = {name.casefold() for name in names or []}
    words = {row: value.strip().casefold() for row, value in enumerate(values) if isinstance(value, str)}
    bare = [value for row, value in enumerate(values) if words.get(row, "x") not in {"", *_MISSING_AMONG_NUMBERS}]
    numeric = any(value is not None for value in bare) and all(value is None or _is_number(value) for value in bare)
    blanks = {"", *(_MISSING_AMONG_NUMBERS if numeric else _MISSING)} - known
    return [row for row, value in enumerate(values) if (words[row] in blanks if row in words else _is_nothing(value))]


def _is_number(value: Any) -> bool:
    return as_number(value) is not None or (isinstance(value, str) and _DECIMAL_COMMA.fullmatch(value) is not None)


def _is_nothing(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, float) and math.isnan(value))


def _single_labels(table: Table, column: str) -> Table:
    """A list of one label is that label."""
    values = table.column(column)
    if not any(isinstance(value, list) for value in values):
        return table
    for row, value in enumerate(values):
        if isinstance(value, list) and len(value) > 1:
            raise UserError(f"{table.where(row)}: {len(value)} labels, {shown(value)}: a text has one class here")
    single = [value[0] if isinstance(value, list) and value else value for value in values]
    return table.with_column(column, single, [f"{table.title}: a list of one label is read as that label"])


def _with_decimal_points(table: Table, column: str) -> Table:
    """Labels that are numbers with decimal commas, with points."""
    values = table.column(column)
    if not all(_is_number(value) for value in values) or not any("," in str(value) for value in values):
        return table
    numbers = [value.strip().replace(",", ".") for value in values]
    return table.with_column(column, numbers, [f"{table.title}: the commas of its labels are decimal commas"])
