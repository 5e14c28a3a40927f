"""`--tflm`: what older libraries lack and answer otherwise, by every command alike."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.arduino_arena import RESULT
from benchmarks.firmware.models import FOLDER
from convert import arena, boards, check, optimize
from convert.options import LIBRARIES as OFFERED
from convert.passes.kernel_forms import FORMS, mend_model
from convert.tflite.view import view_model
from convert.tflm.arena import plan_arena
from convert.tflm.builds import LIBRARY_BUILDS, find_build
from convert.tflm.libraries import LIBRARIES, NAMES
from convert.tflm.rules.operators import CUSTOM_OPERATORS, OPERATORS
from convert.tflm.rules.registry import RULES
from convert.tflm.support import check_bytes
from tests.support.agreement_bases import BASES, i32
from tests.support.agreement_models import Spec, Tensor
from tests.support.kernel_cases import PAIRS, dense
from tests.support.library_cases import LIBRARY_PAIRS
from tests.support.running import invoke

OF_LIBRARIES = {rule.name: rule for rule in RULES if rule.kernels in LIBRARIES}


def rules_of(model: bytes, kernels: str) -> set[str]:
    report = check_bytes(model, "the model", kernels)
    return {entry["rule"] for entry in report["refusals"] + report["warnings"]}


def test_the_data_name_what_there_is() -> None:
    assert NAMES == OFFERED
    for library in LIBRARIES.values():
        assert len(library.commit) == 40 and library.repository.endswith(library.title) and library.date and library.how
        assert {*library.lacks} <= {*OPERATORS, *CUSTOM_OPERATORS} and set(library.lacks_types) <= set(OPERATORS)
        assert set(library.holds) <= {rule.name for rule in RULES if rule.kernels == "cmsis_nn"}
        assert set(library.measured) <= set(library.cores)
        assert {core for core, name in LIBRARY_BUILDS if name == library.id} == set(library.cores)


def test_every_rule_has_a_pair() -> None:
    assert set(LIBRARY_PAIRS) == set(OF_LIBRARIES)


@pytest.mark.parametrize("name", LIBRARY_PAIRS)
def test_a_rule_tells_its_pair_apart(name: str) -> None:
    rule, (breaking, keeping) = OF_LIBRARIES[name], (spec.build() for spec in LIBRARY_PAIRS[name])
    assert name in rules_of(breaking, str(rule.kernels)) and name not in rules_of(keeping, str(rule.kernels))
    assert name not in rules_of(breaking, "cmsis_nn") and name not in rules_of(breaking, "esp")
    report = check_bytes(breaking, "the model", str(rule.kernels))
    assert report["supported"] == rule.warning and report["tflm"] == rule.kernels
    assert check_bytes(keeping, "the model", str(rule.kernels))["same_answers"]


def test_rules_of_cmsis_nn_hold_where_the_data_say_so() -> None:
    for rule in ("softmax_one", "transpose_dimensions"):
        model = PAIRS[rule][0].build()
        for library in LIBRARIES.values():
            assert (rule in rules_of(model, library.id)) == (rule in library.holds)


def pads() -> bytes:
    """max(1 - id, 0) beside a lookup of the same ids, as this project's export has it."""
    spec = Spec(
        "SUB",
        [i32(1), Tensor("int32", (2, 3))],
        [Tensor("int32", (2, 3))],
        "SubOptions",
        {"fusedActivationFunction": 1},
    )

    def with_lookup(model) -> None:  # type: ignore[no-untyped-def]
        from convert.tflite.model import schema
        from tests.support.agreement_models import operator, operator_code

        graph = model.subgraphs[0]
        table, rows = Tensor("int8", (4, 2), data=np.arange(8).reshape(4, 2)), Tensor("int8", (2, 3, 2))
        graph.tensors += [table.pack(model.buffers), rows.pack(model.buffers)]
        model.operatorCodes.append(operator_code("GATHER"))
        graph.operators.append(operator(1, [3, 1], [4], "GatherOptions"))
        graph.outputs = [2, 4]
        assert schema

    spec.change = with_lookup
    return spec.build()


