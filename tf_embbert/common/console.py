"""What a terminal shows of a command: bars while it works, and none of TensorFlow's own chatter."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Report: TypeAlias = Callable[[str], Any]  # what long work tells of itself, a line at a time; `print` is one


@contextlib.contextmanager
def quiet_import() -> Iterator[None]:
    """Standard error is silent inside, for the first import of TensorFlow; what is raised passes through.

    TensorFlow's libraries write there before any log level holds, so the file descriptor is pointed elsewhere.
    """
    if "tensorflow" in sys.modules:
        yield
        return
    sys.stderr.flush()
    saved = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)
        os.close(saved)


@contextlib.contextmanager
def progress_bar(title: str, total: int | None, unit: str = "", **figures: float) -> Iterator[Callable[..., None]]:
    """A bar on standard error that goes away when it is done; none where that is not a terminal.

    Args:
        title: what is being done.
        total: how many steps it has; None where nobody knows.
        unit: what a step is.
        **figures: names and first values of numbers shown beside the bar.

    Yields:
        update(done, **figures), to be called with the number of steps done and new values of the figures.
    """
    console = Console(stderr=True)
    columns = [TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(), TextColumn(unit)]
    columns += [TextColumn(f"{name} {{task.fields[{name}]:.4f}}") for name in figures]
    bar = Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_interactive)
    shown: dict[str, Any] = {**figures}
    with bar:
        task = bar.add_task(title, total=total, **shown)
        yield lambda done, **values: bar.update(task, completed=done, **values)
