"""`convert.check`: what TFLM runs, what it refuses and how that is said, and files that are no models."""

import json

import flatbuffers
import numpy as np
import pytest
from test_convert_reference import random_model

from convert import check
from convert.build import build_model
from convert.check import check_model
from convert.inspection import FILE_IDENTIFIER, OPERATOR_NAMES, read_model, schema
from tf_embbert.errors import UserError


@pytest.fixture(scope="module")
def model_bytes():
    model = random_model(np.random.default_rng(0))
    return build_model(model.weights, model.ranges, 8)


@pytest.fixture
def write(tmp_path, model_bytes):
    """Writes the model after `change(model object)`, or given bytes; gives the path."""
    def write_file(change=None, data=None):
        if data is None:
            model = read_model(model_bytes)
            change(model)
            data = pack(model)
        (tmp_path / "model.tflite").write_bytes(data)
        return tmp_path / "model.tflite"
    return write_file


def pack(model):
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    return bytes(builder.Output())


def find_op(model, kind):
    """The first operator of a kind, and its code."""
    for op in model.subgraphs[0].operators:
        code = model.operatorCodes[op.opcodeIndex]
        if OPERATOR_NAMES[code.builtinCode] == kind:
            return op, code
    raise KeyError(kind)


def set_code(model, kind, builtin, custom=None):
    _, code = find_op(model, kind)
    code.builtinCode, code.deprecatedBuiltinCode, code.customCode = builtin, min(builtin, 127), custom


def make_float(model):
    """One RELU of one float tensor."""
    graph = model.subgraphs[0]
    op, code = find_op(model, "LOGISTIC")
    relu = schema.BuiltinOperator.RELU
    code.builtinCode = code.deprecatedBuiltinCode = relu
    code.version = 1
    graph.operators = [op]
    graph.inputs, graph.outputs = op.inputs, op.outputs
    for index, name in ((op.inputs[0], "x"), (op.outputs[0], "y")):
        tensor = graph.tensors[index]
        tensor.type, tensor.quantization, tensor.name = schema.TensorType.FLOAT32, None, name


def test_our_model_is_supported_and_integer_only(write, model_bytes):
    report = check_model(write(data=model_bytes))
    assert report["supported"] and report["integer_only"]
    assert report["refusals"] == report["warnings"] == report["float_tensors"] == []
    counts = {(op["name"], op["version"]): op["count"] for op in report["ops"]}
    assert counts[("FULLY_CONNECTED", 4)] == 11 and counts[("L2_NORMALIZATION", 2)] == 2
    assert counts[("MUL", 1)] == 1 and counts[("MUL", 2)] == 2


def test_a_float_model_runs_but_is_not_integer_only(write):
    report = check_model(write(make_float))
    assert report["supported"] and not report["integer_only"]
    assert [(tensor["name"], tensor["type"]) for tensor in report["float_tensors"]] == [("x", "FLOAT32"),
                                                                                      ("y", "FLOAT32")]
    assert len(report["warnings"]) == 2 and "x" in report["warnings"][0]


def test_an_unknown_operator_is_named(write):
    path = write(lambda model: set_code(model, "LOGISTIC", schema.BuiltinOperator.GELU))
    report = check_model(path)
    assert not report["supported"]
    assert report["refusals"] == [{"op": "GELU", "index": None, "reason": "TFLM has no operator GELU"}]


def test_a_custom_operator_is_named(write):
    report = check_model(write(lambda model: set_code(model, "LOGISTIC", schema.BuiltinOperator.CUSTOM, "Mine")))
    assert [refusal["op"] for refusal in report["refusals"]] == ["CUSTOM:Mine"]


def test_an_operator_that_fails_to_prepare_is_named(write):
    def move_zero_point(model):
        op, _ = find_op(model, "SOFTMAX")
        model.subgraphs[0].tensors[op.outputs[0]].quantization.zeroPoint = np.array([0], np.int64)
    (refusal,) = check_model(write(move_zero_point))["refusals"]
    assert refusal["op"] == "SOFTMAX" and isinstance(refusal["index"], int)
    assert "softmax" in refusal["reason"] and "zero_point" in refusal["reason"]


def test_a_model_that_crashes_tflm_is_refused(write):
    def point_nowhere(model):
        op, _ = find_op(model, "DEPTHWISE_CONV_2D")
        model.subgraphs[0].tensors[op.inputs[1]].buffer = 500
    (refusal,) = check_model(write(point_nowhere))["refusals"]
    assert refusal == {"op": None, "index": None, "reason": "TFLM crashed with signal 11"}


@pytest.mark.parametrize("data, message", [
    (b"", "is empty"),
    (b"not a model at all", "is not a TFLite flatbuffer"),
    (b"\x10\x00\x00\x00TFL3\xff\xff\xff\xff" * 3, "is a damaged TFLite flatbuffer"),
])
def test_files_that_are_no_models(write, capsys, data, message):
    path = str(write(data=data))
    assert check.main([path]) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1 and path in captured.err
    assert captured.out == ""


def test_a_truncated_model(write, model_bytes):
    with pytest.raises(UserError, match="damaged"):
        check_model(write(data=model_bytes[:len(model_bytes) // 2]))


def test_a_missing_file(tmp_path, capsys):
    assert check.main([str(tmp_path / "none.tflite")]) == 2
    assert capsys.readouterr().err == f"error: no model file at {tmp_path / 'none.tflite'}\n"


def test_exit_status_and_json(write, model_bytes, capsys):
    assert check.main([str(write(data=model_bytes)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["supported"] is True
    path = write(lambda model: set_code(model, "LOGISTIC", schema.BuiltinOperator.GELU))
    assert check.main([str(path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["refusals"][0]["op"] == "GELU"
    assert check.main([str(path)]) == 1
    assert "refused GELU" in capsys.readouterr().out
