"""Which boards a model fits: the flash and RAM of its firmware against what each board has.

    python -m convert.boards [MODEL.tflite|BUNDLE|RUN] [--board ID ...] [--json]

Without a model it lists the boards. A run can be converted at any length: where it does not fit a board named with
--board, the largest --seq-len that does is found; a bundle repeats what its conversion found. Exit status: 0 fine, 1 a
board named with --board does not fit, 2 bad input.
"""

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from convert.arena_builds import default_kernels
from convert.build import PLANS, build_model, shortest_length
from convert.bundle import MANIFEST, read_bundle
from convert.check import check_model
from convert.firmware import Firmware
from convert.optimize import CORE
from tf_embbert.arguments import CommandParser
from tf_embbert.errors import UserError, nearest, run_command
from tf_embbert.run import Run, load_run

HERE = Path(__file__).parent
FIGURES = ("flash", "ram", "total_ram", "clock")


@dataclass(frozen=True)
class Board:
    """A board of boards.yaml; bytes, and MHz of clock, None where no source could be opened.

    `ram` is the largest piece in a row, `sources` {figure: {says, address, opened}}.
    """

    id: str
    name: str
    core: str
    flash: int | None
    ram: int | None
    total_ram: int | None
    clock: int | None
    note: str | None
    sources: dict[str, dict]


@cache
def list_boards() -> tuple[Board, ...]:
    """All boards, in the order of boards.yaml."""
    entries, sources = (yaml.safe_load((HERE / name).read_text(encoding="utf-8"))
                        for name in ("boards.yaml", "board_sources.yaml"))
    return tuple(_read_board(entry, sources) for entry in entries)


def _read_board(entry: dict, sources: dict) -> Board:
    known = {figure: entry[figure] for figure in FIGURES if entry[figure]}
    values = {figure: value.get("bytes", value.get("mhz")) for figure, value in known.items()}
    return Board(entry["id"], entry["name"], entry["core"], **{figure: values.get(figure) for figure in FIGURES},
                 note=entry.get("note"), sources={name: sources[value["source"]] for name, value in known.items()})


def find_boards(ids: Iterable[str]) -> list[Board]:
    """The boards of some ids; UserError with the nearest names for one that is unknown."""
    known = {board.id: board for board in list_boards()}
    for name in ids:
        if name not in known:
            hint = nearest(name, known) or "`python -m convert.boards` lists them"
            raise UserError(f"unknown board {name!r}: {hint}")
    return [known[name] for name in ids]


def judge_boards(boards: Iterable[Board], firmware: Firmware, length: int | None = None) -> list[dict]:
    """Whether a firmware fits boards.

    Args:
        boards: the boards.
        firmware: the firmware.
        length: number of tokens that its model takes, where that can be chosen.

    Returns:
        Of each board {id, core, kernels, fits, flash, flash_used, ram, ram_used, at_least, seq_len}, in bytes.
        `at_least`: some operator makes ram_used a lower bound. `fits` is None where a figure that decides is not known.
        `seq_len` is the largest length known to fit.
    """
    verdicts = [_judge(board, firmware) for board in boards]
    return [{**verdict, "seq_len": length if verdict["fits"] else None} for verdict in verdicts]


def judge_run(boards: Iterable[Board], run: Run, model: bytes, length: int, searched: Iterable[str],
              core: str = CORE, plan: str = PLANS[0]) -> list[dict]:
    """`judge_boards` of a run whose model of `length` tokens this is; where it does not fit one of the boards
    `searched`, shorter models for the same core and plan are built, in a while, to find the largest that does."""
    boards, vocab_size = list(boards), run.tokenizer.vocab_size

    @cache
    def shorter(n: int) -> Firmware:
        return Firmware(build_model(run.weights, run.ranges, n, core, plan=plan), vocab_size)
    verdicts = judge_boards(boards, Firmware(model, vocab_size), length)
    for board, verdict in zip(boards, verdicts):
        if board.id in searched and verdict["fits"] is False:
            verdict["seq_len"] = largest_length(lambda n: bool(_judge(board, shorter(n))["fits"]),
                                                shortest_length(run.is_pair), length)
    return verdicts


def _judge(board: Board, firmware: Firmware) -> dict:
    flash, ram = firmware.flash(board.core), firmware.ram(board.core)
    at_least = bool(firmware.arenas[board.core]["at_least"])
    enough = [_within(flash, board.flash), _within(ram, board.ram, at_least)]
    fits = False if False in enough else None if None in enough else True
    return {"id": board.id, "core": board.core, "kernels": default_kernels(board.core), "fits": fits,
            "flash": board.flash, "flash_used": flash, "ram": board.ram, "ram_used": ram, "at_least": at_least}


def _within(used: int, available: int | None, at_least: bool = False) -> bool | None:
    """Whether bytes suffice; None where that is not known."""
    if available is None:
        return None
    return False if used > available else None if at_least else True


