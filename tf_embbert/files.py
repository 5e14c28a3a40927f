"""Files that are there whole or not at all."""

import os


def write_atomically(path, text):
    """Writes a UTF-8 text file aside, then renames it into place.

    Args:
        path: pathlib.Path.
        text: what it holds.
    """
    aside = path.with_name(path.name + ".part")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, path)
