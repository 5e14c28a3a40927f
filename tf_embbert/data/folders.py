"""Folders of labelled text: a file a split, a folder a class, or a saved `datasets` folder; and labels.json."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tf_embbert.common.errors import UserError
from tf_embbert.data.encoding import read_text
from tf_embbert.data.json_rows import load_json
from tf_embbert.data.readers import SUFFIXES, Reading, read_file, suffix_of, unpacked_name
from tf_embbert.data.table import Table, joined_tables, require_characters, shown

_SPLITS = {
    "train": "train training trn",
    "validation": "validation valid val validate validating dev devel development eval evaluation",
    "test": "test testing tst holdout",
}
_SPLIT_OF = {word: split for split, words in _SPLITS.items() for word in words.split()}
_PART = re.compile(r"-(\d+)-of-(\d+)$")  # as `datasets` numbers the parts of a split
_FILLERS = {"set", "split", "data", "dataset", "file"}
_VERSION = re.compile(r"v?\d+")


@dataclass(frozen=True)
class Folder:
    """A folder's splits, and what its labels.json says: class names in id order, or that it is regression."""

    tables: dict[str, Table]
    labels: list[str] | None = None
    regression: bool | None = None


def read_folder(path: Path, splits: list[str] | None = None, reading: Reading | None = None) -> Folder:
    """Reads a `DatasetDict` or `Dataset` saved to disk, a file a split, or a folder of .txt files a class.

    Args:
        path: the folder; a labels.json in it lists the class names in id order, or is an object for regression.
        splits: the file names to read; None reads train, validation and test, as people write them.
        reading: how files are read.

    Raises:
        UserError: an unreadable folder, no split in it, or two files for one split.
    """
    if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
        return Folder(_read_saved(path))
    files = _split_files(path, splits)
    labels, regression = _read_labels(path / "labels.json")
    if files:
        tables = {split: _read_parts(parts, reading) for split, parts in files.items()}
        if not splits and "train" in tables:
            tables["train"] = _with_unread(path, tables["train"], [part for parts in files.values() for part in parts])
        return Folder(tables, labels, regression)
    tables = _class_folders(path, reading or Reading()) or ({} if splits else _only_file(path, reading))
    if not tables:
        raise UserError(
            f"{path} has no data: it needs train.jsonl.gz (or .csv, .tsv, .jsonl), a folder of .txt files a class, "
            "or a saved DatasetDict"
        )
    return Folder(tables, labels, regression)


def tables_of(splits: Mapping[str, Any], name: str) -> dict[str, Table]:
    """Tables of the splits of a `datasets.DatasetDict`."""
    return {split: table_of_dataset(dataset, f"{name}, split {split}") for split, dataset in splits.items()}


def table_of_dataset(dataset: Any, name: str) -> Table:
    """The table of a `datasets.Dataset`, the names behind its class ids with it."""
    names = {column: list(feature.names) for column, feature in dataset.features.items() if hasattr(feature, "names")}
    return Table(name, dataset.to_dict(), class_names=names)


def split_named(name: str) -> str | None:
    """The split that a name means: `training`, `Test_Set`, `dev-00000-of-00001`; None where it means none."""
    name = _PART.sub("", name.lower())
    words = [word for word in re.split(r"[\W_]+", name) if word and not _VERSION.fullmatch(word)]
    kept = [word for word in words if word not in _FILLERS] or words
    if len(kept) != 1:
        return None
    return _SPLIT_OF.get(kept[0]) or _SPLIT_OF.get(re.sub(r"(set|data)$", "", kept[0]))


def _read_saved(path: Path) -> dict[str, Table]:
    import datasets  # slow to import, and most data needs none of it

    try:
        saved = datasets.load_from_disk(str(path))
    except Exception as error:  # broken files raise errors of many kinds
        raise UserError(f"{path} is no readable saved dataset ({error})") from None
    if isinstance(saved, datasets.Dataset):
        saved = {"train": saved}
    return {split_named(split) or split: table for split, table in tables_of(saved, str(path)).items()}


def _read_parts(parts: list[Path], reading: Reading | None) -> Table:
    """The rows of a split, which may lie in several files."""
    tables = [read_file(part, reading) for part in parts]
    return tables[0] if len(tables) == 1 else joined_tables(tables)


def _only_file(path: Path, reading: Reading | None) -> dict[str, Table]:
    """The one file of data in a folder, whatever its name; nothing where there are several, or none."""
    entries = [entry for entry in _entries(path) if entry.is_file() and suffix_of(entry) in SUFFIXES]
    entries = [entry for entry in entries if entry.name != "labels.json"]
    if len(entries) != 1:
        return {}
    table = read_file(entries[0], reading)
    notice = f"{entries[0].name} is the one file of data in its folder, and its rows are split"
    return {"train": replace(table, notices=(*table.notices, notice))}


