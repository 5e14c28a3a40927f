"""The run's folder: read back as written, and refused where its files do not belong together."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import convert
from tests.support.chain import KINDS, FolderOf, refused
from tests.support.runs import small_run
from tests.support.transcription import random_model
from tf_embbert import evaluate
from tf_embbert.model.folded import FoldedModel
from tf_embbert.run import ABOUT, Quantised, Run, load_run, save_run, sha256

ROOT = Path(__file__).parents[2]
HASHED = ["tokenizer.json", "labels.json", "weights.npz", "metrics.json", "verification.jsonl", "ptq.npz", "qat.npz"]


def pair_run(texts: Any) -> Run:
    """A small run of pairs with names and ranges of every kind."""
    folded = random_model(np.random.default_rng(0), pair=True, activation="hard_swish").weights
    ranges: dict[str, Any] = {"x0": (-1.5, 2.25), "block0.conv.kernel": np.array([0.5, 0.25], np.float32)}
    return small_run(labels=["é", "an  b"], variants={"ptq": Quantised(folded, ranges)}, sample_texts=texts)


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    texts = [("", None), ("a\u2028b\x85c\x0bd\r\ne", None), ('zürich \U0001f600 \\ "x"', "two"), ("\x00", None)]
    run = pair_run(texts)
    save_run(run, tmp_path, [{"epoch": 1, "loss": 0.5}])
    read = load_run(tmp_path)
    assert read.sample_texts == texts and read.labels == run.labels and read.metrics == run.metrics
    assert all(getattr(read, name) == getattr(run, name) for name in ("config", *ABOUT))
    np.testing.assert_array_equal(read.float_weights["embed/token_table"], run.float_weights["embed/token_table"])
    assert isinstance(read.weights, FoldedModel) and isinstance(run.weights, FoldedModel)
    assert read.weights.activation == "hard_swish" and list(read.weights.arrays()) == list(run.weights.arrays())
    for name, value in run.weights.arrays().items():
        np.testing.assert_array_equal(read.weights.arrays()[name], value, err_msg=name)
    assert tuple(read.ranges["x0"]) == (-1.5, 2.25)
    np.testing.assert_array_equal(read.ranges["block0.conv.kernel"], run.ranges["block0.conv.kernel"])
    assert (tmp_path / "history.csv").read_text() == "epoch,loss\n1,0.5\n"


def test_reading_needs_no_tensorflow(run_of: FolderOf) -> None:
    code = "import sys, tf_embbert.run as run; run.load_run(sys.argv[1]); assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, run_of("classes")], cwd=ROOT, check=True, timeout=60)


@pytest.mark.parametrize("kind", KINDS)
def test_the_float_model_has_the_trained_weights(kind: str, run_of: FolderOf) -> None:
    run = load_run(run_of(kind))
    assert run.model.count_params() == run.parameters
    assert run.model(np.zeros((1, 2), np.int32)).shape == (1, 1 if run.is_regression else len(run.labels))
    for weight in run.model.weights:
        np.testing.assert_array_equal(weight.numpy(), run.float_weights[weight.name.split(":")[0]])


# ---- folders that are no whole run ----


@pytest.fixture
def broken(run_of: FolderOf, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A copy of a run, to be damaged, and another run to take files from."""
    shutil.copytree(run_of("classes"), tmp_path / "run")
    run_of("pairs")
    capsys.readouterr()
    return tmp_path / "run"


def both_refuse(capsys: pytest.CaptureFixture[str], folder: Path, *parts: object) -> None:
    """Neither `convert` nor `evaluate` takes the run."""
    refused(capsys, convert.main, [folder, "--out", folder.parent / "bundle"], *parts)
    assert not (folder.parent / "bundle").exists()
    refused(capsys, evaluate.main, [folder, "--task", "pocket"], *parts)


@pytest.mark.parametrize("name", HASHED)
def test_a_missing_file(name: str, broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (broken / name).unlink()
    both_refuse(capsys, broken, f"is not a whole run: {name} is missing")


@pytest.mark.parametrize("name", HASHED)
def test_a_foreign_file(name: str, broken: Path, run_of: FolderOf, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(run_of("pairs") / name, broken / name)
    both_refuse(capsys, broken, f"{name} does not belong to this run")


def test_no_config(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (broken / "config.json").unlink()
    refused(capsys, convert.main, [broken, "--out", broken.parent / "bundle"], "is not a run: it has no config.json")
    refused(capsys, evaluate.main, [broken, "--task", "pocket"], "is neither a run (config.json) nor a bundle")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format": 2}', '{"format": 1}', "\ud8ff"])
def test_a_config_that_is_none(content: str, broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (broken / "config.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    both_refuse(capsys, broken, "config.json")


def test_a_config_with_other_sizes(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = json.loads((broken / "config.json").read_text())
    config["model"]["hidden_width"] = 3
    (broken / "config.json").write_text(json.dumps(config))
    both_refuse(capsys, broken, "unknown field 'hidden_width'")


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("qat.npz", b"", "is not an archive of arrays"),
        ("ptq.npz", b"PK\x03\x04 and no more", "is not an archive of arrays"),
        ("weights.npz", "half", "is not an archive of arrays"),
        ("tokenizer.json", b"{}", "is not a tokenizer file"),
        ("labels.json", b"[", "invalid JSON"),
    ],
)
def test_a_damaged_file_that_passes_its_hash(
    name: str, content: Any, message: str, broken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = (broken / name).read_bytes()
    (broken / name).write_bytes(data[: len(data) // 2] if content == "half" else content)
    config = json.loads((broken / "config.json").read_text())
    config["files"][name] = sha256(broken / name)
    (broken / "config.json").write_text(json.dumps(config))
    both_refuse(capsys, broken, name, message)


@pytest.mark.parametrize("change, message", [("leave out", "without head.bias"), ("add", "head.other is not among")])
def test_an_archive_of_other_weights(
    change: str, message: str, broken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Arrays that are no EmbBERT's folded weights, under a hash that is right."""
    arrays = dict(np.load(broken / "qat.npz"))
    if change == "add":
        arrays["head.other"] = arrays["head.bias"]
    else:
        del arrays["head.bias"]
    np.savez(broken / "qat.npz", **arrays)
    config = json.loads((broken / "config.json").read_text())
    config["files"]["qat.npz"] = sha256(broken / "qat.npz")
    (broken / "config.json").write_text(json.dumps(config))
    both_refuse(capsys, broken, "qat.npz", message)


@pytest.mark.parametrize("length", [-1, 0, 1, 1000])
def test_a_sequence_length_that_the_run_cannot_have(
    length: int, broken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    longest = load_run(broken).max_length
    refused(
        capsys,
        convert.main,
        [broken, "--out", broken.parent / "bundle", "--seq-len", length],
        f"--seq-len {length} is not within 2..{longest}",
    )
    assert not (broken.parent / "bundle").exists()


def test_a_bundle_that_exists(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (broken.parent / "bundle").mkdir()
    refused(capsys, convert.main, [broken, "--out", broken.parent / "bundle"], "exists", "--force")
    refused(capsys, convert.main, [broken, "--out", broken, "--force"], "is not a bundle, so --force does not")
    assert load_run(broken)
