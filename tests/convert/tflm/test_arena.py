"""The arena's figures against TFLM's own interpreter: head, tail and the smallest arena, byte for byte."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import arena
from convert.export.build import build_model
from convert.lowering.to_tflite import write_model
from convert.passes.hints import explain_arena
from convert.tflite.model import operator_name, read_model, schema
from convert.tflite.view import view_model
from convert.tflm.allocator import allocate
from convert.tflm.arena import plan_arena, plan_arenas
from convert.tflm.builds import BUILDS, WHEEL_BUILD
from convert.tflm.instructions import estimate_instructions
from convert.tflm.planner import Buffer, bytes_alive, head_bytes, plan_buffers
from convert.tflm.structs import ARM32, HOST64, STRUCTS, WHEEL
from convert.tflm.support import check_bytes
from convert.tflm.targets import CORES
from tests.support.agreement import rule_cases
from tests.support.chain import FolderOf
from tests.support.graphs import STEP, assert_equal_to_tflm, one_op, pack, random_graph, shuffled, with_offline_plan
from tests.support.transcription import random_model


def embbert(seed: int = 0, length: int = 12, **sizes: Any) -> bytes:
    model = random_model(np.random.default_rng(seed), **sizes)
    return build_model(model.weights, model.ranges, length)


def test_embbert() -> None:
    models = {f"L = {length}": embbert(length, length) for length in (2, 8, 12, 31)}
    models |= {
        "pair": embbert(1, pair=True),
        "one block": embbert(2, blocks=1),
        "expansion": embbert(3, multiplier=2),
        "wide": embbert(4, 40, hidden_size=32, blocks=3, max_length=40),
        "deep": embbert(5, blocks=6),
        "classes": embbert(6, classes=77),
    }
    assert_equal_to_tflm(models)


def test_random_graphs() -> None:
    seed = 17
    print("seed", seed)
    rng = np.random.default_rng(seed)
    models = {f"graph {i}": write_model(shuffled(rng, random_graph(rng, int(rng.integers(1, 25))))) for i in range(40)}
    models |= {f"offline {i}": with_offline_plan(rng, models[f"graph {i}"]) for i in range(10)}
    models["offline embbert"] = with_offline_plan(rng, embbert())
    assert_equal_to_tflm(models)


def pool_options() -> schema.Pool2DOptionsT:
    options = schema.Pool2DOptionsT()
    options.strideW = options.strideH = options.filterWidth = options.filterHeight = 2
    return options


def svdf_options() -> schema.SVDFOptionsT:
    options = schema.SVDFOptionsT()
    options.rank = 2
    return options


def single_operators() -> dict[str, Any]:
    """Models of one operator each, of kernels that Keras models seldom reach."""
    byte, real = ("INT8", (2, 6)), ("FLOAT32", (2, 6))
    return {
        "ARG_MIN": one_op("ARG_MIN", [byte, ("INT32", (), 1)], [("INT32", (2,))], schema.ArgMinOptionsT()),
        "BROADCAST_ARGS": one_op("BROADCAST_ARGS", [("INT32", (3,)), ("INT32", (2,))], [("INT32", (3,))]),
        "BROADCAST_TO": one_op("BROADCAST_TO", [("INT8", (1, 6)), ("INT32", (2,), [2, 6])], [byte]),
        "DYNAMIC_UPDATE_SLICE": one_op("DYNAMIC_UPDATE_SLICE", [byte, ("INT8", (1, 3)), ("INT32", (2,))], [byte]),
        "EMBEDDING_LOOKUP": one_op(
            "EMBEDDING_LOOKUP", [("INT32", (3,)), ("INT8", (5, 4), [1] * 20)], [("INT8", (3, 4))]
        ),
        "EXPAND_DIMS": one_op("EXPAND_DIMS", [byte, ("INT32", (1,), [0])], [("INT8", (1, 2, 6))]),
        "FILL": one_op("FILL", [("INT32", (2,), [2, 6]), ("FLOAT32", ())], [real]),
        "GREATER_EQUAL": one_op("GREATER_EQUAL", [byte, byte], [("BOOL", (2, 6))]),
        "L2_POOL_2D": one_op("L2_POOL_2D", [("FLOAT32", (1, 4, 4, 3))], [("FLOAT32", (1, 2, 2, 3))], pool_options()),
        "LOGICAL_NOT": one_op("LOGICAL_NOT", [("BOOL", (7,))], [("BOOL", (7,))]),
        "NEG": one_op("NEG", [real], [real]),
        "NOT_EQUAL": one_op("NOT_EQUAL", [real, real], [("BOOL", (2, 6))]),
        "PADV2": one_op("PADV2", [byte, ("INT32", (2, 2), [0, 1, 2, 0]), ("INT8", (1,), [0])], [("INT8", (3, 8))]),
        "RELU6": one_op("RELU6", [real], [real]),
        "SHAPE": one_op("SHAPE", [real], [("INT32", (2,))], schema.ShapeOptionsT()),
        "SQUEEZE": one_op("SQUEEZE", [("INT8", (1, 2, 6))], [byte], schema.SqueezeOptionsT()),
        "SVDF": one_op(
            "SVDF",
            [("FLOAT32", (1, 5)), ("FLOAT32", (8, 5)), ("FLOAT32", (8, 3)), ("FLOAT32", (4,)), ("FLOAT32", (1, 24))],
            [("FLOAT32", (1, 4))],
            svdf_options(),
            variables=(4,),
        ),
        "ZEROS_LIKE": one_op("ZEROS_LIKE", [real], [real]),
    }


def test_single_operators() -> None:
    models = single_operators()
    assert all(
        name == operator_name(model, model.subgraphs[0].operators[0])
        for name, model in ((name, read_model(data)) for name, data in models.items())
    )
    assert_equal_to_tflm(models)


def test_tiny_models_of_every_operator() -> None:
    kept = [case for case in rule_cases() if case.kind == "kept"]
    assert_equal_to_tflm({f"{number}, {case.what}": case.model for number, case in enumerate(kept)})


def test_planner_by_hand() -> None:
    """Largest first: 48 at 0. Of the two of 32 the later one, above it; the other is over before the first begins, so
    it goes to 0 as well; 16 fit between these two. What a plan has fixed comes before all.
    """
    buffers = [Buffer(32, 0, 1), Buffer(20, 0, 2), Buffer(48, 2, 3), Buffer(1, 1, 1)]
    assert plan_buffers(buffers) == [0, 48, 0, 32]
    assert head_bytes(buffers, [0, 48, 0, 32]) == 80
    fixed = Buffer(32, 0, 3, offset=64)
    assert plan_buffers([Buffer(64, 0, 3), Buffer(48, 0, 3), fixed]) == [0, 96, 64]
    assert plan_buffers([]) == [] and head_bytes([], []) == 0
    assert bytes_alive([]) == bytes_alive([Buffer(4, -1, -1)]) == [0] and bytes_alive([Buffer(20, 1, 2)]) == [0, 32, 32]


def test_structs_by_hand() -> None:
    """A few sizes that TFLM's documentation and sources tell; smaller pointers never make a struct larger."""
    assert HOST64.layout("TfLiteEvalTensor") == (24, 8) and ARM32.layout("TfLiteEvalTensor") == (12, 4)
    assert HOST64.layout("TfLiteTensor") == (64, 8)
    assert HOST64.size("OpDataFullyConnected") == 64 and WHEEL.size("OpDataFullyConnected") == 72
    assert HOST64.after_last("TfLiteAffineQuantization") == 8
    assert all(ARM32.size(struct) <= HOST64.size(struct) <= WHEEL.size(struct) for struct in STRUCTS)


