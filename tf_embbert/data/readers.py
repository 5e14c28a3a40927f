"""Labelled text from disk: CSV, TSV and JSON Lines files (also .gz), folders of them, and saved `datasets`.

Each becomes a `Table` that knows the line every row came from, so that a message can name it.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tf_embbert.common.errors import UserError

SUFFIXES = (".csv", ".tsv", ".jsonl", ".json")
SPLIT_ALIASES = {
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}


@dataclass(frozen=True)
class Table:
    """Columns of equal length, read from one place.

    Args:
        name: what messages call it.
        columns: values by column name.
        lines: the line of each row in its file, where there is one.
        class_names: by column, the names behind integer class ids, where the source knows them.
    """

    name: str
    columns: dict[str, list]
    lines: list[int] | None = None
    class_names: dict[str, list[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def where(self, row: int) -> str:
        """Names the place of a row for a message."""
        return f"{self.name}, line {self.lines[row]}" if self.lines else f"{self.name}, row {row + 1}"

    def column(self, name: str) -> list:
        """A column's values; a UserError names the columns there are."""
        if name not in self.columns:
            raise UserError(f"{self.name} has no column {name!r}; its columns are {', '.join(self.columns)}")
        return self.columns[name]

    def texts(self, name: str) -> list[str]:
        """A column's values, each proved to be text; otherwise a UserError."""
        values = self.column(name)
        for row, value in enumerate(values):
            if not isinstance(value, str):
                raise UserError(f"{self.where(row)}: {name!r} is {value!r}, not a text")
            if not value.isascii() and _has_lone_surrogate(value):
                raise UserError(f"{self.where(row)}: {name!r} is not valid Unicode (half a surrogate pair)")
        return values


@dataclass(frozen=True)
class Folder:
    """A folder's splits, and what its labels.json says: class names in id order, or that it is regression."""

    tables: dict[str, Table]
    labels: list[str] | None = None
    regression: bool | None = None


def read_file(path: Path) -> Table:
    """Reads one file by its suffix: .csv, .tsv, .jsonl or .json (JSON Lines), each also with .gz.

    Raises:
        UserError: a missing, empty, unreadable or malformed file; the message names the line.
    """
    text = _decoded(path)
    if not text.strip():
        raise UserError(f"{path} is empty")
    suffix = _suffix(path)
    if suffix in (".csv", ".tsv"):
        table = _read_delimited(path, text, "," if suffix == ".csv" else "\t")
    else:
        table = _read_json_lines(path, text)
    if not len(table):
        raise UserError(f"{path} has a header and no rows")
    return table


def read_folder(path: Path, splits: list[str] | None = None) -> Folder:
    """Reads a `DatasetDict` or `Dataset` saved to disk, or `<split>.{csv,tsv,jsonl,json}[.gz]` files.

    Args:
        path: the folder; a labels.json in it lists the class names in id order, or is an object for regression.
        splits: the file names to read; None reads train, validation (or valid, val, dev) and test.

    Raises:
        UserError: an unreadable folder, no split in it, or two files for one split.
    """
    if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
        return Folder(_read_saved(path))
    files = _split_files(path, {name: name for name in splits} if splits else SPLIT_ALIASES)
    if not files:
        raise UserError(f"{path} has no data: it needs train.jsonl.gz (or .csv, .tsv, .jsonl), or a saved DatasetDict")
    labels, regression = _read_labels(path / "labels.json")
    return Folder({split: read_file(file) for split, file in files.items()}, labels, regression)


def tables_of(splits: Mapping[str, Any], name: str) -> dict[str, Table]:
    """Tables of the splits of a `datasets.DatasetDict`."""
    return {split: _table_of(dataset, f"{name}, split {split}") for split, dataset in splits.items()}


def _table_of(dataset: Any, name: str) -> Table:
    names = {column: list(feature.names) for column, feature in dataset.features.items() if hasattr(feature, "names")}
    return Table(name, dataset.to_dict(), class_names=names)


def _read_saved(path: Path) -> dict[str, Table]:
    import datasets  # slow to import, and most data needs none of it

    try:
        saved = datasets.load_from_disk(str(path))
    except Exception as error:  # broken files raise errors of many kinds
        raise UserError(f"{path} is no readable saved dataset ({error})") from None
    if isinstance(saved, datasets.Dataset):
        saved = {"train": saved}
    return {SPLIT_ALIASES.get(split, split): table for split, table in tables_of(saved, str(path)).items()}


def _split_files(path: Path, names: dict[str, str]) -> dict[str, Path]:
    try:
        entries = sorted(entry for entry in path.iterdir() if _suffix(entry) in SUFFIXES)
    except OSError as error:
        raise UserError(f"cannot read folder {path}: {error.strerror}") from None
    files: dict[str, Path] = {}
    for entry in entries:
        split = names.get(entry.name.split(".")[0])
        if split in files:
            raise UserError(f"{path} has two files for the {split} split: {files[split].name} and {entry.name}")
        if split:
            files[split] = entry
    return files


def _read_labels(path: Path) -> tuple[list[str] | None, bool | None]:
    if not path.is_file():
        return None, None
    try:
        labels = json.loads(_decoded(path))
    except json.JSONDecodeError as error:
        raise UserError(f"{path}, line {error.lineno}: invalid JSON ({error.msg})") from None
    if isinstance(labels, dict):
        return None, labels.get("type") == "regression"
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise UserError(f"{path} must be a list of class names in id order")
    return labels, False


def _suffix(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix


def _decoded(path: Path) -> str:
    """A file's text without byte order mark; the message of a wrong byte names its line."""
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} is not a whole gzip file ({error})") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}, line {line}: byte 0x{error.object[error.start]:02x} at offset {error.start} is not "
            f"UTF-8; save the file as UTF-8"
        ) from None


def _read_delimited(path: Path, text: str, delimiter: str) -> Table:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, lines, start = [], [], 1
    try:
        for row in reader:
            if row:  # a blank line is no row
                rows.append(row)
                lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}, line {start}: {error}") from None
    header, rows, lines = rows[0], rows[1:], lines[1:]
    if len(set(header)) < len(header):
        raise UserError(f"{path} names a column twice: {', '.join(header)}")
    for row, line in zip(rows, lines):
        if len(row) != len(header):
            raise UserError(
                f"{path}, line {line}: {len(row)} fields where the header has {len(header)}; quote a text "
                f"that contains the separator"
            )
    return Table(str(path), {name: list(values) for name, values in zip(header, zip(*rows))}, lines)


def _read_json_lines(path: Path, text: str) -> Table:
    rows, lines = [], []
    for line, source in enumerate(text.split("\n"), start=1):
        if not source.strip():
            continue
        try:
            row = json.loads(source)
        except json.JSONDecodeError as error:
            raise UserError(f"{path}, line {line}: invalid JSON ({error.msg}); each line is one object") from None
        if not isinstance(row, dict):
            raise UserError(f"{path}, line {line}: not a JSON object; each line is one object")
        rows.append(row)
        lines.append(line)
    names = dict.fromkeys(name for row in rows for name in row)
    return Table(str(path), {name: [row.get(name) for row in rows] for name in names}, lines)


def _has_lone_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
