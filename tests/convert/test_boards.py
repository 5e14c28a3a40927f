"""Boards: where their figures come from, and the arithmetic of what fits where, through the command."""

import dataclasses
import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from benchmarks.app import BOARDS
from convert import arena, boards
from convert.bundle.boards import Board, find_boards, judge_boards, judge_run, largest_length, list_boards, verdict_text
from convert.bundle.bundle import write_folder
from convert.bundle.firmware import CONSTANTS, Firmware, app_bytes, tokenizer_bytes
from convert.convert import main
from convert.export.build import build_model
from convert.lowering.lower import lower_model
from convert.lowering.to_tflite import write_model
from convert.tflm.builds import default_kernels
from convert.tflm.targets import CORES
from tests.support.bundles import converted, make_run
from tests.support.chain import refused
from tests.support.transcription import random_model

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ("flash", "ram", "total_ram", "clock")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model whose scores alone, two tensors of 160 x 160 bytes at once, are more than an Uno R4's RAM."""
    model = random_model(np.random.default_rng(0), max_length=160, calibration_rows=1)
    file = tmp_path_factory.mktemp("model") / "model.tflite"
    file.write_bytes(write_model(lower_model(model.weights, model.ranges, 160)))
    return file


def verdicts_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[dict]]:
    status = boards.main([str(argument) for argument in [*arguments, "--json"]])
    return status, json.loads(capsys.readouterr().out)


def arena_total(capsys: pytest.CaptureFixture[str], path: Path, core: str) -> int:
    assert arena.main([str(path), "--core", core, "--kernels", default_kernels(core), "--json"]) == 0
    return json.loads(capsys.readouterr().out)["total"]


def test_every_figure_has_a_source_that_was_opened() -> None:
    entries = yaml.safe_load((ROOT / "convert/bundle/boards.yaml").read_text())
    sources = yaml.safe_load((ROOT / "convert/bundle/board_sources.yaml").read_text())
    assert len(entries) >= 25 and len({entry["id"] for entry in entries}) == len(entries)
    used = set()
    for entry in entries:
        assert entry["core"] in CORES and entry["name"], entry["id"]
        assert {"id", "name", "core", *FIGURES} <= set(entry) <= {"id", "name", "core", "note", *FIGURES}
        for figure in FIGURES:
            if entry[figure] is not None:
                unit = "mhz" if figure == "clock" else "bytes"
                assert set(entry[figure]) == {unit, "source"} and entry[figure][unit] > 0, (entry["id"], figure)
                used.add(entry[figure]["source"])
    assert used == set(sources)
    for name, source in sources.items():
        assert set(source) == {"says", "address", "opened"} and source["says"], name
        assert source["address"].startswith(("https://", "QEMU emulator version ")), name
        assert isinstance(source["opened"], datetime.date), name


def test_boards_make_sense() -> None:
    for board in list_boards():
        assert board.total_ram is None or board.ram <= board.total_ram, board.id
        assert board.flash > 2**17 and board.ram >= 2**15, board.id
    assert {board.core for board in list_boards()} == set(CORES)


def test_constants_are_those_measured() -> None:
    """A figure of the measuring firmware stands in firmware.yaml as the largest of its cores."""
    measured = json.loads((ROOT / "benchmarks/results/arena_firmware.json").read_text())
    for kernels in ("cmsis_nn", "reference"):
        entries = [entry for entry in measured["runtime_code_bytes"] if entry["kernels"] == kernels]
        assert CONSTANTS["flash"]["runtime"][kernels] == max(entry["text"] + entry["data"] for entry in entries)
    assert CONSTANTS["ram"]["runtime"]["bytes"] == max(
        entry["data"] + entry["bss"] for entry in measured["runtime_code_bytes"]
    )
    assert CONSTANTS["ram"]["stack"]["bytes"] > 1.5 * max(entry["stack"] for entry in measured["measured"])


