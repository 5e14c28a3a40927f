"""A model that needs less: the same outputs, byte for byte, from a smaller arena.

    python -m convert.optimize MODEL.tflite --out SMALLER.tflite [--core ID] [--kernels NAME] [--no-plan]
                               [--keep-file-size] [--json]
    python -m convert.optimize --print-passes

What it does, for any model that TFLM runs, is the list of `--print-passes`; none of them changes an answer. Where a
smaller arena costs bytes of the file, it takes the smaller arena, unless `--keep-file-size`. Nothing is run. Exit
status: 0, 1 when TFLM would refuse the model, or 2 on bad input.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from convert.passes.optimizer import CORE, Stage, optimize_model
from convert.passes.pipeline import NO_PLAN, OPTIMIZE, PASSES
from convert.tflm.builds import Target, default_kernels, find_build
from convert.tflm.support import check_model
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import UserError, run_command
from tf_embbert.common.files import write_atomically


def _read_supported(path: str) -> bytes | None:
    """A file's model that TFLM runs; None, with the reasons printed, when TFLM would refuse it."""
    refusals = check_model(path)["refusals"]
    for refusal in refusals:
        print(f"TFLM would refuse this model: {refusal['op'] or ''} {refusal['reason']}", file=sys.stderr)
    return None if refusals else Path(path).read_bytes()


def _optimize_file(
    path: str, model: bytes, target: Target, with_plan: bool, keep_file_size: bool
) -> tuple[bytes, list[Stage]]:
    """`optimize_model` of a file that may yet name what is not in it."""
    passes, most_bytes = OPTIMIZE if with_plan else NO_PLAN, len(model) if keep_file_size else None
    try:
        return optimize_model(model, target, passes, most_bytes)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is a damaged TFLite flatbuffer ({type(error).__name__}: {error})") from error


def _print_stages(path: str, stages: list[Stage]) -> None:
    table = Table("after", "file", "arena", "head", "tail", "arena of the best plan", title=escape(path))
    for column in table.columns[1:]:
        column.justify = "right"
    for stage in stages:
        row = (stage.file, stage.total, stage.planned, stage.persistent, stage.least)
        table.add_row(stage.step, *(f"{number:,}" for number in row))
    console, first, last = Console(), stages[0], stages[-1]
    console.print(table)
    console.print(
        f"arena {first.total:,} to {last.total:,} B ({last.total - first.total:+,}), "
        f"file {first.file:,} to {last.file:,} B ({last.file - first.file:+,})",
        soft_wrap=True,
    )


def _print_passes() -> None:
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
    parser.add_argument("model", help="a .tflite file")
    parser.add_argument("--out", required=True, metavar="FILE", help="the file to write")
    parser.add_argument("--core", default=CORE, metavar="ID", help=f"whose arena is made small (default: {CORE})")
    parser.add_argument("--kernels", choices=("cmsis_nn", "reference"), help="default: those of the core's firmware")
    parser.add_argument("--no-plan", action="store_true", help="leave the planning to TFLM: no metadata in the file")
    parser.add_argument("--keep-file-size", action="store_true", help="do nothing that makes the file larger")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    parser.add_argument("--print-passes", action=_PrintPasses, help="print the list of passes, in order, and exit")
    return parser.parse_args(arguments)


@run_command
def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    target = find_build(options.core, options.kernels or default_kernels(options.core))
    out = Path(options.out)
    if not out.absolute().parent.is_dir():
        raise UserError(f"cannot write {out}: there is no folder {out.parent}")
    model = _read_supported(options.model)
    if model is None:
        return 1
    smaller, stages = _optimize_file(options.model, model, target, not options.no_plan, options.keep_file_size)
    write_atomically(out, smaller)
    if options.json:
        print(json.dumps({"model": options.model, "out": options.out, "stages": [asdict(s) for s in stages]}, indent=1))
    else:
        _print_stages(options.model, stages)
    return 0


if __name__ == "__main__":
    sys.exit(main())
