"""Labelled text that is in memory already: lists, pandas, `datasets`; each becomes the tables that files become."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tf_embbert.common.errors import UserError
from tf_embbert.data.columns import DEFAULTS
from tf_embbert.data.folders import split_named, table_of_dataset
from tf_embbert.data.frames import table_of_frame
from tf_embbert.data.table import Table, shown

NAME = "data"  # what messages call it
_WANTED = (
    "a DataFrame, a Dataset, a dict of columns, a list of dicts or of (text, label) pairs, or a dict of those by split"
)


def tables_in_memory(data: Any, name: str = NAME) -> dict[str, Table]:
    """The tables of data in memory, by split.

    Args:
        data: a `pandas.DataFrame`; a `datasets.Dataset` or `DatasetDict`; a dict of columns; a list of dicts, or of
            tuples (text, label) or (text, second text, label), also of a generator; or a dict of such by split, whose
            names are those that files may have.
        name: for messages.

    Returns:
        Tables by split; data without splits is `train`.

    Raises:
        UserError: something else, columns of different lengths, or no rows.
    """
    data = list(data) if isinstance(data, Iterator) else data
    if isinstance(data, Mapping) and data and all(map(_is_table, data.values())):
        tables = {split_named(str(key)) or str(key): _table(part, f"{name}, split {key}") for key, part in data.items()}
        if len(tables) < len(data):
            raise UserError(f"{name} has two parts for one split: {', '.join(map(str, data))}")
        return tables
    return {"train": _table(data, name)}


def training_texts(data: Any) -> list[str]:
    """The texts to learn a vocabulary from: an iterable of str, or the columns of text of what `load_task` takes."""
    if not _is_table(data) and not isinstance(data, Mapping):
        return list_of_texts(data)
    tables = tables_in_memory(data, "texts")
    table = tables.get("train") or next(iter(tables.values()))
    pairs = [DEFAULTS["pair"]] if DEFAULTS["pair"] in table.columns else []
    return [text for column in (DEFAULTS["text"], *pairs) for text in table.texts(column)]


def list_of_texts(texts: Any) -> list[str]:
    """Texts of any iterable as a list; a UserError names the first that is none."""
    if isinstance(texts, str):
        raise UserError(f"{shown(texts)} is one text where several are wanted: put it in a list")
    if not isinstance(texts, Iterable):
        raise UserError(f"{shown(texts)} is no list of texts")
    listed = texts if isinstance(texts, list) else list(texts)
    for row, text in enumerate(listed):
        if not isinstance(text, str):
            raise UserError(f"texts, row {row + 1}: {shown(text)} is not a text")
    return listed


def _is_table(data: Any) -> bool:
    """Whether something has rows of several columns: a frame, a dataset, a dict of columns, a list of rows."""
    if _is_frame(data) or _is_dataset(data):
        return True
    if isinstance(data, Mapping):
        return bool(data) and not any(isinstance(values, Mapping) or _is_table(values) for values in data.values())
    return isinstance(data, list | tuple) and bool(data) and isinstance(data[0], Mapping | tuple | list)


def _is_frame(data: Any) -> bool:
    return hasattr(data, "iloc") and hasattr(data, "columns")


def _is_dataset(data: Any) -> bool:
    return hasattr(data, "features") and hasattr(data, "to_dict")


def _table(data: Any, name: str) -> Table:
    if _is_frame(data):
        table = table_of_frame(data, name)
    elif _is_dataset(data):
        table = table_of_dataset(data, name)
    elif isinstance(data, Mapping):
        table = Table(name, {str(column): _values(values, name, column) for column, values in data.items()})
    elif _is_table(data):
        table = Table(name, _columns_of_rows(data, name))
    else:
        raise UserError(f"{name} is {shown(data)}, of which no task is made: give a name, a path, or {_WANTED}")
    lengths = {column: len(values) for column, values in table.columns.items()}
    if len(set(lengths.values())) > 1:
        raise UserError(f"{name} has columns of different lengths: {lengths}")
    if not len(table):
        raise UserError(f"{name} has no rows")
    return table


def _values(values: Any, name: str, column: Any) -> list[Any]:
    """A column as Python's own values; those of arrays and series too."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise UserError(f"{name}: column {column!r} is {shown(values)}, not a list of values")
    return values.tolist() if hasattr(values, "tolist") else list(values)


def _columns_of_rows(rows: Any, name: str) -> dict[str, list[Any]]:
    """The columns of rows that are dicts, or tuples of two or three."""
    if isinstance(rows[0], Mapping):
        columns = list(dict.fromkeys(str(key) for row in rows for key in row))
        return {column: [row.get(column) for row in rows] for column in columns}
    names = [DEFAULTS["text"], DEFAULTS["label"]]
    if len(rows[0]) == 3:
        names.insert(1, DEFAULTS["pair"])
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise UserError(f"{name}, row {number}: {shown(row)} has not the {len(names)} parts {', '.join(names)}")
    return {column: list(values) for column, values in zip(names, zip(*rows))}
