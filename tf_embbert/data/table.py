"""Rows read from one place, by column, each with its place for messages."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tf_embbert.common.errors import UserError

_SHOWN = 60  # characters of a value in a message


@dataclass(frozen=True)
class Table:
    """Columns of equal length, read from one place.

    Args:
        name: what messages call it.
        columns: values by column name.
        lines: the line of each row in its file, where there is one.
        class_names: by column, the names behind integer class ids, where the source knows them.
        files: the file of each row, where each has its own.
        has_header: whether the column names are the first row of a delimited file.
        decimal_comma: whether `1,234` has decimals, as in files with `;` between the cells, and is no thousand.
        notices: what was assumed in reading, a line each.
    """

    name: str
    columns: dict[str, list[Any]]
    lines: list[int] | None = None
    class_names: dict[str, list[str]] = field(default_factory=dict)
    files: list[str] | None = None
    has_header: bool = False
    decimal_comma: bool = False
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def where(self, row: int) -> str:
        """Names the place of a row for a message."""
        if self.files:
            return self.files[row]
        return f"{self.name}, line {self.lines[row]}" if self.lines else f"{self.name}, row {row + 1}"

    @property
    def title(self) -> str:
        """The name without folders: notices stand in runs, which say nothing of where things lay."""
        return Path(self.name).name

    def column(self, name: str) -> list[Any]:
        """A column's values; a UserError names the columns there are."""
        if name not in self.columns:
            raise UserError(f"{self.name} has no column {name!r}; its columns are {', '.join(self.columns)}")
        return self.columns[name]

    def texts(self, name: str) -> list[str]:
        """A column's values, each proved to be text; otherwise a UserError."""
        values = self.column(name)
        for row, value in enumerate(values):
            if not isinstance(value, str):
                missing = "; --skip-missing leaves such rows out"
                remedy = missing if value is None else way_into(value, name, "text")
                raise UserError(f"{self.where(row)}: {name!r} is {shown(value)}, not a text{remedy}")
            require_characters(value, f"{self.where(row)}: {name!r}")
        return values

    def with_column(self, name: str, values: list[Any], notices: Sequence[str] = ()) -> "Table":
        """The table with a column set, and further notices."""
        return replace(self, columns={**self.columns, name: values}, notices=(*self.notices, *notices))

    def without(self, rows: set[int], notice: str) -> "Table":
        """The table without some rows, and a notice that says so."""
        kept = [row for row in range(len(self)) if row not in rows]
        return replace(
            self,
            columns={name: [values[row] for row in kept] for name, values in self.columns.items()},
            lines=self.lines and [self.lines[row] for row in kept],
            files=self.files and [self.files[row] for row in kept],
            notices=(*self.notices, notice),
        )


def way_into(value: Any, column: str, role: str) -> str:
    """What a message of an object in a column of texts or labels ends with; nothing where no text is in it."""
    within = [key for key, part in value.items() if isinstance(part, str)] if isinstance(value, dict) else []
    return f"; --{role}-column {column}.{within[0]} leads into it" if within else ""


def joined_tables(tables: Sequence[Table]) -> Table:
    """The rows of several files of one kind, one after the other; a UserError where their columns differ."""
    first = tables[0]
    for table in tables[1:]:
        if set(table.columns) != set(first.columns):
            raise UserError(
                f"{table.name} has the columns {', '.join(table.columns)}, and {first.name} {', '.join(first.columns)}"
            )
    return replace(
        first,
        columns={name: [value for table in tables for value in table.columns[name]] for name in first.columns},
        lines=None,
        files=[file for table in tables for file in table.files or [table.name] * len(table)],
        decimal_comma=any(table.decimal_comma for table in tables),
        notices=tuple(notice for table in tables for notice in table.notices),
    )


def require_characters(text: str, what: str) -> None:
    """Raises a UserError for what is no text: half a surrogate pair, or a NUL, which ends a string on the device."""
    if "\0" in text:
        raise UserError(f"{what} holds a NUL character: remove it")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise UserError(f"{what} is not valid Unicode (half a surrogate pair)")


def shown(value: Any) -> str:
    """A value for a message, cut where it is long."""
    try:
        text = repr(value)
    except ValueError:  # an int of more digits than Python prints
        text = "a number of thousands of digits"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}.."