def _with_unread(path: Path, table: Table, read: list[Path]) -> Table:
    """The table; a notice names files like those read that no split is called after."""
    suffixes = {suffix_of(entry) for entry in read}
    others = [entry.name for entry in _entries(path) if suffix_of(entry) in suffixes and entry not in read]
    others = [name for name in others if name != "labels.json"]
    if not others:
        return table
    notice = f"not read, as no split is called so: {', '.join(others[:5])}{', ..' if len(others) > 5 else ''}"
    return replace(table, notices=(*table.notices, notice))


def _entries(path: Path) -> list[Path]:
    """What lies in a folder and does not hide, by name."""
    try:
        return sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise UserError(f"cannot read folder {path}: {error.strerror}") from None


def _split_files(path: Path, splits: list[str] | None) -> dict[str, list[Path]]:
    """The files of each split, by its name; or by what its name adds to that of the others, as in `mails_train.csv`."""
    entries = [entry for entry in _entries(path) if entry.is_file() and suffix_of(entry) in SUFFIXES]
    stems = [entry.name.split(".")[0] for entry in entries]
    if splits:
        return _by_split(path, entries, [stem if stem in splits else None for stem in stems])
    named = _by_split(path, entries, [split_named(stem) for stem in stems])
    stems = [Path(unpacked_name(entry)).stem for entry in entries]
    words = [re.split(r"[-_. ]", stem)[-1] for stem in stems]
    alike = len({stem.removesuffix(word) for stem, word in zip(stems, words)}) == 1
    return named if "train" in named or not alike else _by_split(path, entries, [split_named(word) for word in words])


def _by_split(path: Path, entries: list[Path], splits: list[str | None]) -> dict[str, list[Path]]:
    """The file of each split, or its numbered parts (`train-00001-of-00004`), all of them."""
    files: dict[str, list[Path]] = {}
    for entry, split in zip(entries, splits):
        if split:
            files.setdefault(split, []).append(entry)
    for split, parts in files.items():
        numbers = [_PART.search(part.name.split(".")[0]) for part in parts]
        if len(parts) > 1 and not all(numbers):
            raise UserError(f"{path} has two files for the {split} split: {parts[0].name} and {parts[1].name}")
        wanted = max((int(number[2]) for number in numbers if number), default=1)
        if len(parts) != wanted:
            raise UserError(f"{path} has {len(parts)} of {wanted} parts of the {split} split: fetch the others")
    return files


def _class_folders(path: Path, reading: Reading) -> dict[str, Table]:
    """Tables by split of folders that hold a folder of .txt files a class, or of one that does so itself."""
    folders = [entry for entry in _entries(path) if entry.is_dir()]
    splits = {split: entry for entry in folders if (split := split_named(entry.name))}
    if "train" in splits and len(splits) > 1:
        return {split: _split_folder(folder, reading) for split, folder in splits.items()}
    if sum(any(file.suffix.lower() == ".txt" for file in _entries(entry)) for entry in folders) > 1:
        return {"train": _texts_by_class(path, reading)}
    return {}


def _split_folder(path: Path, reading: Reading) -> Table:
    """The rows of a split's own folder: of its one file of data, or of its folders a class."""
    files = [entry for entry in _entries(path) if entry.is_file() and suffix_of(entry) in SUFFIXES]
    return read_file(files[0], reading) if len(files) == 1 else _texts_by_class(path, reading)


def _texts_by_class(path: Path, reading: Reading) -> Table:
    files = [file for folder in _entries(path) if folder.is_dir() for file in _entries(folder)]
    files = [file for file in files if file.suffix.lower() == ".txt"]
    if not files:
        raise UserError(f"{path} has no folder of .txt files")
    read = [read_text(file, reading.encoding) for file in files]
    columns = {"text": [text for text, _ in read], "label": [file.parent.name for file in files]}
    notices = [notice for _, notices in read for notice in notices]
    said = (f"{notices[0]}; so {len(notices) - 1} more files",) if len(notices) > 1 else tuple(notices)
    return Table(str(path), columns, files=[str(file) for file in files], notices=said)


def _read_labels(path: Path) -> tuple[list[str] | None, bool | None]:
    """Class names in id order, whether labels are numbers; None, None where there is no such file."""
    if not path.is_file():
        return None, None
    labels = load_json(read_text(path)[0], str(path))
    if isinstance(labels, dict):
        if labels.get("type") != "regression":
            raise UserError(f'{path} must be a list of class names in id order, or {{"type": "regression"}}')
        return None, True
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise UserError(f"{path} must be a list of class names in id order")
    for label in labels:
        require_characters(label, f"{path}: {shown(label)}")
        if not label.strip() or len(label.splitlines()) > 1:
            raise UserError(f"{path}: {shown(label)} is no class name: names are single lines, not empty")
    if len(set(labels)) < max(2, len(labels)):
        raise UserError(f"{path} needs two class names at least, each once; it has {', '.join(labels) or 'none'}")
    return labels, False
