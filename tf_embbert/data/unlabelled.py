"""Texts without labels, for a teacher to judge: most people have more of them than labelled ones."""

from pathlib import Path
from typing import Any

from tf_embbert.common.errors import UserError
from tf_embbert.data.columns import with_columns
from tf_embbert.data.encoding import read_text
from tf_embbert.data.readers import Reading, read_file, suffix_of
from tf_embbert.data.rows import Task, Text


def read_unlabelled(
    path: str | Path, task: Task, columns: dict[str, str], reading: Reading
) -> tuple[list[Text], list[str]]:
    """Reads a file of texts, or of pairs where the task has pairs.

    Args:
        path: a .txt file, also packed, has a text a line; of any other file that a task may be, the columns are taken.
        task: whose texts they are like.
        columns: names of the columns, by "text" and "pair".
        reading: how files are read.

    Returns:
        The texts, each once, without rows that have none; and notices.

    Raises:
        UserError: the file is missing, malformed, without such a column, or without a text.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f"--unlabelled {path} is a folder: give a file")
    if suffix_of(path) == ".txt":
        if task.is_pair:
            raise UserError(
                f"--unlabelled {path}: the task has pairs, so give a table with {' and '.join(columns.values())}"
            )
        text, notices = read_text(path, reading.encoding)
        texts: list[Text] = [line.strip() for line in text.split("\n")]
    else:
        wanted = columns if task.is_pair else {"text": columns["text"]}
        table = with_columns(read_file(path, reading), wanted)
        missing = {row for name in wanted.values() for row, value in enumerate(table.column(name)) if is_blank(value)}
        if missing:
            table = table.without(missing, f"{table.title}: {len(missing)} rows without text are left out")
        notices = list(table.notices)
        first, *second = (table.texts(name) for name in wanted.values())
        texts = list(zip(first, second[0])) if second else list(first)
    found = [text for text in dict.fromkeys(texts) if text]
    if not found:
        raise UserError(f"--unlabelled {path} has no text")
    return found, notices


def is_blank(value: Any) -> bool:
    """Whether a cell has nothing in it."""
    return value is None or (isinstance(value, str) and not value.strip())
