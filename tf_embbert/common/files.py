"""Files that are there whole or not at all."""

import contextlib
import errno
import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, contents: str | bytes) -> None:
    """Writes a file aside, then renames it into place; a device or a pipe is written into, and stays what it is.

    Args:
        path: the file.
        contents: bytes, or text, which is written as UTF-8.

    Raises:
        IsADirectoryError: it is a folder.
    """
    data = contents if isinstance(contents, bytes) else contents.encode("utf-8")
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    try:
        aside, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # its own, whoever else writes there
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from None
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
