"""Estimated instructions against those counted under QEMU, replayed from the committed counts."""

import hashlib
import json

import numpy as np
import pytest

from benchmarks.firmware.models import FOLDER
from benchmarks.firmware.runner import BOARDS
from benchmarks.instructions import HELD_OUT, RESULT, fit_kind
from convert.tflite.model import list_ops, operator_name, read_model
from convert.tflite.view import view_model
from convert.tflm.instructions import estimate_instructions, load_costs, operator_units

CONTENT = json.loads(RESULT.read_text())
MODELS = {hashlib.sha256(path.read_bytes()).hexdigest(): path.read_bytes() for path in FOLDER.glob("*.tflite")}
COUNTED = [entry for entry in CONTENT["measured"] if entry["model_sha256"] in MODELS]
CORES = tuple(BOARDS)
TICK = {"cortex-m33": 50}  # instructions; elsewhere at most 40


def test_the_clock_counts_instructions() -> None:
    assert {entry["core"] for entry in CONTENT["clock"]} >= set(CORES)
    for entry in CONTENT["clock"]:
        for known, counted in entry["loops"]:
            assert abs(counted - known) <= 3 * TICK.get(entry["core"], 40), entry


def test_operators_add_up_to_the_inference() -> None:
    for entry in COUNTED:
        parts = sum(instructions for _, instructions in entry["ops"])
        assert 0.9 * entry["instructions"] < parts <= entry["instructions"], entry["model"]
        model = read_model(MODELS[entry["model_sha256"]])
        assert [name for name, _ in entry["ops"]] == [operator_name(model, op) for op in model.subgraphs[0].operators]


@pytest.mark.parametrize(
    "entry",
    [entry for entry in COUNTED if entry["model"] in HELD_OUT],
    ids=lambda entry: f"{entry['model']} {entry['core']} {entry['kernels']}",
)
def test_estimates_of_models_that_the_fit_did_not_see(entry: dict) -> None:
    estimate = estimate_instructions(MODELS[entry["model_sha256"]], entry["core"], entry["kernels"])
    assert not estimate["unknown"]
    assert abs(estimate["total"] / entry["instructions"] - 1) < 0.15


def test_all_held_out_errors_are_within_15_percent() -> None:
    held_out = [row for row in CONTENT["errors"] if row["held_out"]]
    assert {row["model"] for row in held_out} >= {"embbert-base-256", "embbert-base-64"}
    assert {(row["core"], row["kernels"]) for row in held_out} >= {(c, k) for c in CORES for k in load_costs()[c]}
    assert [row for row in held_out if abs(row["error"]) >= 15] == []
    for row in CONTENT["errors"]:
        assert abs(100 * (row["estimate"] / row["counted"] - 1) - row["error"]) < 0.06


def test_an_estimate_lists_every_kind_once() -> None:
    for model in MODELS.values():
        estimate = estimate_instructions(model, "cortex-m7", "cmsis_nn")
        kinds = [entry["name"] for entry in estimate["by_op"]] + estimate["unknown"]
        assert len(set(kinds)) == len(kinds)
        operators = sum(op["count"] for op in list_ops(read_model(model)))
        assert sum(entry["count"] for entry in estimate["by_op"]) == operators
        assert estimate["total"] == sum(entry["instructions"] for entry in estimate["by_op"])
        costs = [entry["instructions"] for entry in estimate["by_op"]]
        assert costs == sorted(costs, reverse=True) and min(costs) >= 0


def test_cmsis_nn_takes_fewer_instructions_and_vectors_fewest() -> None:
    model = (FOLDER / "embbert-64.tflite").read_bytes()
    totals = {
        (core, kernels): estimate_instructions(model, core, kernels)["total"]
        for core in CORES
        for kernels in ("cmsis_nn", "reference")
    }
    for core in CORES:
        assert totals[core, "cmsis_nn"] < totals[core, "reference"]
    assert totals["cortex-m55", "cmsis_nn"] < 0.8 * totals["cortex-m7", "cmsis_nn"]


def test_a_core_that_was_not_measured_has_no_estimate() -> None:
    assert estimate_instructions((FOLDER / "gates.tflite").read_bytes(), "cortex-m0plus", "reference") is None


def test_units_of_a_dense_and_a_depthwise_operator() -> None:
    dense = operator_units(view_model((FOLDER / "autoencoder.tflite").read_bytes()))[0]
    assert dense == ("FULLY_CONNECTED", {"calls": 1, "rows": 1, "outputs": 64, "macs": 160 * 64})
    kinds = dict(operator_units(view_model((FOLDER / "multiplied-cnn.tflite").read_bytes())))
    size = 6 * 10 * 32  # the last one's output: 5 x 3 taps on [10, 12, 8], four times the channels
    assert kinds["DEPTHWISE_CONV_2D"] == {"calls": 1, "multiplied outputs": size, "multiplied macs": size * 15}


def test_the_fit_finds_known_costs() -> None:
    seed = 4
    print("seed", seed)
    rng = np.random.default_rng(seed)
    true = {"calls": 900.0, "outputs": 40.0, "macs": 1.5}
    amounts = [
        {"calls": 1, "outputs": int(n), "macs": int(n * m), "unused": int(k)}
        for n, m, k in rng.integers(10, 5000, (30, 3))
    ]
    counts = [round(sum(cost * row[unit] for unit, cost in true.items())) for row in amounts]
    found = fit_kind(list(zip(amounts, counts)))
    assert found.keys() == {*true, "unused"} and found["unused"] < 0.01
    assert all(abs(found[unit] / cost - 1) < 0.02 for unit, cost in true.items())