def test_the_app_as_it_was_linked_takes_what_is_said_of_it() -> None:
    """At most 2 % above the sections of benchmarks.app, never below; RAM with the app's usual line of 2,048 bytes."""
    for run in json.loads((ROOT / "benchmarks/results/app.json").read_text())["runs"]:
        flash, ram = CONSTANTS["flash"], CONSTANTS["ram"]
        said = (
            run["model_bytes"]
            + flash["runtime"][run["kernels"]]
            + app_bytes(BOARDS[run["board"]])
            + tokenizer_bytes(8192)
        )
        said += round(flash["golden"]["bytes_per_token"] * run["length"])
        assert run["text"] + run["data"] <= said <= 1.02 * (run["text"] + run["data"]), run
        taken = run["data"] + run["bss"] - run["stack_bytes"] + 2048 - run["line_bytes"]
        assert taken <= run["arena"] + ram["runtime"]["bytes"] + ram["app"]["bytes"] <= 1.02 * taken, run


def test_flash_and_ram_are_the_sums_of_their_parts(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, verdicts = verdicts_of(capsys, path)
    assert status == 0 and [verdict["id"] for verdict in verdicts] == [board.id for board in list_boards()]
    constants = yaml.safe_load((ROOT / "convert/bundle/firmware.yaml").read_text())
    ram = sum(entry["bytes"] for entry in constants["ram"].values())
    totals = {core: arena_total(capsys, path, core) for core in CORES}
    for verdict in verdicts:
        flash = path.stat().st_size + constants["flash"]["runtime"]["cmsis_nn"] + app_bytes(verdict["core"])
        assert verdict["flash_used"] == flash and verdict["ram_used"] == totals[verdict["core"]] + ram
        enough = flash <= verdict["flash"] and verdict["ram_used"] <= verdict["ram"]
        assert verdict["fits"] is enough and verdict["seq_len"] is None
    assert not all(verdict["fits"] for verdict in verdicts) and any(verdict["fits"] for verdict in verdicts)


def test_a_bundle_brings_its_tokenizer_and_golden_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_folder(tmp_path / "bundle", converted())
    manifest = json.loads(converted()["manifest.json"])
    _, alone = verdicts_of(capsys, tmp_path / "bundle/model.tflite", "--board", "pico2")
    _, whole = verdicts_of(capsys, tmp_path / "bundle", "--board", "pico2")
    tables, golden = CONSTANTS["flash"]["tokenizer"], CONSTANTS["flash"]["golden"]
    expected = tables["bytes"] + round(tables["bytes_per_token"] * manifest["tokenizer"]["vocab_size"])
    expected += round(golden["bytes_per_token"] * manifest["model"]["sequence_length"])
    assert whole[0]["flash_used"] - alone[0]["flash_used"] == expected > 0
    assert whole[0]["seq_len"] == manifest["model"]["sequence_length"] and alone[0]["seq_len"] is None
    assert whole == [verdict | {"tflm": "main"} for verdict in manifest["boards"] if verdict["id"] == "pico2"]


def board_with(flash: int, ram: int) -> Board:
    return Board("made", "Made", "cortex-m4", flash, ram, None, None, None, {})


@pytest.mark.parametrize(
    "flash_left, ram_left, fits, text",
    [
        (0, 0, True, "fits, 0 B of RAM left"),
        (-1, 0, False, "no, flash 1 B short"),
        (0, -1, False, "no, RAM 1 B short"),
        (-20, -3000, False, "no, flash 20 B short, RAM 3,000 B short"),
        (None, 0, None, "unknown, the board has no figure"),
        (None, -1, False, "no, RAM 1 B short"),
        (0, None, None, "unknown, the board has no figure"),
    ],
)
def test_the_last_byte_decides(
    path: Path, flash_left: int | None, ram_left: int | None, fits: bool | None, text: str
) -> None:
    firmware = Firmware(path.read_bytes())
    flash, ram = firmware.flash("cortex-m4"), firmware.ram("cortex-m4")
    board = board_with(None if flash_left is None else flash + flash_left, None if ram_left is None else ram + ram_left)
    verdict = judge_boards([board], firmware)[0]
    assert verdict["fits"] is fits and verdict_text(verdict) == text


@pytest.mark.parametrize("shortest, longest", [(2, 16), (4, 5), (2, 257), (3, 3)])
def test_bisection_equals_trying_all(shortest: int, longest: int) -> None:
    for limit in range(shortest - 1, longest):
        expected = max((n for n in range(shortest, longest) if n <= limit), default=None)
        assert largest_length(limit.__ge__, shortest, longest) == expected


@pytest.fixture(scope="module")
def run_of_48() -> Any:
    """A run of 48 tokens, which take more of the arena than 40."""
    model = random_model(np.random.default_rng(5), max_length=48, calibration_rows=1)
    return dataclasses.replace(make_run(), weights=model.weights, ranges=model.ranges, max_length=48)


def test_the_largest_length_that_fits_is_found(run_of_48: Any) -> None:
    def firmware(n: int) -> Firmware:
        return Firmware(build_model(run_of_48.weights, run_of_48.ranges, n), run_of_48.tokenizer.vocab_size)

    limit = firmware(40).ram("cortex-m4")
    board, model = board_with(2**20, limit), firmware(48).model
    verdict = judge_run([board], run_of_48, model, 48, [board.id])[0]
    found = verdict["seq_len"]
    assert verdict["fits"] is False and 40 <= found < 48 and firmware(found).ram("cortex-m4") <= limit
    assert firmware(found + 1).ram("cortex-m4") > limit
    assert verdict_text(verdict) == f"fits only with --seq-len {found}"
    assert judge_run([board], run_of_48, model, 48, [])[0]["seq_len"] is None  # looked for only where it is asked for


def test_no_length_fits_a_flash_too_small(run_of_48: Any) -> None:
    model = build_model(run_of_48.weights, run_of_48.ranges, 48)
    verdict = judge_run([board_with(2**10, 2**20)], run_of_48, model, 48, ["made"])[0]
    assert verdict["fits"] is False and verdict["seq_len"] is None


def test_exit_status_is_of_the_named_boards(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert boards.main([str(path)]) == 0
    assert boards.main([str(path), "--board", "portenta-h7", "pico2"]) == 0
    assert boards.main([str(path), "--board", "portenta-h7", "--board", "uno-r4-minima"]) == 1
    out = capsys.readouterr().out
    assert "uno-r4-minima" in out and "RAM" in out and "short" in out


def test_the_list_shows_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert boards.main([]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line[:1].strip()}
    for board in find_boards(["ek-ra8m1", "nucleo-f401re"]):
        assert ("unknown" in lines[board.id]) is (board.total_ram is None)
    status, listed = verdicts_of(capsys)
    assert status == 0 and len(listed) == len(list_boards()) and listed[0]["sources"]["flash"]["opened"]


@pytest.mark.parametrize(
    "arguments, parts",
    [
        (["--board", "pico3"], ["unknown board 'pico3'", "did you mean", "pico2"]),
        (["--board", "zzzzzz"], ["unknown board 'zzzzzz'", "lists them"]),
        (["nowhere.tflite"], ["no model file at nowhere.tflite"]),
    ],
)
def test_bad_input(capsys: pytest.CaptureFixture[str], arguments: list[str], parts: list[str]) -> None:
    refused(capsys, boards.main, arguments, *parts)


def test_files_that_are_no_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.tflite").write_bytes(b"\0\0\0\0TFL3 and then nothing")
    refused(capsys, boards.main, [tmp_path / "notes.tflite"], "notes.tflite")
    refused(capsys, boards.main, [tmp_path], "is not a run")


def test_conversion_judges_named_boards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """base is 333 kB at any length: too much for 240 KiB of flash, little for 2 MiB."""

    def convert(out: str, *more: str) -> tuple[int, str, str]:
        base = ROOT / "benchmarks/base256"
        return main([str(base), "--out", str(tmp_path / out), "--seq-len", "8", *more]), *capsys.readouterr()

    status, said, _ = convert("small", "--board", "uno-r4-minima", "--board", "portenta-h7")
    assert status == 1 and "flash" in said and (tmp_path / "small/report.html").is_file()
    status, _, errors = convert("unknown", "--board", "portanta-h7")
    assert status == 2 and "did you mean portenta-h7" in errors
    assert not (tmp_path / "unknown").exists()
    assert convert("large", "--board", "portenta-h7")[0] == 0
