"""Long work lies in OUT.partial until it is whole: nothing half done is taken for a run, and what was killed goes on.

OUT.partial holds begun.json, which says what was begun, folders of the work's own, and in the end the run's files.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from tf_embbert.common.console import Report
from tf_embbert.common.errors import UserError
from tf_embbert.run import History, Run, load_run, read_json, save_run
from tf_embbert.training.cluster import Helped, WorkerLost

Result = TypeVar("Result")
SAVING = 120  # seconds that the chief may take to write a run that is whole


def work_aside(
    out: str | Path, resume: bool, begun: Mapping[str, Any], work: Callable[[Path], tuple[Run, History]], report: Report
) -> Run:
    """Does work that makes a run, from the beginning or from where it was interrupted.

    Args:
        out: the run's folder.
        resume: whether to go on with what lies beside it.
        begun: what makes the run what it is, as JSON takes it; only the same is resumed.
        work: called with OUT.partial; keeps what it needs to go on in folders there, and returns the run and its
            history.
        report: called with one line at a time.

    Returns:
        The run, which lies at `out` in the place of one that was there.

    Raises:
        UserError: nothing is there to resume, another command works on the same run, or the work refused its input;
            nothing of it is left then, unless it was to be resumed.
    """
    with alone(out):
        return _work_aside(Path(out), resume, begun, work, report)


def _work_aside(
    out: Path, resume: bool, begun: Mapping[str, Any], work: Callable[[Path], tuple[Run, History]], report: Report
) -> Run:
    partial = partial_folder(out)
    if resume:
        take_up(partial, begun)
    else:
        start_folder(partial, begun, report)
    try:
        run, history = work(partial)
    except WorkerLost:
        raise
    except UserError:
        if not resume:
            shutil.rmtree(partial)
        raise
    save_run(run, partial, history)
    for folder in filter(Path.is_dir, list(partial.iterdir())):
        shutil.rmtree(folder)
    (partial / "begun.json").unlink()
    if out.exists():
        shutil.rmtree(out)
    os.replace(partial, out)
    return run


def help_make(out: str | Path, work: Callable[[Path], tuple[Run, History]]) -> Run:
    """Does this worker's part of work that the chief of its cluster does with `work_aside`.

    Args:
        out: the run's folder, as the chief sees it.
        work: as there; it waits for the chief, and raises Helped when this worker's part is done.

    Returns:
        The run that the chief wrote.
    """
    partial = partial_folder(out)
    with contextlib.suppress(Helped):
        work(partial)
    until = time.monotonic() + SAVING
    while partial.exists() and time.monotonic() < until:
        time.sleep(0.2)
    return load_run(out)


@contextlib.contextmanager
def alone(out: str | Path) -> Iterator[None]:
    """Nobody else on this machine makes the run inside; a UserError when somebody does. Ends with the process, too."""
    name = hashlib.sha256(str(Path(out).absolute()).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    with open(Path(tempfile.gettempdir()) / f"embbert-{name}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another command is making {out}: wait for it, or choose another --out") from None
        yield


def partial_folder(out: str | Path) -> Path:
    """Where the work lies until it is whole: OUT.partial, beside OUT."""
    return Path(f"{Path(out)}.partial")


def require_free(out: str | Path, force: bool) -> None:
    """Raises a UserError where a run cannot go: something is there, and it is no run or `force` is not set."""
    out = Path(out)
    if not os.path.lexists(out):
        return
    if not force:
        raise UserError(f"{out} exists: choose another --out, or replace it with --force")
    if not out.is_dir() or (any(out.iterdir()) and not (out / "config.json").is_file()):
        raise UserError(f"{out} is not a run, so --force does not replace it: choose another --out")


def start_folder(partial: Path, begun: Mapping[str, Any], report: Report) -> None:
    """Makes OUT.partial anew, with a note of what was begun in it."""
    if partial.exists():
        report(f"note: beginning anew; --resume would have gone on with {partial}")
        shutil.rmtree(partial)
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise UserError(f"cannot write to {partial} ({error.strerror}): choose another --out") from None
    (partial / "begun.json").write_text(json.dumps(begun))


def take_up(partial: Path, begun: Mapping[str, Any]) -> None:
    """Raises a UserError unless OUT.partial is there and was begun with the same arguments and data."""
    if not (partial / "begun.json").is_file():
        raise UserError(f"nothing to resume: there is no training in {partial}; leave --resume out to begin one")
    before = read_json(partial / "begun.json")
    if not isinstance(before, dict):
        raise UserError(f"{partial}/begun.json is damaged: leave --resume out to begin anew")
    others = sorted(name for name in {*before, *begun} if before.get(name) != begun.get(name))
    if others:
        raise UserError(
            f"{partial} was begun with another {', '.join(others)}: give the same to resume it, or leave "
            "--resume out to begin anew"
        )


def run_resumable(work: Callable[[Report], Result], out: str | Path) -> Result:
    """`work(report)` with its lines on the terminal; Ctrl-C says how to go on with what lies beside `out`."""
    console = Console()
    try:
        return work(lambda line: console.print(line, highlight=False, markup=False, soft_wrap=True))
    except KeyboardInterrupt:
        partial = partial_folder(out)
        how = f"go on with the same command and --resume (work so far: {partial})"
        raise KeyboardInterrupt(f"interrupted; {how if partial.exists() else 'nothing was begun'}") from None
