"""User mistakes: what every command says about them and with which exit status.

A mistake of the user (a missing file, an unknown task, a bad option) is a `UserError`: one line that names the
input and the remedy. So is a disk that is full or a folder that may not be written, wherever it is met. Anything else
that goes wrong is a defect of ours and keeps its traceback.
"""

import difflib
import errno
import functools
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

# What a disk refuses, and what to do about it.
DISK = {
    errno.ENOSPC: "make room on the disk, or choose another place",
    errno.EDQUOT: "make room on the disk, or choose another place",
    errno.EFBIG: "make room on the disk, or choose another place",
    errno.EACCES: "choose a place that you may read and write",
    errno.EPERM: "choose a place that you may read and write",
    errno.EROFS: "choose a place that you may read and write",
    errno.ENOTDIR: "a part of the path is a file: choose another path",
    errno.EISDIR: "it is a folder: name a file",
    errno.ENOTEMPTY: "another command is working there: wait for it, or choose another place",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "a link of the path leads to itself: choose another path",
}
EXIT_OK, EXIT_USER_ERROR, EXIT_INTERRUPTED = 0, 2, 130
TEACHER = ("torch", "sentence_transformers")  # of packages that are not always there; all others come with [train]
OWN = ("convert", "tf_embbert")


class UserError(Exception):
    """A mistake in what the user gave; its text is one line naming the input and the remedy."""


def set_up_tensorflow() -> None:
    """What TensorFlow reads of its environment when it is imported, unless the user has set it."""
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # no import of Keras 3, a third of TensorFlow's
    # oneDNN's kernels, which TensorFlow takes by itself on processors with AVX-512 only: EmbBERT's training step is 1.2
    # (texts of 12 tokens) to 1.7 times (64) as fast with them on AVX2.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def run_command(main: Callable[..., int | None]) -> Callable[..., int]:
    """Makes a command's main function return an exit status instead of raising on user mistakes.

    Args:
        main: the command; it returns an exit status, or None for 0. It may raise `KeyboardInterrupt(message)` to
            say how to resume.

    Returns:
        A function with the same arguments for `sys.exit(main())`: 2 after a `UserError`, 130 after Ctrl-C, with one
        line on standard error; a disk's refusals and packages that are not installed likewise; every other
        exception passes through.
    """

    @functools.wraps(main)
    def command(*args: Any, **kwargs: Any) -> int:
        if main.__module__ == "__main__":  # our process
            set_up_tensorflow()
        try:
            status = main(*args, **kwargs) or EXIT_OK
            if sys.stdout:  # None where it is closed
                sys.stdout.flush()  # what cannot be printed was not said
            return status
        except UserError as error:
            return _fail(f"error: {error}", EXIT_USER_ERROR)
        except BrokenPipeError:  # who reads what we print has seen enough
            _give_up_output()
            return EXIT_USER_ERROR
        except ModuleNotFoundError as error:
            return _fail(f"error: {_missing(error)}", EXIT_USER_ERROR)
        except OSError as error:
            if error.errno not in DISK:
                raise
            _give_up_output()
            place = f"{error.filename}: " if error.filename else ""
            return _fail(f"error: {place}{error.strerror}: {DISK[error.errno]}", EXIT_USER_ERROR)
        except KeyboardInterrupt as interrupt:
            status = _fail(str(interrupt) or "interrupted", EXIT_INTERRUPTED)
            if main.__module__ == "__main__":  # TensorFlow's threads, at work still, may crash around Python's own end
                _give_up_output()  # flushed, where it can be
                os._exit(status)
            return status

    return command


def _missing(error: ModuleNotFoundError) -> str:
    """What is not installed, and how to install it; raises the error where something of ours is missing."""
    package = (error.name or "").partition(".")[0]
    if not package or package in OWN:
        raise error
    extra = "teacher" if package in TEACHER else "train"
    return f"this needs {package}, which is not installed: pip install 'tf-embbert[{extra}]'"


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


def _give_up_output() -> None:
    """Lets what cannot be printed go nowhere: Python tries again when it ends, and would complain then."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream:  # None where it is closed
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _fail(message: str, status: int) -> int:
    try:
        if sys.stderr:
            print(" ".join(message.split()), file=sys.stderr)
    except OSError:  # where nothing can be said, the status stands
        _give_up_output()
    return status
