"""The boards, and whether a firmware fits them: its flash and RAM against what each board has (boards.yaml)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from convert.bundle.firmware import Firmware
from convert.tflm.libraries import shown
from convert.tflm.targets import CORE, PLANS
from tf_embbert.common.errors import UserError, nearest

if TYPE_CHECKING:  # bundles and runs are read when they are asked for: a file is judged without what that takes
    from tf_embbert.run import Run

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
    entries, sources = (
        yaml.safe_load((HERE / name).read_text(encoding="utf-8")) for name in ("boards.yaml", "board_sources.yaml")
    )
    return tuple(_read_board(entry, sources) for entry in entries)


def _read_board(entry: dict, sources: dict) -> Board:
    known = {figure: entry[figure] for figure in FIGURES if entry[figure]}
    values = {figure: value.get("bytes", value.get("mhz")) for figure, value in known.items()}
    return Board(
        entry["id"],
        entry["name"],
        entry["core"],
        **{figure: values.get(figure) for figure in FIGURES},
        note=entry.get("note"),
        sources={name: sources[value["source"]] for name, value in known.items()},
    )


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
        Of each board {id, core, kernels, fits, flash, flash_used, ram, ram_used, at_least, seq_len}, in bytes, and
        where its kernels answer otherwise than TFLM's reference kernels `differs`, the ways in words.
        `at_least`: some operator makes ram_used a lower bound. `fits` is None where a figure that decides is not known.
        `seq_len` is the largest length known to fit.
    """
    verdicts = [_judge(board, firmware) for board in boards]
    return [{**verdict, "seq_len": length if verdict["fits"] else None} for verdict in verdicts]


def judge_run(
    boards: Iterable[Board],
    run: "Run",
    model: bytes,
    length: int,
    searched: Iterable[str],
    core: str = CORE,
    plan: str = PLANS[0],
    windows: int = 1,
) -> list[dict]:
    """`judge_boards` of a run whose model of `length` tokens this is; where it does not fit one of the boards
    `searched`, shorter models for the same core and plan are built, in a while, to find the largest that does.
    """
    from convert.export.build import build_model, shortest_length

    boards, vocab_size = list(boards), run.tokenizer.vocab_size

    @cache
    def shorter(n: int) -> Firmware:
        return Firmware(build_model(run.weights, run.ranges, n, core, plan=plan), vocab_size, windows=windows)

    verdicts = judge_boards(boards, Firmware(model, vocab_size, windows=windows), length)
    for board, verdict in zip(boards, verdicts):
        if board.id in searched and verdict["fits"] is False:

            def fits(n: int, board: Board = board) -> bool:
                return bool(_judge(board, shorter(n))["fits"])

            verdict["seq_len"] = largest_length(fits, shortest_length(run.is_pair), length)
    return verdicts


def _judge(board: Board, firmware: Firmware) -> dict:
    flash, ram = firmware.flash(board.core), firmware.ram(board.core)
    at_least = ram is not None and bool(firmware.arenas[board.core]["at_least"])
    enough = [_within(flash, board.flash), None if ram is None else _within(ram, board.ram, at_least)]
    fits = False if False in enough else None if None in enough else True
    return {
        "id": board.id,
        "core": board.core,
        "kernels": shown(firmware.kernels)["kernels"],
        "fits": fits,
        "flash": board.flash,
        "flash_used": flash,
        "ram": board.ram,
        "ram_used": ram,
        "at_least": at_least,
        **({"differs": differs} if (differs := firmware.differences.get(board.core)) else {}),
    }


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
        room = f"fits, {verdict['ram'] - verdict['ram_used']:,} B of RAM left"
        return f"{room}, but {verdict['kernels']} answers otherwise" if verdict.get("differs") else room
    if verdict["seq_len"]:
        return f"fits only with --seq-len {verdict['seq_len']}"
    short = [
        f"{name} {verdict[f'{kind}_used'] - verdict[kind]:,} B short"
        for kind, name in (("flash", "flash"), ("ram", "RAM"))
        if verdict[f"{kind}_used"] is not None and _within(verdict[f"{kind}_used"], verdict[kind]) is False
    ]
    if short:
        return "no, " + ", ".join(short)
    if verdict["ram_used"] is None:
        return "unknown, there are no arena figures for its core"
    return "unknown, " + ("the arena is at least that" if verdict["at_least"] else "the board has no figure")


def all_fit(verdicts: Iterable[dict], ids: Iterable[str]) -> bool:
    """Whether each of the named boards fits."""
    fits = {verdict["id"]: verdict["fits"] for verdict in verdicts}
    return all(fits[name] for name in ids)


def judge_folder(path: Path, boards: list[Board], named: list[str]) -> list[dict]:
    """Verdicts for a bundle or a run."""
    from convert.bundle.bundle import MANIFEST

    if (path / MANIFEST).exists():
        return _judge_bundle(path, boards)
    from convert.bundle.conversion import list_lengths
    from convert.export.build_lengths import build_lengths
    from tf_embbert.run import load_run

    run = load_run(path)
    built, _ = build_lengths(run.weights, run.ranges, list_lengths(run))
    return judge_run(boards, run, built.model, run.max_length, named, windows=run.windows)


def _judge_bundle(path: Path, boards: list[Board]) -> list[dict]:
    """Verdicts for a bundle; which shorter length fits is what its conversion found."""
    from convert.bundle.integrity import read_own_bundle

    bundle = read_own_bundle(path)
    firmware = Firmware(
        bundle.files["model.tflite"], bundle.manifest["tokenizer"]["vocab_size"], windows=bundle.windows
    )
    found = {verdict["id"]: verdict.get("seq_len") for verdict in bundle.manifest["boards"]}
    verdicts = judge_boards(boards, firmware, bundle.manifest["model"]["sequence_length"])
    return [{**verdict, "seq_len": verdict["seq_len"] or found.get(verdict["id"])} for verdict in verdicts]
