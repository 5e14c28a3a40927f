"""User mistakes: what every command says about them and with which exit status.

A mistake of the user (a missing file, an unknown task, a bad option) is a `UserError`: one line that names the
input and the remedy. Anything else that goes wrong is a defect of ours and keeps its traceback.
"""

import difflib
import functools
import sys
from collections.abc import Callable, Iterable
from typing import Any

EXIT_OK, EXIT_USER_ERROR, EXIT_INTERRUPTED = 0, 2, 130


class UserError(Exception):
    """A mistake in what the user gave; its text is one line naming the input and the remedy."""


def run_command(main: Callable[..., int | None]) -> Callable[..., int]:
    """Makes a command's main function return an exit status instead of raising on user mistakes.

    Args:
        main: the command; it returns an exit status, or None for 0. It may raise `KeyboardInterrupt(message)` to
            say how to resume.

    Returns:
        A function with the same arguments for `sys.exit(main())`: 2 after a `UserError`, 130 after Ctrl-C, with one
        line on standard error; every other exception passes through.
    """

    @functools.wraps(main)
    def command(*args: Any, **kwargs: Any) -> int:
        try:
            return main(*args, **kwargs) or EXIT_OK
        except UserError as error:
            return _fail(f"error: {error}", EXIT_USER_ERROR)
        except KeyboardInterrupt as interrupt:
            return _fail(str(interrupt) or "interrupted", EXIT_INTERRUPTED)

    return command


def nearest(name: str, names: Iterable[str]) -> str:
    """Suggests the known names that look like a mistyped one.

    Args:
        name: what the user wrote.
        names: the known names.

    Returns:
        `did you mean a, b?` with at most three names, or an empty string when none is close.
    """
    close = difflib.get_close_matches(name.lower(), list(names), n=3)
    return f"did you mean {', '.join(close)}?" if close else ""


def _fail(message: str, status: int) -> int:
    print(" ".join(message.split()), file=sys.stderr)
    return status
