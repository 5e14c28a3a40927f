"""`convert.check`: what TFLM runs, what it refuses and how that is said."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from convert import check
from convert.export.build import build_model
from convert.tflite.model import OPERATOR_NAMES, read_model, schema
from convert.tflite.verifier import MAX_FILE_BYTES
from convert.tflm import support
from convert.tflm.support import check_bytes, check_model
from tests.support.agreement_bases import BASES, f32, i8
from tests.support.agreement_edits import CIRCULAR_BUFFER
from tests.support.agreement_models import Spec, operator, operator_code, pack
from tests.support.transcription import random_model

Write: TypeAlias = Callable[..., Path]  # of a change of the model, or of bytes: the file
ENTRY = {"op", "index", "tensor", "tensor_name", "rule", "reason", "requires", "kernel", "remedy"}


@pytest.fixture(scope="module")
def model_bytes() -> bytes:
    model = random_model(np.random.default_rng(0))
    return build_model(model.weights, model.ranges, 8)


@pytest.fixture
def write(tmp_path: Path, model_bytes: bytes) -> Write:
    """Writes the model after `change(model object)`, or given bytes; gives the path."""

    def write_file(change: Callable[[schema.ModelT], object] | None = None, data: bytes | None = None) -> Path:
        if data is None:
            model = read_model(model_bytes)
            change(model)
            data = pack(model)
        (tmp_path / "model.tflite").write_bytes(data)
        return tmp_path / "model.tflite"

    return write_file


def find_op(model: schema.ModelT, kind: str) -> tuple[schema.OperatorT, schema.OperatorCodeT]:
    """The first operator of a kind, and its code."""
    for op in model.subgraphs[0].operators:
        code = model.operatorCodes[op.opcodeIndex]
        if OPERATOR_NAMES[code.builtinCode] == kind:
            return op, code
    raise KeyError(kind)


def set_code(model: schema.ModelT, kind: str, builtin: int, custom: str | None = None) -> None:
    _, code = find_op(model, kind)
    code.builtinCode, code.deprecatedBuiltinCode, code.customCode = builtin, min(builtin, 127), custom


def gelu(model: schema.ModelT) -> None:
    set_code(model, "LOGISTIC", schema.BuiltinOperator.GELU)


def move_softmax(model: schema.ModelT) -> schema.OperatorT:
    """The zero point that the kernel asks for, moved."""
    op, _ = find_op(model, "SOFTMAX")
    tensor = model.subgraphs[0].tensors[op.outputs[0]]
    tensor.quantization.zeroPoint, tensor.name = np.array([0], np.int64), "weights"
    return op


def test_our_model_is_supported_and_integer_only(write: Write, model_bytes: bytes) -> None:
    report = check_model(write(data=model_bytes))
    assert report["supported"] and report["integer_only"]
    assert report["same_answers"] and report["refusals"] == report["float_tensors"] == []
    counts: Counter[str] = Counter()
    for op in report["ops"]:
        counts[op["name"]] += op["count"]
    assert counts["FULLY_CONNECTED"] == 11 and counts["L2_NORMALIZATION"] == 2


def test_our_model_is_warned_of_unchecked_ids(model_bytes: bytes) -> None:
    warned = [warning for warning in check_bytes(model_bytes, "m")["warnings"] if warning["rule"] == "ids_unchecked"]
    assert [(warning["op"], warning["tensor_name"]) for warning in warned] == [("GATHER", "tokens")]
    assert set(warned[0]) == ENTRY


def test_a_refusal_names_operator_tensor_rule_kernel_and_remedy(write: Write, model_bytes: bytes) -> None:
    model = read_model(model_bytes)
    op = move_softmax(model)
    (refusal,) = check_model(write(move_softmax))["refusals"]
    assert set(refusal) == ENTRY
    assert refusal["op"] == "SOFTMAX" and refusal["index"] == [*model.subgraphs[0].operators].index(op)
    assert refusal["tensor"] == op.outputs[0] and refusal["tensor_name"] == "weights"
    assert refusal["rule"] == "softmax_grid" and refusal["kernel"] == "kernels/softmax_common.cc"
    assert "zero point 0" in refusal["reason"] and refusal["remedy"]


def test_every_violation_is_reported(write: Write) -> None:
    def break_both(model: schema.ModelT) -> None:
        move_softmax(model)
        gelu(model)

    rules = [(refusal["op"], refusal["rule"]) for refusal in check_model(write(break_both))["refusals"]]
    assert ("SOFTMAX", "softmax_grid") in rules and ("GELU", "operator_registered") in rules


def test_a_float_model_runs_but_is_not_integer_only() -> None:
    report = check_bytes(BASES["EXP"].build(), "exp")
    assert report["supported"] and not report["integer_only"]
    assert [tensor["type"] for tensor in report["float_tensors"]] == ["FLOAT32", "FLOAT32"]
    assert report["warnings"] == []


def test_a_float_island_is_a_warning() -> None:
    report = check_bytes(BASES["DEQUANTIZE"].build(), "island")
    assert report["supported"] and [warning["rule"] for warning in report["warnings"]] == ["float_island"]


def test_a_hybrid_model_is_refused_with_its_remedy() -> None:
    model = BASES["FULLY_CONNECTED"].edited({"i0": {"type": "float32"}, "o0": {"type": "float32"}, "i2": None}).build()
    (refusal,) = check_bytes(model, "hybrid")["refusals"]
    assert refusal["rule"] == "weights_type" and "representative_dataset" in refusal["remedy"]


def test_operators_of_every_graph_are_checked() -> None:
    def add_graph(model: schema.ModelT) -> None:
        graph = schema.SubGraphT()
        graph.tensors = [tensor.pack(model.buffers) for tensor in (f32(2), f32(2))]
        graph.inputs, graph.outputs = [0], [1]
        model.operatorCodes.append(operator_code("GELU"))
        graph.operators = [operator(len(model.operatorCodes) - 1, [0], [1])]
        model.subgraphs.append(graph)

    (refusal,) = check_bytes(Spec("RELU", [i8(2)], [i8(2)], graphs=(add_graph,)).build(), "two graphs")["refusals"]
    assert refusal["op"] == "GELU" and refusal["graph"] == 1 and refusal["index"] == 0


def test_a_custom_operator_is_named(write: Write) -> None:
    report = check_model(write(lambda model: set_code(model, "LOGISTIC", schema.BuiltinOperator.CUSTOM, "Mine")))
    assert {refusal["op"] for refusal in report["refusals"]} == {"CUSTOM:Mine"}
    tflm_has = check_bytes(BASES["RELU"].edited(CIRCULAR_BUFFER).build(), "custom")
    assert tflm_has["supported"] and [entry["rule"] for entry in tflm_has["warnings"]] == ["known_by_name"]


def test_exit_status_and_json(write: Write, model_bytes: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main([str(write(data=model_bytes)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["supported"] is True
    assert check.main([str(write(gelu)), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["refusals"][0]["op"] == "GELU"
    assert check.main([str(write(gelu))]) == 1
    printed = capsys.readouterr().out
    assert "refused GELU" in printed and "micro_mutable_op_resolver.h" in printed and "to fix:" in printed


def test_run_compares_the_rules_with_the_interpreter(
    write: Write, model_bytes: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check.main([str(write(data=model_bytes)), "--run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["interpreter"]["runs"] is True
    assert check.main([str(write(gelu)), "--run", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["interpreter"]["runs"] is False
    monkeypatch.setattr(support, "ask_rules", lambda model, asked: ([], []))
    assert check.main([str(write(gelu)), "--run"]) == 2
    assert "the rules accept" in capsys.readouterr().err


def test_a_missing_file_and_one_too_large(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main([str(tmp_path / "none.tflite")]) == 2
    assert capsys.readouterr().err.startswith(f"error: no model file at {tmp_path / 'none.tflite'}: it is not there")
    with (tmp_path / "large.tflite").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    assert check.main([str(tmp_path / "large.tflite")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_document_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(["--supported-ops"]) == 0
    assert "| FULLY_CONNECTED |" in capsys.readouterr().out
    assert check.main([]) == 2