def largest_length(fits: Callable[[int], bool], shortest: int, longest: int) -> int | None:
    """The largest length below `longest`, which does not fit, that does; None when the shortest does not.

    Bisects, so it takes for granted that what is longer needs more; what it returns was tried.
    """
    if longest <= shortest or not fits(shortest):
        return None
    low, high = shortest, longest
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def verdict_text(verdict: dict) -> str:
    """A verdict in words: what is left, the length that fits, or what is short by how much."""
    if verdict["fits"]:
        return f"fits, {verdict['ram'] - verdict['ram_used']:,} B of RAM left"
    if verdict["seq_len"]:
        return f"fits only with --seq-len {verdict['seq_len']}"
    short = [f"{name} {verdict[f'{kind}_used'] - verdict[kind]:,} B short" for kind, name in
             (("flash", "flash"), ("ram", "RAM")) if _within(verdict[f"{kind}_used"], verdict[kind]) is False]
    if short:
        return "no, " + ", ".join(short)
    return "unknown, " + ("the arena is at least that" if verdict["at_least"] else "the board has no figure")


def all_fit(verdicts: Iterable[dict], ids: Iterable[str]) -> bool:
    """Whether each of the named boards fits."""
    fits = {verdict["id"]: verdict["fits"] for verdict in verdicts}
    return all(fits[name] for name in ids)


def print_verdicts(console: Console, verdicts: list[dict]) -> None:
    """The verdicts as a table; sizes in KiB."""
    table = _table("board", "core", "flash used", "of KiB", "RAM used", "of KiB", "verdict", numbers=range(2, 6))
    for verdict in verdicts:
        color = {True: "green", False: "red", None: "yellow"}[verdict["fits"]]
        table.add_row(verdict["id"], verdict["core"].removeprefix("cortex-"),
                      *(_kib(verdict[key]) for key in ("flash_used", "flash", "ram_used", "ram")),
                      f"[{color}]{verdict_text(verdict)}[/]")
    console.print(table)


def _print_boards(console: Console, boards: list[Board]) -> None:
    table = _table("id", "core", "MHz", "flash KiB", "RAM KiB", "in all", "name", numbers=range(2, 6))
    for board in boards:
        table.add_row(board.id, board.core.removeprefix("cortex-"), str(board.clock or "unknown"),
                      *(_kib(value) for value in (board.flash, board.ram, board.total_ram)), board.name)
    console.print(table)


def _table(*columns: str, numbers: Iterable[int]) -> Table:
    """A table without lines that keeps all but its last column on one line."""
    table = Table(*columns, box=None, pad_edge=False)
    for column in table.columns[:-1]:
        column.no_wrap = True
    table.columns[-1].overflow = "fold"
    for index in numbers:
        table.columns[index].justify = "right"
    return table


def _kib(value: int | None) -> str:
    return "unknown" if value is None else f"{value / 1024:,.1f}".removesuffix(".0")


def _judge_path(path: Path, boards: list[Board], named: list[str]) -> list[dict]:
    """Verdicts for a .tflite file, a bundle or a run."""
    if path.is_dir() and (path / MANIFEST).exists():
        return _judge_bundle(path, boards)
    if path.is_dir():
        run = load_run(path)
        return judge_run(boards, run, build_model(run.weights, run.ranges, run.max_length), run.max_length, named)
    if not check_model(path)["supported"]:
        raise UserError(f"TFLM would refuse {path}: `python -m convert.check {path}` says why")
    return judge_boards(boards, Firmware(path.read_bytes()))


def _judge_bundle(path: Path, boards: list[Board]) -> list[dict]:
    """Verdicts for a bundle; which shorter length fits is what its conversion found."""
    bundle = read_bundle(path)
    firmware = Firmware(bundle.files["model.tflite"], bundle.manifest["tokenizer"]["vocab_size"])
    found = {verdict["id"]: verdict.get("seq_len") for verdict in bundle.manifest["boards"]}
    verdicts = judge_boards(boards, firmware, bundle.manifest["model"]["sequence_length"])
    return [{**verdict, "seq_len": verdict["seq_len"] or found.get(verdict["id"])} for verdict in verdicts]


@run_command
def main(arguments: list[str] | None = None) -> int:
    parser = CommandParser(prog="python -m convert.boards", description="Which boards does this model fit?")
    parser.add_argument("model", nargs="?", type=Path, help="a .tflite file, a bundle or a run (default: list boards)")
    parser.add_argument("--board", nargs="+", action="extend", default=[], metavar="ID",
                        help="these boards only; exit 1 if one does not fit")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    options = parser.parse_args(arguments)
    boards = find_boards(options.board) or list(list_boards())
    if options.model is None:
        if options.json:
            print(json.dumps([asdict(board) for board in boards], indent=1, default=str))
        else:
            _print_boards(Console(), boards)
        return 0
    verdicts = _judge_path(options.model, boards, options.board)
    if options.json:
        print(json.dumps(verdicts, indent=1))
    else:
        print_verdicts(Console(), verdicts)
    return 0 if all_fit(verdicts, options.board) else 1


if __name__ == "__main__":
    sys.exit(main())