def test_structs_as_compiled() -> None:
    """Sizes and alignments that arm-none-eabi-g++ 12.2 gives TFLM's structs (90b983c2b, cortex-m7, its own flags)."""
    assert {name: ARM32.layout(name) for name in COMPILED} == COMPILED


COMPILED = {
    "TfLiteTensor": (32, 4),
    "TfLiteNode": (28, 4),
    "SoftmaxParams": (56, 8),
    "PadParams": (52, 4),
    "OpDataAbsRsqrt": (28, 4),
    "OpDataConv": (56, 4),
    "OpDataFullyConnected": (48, 4),
    "OpDataLSTM": (688, 8),
    "CmsisNnOpDataBatchMatmul": (36, 4),
    "CmsisNnOpDataConv": (60, 4),
    "CmsisNnOpDataFullyConnected": (72, 4),
    "CmsisNnOpDataLSTM": (912, 8),
    "CmsisNnOpDataPooling": (36, 4),
    "CMSISNNSoftmaxParams": (64, 8),
    "CmsisNnOpDataSvdf": (40, 4),
    "CmsisNnOpDataTransposeConv": (76, 4),
}


def test_report_adds_up() -> None:
    report = plan_arena(embbert())
    assert report["core"] == "host64" and report["kernels"] == "reference" and report["at_least"] == []
    assert report["used"] == report["planned"] + report["persistent"] <= report["total"]
    assert report["peak"]["bytes"] == report["lower_bound"] <= report["planned"]
    assert len(report["peak"]["tensors"]) == 5 and report["total"] % STEP == 0
    wheel = allocate(view_model(embbert()), *WHEEL_BUILD)
    assert wheel.planned == report["planned"] and wheel.persistent > report["persistent"]


def test_unmodelled_operators_are_named() -> None:
    model = read_model(single_operators()["NEG"])
    code = model.operatorCodes[0]
    code.builtinCode, code.deprecatedBuiltinCode, code.customCode = schema.BuiltinOperator.CUSTOM, 32, b"mine"
    assert plan_arena(pack(model))["at_least"] == [{"index": 0, "name": "CUSTOM:mine"}]


