"""The lines that fastText trains on, `__label__cooking how to bake bread`, to rows."""

from pathlib import Path

from tf_embbert.common.errors import UserError
from tf_embbert.data.table import Table

PREFIX = "__label__"


def is_fasttext(text: str) -> bool:
    """Whether a text begins as fastText's files do."""
    return text.lstrip().startswith(PREFIX)


def parse_fasttext(path: Path, text: str) -> Table:
    """Reads a label and a text from each line.

    Raises:
        UserError: a line without a label, or with several.
    """
    columns: dict[str, list[str]] = {"text": [], "label": []}
    lines = []
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.split()
        labels = [word for word in words if word.startswith(PREFIX)]
        if words and len(labels) != 1:
            raise UserError(f"{path}, line {number}: {len(labels)} of fastText's labels: a text has one class here")
        if words:
            lines.append(number)
            columns["label"].append(labels[0].removeprefix(PREFIX))
            columns["text"].append(line.replace(labels[0], "", 1).strip())
    return Table(str(path), columns, lines)
