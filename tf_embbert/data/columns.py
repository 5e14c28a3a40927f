"""Which column is the text and which the label: names as people write them, paths into nested JSON, good guesses."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tf_embbert.common.errors import UserError
from tf_embbert.data.labels import as_number
from tf_embbert.data.table import Table

DEFAULTS = {"text": "text", "pair": "text_pair", "label": "label"}
_SAMPLE = 1000  # rows looked at for a guess
_FEW = 50  # distinct values that a column of labels has at most
_NAMED = 20  # columns in a message
_SECOND = {"1": "2", "a": "b", "A": "B"}  # how the names of two columns of a pair end


def with_columns(table: Table, wanted: Mapping[str, str]) -> Table:
    """The table with its text and label columns under the names wanted.

    Args:
        table: as read.
        wanted: column names by role, "text", "pair" and "label".

    Returns:
        The table; a notice names each column that was found under another spelling.

    Raises:
        UserError: a column is not there; the message names those that are, and what they look like.
    """
    if not table.has_header and table.columns and set(table.columns) == {str(i + 1) for i in range(len(table.columns))}:
        table = _guessed_by_content(table, wanted)
    as_read = table
    for role, name in wanted.items():
        found = find_column(table, name)
        if found is None:
            raise UserError(_not_found(as_read, name, role, wanted))
        if found != name:
            values = _values(table, found)
            notice = f"{table.title}: column {found!r} is taken for {name!r}"
            names = table.class_names.get(found)
            table = table.with_column(name, values, [notice])
            table = replace(table, class_names=table.class_names | ({name: names} if names else {}))
        elif name not in table.columns:
            table = table.with_column(name, _values(table, name))
    return table


def find_column(table: Table, name: str) -> str | None:
    """The column of that name; the one that differs in case or outer spaces only; the one path that ends so."""
    if name in table.columns:
        return name
    alike = [column for column in table.columns if _plain(column) == _plain(name)]
    paths = [path for path in _paths(table) if path == name or path.split(".")[-1] == name]
    found = alike or ([name] if name in paths else paths)
    return found[0] if len(found) == 1 else None


def _plain(name: str) -> str:
    return name.strip("\ufeff\u200b \t\r\n\u00a0").casefold()


def _paths(table: Table) -> list[str]:
    """Dotted paths to values in columns of JSON objects, two levels deep."""
    paths: dict[str, None] = {}
    for column, values in table.columns.items():
        for value in values[:_SAMPLE]:
            if isinstance(value, dict):
                for key, inner in value.items():
                    paths[f"{column}.{key}"] = None
                    if isinstance(inner, dict):
                        paths.update(dict.fromkeys(f"{column}.{key}.{last}" for last in inner))
    return list(paths)


def _values(table: Table, path: str) -> list[Any]:
    """A column's values, or those that a dotted path leads to; None where it leads nowhere."""
    if path in table.columns:
        return table.columns[path]
    first, *rest = path.split(".")
    values = table.columns[first]
    for key in rest:
        values = [value.get(key) if isinstance(value, dict) else None for value in values]
    return values


def _guessed_by_content(table: Table, wanted: Mapping[str, str]) -> Table:
    """Columns without names: the first that looks like text, and the one that looks like labels."""
    looks = _looks(table.columns)
    guesses = {role: column for role, column in looks.items() if wanted.get(role) == DEFAULTS[role]}
    for role, column in guesses.items():
        notice = f"{table.title}: column {column} is taken for the {role} (--{role}-column names another)"
        table = table.with_column(wanted[role], table.columns[column], [notice])
    return table


def _not_found(table: Table, name: str, role: str, wanted: Mapping[str, str]) -> str:
    """The message of a column that is not there."""
    values = _flat(table)
    more = ", .." if len(values) > _NAMED else ""
    message = f"{table.name} has no column {name!r}; its columns are {', '.join(list(values)[:_NAMED])}{more}"
    if table.has_header and _header_looks_like_data(table):
        return f"{message}: if that first row is data and not a header, give --no-header"
    if len(table.columns) == 1 and re.search(rf"\b{re.escape(name)}\b", next(iter(table.columns))):
        return f"{message}: separate the columns by commas, semicolons, tabs or bars"
    options = [
        f"--{other}-column {shlex.quote(column)}"
        for other, column in _looks(values).items()
        if other in (role, "pair") or (other in wanted and find_column(table, wanted[other]) is None)
    ]
    return f"{message}; {' '.join(options)} looks right" if options else message


def _header_looks_like_data(table: Table) -> bool:
    """A header of sentences or numbers, or one whose name stands below it too, is none."""
    return any(
        len(name.split()) > 3 or name.replace(".", "", 1).isdigit() or name in values[:_SAMPLE]
        for name, values in table.columns.items()
    )


def _flat(table: Table) -> dict[str, list[Any]]:
    """The columns, those of objects by the paths into them."""
    paths = {path: _values(table, path) for path in _paths(table)}
    flat = {name: values for name, values in {**table.columns, **paths}.items() if not _any(dict, values)}
    return flat or table.columns


def _looks(columns: Mapping[str, list[Any]]) -> dict[str, str]:
    """The columns that look like the text (the longest), its second part, and the label (few values, or decimals)."""
    sample = {name: values[:_SAMPLE] for name, values in columns.items()}
    longest = max(sample, key=lambda name: _words(sample[name]), default=None)
    if longest is None or _words(sample[longest]) <= 1.5:
        texts = {}
    else:
        pairs = [
            (name, name[:-1] + _SECOND[name[-1:]]) for name in sample if name[-1:] in _SECOND and not name.isdigit()
        ]
        pair = next((pair for pair in pairs if longest in pair and pair[1] in sample), (longest,))
        texts = dict(zip(("text", "pair"), pair))
    others = {name: values for name, values in sample.items() if name not in texts.values() and name != longest}
    distinct = {name: len({repr(value) for value in values}) for name, values in others.items()}
    few = [name for name, values in others.items() if 2 <= distinct[name] <= min(_FEW, len(values) / 2)]
    labels = [name for name in few if not any(_any(dict, value) for value in others[name] if isinstance(value, list))]
    labels = sorted(labels, key=distinct.__getitem__) or [name for name, values in others.items() if _decimals(values)]
    return texts | ({"label": labels[0]} if labels else {})


def _any(kind: type, values: Sequence[Any]) -> bool:
    return any(isinstance(value, kind) for value in values)


def _decimals(values: Sequence[Any]) -> bool:
    """Whether all values are numbers, and one is not whole."""
    numbers = [as_number(value) for value in values]
    return None not in numbers and any(number is not None and not number.is_integer() for number in numbers)


def _words(values: Sequence[Any]) -> float:
    """Words of a value, on average."""
    return sum(len(value.split()) for value in values if isinstance(value, str)) / max(1, len(values))
