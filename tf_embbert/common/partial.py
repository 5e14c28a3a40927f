"""Long work lies in OUT.partial until it is whole: nothing half done is taken for a run, and what was killed goes on.

OUT.partial holds begun.json, which says what was begun, folders of the work's own, and in the end the run's files.
"""

import json
import os
import shutil
from pathlib import Path

from rich.console import Console

from tf_embbert.common.errors import UserError
from tf_embbert.run import read_json, save_run


def add_output_options(parse):
    """Gives a CommandParser the options of where the run lies and whether to go on with it."""
    output = parse.add_argument_group("output")
    output.add_argument("--out", required=True, metavar="RUN", help="the run's folder")
    output.add_argument("--resume", action="store_true", help="go on with the interrupted training of this --out")
    output.add_argument("--force", action="store_true", help="replace the run that is there")


def work_aside(options, begun, work, report):
    """Does the work of a command that makes a run, from the beginning or from where it was interrupted.

    Args:
        options: has `out`, and `resume`: go on with what lies beside it.
        begun: what makes the run what it is, as JSON takes it; only the same is resumed.
        work: called with OUT.partial (`pathlib.Path`); keeps what it needs to go on in folders there, and returns
            (Run, history rows).
        report: called with one line at a time.
    Returns:
        The Run, which lies at `options.out` in the place of one that was there.
    Raises:
        UserError: from the work; nothing of it is left then, unless it was to be resumed. Or there is nothing to resume.
    """
    out, partial = Path(options.out), partial_folder(options.out)
    if options.resume:
        take_up(partial, begun)
    else:
        start_folder(partial, begun, report)
    try:
        run, history = work(partial)
    except UserError:
        if not options.resume:
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


def partial_folder(out):
    """Where the work lies until it is whole: OUT.partial, beside OUT."""
    return Path(f"{Path(out)}.partial")


def require_free(out, force):
    """Raises a UserError where a run cannot go: something is there, and it is no run or `force` is not set."""
    out = Path(out)
    if not os.path.lexists(out):
        return
    if not force:
        raise UserError(f"{out} exists: choose another --out, or replace it with --force")
    if not out.is_dir() or (any(out.iterdir()) and not (out / "config.json").is_file()):
        raise UserError(f"{out} is not a run, so --force does not replace it: choose another --out")


def start_folder(partial, begun, report):
    """Makes OUT.partial anew, with a note of what was begun in it."""
    if partial.exists():
        report(f"note: beginning anew; --resume would have gone on with {partial}")
        shutil.rmtree(partial)
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise UserError(f"cannot write to {partial} ({error.strerror}): choose another --out") from None
    (partial / "begun.json").write_text(json.dumps(begun))


def take_up(partial, begun):
    """Raises a UserError unless OUT.partial is there and was begun with the same arguments and data."""
    if not (partial / "begun.json").is_file():
        raise UserError(f"nothing to resume: there is no training in {partial}; leave --resume out to begin one")
    before = read_json(partial / "begun.json")
    others = sorted(name for name in before | begun if before.get(name) != begun.get(name))
    if others:
        raise UserError(
            f"{partial} was begun with another {', '.join(others)}: give the same to resume it, or leave "
            "--resume out to begin anew"
        )


def run_resumable(work, options):
    """`work(options, report)` with its lines on the terminal; Ctrl-C says how to go on."""
    console = Console()
    try:
        return work(options, lambda line: console.print(line, highlight=False, markup=False, soft_wrap=True))
    except KeyboardInterrupt:
        partial = partial_folder(options.out)
        how = f"go on with the same command and --resume (work so far: {partial})"
        raise KeyboardInterrupt(f"interrupted; {how if partial.exists() else 'nothing was begun'}") from None
