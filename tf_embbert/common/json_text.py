"""JSON that somebody else may have written: what cannot be read, or cannot be text, is one line about it."""

import json
from pathlib import Path
from typing import Any

from tf_embbert.common.errors import UserError


def parse_json(source: str | bytes, place: object, halves: bool = False) -> Any:
    """What JSON says.

    Args:
        source: the text, or its bytes in UTF-8.
        place: the file, and the line where there are several, for the message.
        halves: whether halves of characters are let through, for a caller who says where they are.

    Raises:
        UserError: it is no JSON, or nests too deep, or has a number of thousands of digits, or half a character.
    """
    try:
        value = json.loads(source)
    except RecursionError:
        raise UserError(f"{place}: this JSON is nested too deep to be read") from None
    except json.JSONDecodeError as error:
        line = f", line {error.lineno}" if error.lineno > 1 else ""
        raise UserError(f"{place}{line}: invalid JSON ({error.msg})") from None
    except ValueError as error:  # not UTF-8, or an integer of thousands of digits
        raise UserError(f"{place}: invalid JSON ({str(error).partition(';')[0]})") from None
    if not halves and "\\u" in (source if isinstance(source, str) else source.decode("utf-8", "replace")):
        _require_unicode(value, place)
    return value


def read_json(path: Path) -> Any:
    """What a JSON file says; a UserError where it cannot be read."""
    try:
        return parse_json(path.read_bytes(), path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None


def _require_unicode(value: Any, place: object) -> None:
    r"""An escape such as \\ud800 is half a character: no file can hold it, and no terminal print it."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise UserError(f"{place}: it holds text that is not valid Unicode (half a surrogate pair)") from None
    except RecursionError:
        raise UserError(f"{place}: this JSON is nested too deep to be read") from None
