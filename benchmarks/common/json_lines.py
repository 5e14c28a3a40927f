"""Rows as files that `--task` takes."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tf_embbert.common.files import write_atomically


def write_json_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """A row a line, in UTF-8."""
    write_atomically(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
