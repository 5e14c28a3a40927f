"""JSON to rows: an object a line, an array of objects, or one object that holds either the rows or the columns."""

import json
import re
from pathlib import Path
from typing import Any

from tf_embbert.common.errors import UserError
from tf_embbert.data.table import Table


def parse_json_rows(path: Path, text: str) -> Table:
    """Reads JSON Lines, or one JSON document that is a table.

    Raises:
        UserError: malformed JSON, or no objects; the message names the line.
    """
    if re.match(r"\s*\[\s*\{", text):
        return _table(path, load_json(text, str(path)), None)
    try:
        return _lines(path, text)
    except UserError:
        table = _one_object(path, text)
        if table is None:
            raise
        return table


def load_json(text: str, name: str, first_line: int = 1, hint: str = "") -> Any:
    """What JSON text holds.

    Args:
        text: the JSON.
        name: of the file.
        first_line: the line where the text begins in it.
        hint: what the message ends with.

    Raises:
        UserError: malformed JSON, nested too deep, or a number of thousands of digits; the message names the line.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{name}, line {first_line + error.lineno - 1}: invalid JSON ({error.msg}){hint}") from None
    except RecursionError:
        raise UserError(f"{name}, line {first_line}: the JSON is nested too deep") from None
    except ValueError:  # Python converts no integer of more than 4,300 digits
        raise UserError(f"{name}, line {first_line}: a number of thousands of digits") from None


def _lines(path: Path, text: str) -> Table:
    rows, lines = [], []
    for line, source in enumerate(text.split("\n"), start=1):
        if not source.strip():
            continue
        row = load_json(source, str(path), line, "; each line is one object")
        if not isinstance(row, dict):
            raise UserError(f"{path}, line {line}: not a JSON object; each line is one object")
        rows.append(row)
        lines.append(line)
    if len(rows) == 1 and (table := _of_object(path, rows[0])):
        return table
    return _table(path, rows, lines)


def _one_object(path: Path, text: str) -> Table | None:
    """The table in a document of several lines that is one object; None where it is none."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        return _of_object(path, load_json(text, str(path)))
    except UserError:
        return None


def _of_object(path: Path, value: Any) -> Table | None:
    """{"data": [{..}, ..]} is a table of rows, {"text": [..], "label": [..]} one of columns."""
    lists = {name: part for name, part in value.items() if isinstance(part, list)}
    of_objects = [name for name, part in lists.items() if part and all(isinstance(row, dict) for row in part)]
    if len(of_objects) == 1:
        table = _table(path, lists[of_objects[0]], None)
        return table.with_column(*next(iter(table.columns.items())), [f"{path.name}: the rows are {of_objects[0]!r}"])
    if len(lists) > 1 and len(lists) == len(value) and len({len(part) for part in lists.values()}) == 1:
        return Table(str(path), lists) if len(next(iter(lists.values()))) > 1 else None
    return None


def _table(path: Path, rows: list[Any], lines: list[int] | None) -> Table:
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise UserError(f"{path}, row {number}: not a JSON object; each row is one object")
    names = dict.fromkeys(name for row in rows for name in row)
    return Table(str(path), {name: [row.get(name) for row in rows] for name in names}, lines)
