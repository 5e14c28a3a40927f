"""Labels as people write them into cells: missing ones, lists of one, decimal commas."""

import math
import re
from collections.abc import Sequence
from typing import Any

from tf_embbert.common.errors import UserError
from tf_embbert.data.labels import as_number
from tf_embbert.data.table import Table, shown, way_into

_MISSING = {"nan", "<na>", "n/a", "#n/a", "null", "\\n"}  # no class is called so; the last is MySQL's
_MISSING_AMONG_NUMBERS = _MISSING | {"none", "na", "-", "?", "."}
_DECIMAL_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+")
_PRINTED_LIST = re.compile(r"\[\s*(?:(['\"])([^'\"]*)\1|(-?\d+))\s*\]")  # of one label, as pandas writes it into CSV


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
    return _with_decimal_points(table, label)


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
    values = [_list_in(value) for value in table.column(column)]
    if not any(isinstance(value, (list, dict)) for value in values):
        return table
    for row, value in enumerate(values):
        if way := way_into(value, column, "label"):
            raise UserError(f"{table.where(row)}: label {shown(value)} is an object{way}")
        if isinstance(value, list) and len(value) > 1:
            raise UserError(f"{table.where(row)}: {len(value)} labels, {shown(value)}: a text has one class here")
    if not any(isinstance(value, list) for value in values):
        return table
    single = [value[0] if isinstance(value, list) and value else value for value in values]
    return table.with_column(column, single, [f"{table.title}: a list of one label is read as that label"])


def _list_in(value: Any) -> Any:
    """The list of one label that a cell of text holds, `['bad']`; any other value as it is."""
    printed = _PRINTED_LIST.fullmatch(value.strip()) if isinstance(value, str) else None
    return value if printed is None else [printed[3] or printed[2]]


def _with_decimal_points(table: Table, column: str) -> Table:
    """Labels that are numbers with decimal commas, with points."""
    values = table.column(column)
    with_comma = [value for value in values if isinstance(value, str) and "," in value]
    thousands = not table.decimal_comma and all(re.search(r",\d{3}$", value.strip()) for value in with_comma)
    if thousands or not with_comma or not all(map(_is_number, values)):
        return table
    numbers = [value.strip().replace(".", "").replace(",", ".") if "," in str(value) else value for value in values]
    return table.with_column(column, numbers, [f"{table.title}: the commas of its labels are decimal commas"])
