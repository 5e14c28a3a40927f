"""Files that are there whole or not at all."""

import contextlib
import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, contents: str | bytes) -> None:
    """Writes a file aside, then renames it into place.

    Args:
        path: the file.
        contents: bytes, or text, which is written as UTF-8.
    """
    data = contents if isinstance(contents, bytes) else contents.encode("utf-8")
    aside, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # its own, whoever else writes there
    try:
        with os.fdopen(aside, "wb") as file:
            file.write(data)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
