"""Files that are there whole or not at all."""

import os
from pathlib import Path


def write_atomically(path: Path, contents: str | bytes) -> None:
    """Writes a file aside, then renames it into place.

    Args:
        path: the file.
        contents: bytes, or text, which is written as UTF-8.
    """
    aside = path.with_name(path.name + ".part")
    aside.write_bytes(contents if isinstance(contents, bytes) else contents.encode("utf-8"))
    os.replace(aside, path)