@pytest.mark.parametrize("library", ["arduino", "pico"])
def test_the_marks_of_pads_need_no_subtraction(library: str) -> None:
    before = pads()
    target = find_build("cortex-m33", library)
    mended = mend_model(before, target)
    assert not check_bytes(before, "the model", library)["supported"] and len(mended.rewritten) == 1
    assert check_bytes(mended.data, "the model", library)["supported"]
    assert "SUB" not in {op.name for op in view_model(mended.data).operators}
    ids = np.array([[0, 1, 2], [3, 0, 0]], np.int32)
    for one, other in zip(invoke(before, [ids]), invoke(mended.data, [ids]), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", [name for name in FORMS if name in LIBRARY_PAIRS and not name.endswith("_types")])
def test_a_form_for_a_library_keeps_the_bytes(name: str) -> None:
    before = LIBRARY_PAIRS[name][0].build()
    mended = mend_model(before, find_build("cortex-m4", "arduino"))
    assert mended.rewritten and name not in rules_of(mended.data, "arduino")
    values = np.random.default_rng(0).integers(-128, 128, view_model(before).graphs[0].tensors[0].shape)
    inputs = [values.astype(view_model(before).graphs[0].tensors[0].type.lower())]
    for one, other in zip(invoke(before, inputs), invoke(mended.data, inputs), strict=True):
        np.testing.assert_array_equal(one, other)


def test_every_command_says_which_library_it_is_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(dense((1, 1, 2, 8)).build())
    for library in OFFERED:
        assert check.main([str(path), "--tflm", library, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["tflm"] == library
    assert arena.main([str(path), "--tflm", "arduino", "--core", "cortex-m4", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["tflm"], report["kernels"], report["measured"]) == ("arduino", "cmsis_nn", True)
    assert report["total"] > plan_arena(path.read_bytes(), "cortex-m4", "cmsis_nn")["total"]
    assert arena.main([str(path), "--tflm", "arduino"]) == 0
    assert "tflite-micro-arduino-examples 7948b85e" in capsys.readouterr().out
    assert boards.main([str(path), "--tflm", "arduino", "--json"]) == 0
    verdicts = {verdict["id"]: verdict for verdict in json.loads(capsys.readouterr().out)}
    assert {verdict["tflm"] for verdict in verdicts.values()} == {"arduino"}
    assert verdicts["nano-33-ble"]["fits"] and verdicts["mps3-an547"]["fits"] is None
    assert boards.main([str(path), "--board", "nano-33-ble"]) == 0
    assert "tensorflow/tflite-micro 90b983c2b" in capsys.readouterr().out
    out = tmp_path / "out.tflite"
    assert optimize.main([str(path), "--out", str(out), "--tflm", "arduino", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stages"][0]["total"] == report["total"]


def test_what_a_library_has_not_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(BASES["RELU"].build())
    for command, words, said in (
        (arena, ["--tflm", "esp"], "no figures of esp-tflite-micro"),
        (arena, ["--tflm", "arduino", "--core", "cortex-m55"], "no figures of tflite-micro-arduino-examples"),
        (check, ["--tflm", "arduino", "--kernels", "reference"], "has cmsis_nn kernels alone"),
        (optimize, ["--tflm", "esp", "--out", str(tmp_path / "o")], "no figures of esp-tflite-micro"),
    ):
        assert command.main([str(path), *words]) == 2
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1, error
    path.write_bytes(LIBRARY_PAIRS["arduino_registers"][0].build())
    assert boards.main([str(path), "--tflm", "arduino"]) == 1
    assert "has no BATCH_MATMUL" in capsys.readouterr().err


MEASURED = json.loads(RESULT.read_text())["arenas"]


@pytest.mark.parametrize("entry", MEASURED, ids=lambda entry: entry["model"])
def test_the_arena_is_that_of_firmware_with_the_arduino_library(entry: dict) -> None:
    """As measured on a Cortex-M4 under QEMU: `python -m benchmarks.arduino_arena --library DIR`."""
    data = mend_model((FOLDER / f"{entry['model']}.tflite").read_bytes(), find_build("cortex-m4", "arduino")).data
    assert hashlib.sha256(data).hexdigest() == entry["model_sha256"]
    assert entry["library_commit"] == LIBRARIES["arduino"].commit
    report = plan_arena(data, "cortex-m4", "arduino")
    assert (report["used"], report["total"]) == (entry["used"], entry["total"])
