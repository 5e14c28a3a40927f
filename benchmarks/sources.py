"""The hash of the sources that a result was measured on: a test fails when they have changed since."""

from collections.abc import Iterable
from pathlib import Path

from convert.manifest import sha256

ROOT = Path(__file__).parent.parent


def hash_sources(files: Iterable[Path]) -> str:
    """SHA-256 over the lines "sha256  path" of files in the repository, in their order."""
    lines = [f"{sha256(path.read_bytes())}  {path.relative_to(ROOT).as_posix()}\n" for path in files]
    return sha256("".join(lines).encode())
