"""JSON to rows: an object a line, an array of objects or lists, or one object that holds the rows or the columns."""

import json
import re
from pathlib import Path
from typing import Any

from tf_embbert.common.errors import UserError
from tf_embbert.data.table import Table


def parse_json_rows(path: Path, text: str, header: bool = True) -> Table:
    """Reads JSON Lines, or one JSON document that is a table.

    Args:
        path: of the file, for messages.
        text: its content.
        header: whether the first of lists names the columns; otherwise they are called 1, 2, ..

    Raises:
        UserError: malformed JSON, or no objects; the message names the line.
    """
    if re.match(r"\s*\[\s*\{", text):
        return _table(path, load_json(text, str(path)), None)
    if re.match(r"\s*\[\s*\[", text) and (table := _of_lists(path, load_json(text, str(path)), header)):
        return table
    try:
        return _lines(path, text)
    except UserError:
        table = _one_object(path, text)
        if table is None:
            raise
        return table


def looks_like_json(text: str) -> bool:
    """Whether the first line of a text is a JSON object, or opens an array of them."""
    first = text.lstrip("\ufeff \n").split("\n", 1)[0].strip()
    if re.match(r"\[\s*($|\{)", first):
        return True
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


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
    """{"data": [{..}, ..]} is a table of rows, {"text": [..], "label": [..]} one of columns; and what pandas writes."""
    lists = {name: part for name, part in value.items() if isinstance(part, list)}
    rows = _only_rows(value)
    if rows:
        table = _table(path, rows[1], None)
        return table.with_column(*next(iter(table.columns.items())), [f"{path.name}: the rows are {rows[0]!r}"])
    if lists.keys() >= {"columns", "data"}:
        return _of_lists(path, [lists["columns"], *lists["data"]])
    if by_key := _of_objects(path, value):
        return by_key
    if len(lists) > 1 and len(lists) == len(value) and len({len(part) for part in lists.values()}) == 1:
        return Table(str(path), lists) if len(next(iter(lists.values()))) > 1 else None
    return None


def _only_rows(value: dict[str, Any]) -> tuple[str, list[dict[str, Any]]] | None:
    """The one list of objects in an object, or in objects within it, with the path to it; of several one named so."""
    found = {name: part for name, part in value.items() if isinstance(part, list) and part and _all(dict, part)}
    named = [name for name in found if name in ("rows", "data")]
    if len(found) == 1 or len(named) == 1:
        name = (named or list(found))[0]
        return name, found[name]
    within = [(name, _only_rows(part)) for name, part in value.items() if isinstance(part, dict) and not found]
    deeper = [(f"{name}.{rows[0]}", rows[1]) for name, rows in within if rows]
    return deeper[0] if len(deeper) == 1 else None


def _of_objects(path: Path, value: dict[str, Any]) -> Table | None:
    """{"text": {"0": ..}, "label": {..}} is a table of columns, {"id": {"text": .., "label": ..}, ..} of rows."""
    parts = list(value.values())
    if len(parts) < 2 or not _all(dict, parts) or any(part.keys() != parts[0].keys() for part in parts):
        return None
    if list(parts[0]) == [str(number) for number in range(len(parts[0]))]:
        return Table(str(path), {name: list(part.values()) for name, part in value.items()})
    return _table(path, parts, None)


def _of_lists(path: Path, rows: list[Any], header: bool = True) -> Table | None:
    """[["text", "label"], [.., ..], ..]: the first list names the columns, where it is a header."""
    if len(rows) < 2 or not _all(list, rows) or len({len(row) for row in rows}) > 1:
        return None
    names, rows = (rows[0], rows[1:]) if header else ([str(i + 1) for i in range(len(rows[0]))], rows)
    columns = {name: list(values) for name, values in zip(names, zip(*rows))} if _all(str, names) else {}
    return Table(str(path), columns, has_header=header) if columns else None


def _all(kind: type, values: list[Any]) -> bool:
    return all(isinstance(value, kind) for value in values)


def _table(path: Path, rows: list[Any], lines: list[int] | None) -> Table:
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise UserError(f"{path}, row {number}: not a JSON object; each row is one object")
    names = dict.fromkeys(name for row in rows for name in row)
    return Table(str(path), {name: [row.get(name) for row in rows] for name in names}, lines)
