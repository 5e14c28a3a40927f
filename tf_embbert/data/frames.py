"""Parquet and Feather files and Excel workbooks, by pandas where what it needs for them is installed."""

from pathlib import Path
from typing import Any

from tf_embbert.common.errors import UserError
from tf_embbert.data.encoding import require_no_page
from tf_embbert.data.table import Table

FRAME_SUFFIXES = (".parquet", ".pq", ".feather", ".xlsx", ".xls")


def read_frame(path: Path) -> Table:
    """Reads a Parquet or Feather file, or the first sheet of a workbook.

    Raises:
        UserError: unreadable, or pandas lacks what it needs to read it; the message names the package.
    """
    if not path.is_file():
        raise UserError(f"no such file: {path}")
    with path.open("rb") as file:
        require_no_page(path, file.read(100).decode("latin-1"))
    notices = []
    try:
        import pandas  # slow to import, and most data needs none of it

        suffix = path.suffix.lower()
        if suffix in (".parquet", ".pq"):
            frame = pandas.read_parquet(path)
        elif suffix == ".feather":
            frame = pandas.read_feather(path)
        else:
            sheets = pandas.read_excel(path, sheet_name=None)
            first, frame = next(iter(sheets.items()))
            notices = [f"{path.name}: of {len(sheets)} sheets the first is read, {first!r}"] if len(sheets) > 1 else []
    except ImportError as error:
        raise UserError(f"cannot read {path} ({error}); or save it as CSV") from None
    except Exception as error:  # broken files raise errors of many kinds
        raise UserError(f"{path} is no readable {path.suffix} file ({error})") from None
    return table_of_frame(frame, str(path), notices)


def table_of_frame(frame: Any, name: str, notices: list[str] | None = None) -> Table:
    """The table of a `pandas.DataFrame`; what is missing in it is None."""
    names = [str(column) for column in frame.columns]
    if len(set(names)) < len(names):
        raise UserError(f"{name} names a column twice: {', '.join(names)}")
    missing = frame.isna().to_numpy()
    columns = {
        column: [None if gone else _plain(value) for value, gone in zip(frame.iloc[:, i].tolist(), missing[:, i])]
        for i, column in enumerate(names)
    }
    return Table(name, columns, notices=tuple(notices or []))


def _plain(value: Any) -> Any:
    """A cell's value; a list where Parquet has one, which pandas reads as an array."""
    return value.tolist() if hasattr(value, "tolist") else value
