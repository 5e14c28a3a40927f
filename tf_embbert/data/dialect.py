"""Delimited text to rows: which separator, whether quotes quote, and whether there is a header."""

import csv
import io
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tf_embbert.common.errors import UserError
from tf_embbert.data.table import Table

_SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar", "^": "a caret", "~": "a tilde"}
_SEPARATORS["\x01"] = "the sign 01"  # as Hive writes it
_TABBED = (".tsv", ".tab", ".txt")


@dataclass(frozen=True)
class _Parsed:
    """Rows of cells with their lines, or what is wrong with them."""

    separator: str
    rows: list[list[str]]
    lines: list[int]
    fault: str | None = None

    @property
    def is_table(self) -> bool:
        """Whether it has several columns and as many in every row."""
        return self.fault is None and len(self.rows[0]) > 1


def parse_delimited(path: Path, text: str, suffix: str, header: bool = True) -> Table:
    """Reads delimited text; the suffix says which separator is tried first.

    Args:
        path: of the file, for messages.
        text: its content.
        suffix: .csv for a comma, .tsv, .tab or .txt for a tab.
        header: whether the first row names the columns; otherwise they are called 1, 2, ..

    Returns:
        The table; a notice names a separator that the suffix does not mean.

    Raises:
        UserError: no separator makes a table of it; the message names the line.
    """
    expected = "\t" if suffix in _TABBED else ","
    told = re.match(r"sep=(.)\r?\n", text)  # Excel's own line before the header
    if told:
        expected, text = told[1], text[told.end() :]
    parsed, notices = _parse(text, expected), []
    if not parsed.is_table:
        others = [other for separator in _SEPARATORS if (other := _parse(text, separator)).is_table]
        if others:
            parsed = max(others, key=lambda other: len(other.rows[0]))
            said = _SEPARATORS[parsed.separator]
            notices = [f"{path.name}: the separator is {said}, not {_SEPARATORS[expected]} as {suffix} says"]
    if parsed.fault:
        raise UserError(f"{path}, {parsed.fault}")
    return _table(path, parsed, header, notices)


def _parse(text: str, separator: str) -> _Parsed:
    quoted = _rows(text, separator, csv.QUOTE_MINIMAL)
    if separator != "\t" or (quoted.fault is None and len(quoted.rows) == quoted.lines[-1]):
        return quoted
    # Tabs stand in no text, so that most such files quote nothing: a quote is one if every quoted cell closes.
    plain = _rows(text, separator, csv.QUOTE_NONE)
    quotes_close = quoted.fault is None and len(quoted.rows) == len(plain.rows)
    return quoted if plain.fault or quotes_close else plain


def _rows(text: str, separator: str, quoting: Literal[0, 3]) -> _Parsed:
    csv.field_size_limit(sys.maxsize)
    source, spaced = io.StringIO(text, newline=""), quoting == csv.QUOTE_MINIMAL and separator != "\t"
    reader = csv.reader(source, delimiter=separator, quoting=quoting, skipinitialspace=spaced, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    start, fault = 1, None
    try:
        for row in reader:
            if row:  # a blank line is no row
                rows.append(row)
                lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        fault = f"line {start}: {error}; a quoted text ends with a quote, and each within it is written twice"
    return _Parsed(separator, rows or [[]], lines or [1], fault or _uneven(rows, lines))


def _uneven(rows: list[list[str]], lines: list[int]) -> str | None:
    """What is wrong with a header, or with the first row that has not as many fields as it."""
    if "\0" in "".join(rows[0]):
        return f"line {lines[0]}: the header holds a NUL character: remove it"
    for row, line in zip(rows, lines):
        if len(row) != len(rows[0]):
            if "\0" in "".join(row):
                return f"line {line}: the row holds a NUL character: remove it"
            remedy = "quote a text that contains the separator" if len(row) > len(rows[0]) else "a field is missing"
            return f"line {line}: {len(row)} fields where the header has {len(rows[0])}; {remedy}"
    return None


def _table(path: Path, parsed: _Parsed, header: bool, notices: list[str]) -> Table:
    rows, lines = parsed.rows, parsed.lines
    names = [" ".join(name.strip("\ufeff ").splitlines()) or f"column {i}" for i, name in enumerate(rows[0], 1)]
    if not header:
        names = [str(i) for i in range(1, len(names) + 1)]
    elif len(set(rows[0]) - {""}) < sum(name != "" for name in rows[0]):
        raise UserError(f"{path} names a column twice: {', '.join(rows[0])}; without a header give --no-header")
    columns = zip(*(rows[1:] if header else rows))
    return Table(
        str(path),
        {name: list(values) for name, values in zip(names, columns)},
        lines[1:] if header else lines,
        has_header=header,
        decimal_comma=parsed.separator == ";",
        notices=tuple(notices),
    )
