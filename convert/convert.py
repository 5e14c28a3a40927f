"""A run to a bundle: lower, check, verify, measure, write.

    python convert/convert.py RUN --out BUNDLE [--seq-len N] [--windows N] [--shorter {auto,none,N ...}] [--core CORE]
                              [--kernels {cmsis_nn,fast}] [--arena-budget BYTES] [--board ID ...]
                              [--plan {offline,stock,fused,fused-int4}] [--reject CONFIDENCE] [--force]

Works from any folder, as does `python -m convert.convert`. Exit status: 0, 1 when a board named with --board is too
small or the interpreters differ on a row (the bundle is written either way), or 2 on bad input with nothing written.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

if not __package__:  # run as a script: this folder is on the path, and `import convert` would find this very file
    HERE = Path(__file__).resolve().parent
    sys.path = [str(HERE.parent)] + [entry for entry in sys.path if Path(entry or ".").resolve() != HERE]


from typing import TYPE_CHECKING

from convert.tflm.targets import CORE, CORES, FUSED, KERNELS, PLANS
from tf_embbert.common.arguments import CommandParser, positive_int, share
from tf_embbert.common.errors import run_command

if TYPE_CHECKING:  # imported when the options are read: --help answers at once
    from argparse import Namespace

    from rich.console import Console

    from tf_embbert.run import Run


def _warn(console: "Console", run: "Run", manifest: dict, asked: bool) -> None:
    length, windows = manifest["model"]["sequence_length"], manifest["model"].get("windows", 1)
    if asked and length > run.longest:  # the run's own length is rounded up, which is no news
        console.print(
            f"[yellow]warning[/] length {length} is above the longest text seen in training ({run.longest})",
            soft_wrap=True,
        )
    if (length, windows) != (run.max_length, run.windows):
        console.print(
            f"[yellow]warning[/] accuracy was measured at length {_reading(run.max_length, run.windows)}, not at "
            f"{_reading(length, windows)}; "
            "`python -m tf_embbert.evaluate` measures",
            soft_wrap=True,
        )


def _reading(length: int, windows: int) -> str:
    return f"{length}" + (f" by up to {windows} windows" if windows > 1 else "")


def _print_summary(console: "Console", out: str, manifest: dict, named: list[str]) -> None:
    from rich.table import Table

    from convert.boards import print_verdicts
    from convert.tflm.builds import default_kernels

    accuracy, model = manifest["accuracy"], manifest["model"]
    measured = f"{accuracy['metric']} on {accuracy['split']}, {accuracy['rows']} rows"
    table = Table("figure", "value", title=f"{manifest['name']}: {out}", caption=measured)
    for label, key in (
        ("float", "float"),
        ("int8 PTQ in TFLM", "ptq_tflm"),
        ("int8 QAT in TFLM", "qat_tflm"),
        (f"this model ({accuracy['chosen']})", "int8_tflm"),
    ):
        value = accuracy[key]
        table.add_row(f"{accuracy['metric']}, {label}", "not measured" if value is None else f"{value:.2f}")
    table.add_row("model.tflite", f"{model['bytes']:,} B")
    for part in model.get("lengths", [model]):
        table.add_row(f"MACs, L = {part['sequence_length']}", f"{part['macs'] / 1e6:.1f} M")
    if "windows" in model:
        table.add_row("a longer text", f"by up to {model['windows']} windows")
    for core, figures in manifest["arena"].items():
        kernels = default_kernels(core)
        table.add_row(f"arena, {core}, {kernels}", f"{figures[kernels]['total']:,} B")
    verification = manifest["verification"]
    compared = f"{verification['equal']} of {verification['rows']} rows" if verification["rows"] else "not compared"
    table.add_row("TFLM = TFLite reference", compared)
    if "same_at_longest" in verification:
        same = f"{verification['same_at_longest']} of {verification['texts']}"
        table.add_row("texts answered as by the longest", same)
    if "same_as_scored" in verification:
        same = f"{verification['same_as_scored']} of {verification['texts']}"
        table.add_row("texts answered as by the scored form", same)
    fitting = [board["id"] for board in manifest["boards"] if board["fits"]]
    table.add_row(f"boards, {len(fitting)} of {len(manifest['boards'])} fit", ", ".join(fitting))
    console.print(table)
    if named:
        print_verdicts(console, [board for board in manifest["boards"] if board["id"] in named])


def _length_or_word(text: str) -> int | str:
    return text if text in ("auto", "none") else int(text)


def _add_form_arguments(parser: CommandParser) -> None:
    """Those that choose between forms of one model."""
    parser.add_argument(
        "--core",
        choices=CORES,
        default=CORE,
        metavar="CORE",
        help="whose arena is made small; the model runs on all of "
        f"{', '.join(CORES)} (default: {CORE}, which needs what M4 and M33 need)",
    )
    parser.add_argument(
        "--kernels",
        choices=KERNELS,
        default=KERNELS[0],
        help="whose arena on --core is made small: fast are those of tflm_app/kernels over CMSIS-NN's, which the app "
        "links; the model runs with both (default: %(default)s)",
    )
    parser.add_argument(
        "--arena-budget",
        type=positive_int,
        metavar="BYTES",
        help="the fastest form found whose arena on --core takes no more (default: the form with the "
        "smallest arena found)",
    )
    parser.add_argument(
        "--plan",
        choices=PLANS,
        default=PLANS[0],
        help="offline: the file says where each activation lies, the smallest arena; stock: TFLM's "
        "planner does, for firmware that ignores such metadata or may not use it; fused: it does, and each block is "
        "one operator of tflm_app/kernels: two thirds of the arena, for firmware with these; fused-int4: their dense "
        "weights are of 4 bits, so that they are half as large "
        "(default: %(default)s)",
    )


@run_command
def main(arguments: list[str] | None = None) -> int:
    parser = CommandParser(prog="convert.py", description="Converts a run into a bundle.")
    parser.add_argument("run", help="a run's folder")
    parser.add_argument("--out", required=True, metavar="BUNDLE", help="the bundle's folder")
    parser.add_argument(
        "--seq-len", type=int, metavar="N", help="token ids the model takes (default: the length of the run)"
    )
    parser.add_argument(
        "--windows",
        type=positive_int,
        metavar="N",
        help="read a text of more tokens in up to N parts and average the answers (default: as many as have room for "
        "what the run reads)",
    )
    parser.add_argument(
        "--shorter",
        nargs="+",
        action="extend",
        type=_length_or_word,
        metavar="N",
        help="lengths that the same file serves too: a text goes to the shortest that holds it; none, or auto for "
        "those of half, a quarter, .. that a tenth of the run's texts would go to (default: auto)",
    )
    _add_form_arguments(parser)
    parser.add_argument(
        "--board",
        nargs="+",
        action="extend",
        default=[],
        metavar="ID",
        help="exit 1 if it does not fit one of these; `python -m convert.boards` lists them",
    )
    parser.add_argument(
        "--reject",
        type=share,
        metavar="CONFIDENCE",
        help="between 0 and 1: an answer below it is marked rejected, on the device and by convert.predict; "
        "the bundle's report has a table of coverage against accuracy (default: none is)",
    )
    parser.add_argument("--force", action="store_true", help="replace the bundle that is there")
    return _convert(parser.parse_args(arguments))


def _convert(options: "Namespace") -> int:
    from rich.console import Console

    from convert.bundle.boards import all_fit, find_boards
    from convert.bundle.bundle import require_free
    from convert.bundle.conversion import AUTO, convert_run
    from tf_embbert.run import load_run

    require_free(options.out, options.force)
    find_boards(options.board)
    run = load_run(options.run)
    with _progress() as say:
        manifest = convert_run(
            run,
            options.out,
            options.seq_len,
            options.force,
            say,
            options.board,
            options.shorter or AUTO,
            options.core,
            options.arena_budget,
            options.plan,
            options.reject,
            options.kernels,
            options.windows,
        )
    console = Console()
    _warn(console, run, manifest, options.seq_len is not None)
    _print_summary(console, options.out, manifest, options.board)
    if options.arena_budget is None:
        with _progress() as say:
            say("looking for a faster form in some more arena")
            cost = _cost(options, run, manifest["model"]["sequence_length"])
        console.print(cost, soft_wrap=True, end="\n" if cost else "")
    equal = manifest["verification"]["equal"] == manifest["verification"]["rows"]
    return 0 if equal and all_fit(manifest["boards"], options.board) else 1


def _cost(options: "Namespace", run: "Run", length: int) -> str:
    """What the smallest arena costs, in a line; empty where it costs nothing."""
    from convert.bundle.bundle import read_bundle
    from convert.export.choice import cost_text, find_faster
    from tf_embbert.model.folded import FoldedModel

    if options.plan in FUSED or not isinstance(run.weights, FoldedModel):  # such models have one form
        return ""
    model = read_bundle(options.out).models[length]
    forms = find_faster(model, run.weights, run.ranges, length, options.core, options.plan, options.kernels)
    return cost_text(*forms, options.core, options.kernels) if forms else ""


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Shows what is being done on standard error, while it is done; gives a function that says it."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    errors = Console(stderr=True)
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_interactive) as progress:
        task = progress.add_task("loading")
        yield lambda text: progress.update(task, description=text)


if __name__ == "__main__":
    sys.exit(main())
