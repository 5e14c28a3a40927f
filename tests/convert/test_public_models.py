"""Other people's models, as `../shared/cases` has them: verdict, remedy and bytes; each skips where they are absent."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from convert import arena, boards, check, optimize
from convert.tflite.model import read_model
from convert.tflite.view import view_model
from convert.tflm.allocator import allocate
from convert.tflm.builds import WHEEL_BUILD
from convert.tflm.support import check_bytes
from tests.support.arena_truth import measure as measure_arena

CASES = Path(__file__).resolve().parents[3] / "shared/cases"
MODELS, REPORTS = CASES / "models", CASES / "reports"
RUN = {  # and the bytes of arena in the wheel, where they fit its memory
    "add_shared_tensors": 3296,
    "aligned_mww_vad": 13568,
    "audio_preprocessor_int8": 10224,
    "conv_huge_im2col": None,
    "if_identity_aligned": 2224,
    "mnist_valid_float": 8080,
    "scalar_output_int8": 7088,
    "trained_lstm_int8": 4208,
    "zero_size_constant": 1056,
}
REFUSED = {  # report or model: words of its one refusal, and of its remedy
    "models/rnn_flex": ("lists of tensors", "unroll=True"),
    "models/tiny_conv_uint8": ("quantised in uint8", "int8"),
    "reports/11-sparse-weights/s_block": ("stores weights sparse", "strip_pruning"),
    "reports/12-constants-outside/x_bufoffset_float": ("behind the flatbuffer", "_experimental_use_buffer_offset"),
    "reports/14-ethos-u/c_ethosu": ("Ethos-U", "AddEthosU"),
    "reports/15-custom-by-name/c_detpost": ("options are missing", "num_classes"),
    "reports/13-circular-remedies/k_argmax64": ("is int64", "output_type=tf.int32"),
    "reports/13-circular-remedies/k_exp": ("is int8, not float32", "EXP in float32 only"),
    "reports/13-circular-remedies/k_int64ids": ("is int64", "dtype='int32'"),
    "reports/13-circular-remedies/t_cast_i64": ("is int64", "dtype='int32'"),
    "reports/13-circular-remedies/t_expand_i32": ("is int32", "tf.reshape"),
    "reports/13-circular-remedies/t_gather_i32": ("is int32", "cast to float32 before it"),
}
COMMANDS: tuple[ModuleType, ...] = (check, arena, boards, optimize)


def model(name: str) -> Path:
    path = CASES / f"{name}.tflite"
    if not path.is_file():
        pytest.skip(f"there is no {path}")
    return path


def arguments(command: ModuleType, path: Path, tmp_path: Path) -> list[str]:
    return [str(path), *(["--out", str(tmp_path / "out.tflite")] if command is optimize else [])]


@pytest.mark.parametrize("name", RUN)
def test_models_that_tflm_runs(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = model(f"models/{name}")
    assert check_bytes(path.read_bytes(), name)["supported"]
    for command in COMMANDS:
        status = command.main(arguments(command, path, tmp_path))
        printed = capsys.readouterr()
        assert status == 0 and "damaged" not in printed.out + printed.err, (command.__name__, printed.err)
    if RUN[name]:
        assert allocate(view_model(path.read_bytes()), *WHEEL_BUILD).total == RUN[name]


def test_arenas_are_tflms() -> None:
    named = {name: model(f"models/{name}").read_bytes() for name, total in RUN.items() if total}
    jobs = [(data, [RUN[name], RUN[name] - 16]) for name, data in named.items()]
    assert [succeeds for _, succeeds in measure_arena(jobs)] == [[True, False]] * len(named)


@pytest.mark.parametrize("name", REFUSED)
def test_models_that_tflm_refuses_are_told_once_and_with_what_helps(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = model(name)
    wrong, remedy = REFUSED[name]
    (refusal,) = check_bytes(path.read_bytes(), name)["refusals"]
    assert wrong in refusal["reason"] and remedy in refusal["remedy"]
    for command in COMMANDS:
        assert command.main([*arguments(command, path, tmp_path), "--json"]) == 1
        assert json.loads(capsys.readouterr().out)["refusals"] == [refusal]


@pytest.mark.parametrize("name", ["scalar_output_int8", "zero_size_constant"])
def test_a_constant_without_elements_is_not_called_uncomputed(name: str) -> None:
    assert check_bytes(model(f"models/{name}").read_bytes(), name)["warnings"] == []


def test_signal_operators_are_counted_and_what_they_cost_is_said_to_be_unknown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = str(model("models/audio_preprocessor_int8"))
    assert arena.main([path, "--core", "host64", "--max-bytes", "8000"]) == 1
    assert "is over 8,000 B" in capsys.readouterr().err
    assert arena.main([path, "--core", "cortex-m7", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["at_least"] == [] and report["instructions"]["at_least"]


def test_instructions_that_nobody_measured_are_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert arena.main([str(model("models/conv_huge_im2col")), "--core", "cortex-m7"]) == 0
    out = capsys.readouterr().out
    assert "an inference takes at least" in out and "without a measured cost, not counted: CONCATENATION FLOAT32" in out
    assert arena.main([str(model("models/mnist_valid_float")), "--core", "cortex-m7"]) == 0
    assert "without a measured cost" not in capsys.readouterr().out


def test_integers_only_in_spite_of_an_lstms_intermediates() -> None:
    for name in ("models/trained_lstm_int8", "reports/17-integer-only-lstm/bilstm_int8"):
        report = check_bytes(model(name).read_bytes(), name)
        assert report["integer_only"] and report["float_tensors"] == []


def test_a_dilated_convolution_with_an_open_batch_is_told_to_fix_it() -> None:
    report = check_bytes(model("reports/18-dilated-open-batch/dil_open_int8_same").read_bytes(), "open")
    assert {"Input(batch_size=1)" in entry["remedy"] for entry in report["refusals"]} == {True}
    assert check_bytes(model("reports/18-dilated-open-batch/dil_b1_int8_same").read_bytes(), "one")["supported"]


def test_variables_in_branches_run_and_are_counted() -> None:
    for name in ("r_acc_if", "r_if_read", "r_if_reset", "r_plain"):
        report = check_bytes(model(f"reports/10-resource-in-branch/{name}").read_bytes(), name)
        told = [entry["reason"] for entry in report["warnings"] if entry["rule"] == "variables_brought"]
        assert report["supported"] and "MicroResourceVariables::Create(allocator, 1)" in told[0]


def test_signatures_stay_and_what_goes_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = model("reports/20-optimize-drops-signatures/k_text_gap"), tmp_path / "out.tflite"
    assert optimize.main([str(path), "--out", str(out)]) == 0
    before, after = (read_model(file.read_bytes()) for file in (path, out))
    assert [s.signatureKey for s in after.signatureDefs] == [s.signatureKey for s in before.signatureDefs]
    for signature in after.signatureDefs:
        assert [entry.tensorIndex for entry in signature.inputs] == list(after.subgraphs[0].inputs)
    capsys.readouterr()
    assert optimize.main([str(model("reports/20-optimize-drops-signatures/x_zip")), "--out", str(out)]) == 0
    assert "the files packed behind the model" in capsys.readouterr().out