@pytest.fixture
def model_file(tmp_path: Path) -> str:
    return write(tmp_path, embbert())


def test_command_prints_all_cores(model_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert arena.main([model_file]) == 0
    out = capsys.readouterr().out
    assert all(core.removeprefix("cortex-") in out for core in CORES) and "host64" in out
    assert f"{plan_arena(embbert(), 'cortex-m55', 'cmsis_nn')['total']:,}" in out
    assert "on cortex-m7, cmsis_nn kernels" in out and "most is alive at operator" in out


def test_command_explains_one_core(model_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert arena.main([model_file, "--core", "cortex-m85"]) == 0
    out = capsys.readouterr().out
    assert f"{plan_arena(embbert(), 'cortex-m85', 'cmsis_nn')['total']:,}" in out
    assert "on cortex-m85, cmsis_nn kernels" in out and "computed as for cortex-m55" in out


def test_command_prints_json(model_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert arena.main([model_file, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    checked = [check_bytes(embbert(), "the model", kernels, core)["warnings"] for core, kernels in BUILDS]
    assert [report.pop("warnings") for report in told] == checked and told == plan_arenas(embbert(), list(BUILDS))
    assert arena.main([model_file, "--json", "--core", "cortex-m4"]) == 0
    warnings = check_bytes(embbert(), "the model", "cmsis_nn", "cortex-m4")["warnings"]
    explained = explain_arena(embbert(), "cortex-m4", "cmsis_nn") | {"warnings": warnings}
    assert json.loads(capsys.readouterr().out) == explained
    assert arena.main([model_file, "--json", "--kernels", "cmsis_nn"]) == 0
    assert [found["core"] for found in json.loads(capsys.readouterr().out)] == list(CORES)


def test_command_compares_with_a_limit(model_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    total = plan_arena(embbert(), "cortex-m4", "cmsis_nn")["total"]
    assert arena.main([model_file, "--core", "cortex-m4", "--max-bytes", str(total)]) == 0
    assert arena.main([model_file, "--core", "cortex-m4", "--max-bytes", str(total - 1)]) == 1
    assert f"cortex-m4, cmsis_nn: {total:,} B is over {total - 1:,} B" in capsys.readouterr().err


def test_command_says_what_tflm_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused = one_op("NEG", [("INT32", (3,))], [("INT32", (3,))])
    assert arena.main([write(tmp_path, refused)]) == 1
    out, err = capsys.readouterr()
    assert out == "" and "refused NEG (number 0)" in err and "TFLM would refuse this model" in err


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--core", "host46"], "did you mean host64?"),
        (["--kernels", "cmsis"], "invalid choice: 'cmsis'"),
        (["--core", "host64", "--kernels", "cmsis_nn"], "host64 has no kernels 'cmsis_nn'"),
        (["--max-bytes", "0"], "--max-bytes"),
        (["--max-bytes", "many"], "'many' is not a whole number"),
    ],
)
def test_bad_arguments(model_file: str, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert arena.main([model_file, *arguments]) == 2
    assert said in one_line(capsys)


@pytest.mark.parametrize("data, said", [(None, "no model file"), (b"", "is empty"), (b"hello, world", "it is a text")])
def test_bad_files(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes | None, said: str) -> None:
    path = tmp_path / "model.tflite"
    if data is not None:
        path.write_bytes(data)
    assert arena.main([str(path)]) == 2
    assert said in one_line(capsys)


def test_a_file_that_names_what_is_not_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """TFLM reads past the end of the list of buffers and may well go on."""
    model = read_model(single_operators()["NEG"])
    model.subgraphs[0].tensors[0].buffer = 7
    assert arena.main([write(tmp_path, pack(model))]) == 1
    assert "names buffer 7" in capsys.readouterr().err


def write(folder: Path, data: bytes) -> str:
    (folder / "model.tflite").write_bytes(data)
    return str(folder / "model.tflite")


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1, (out, err)
    return err


def test_instructions_are_those_of_the_estimate_and_milliseconds_follow_the_clock(
    bundle_of: FolderOf, capsys: pytest.CaptureFixture[str]
) -> None:
    path = bundle_of("classes") / "model.tflite"
    estimate = estimate_instructions(path.read_bytes(), "cortex-m4", "cmsis_nn")
    capsys.readouterr()  # what training said
    assert arena.main([str(path), "--core", "cortex-m4", "--clock-mhz", "100", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["instructions"]
    assert found == {**estimate, "milliseconds": pytest.approx(estimate["total"] / 1e5)}
    assert arena.main([str(path), "--core", "cortex-m55", "--compiler", "gcc-14", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["instructions"]
    assert found == estimate_instructions(path.read_bytes(), "cortex-m55", "cmsis_nn", "gcc-14")
    assert arena.main([str(path), "--core", "cortex-m85"]) == 0
    assert "instructions" not in capsys.readouterr().out
