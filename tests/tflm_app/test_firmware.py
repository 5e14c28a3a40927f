"""The measuring firmware: what it measured, replayed, and with the user's TFLM the firmware itself under QEMU."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks import arena_firmware
from benchmarks.arena_firmware import main
from benchmarks.firmware.inputs import join, seeded_inputs, wheel_outputs
from benchmarks.firmware.models import FOLDER, MODELS, read_models
from benchmarks.firmware.results import Results
from benchmarks.firmware.runner import (
    BOARDS,
    KERNELS,
    STEP,
    Firmware,
    build_firmware,
    missing_tools,
    parse_log,
    smallest_arena,
)
from convert.tflite.model import float_tensors, read_model

CONTENT = json.loads(arena_firmware.RESULT.read_text())
MEASURED = CONTENT["measured"]
COMMITTED = read_models()
WHERE = {(core, kernels) for core in BOARDS for kernels in KERNELS}
# A defect of CMSIS-NN for MVE: where strides leave one input column over, arm_convolve_1_x_n_s8.c takes the last
# position of a convolution along one axis for a padded one (total_pad is -1).
WRONG = {("convolution-1d", "cortex-m55", "cmsis_nn")}


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Firmware:
    """The firmware of a Cortex-M7 with CMSIS-NN, built with the TFLM in TFLM_ROOT."""
    if missing_tools():
        pytest.skip(f"not installed: {', '.join(missing_tools())}")
    if not os.environ.get("TFLM_ROOT"):
        pytest.skip("TFLM_ROOT is not set")
    return build_firmware("cortex-m7", "cmsis_nn", os.environ["TFLM_ROOT"], tmp_path_factory.mktemp("firmware"))


def entries_of(name: str) -> list[dict]:
    return [entry for entry in MEASURED if entry["model"] == name]


def test_every_committed_model_was_measured_as_it_is() -> None:
    assert set(COMMITTED) == set(MODELS) and len(COMMITTED) >= 10
    assert sum(map(len, COMMITTED.values())) < 1 << 20
    for name, model in COMMITTED.items():
        sha256 = hashlib.sha256(model).hexdigest()
        assert {entry["model_sha256"] for entry in entries_of(name)} == {sha256}, name
        assert {(entry["core"], entry["kernels"]) for entry in entries_of(name)} >= WHERE, name


def test_measured_figures_make_sense() -> None:
    for entry in MEASURED:
        assert entry["board"] == BOARDS[entry["core"]]
        assert entry["total"] % STEP == 0 and entry["total"] >= entry["used"] > 0 and 500 < entry["stack"] < 4096
        assert entry["tflm_commit"] and entry["compiler"] and entry["flags"] and entry["date"]


def test_integer_models_answered_what_the_wheel_answers() -> None:
    integers = {name for name, model in COMMITTED.items() if not float_tensors(read_model(model))}
    assert len(integers) >= 10
    differ = {
        (entry["model"], entry["core"], entry["kernels"])
        for entry in MEASURED
        if not entry["outputs_equal"] and (entry["model"] in integers or entry["model"].startswith("embbert"))
    }
    assert differ == WRONG


def test_runtime_code_was_measured_for_every_core_and_kernels() -> None:
    sizes = {(entry["core"], entry["kernels"]): entry for entry in CONTENT["runtime_code_bytes"]}
    assert set(sizes) >= WHERE
    for entry in sizes.values():
        assert 50_000 < entry["text"] < 200_000 and entry["data"] < 1024 and entry["bss"] < 4096


def test_log_lines() -> None:
    run = parse_log(0, "used 10\nstack 20\nticks 30\nop ADD 4\nop MUL 5\nticks_per_second 25000000\nused x\n")
    assert (run.used, run.stack, run.ticks, run.ticks_per_second) == (10, 20, 30, 25_000_000)
    assert run.ops == [("ADD", 4), ("MUL", 5)] and run.output is None


def test_texts_fill_their_length() -> None:
    tokens, segments = seeded_inputs(COMMITTED["embbert-pair-96"])
    assert tokens.shape == segments.shape == (1, 96)
    assert tokens.min() > 0 and tokens.max() < 256 and set(np.unique(segments)) <= {1, 2}


def test_measurements_are_added_and_replaced(tmp_path: Path) -> None:
    tools = {"compiler": "one"}
    results = Results(tmp_path / "results.json", tools)
    results.add("measured", ("model",), {"model": "b", "used": 1})
    results.add("measured", ("model",), {"model": "a", "used": 2})
    results.add("measured", ("model",), {"model": "b", "used": 3})
    read = Results(tmp_path / "results.json", tools)
    assert [(entry["model"], entry["used"]) for entry in read.content["measured"]] == [("a", 2), ("b", 3)]
    assert read.has(model="b", used=3) and not read.has(model="b", used=1)
    assert not Results(tmp_path / "results.json", {"compiler": "two"}).has(model="b")


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--tflm-root", "nowhere", "--tflm-commit", "0", "nothing.tflite"], "nothing.tflite"),
        (["--tflm-root", "nowhere", "--core", "cortex-m9"], "cortex-m9"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error and len(error.strip().splitlines()) == 1


def test_a_missing_tflm_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if missing_tools():
        pytest.skip(f"not installed: {', '.join(missing_tools())}")
    model = str(FOLDER / "dense-per-channel.tflite")
    arguments = ["--check", "--tflm-root", str(tmp_path), "--build", str(tmp_path / "build"), model]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "no TFLM in TFLM_ROOT" in error and len(error.strip().splitlines()) == 1


@pytest.mark.parametrize("name", ["dense-per-channel", "embbert-pair-96"])
def test_firmware_measures_what_is_committed(name: str, firmware: Firmware) -> None:
    model = COMMITTED[name]
    (entry,) = (entry for entry in entries_of(name) if (entry["core"], entry["kernels"]) == ("cortex-m7", "cmsis_nn"))
    assert smallest_arena(firmware, model) == (entry["used"], entry["total"])
    assert firmware.run(model, entry["total"] - STEP).status != 0
    inputs = seeded_inputs(model)
    run = firmware.run(model, entry["total"], join(inputs))
    assert run.status == 0 and run.output == wheel_outputs(model, inputs)
    assert len(run.ops) == len(read_model(model).subgraphs[0].operators) and sum(t for _, t in run.ops) <= run.ticks


def test_firmware_says_what_fails(firmware: Firmware) -> None:
    model = COMMITTED["dense-per-channel"]
    assert firmware.run(model, 256).status == 1
    assert firmware.run(model, inputs=b"short").status == 3
    assert firmware.run(b"no model at all" * 100).status != 0
