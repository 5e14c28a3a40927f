"""Figures out of what programs print."""

import re


def find_in(pattern: str, text: str, flags: int = 0) -> re.Match[str]:
    """The first match of a pattern.

    Raises:
        RuntimeError: the text has none; it says the last that there is.
    """
    found = re.search(pattern, text, flags)
    if not found:
        raise RuntimeError(f"{pattern!r} is not in what was printed: {text[-300:]}")
    return found
