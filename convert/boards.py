"""Which boards a model fits: the flash and RAM of its firmware against what each board has.

    python -m convert.boards [MODEL.tflite|BUNDLE|RUN] [--board ID ...] [--kernels NAME] [--tflm NAME] [--json]

Without a model it lists the boards. A run can be converted at any length: where it does not fit a board named with
--board, the largest --seq-len that does is found; a bundle repeats what its conversion found. Exit status: 0 fine, 1 a
board named with --board does not fit or TFLM would refuse the model, 2 bad input.
"""

import json
import sys
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from convert.options import KERNELS, add_library_argument
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import run_command

if TYPE_CHECKING:  # imported when the options are read: --help answers at once
    from rich.console import Console
    from rich.table import Table

    from convert.bundle.boards import Board


def print_verdicts(console: "Console", verdicts: list[dict]) -> None:
    """The verdicts as a table; sizes in KiB."""
    from convert.bundle.boards import verdict_text

    table = _table("board", "core", "flash used", "of KiB", "RAM used", "of KiB", "verdict", numbers=range(2, 6))
    for verdict in verdicts:
        color = {True: "green", False: "red", None: "yellow"}[verdict["fits"]]
        table.add_row(
            verdict["id"],
            verdict["core"].removeprefix("cortex-"),
            *(_kib(verdict[key]) for key in ("flash_used", "flash", "ram_used", "ram")),
            f"[{color}]{verdict_text(verdict)}[/]",
        )
    console.print(table)


def _print_boards(boards: "list[Board]") -> None:
    from rich.console import Console

    table = _table("id", "core", "MHz", "flash KiB", "RAM KiB", "in all", "name", numbers=range(2, 6))
    for board in boards:
        table.add_row(
            board.id,
            board.core.removeprefix("cortex-"),
            str(board.clock or "unknown"),
            *(_kib(value) for value in (board.flash, board.ram, board.total_ram)),
            board.name,
        )
    Console().print(table)


def _table(*columns: str, numbers: Iterable[int]) -> "Table":
    """A table without lines that keeps all but its last column on one line."""
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False)
    for column in table.columns[:-1]:
        column.no_wrap = True
    table.columns[-1].overflow = "fold"
    for index in numbers:
        table.columns[index].justify = "right"
    return table


def _kib(value: int | None) -> str:
    return "unknown" if value is None else f"{value / 1024:,.1f}".removesuffix(".0")


@run_command
def main(arguments: list[str] | None = None) -> int:
    parser = CommandParser(prog="python -m convert.boards", description="Which boards does this model fit?")
    parser.add_argument(
        "model",
        nargs="?",
        type=Path,
        help="a .tflite file, a C file with one, a bundle or a run (default: list boards)",
    )
    parser.add_argument(
        "--board",
        nargs="+",
        action="extend",
        default=[],
        metavar="ID",
        help="these boards only; exit 1 if one does not fit",
    )
    parser.add_argument("--kernels", choices=KERNELS, help="of a .tflite file (default: cmsis_nn)")
    add_library_argument(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    return _judge(parser.parse_args(arguments))


def _judge(options: Namespace) -> int:
    from convert.bundle.boards import all_fit, find_boards, judge_boards, judge_folder, list_boards
    from convert.bundle.firmware import Firmware
    from convert.printing import refuse, warn_of_differences
    from convert.tflm.builds import choose_kernels
    from convert.tflm.libraries import library_of, words
    from convert.tflm.support import check_bytes

    boards = find_boards(options.board) or list(list_boards())
    if options.model is None:
        if options.json:
            print(json.dumps([asdict(board) for board in boards], indent=1, default=str))
        else:
            _print_boards(boards)
        return 0
    kernels = choose_kernels(None, options.kernels, options.tflm)
    if options.model.is_dir() and library_of(kernels) is None:
        verdicts = judge_folder(options.model, boards, options.board)
    else:
        model = _model_of(options.model)
        report = check_bytes(model, str(options.model), kernels)
        if not report["supported"]:
            return refuse(report, options.json)
        verdicts = judge_boards(boards, Firmware(model, kernels=kernels))
    verdicts = [verdict | {"tflm": options.tflm} for verdict in verdicts]
    if options.json:
        print(json.dumps(verdicts, indent=1))
    else:
        from rich.console import Console

        print_verdicts(Console(), verdicts)
        print(f"with {words(kernels)}")
        warn_of_differences(list(dict.fromkeys(text for verdict in verdicts for text in verdict.get("differs", []))))
    return 0 if all_fit(verdicts, options.board) else 1


def _model_of(path: Path) -> bytes:
    """The bytes of a model, or of a bundle's."""
    from convert.tflm.support import load_model

    if not path.is_dir():
        return load_model(path)
    from convert.bundle.integrity import read_own_bundle

    return read_own_bundle(path).files["model.tflite"]


if __name__ == "__main__":
    sys.exit(main())
