"""A model that needs less: the same outputs, byte for byte, from a smaller arena.

    python -m convert.optimize MODEL.tflite --out SMALLER.tflite [--core ID] [--kernels NAME] [--tflm NAME] [--no-plan]
                               [--keep-file-size] [--json]
    python -m convert.optimize --print-passes

What it does, for any model that TFLM runs, is the list of `--print-passes`; none of them changes an answer. What the
kernels named refuse, or answer otherwise than TFLM's reference kernels, is rewritten where there is a form that they
answer right, whatever that costs. Where a smaller arena costs bytes of the file, it takes the smaller arena, unless
`--keep-file-size`. Nothing is run. Exit status: 0, 1 when TFLM would refuse the model, or 2 on bad input.
"""

import argparse
import json
import sys
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from convert.options import add_target_arguments
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import UserError, run_command
from tf_embbert.common.files import write_atomically

if TYPE_CHECKING:  # imported when the options are read: --help answers at once
    from convert.passes.optimizer import Stage

CORE = "cortex-m7"


def _print_stages(
    path: str, stages: "list[Stage]", rewritten: list[str], unmodelled: list[str], left_out: list[str]
) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    arena = "arena, at least" if unmodelled else "arena"
    table = Table("after", "file", arena, "head", "tail", f"{arena} of the best plan", title=escape(path))
    for column in table.columns[1:]:
        column.justify = "right"
    for stage in stages:
        row = (stage.file, stage.total, stage.planned, stage.persistent, stage.least)
        table.add_row(stage.step, *(f"{number:,}" for number in row))
    console, first, last = Console(), stages[0], stages[-1]
    console.print(table)
    console.print(
        f"{arena} {first.total:,} to {last.total:,} B ({last.total - first.total:+,}), "
        f"file {first.file:,} to {last.file:,} B ({last.file - first.file:+,})",
        soft_wrap=True,
    )
    for _, alike in groupby(sorted(rewritten, key=_words), key=_words):
        line, *others = alike
        more = f", and {len(others)} more like it" if others else ""
        console.print(f"rewritten for these kernels: {escape(line)}{more}", soft_wrap=True)
    if unmodelled:
        console.print(
            f"not modelled, so that all arenas are lower bounds: {escape(', '.join(unmodelled))}", soft_wrap=True
        )
    if left_out:
        console.print(f"left out, for no device reads it: {escape('; '.join(left_out))}", soft_wrap=True)


def _words(line: str) -> str:
    """What a line says of an operator, without its name and number."""
    return line.partition(") ")[2]


def _print_passes() -> None:
    from convert.passes.pipeline import PASSES

    for one in PASSES:
        answers = "" if one.exact else " (changes answers: never applied, a hint of convert.arena)"
        print(f"{one.works_on}  {one.name}{answers}: {one.doc}")


class _PrintPasses(argparse.Action):
    """Prints the list and ends, as `--help` does."""

    def __init__(self, option_strings: list[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        _print_passes()
        parser.exit()


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = CommandParser(prog="python -m convert.optimize", description="The same outputs from a smaller arena.")
    parser.add_argument("model", help="a .tflite file, or a C file with one in an array")
    parser.add_argument("--out", required=True, metavar="FILE", help="the file to write")
    add_target_arguments(parser, f"{CORE}, whose arena is made small")
    parser.add_argument("--no-plan", action="store_true", help="leave the planning to TFLM: no metadata in the file")
    parser.add_argument("--keep-file-size", action="store_true", help="do nothing that makes the file larger")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    parser.add_argument("--print-passes", action=_PrintPasses, help="print the list of passes, in order, and exit")
    return parser.parse_args(arguments)


@run_command
def main(arguments: list[str] | None = None) -> int:
    return _optimize(_parse(arguments))


def _optimize(options: argparse.Namespace) -> int:
    from convert.passes.kernel_forms import mend_model
    from convert.passes.optimizer import BEFORE, measure_stage, optimize_model
    from convert.passes.pipeline import NO_PLAN, OPTIMIZE
    from convert.printing import refuse, warn_of_differences
    from convert.tflite.signatures import left_out
    from convert.tflm.arena import plan_arena
    from convert.tflm.builds import choose_kernels, find_build
    from convert.tflm.libraries import library_of
    from convert.tflm.support import check_bytes, difference_texts, load_model

    library = library_of(options.tflm)
    core = options.core or (CORE if not library or CORE in library.cores else next(iter(library.cores), CORE))
    kernels = choose_kernels(core, options.kernels, options.tflm)
    target = find_build(core, kernels)
    out = Path(options.out)
    if not out.absolute().parent.is_dir():
        raise UserError(f"cannot write {out}: there is no folder {out.parent}")
    model = load_model(options.model)
    report = check_bytes(model, options.model, "reference")
    if not report["supported"]:
        return refuse(report, options.json)
    mended = mend_model(model, target)
    report = check_bytes(mended.data, options.model, kernels, core)
    if not report["supported"]:
        return refuse(report, options.json)
    warn_of_differences(difference_texts(report))
    most_bytes = len(model) if options.keep_file_size else None
    smaller, stages = optimize_model(mended.data, target, NO_PLAN if options.no_plan else OPTIMIZE, most_bytes)
    if most_bytes and len(smaller) > most_bytes:
        raise UserError(f"{options.model} grows where it is rewritten for {kernels}; leave --keep-file-size out")
    if mended.rewritten:
        stages = [measure_stage(BEFORE, model, target), replace(stages[0], step="kernel forms"), *stages[1:]]
    write_atomically(out, smaller)
    _report(
        options,
        stages,
        mended.rewritten,
        plan_arena(smaller, core, kernels),
        [] if smaller == model else left_out(model),
    )
    return 0


def _report(
    options: argparse.Namespace, stages: "list[Stage]", rewritten: list[str], arena: dict, lost: list[str]
) -> None:
    unmodelled = sorted({op["name"] for op in arena["at_least"]})
    if options.json:
        document = {"model": options.model, "out": options.out, "stages": [asdict(stage) for stage in stages]}
        print(json.dumps(document | {"rewritten": rewritten, "at_least": unmodelled, "left_out": lost}, indent=1))
    else:
        _print_stages(options.model, stages, rewritten, unmodelled, lost)


if __name__ == "__main__":
    sys.exit(main())
