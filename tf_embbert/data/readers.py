"""Labelled text from a file, by its suffix: delimited text, JSON, Parquet, Feather and Excel; text also packed."""

from dataclasses import dataclass, replace
from pathlib import Path

from tf_embbert.common.errors import UserError
from tf_embbert.data.dialect import parse_delimited
from tf_embbert.data.encoding import PACKED_SUFFIXES, read_text
from tf_embbert.data.fasttext import is_fasttext, parse_fasttext
from tf_embbert.data.frames import FRAME_SUFFIXES, read_frame
from tf_embbert.data.json_rows import looks_like_json, parse_json_rows
from tf_embbert.data.table import Table

JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
SUFFIXES = (".csv", ".tsv", ".tab", ".txt", *JSON_SUFFIXES, *FRAME_SUFFIXES)


@dataclass(frozen=True)
class Reading:
    """How files are read, where the user says so.

    Args:
        encoding: of text files, by Python's name; None recognises it.
        header: whether the first row of delimited text names the columns.
    """

    encoding: str | None = None
    header: bool = True


def read_file(path: Path, reading: Reading | None = None) -> Table:
    """Reads one file by its suffix, one of SUFFIXES; those of text also with one of PACKED_SUFFIXES.

    Raises:
        UserError: a missing, empty, unreadable or malformed file; the message names the line.
    """
    reading = reading or Reading()
    suffix = suffix_of(path)
    if suffix in FRAME_SUFFIXES:
        table = read_frame(path)
    else:
        text, assumed = read_text(path, reading.encoding)
        if not text.strip():
            raise UserError(f"{path} is empty")
        if suffix in JSON_SUFFIXES or looks_like_json(text):
            table = parse_json_rows(path, text, reading.header)
            assumed += [] if suffix in JSON_SUFFIXES else [f"{path.name} holds JSON, whatever its suffix says"]
        elif is_fasttext(text):
            table = parse_fasttext(path, text)
        else:
            table = parse_delimited(path, text, suffix, reading.header)
        table = replace(table, notices=(*assumed, *table.notices))
    if not len(table):
        raise UserError(f"{path} has a header and no rows")
    return table


def suffix_of(path: Path) -> str:
    """The suffix of a file's name in small letters, that of what is packed."""
    return Path(unpacked_name(path)).suffix


def unpacked_name(path: Path) -> str:
    """A file's name in small letters, without the suffix of what packed it."""
    name = path.name.lower()
    return next((name.removesuffix(suffix) for suffix in PACKED_SUFFIXES if name.endswith(suffix)), name)
