"""What the page in the browser answers about a model: the commands' own documents, and tables and drawings of them.

It runs in Pyodide, from the folder that `bundle/page.py` makes. The commands are called as on a command line, with
--json, so that the page's figures are theirs.
"""

import contextlib
import io
import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from convert import arena, boards, check
from convert.bundle.boards import list_boards, verdict_text
from convert.bundle.rendering import KERNEL_NAMES, environment
from convert.bundle.timeline import lay_out
from convert.tflite.view import view_model
from convert.tflm.allocator import allocate
from convert.tflm.builds import BUILDS, NOT_MEASURED
from convert.tflm.support import load_model

COMMANDS: dict[str, Callable[[list[str]], int]] = {"check": check.main, "arena": arena.main, "boards": boards.main}
DRAWN = ("cortex-m4", "cmsis_nn")  # the build whose memory is drawn
NAMES = {True: "yes", False: "no", None: "unknown"}  # of the verdicts' styles


def answer(path: str, name: str) -> str:
    """What a command says of a model.

    Args:
        path: the model's file.
        name: "check", "arena" or "boards".

    Returns:
        JSON {status, document, error, html}: the command's exit status, what it printed with --json, its line on
        standard error, and what the page shows of it.
    """
    printed, complaint = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complaint):
        status = COMMANDS[name]([path, "--json"])
    document = json.loads(printed.getvalue()) if printed.getvalue() else None
    html = _shown(name, path, document) if document is not None else ""
    return json.dumps({"status": status, "document": document, "error": complaint.getvalue().strip(), "html": html})


def _shown(name: str, path: str, document: Any) -> str:
    """The part of the page about a command's document; of a refused model `check` alone has one."""
    if name == "check":
        return _render("page_check.html", report=document)
    if isinstance(document, dict):  # it would be refused: that is what check shows
        return ""
    if name == "boards":
        return _render("page_boards.html", verdicts=_verdicts(document))
    model = view_model(load_model(path))
    timeline = lay_out(model, allocate(model, *BUILDS[DRAWN]))
    return _render("page_arena.html", rows=_alike(document), timeline=timeline, drawn=DRAWN, not_measured=NOT_MEASURED)


def _render(template: str, **values: Any) -> str:
    return environment().get_template(template).render(kernel_names=KERNEL_NAMES, **values)


def _verdicts(verdicts: list[dict]) -> list[dict]:
    """Verdicts with the board's name and the words of the command, those that fit first."""
    names = {board.id: board.name for board in list_boards()}
    rows = [
        verdict | {"name": names[verdict["id"]], "text": verdict_text(verdict), "answer": NAMES[verdict["fits"]]}
        for verdict in verdicts
    ]
    return sorted(rows, key=lambda row: list(NAMES.values()).index(row["answer"]))


def _alike(reports: list[dict]) -> list[dict]:
    """A row for the cores and kernels that have the same figures."""
    rows = defaultdict(list)
    for report in reports:
        figures = [(key, report[key]) for key in ("total", "used", "planned", "lower_bound", "scratch", "persistent")]
        rows[report["kernels"], bool(report["at_least"]), tuple(figures)].append(report["core"])
    return [
        {"cores": cores, "kernels": kernels, "at_least": at_least, **dict(figures)}
        for (kernels, at_least, figures), cores in rows.items()
    ]
