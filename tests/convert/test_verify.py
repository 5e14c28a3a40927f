"""`convert.verify`: a good bundle passes, any change of it does not."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convert import verify
from convert.bundle import verification
from convert.bundle.bundle import write_folder
from convert.bundle.manifest import UNHASHED
from convert.bundle.verification import Answers, verify_bundle
from convert.tflm import interpreters
from tests.support.bundles import converted, digest


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    write_folder(tmp_path / "bundle", converted())
    return tmp_path / "bundle"


@pytest.fixture
def golden_answers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Interpreters that know the golden rows and answer zeros to others; `differ` holds rows on which they differ."""
    golden = [row["logits"] for row in json.loads(converted()["golden.json"])["rows"]]
    differ: list[int] = []

    def compare(model: bytes, ids: list[np.ndarray]) -> Answers:
        logits = np.array(golden + [[0, 0, 0]] * (len(ids) - len(golden)), np.int8)
        reference = logits.copy()
        reference[differ] += 1
        return Answers(logits, reference)

    monkeypatch.setattr(verification, "compare_interpreters", compare)
    return differ


@pytest.fixture
def tflm_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """TFLM for both interpreters: it starts in a tenth of TensorFlow's time."""
    predict = verification.predict
    monkeypatch.setattr(verification, "predict", lambda *arguments: predict(*arguments[:-1]))


def rehash(folder: Path) -> None:
    """Makes the manifest agree with files that were changed."""
    manifest = json.loads((folder / "manifest.json").read_text())
    files = {file.name: file.read_bytes() for file in folder.iterdir() if file.name not in UNHASHED}
    manifest["bundle_sha256"] = digest("".join(sorted(f"{digest(d)}  {n}\n" for n, d in files.items())).encode())
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_good_bundle(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main([str(bundle), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report == {"ok": True, "rows": 200, "equal": 200, "golden": 8, "failures": []}


@pytest.mark.parametrize(
    "version, why", [("2.19.1", None), ("2.20.0", "2.20.0 rounds once"), ("2.21.0", "2.21.0 rounds")]
)
def test_what_cannot_be_compared_is_said(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], version: str, why: str | None
) -> None:
    """Newer kernels than 2.19's round once: TFLM alone then answers the golden rows."""
    monkeypatch.setattr(interpreters.metadata, "version", lambda name: version)
    if why is None:
        assert interpreters.why_not_compared() is None
        return
    assert verify.main([str(bundle), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert why in report.pop("not_compared")
    assert report == {"ok": True, "rows": 0, "equal": 0, "golden": 8, "failures": []}
    assert verify.main([str(bundle)]) == 0
    assert "not compared with TFLite's reference kernels" in capsys.readouterr().out


def test_a_good_bundle_of_pairs(tmp_path: Path, tflm_twice: None) -> None:
    write_folder(tmp_path / "bundle", converted(pair=True))
    rows = [np.array([2, 7, 8, 4, 9], np.int32), np.array([2, 4], np.int32)]
    assert verify_bundle(tmp_path / "bundle", rows) == {"ok": True, "rows": 2, "equal": 2, "golden": 8, "failures": []}


@pytest.mark.parametrize("name", ["model.tflite", "tokenizer.json", "labels.txt", "golden.json"])
def test_a_changed_file(bundle: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray((bundle / name).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / name).write_bytes(data)
    assert verify.main([str(bundle)]) == 1
    assert "bundle_sha256 differs" in capsys.readouterr().out


def test_a_file_too_many(bundle: Path) -> None:
    (bundle / "notes.txt").write_text("")
    assert not verify_bundle(bundle)["ok"]


@pytest.mark.parametrize("name", [".DS_Store", "._model.tflite", "Thumbs.db", "desktop.ini"])
def test_what_a_file_manager_leaves_is_named_and_ignored(
    bundle: Path, name: str, tflm_twice: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (bundle / name).write_bytes(b"\0")
    assert verify.main([str(bundle)]) == 0
    out, err = capsys.readouterr()
    assert f"ignored {name}" in err and "differs" not in out


def test_changed_golden_rows_that_pass_the_hashes(bundle: Path, golden_answers: list[int]) -> None:
    document = json.loads((bundle / "golden.json").read_text())
    document["rows"][2]["text"] = "now now now " + document["rows"][2]["text"]
    document["rows"][3]["logits"][0] ^= 1
    document["rows"][4]["label"] = "weather"
    (bundle / "golden.json").write_text(json.dumps(document))
    rehash(bundle)
    report = verify_bundle(bundle)
    assert report["golden"] == 5 and [failure[:12] for failure in report["failures"]] == [
        "golden row 2",
        "golden row 3",
        "golden row 4",
    ]


def test_interpreters_that_differ(bundle: Path, golden_answers: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    golden_answers += [10, 30]
    assert verify.main([str(bundle)]) == 1
    out = capsys.readouterr().out
    assert "differ on 2 of 208 rows" in out and "198 of 200 rows equal" in out


def test_a_model_that_does_not_run(bundle: Path, tflm_twice: None) -> None:
    model = bytearray((bundle / "model.tflite").read_bytes())
    manifest = json.loads((bundle / "manifest.json").read_text())
    position = model.index(b"tokens") - 200  # somewhere among the tables of the graph
    model[position : position + 100] = bytes(100)
    (bundle / "model.tflite").write_bytes(model)
    manifest["model"]["sha256"] = digest(bytes(model))
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    rehash(bundle)
    report = verify_bundle(bundle, [np.array([2, 7], np.int32)])
    assert not report["ok"] and report["failures"]


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda folder: (folder / "manifest.json").unlink(), "is not a bundle: it has no manifest.json"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "is not a bundle manifest"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "is a required property"),
        (lambda folder: (folder / "golden.json").unlink(), "golden.json is missing"),
    ],
)
def test_folders_that_are_no_bundles(
    bundle: Path, change: Callable[[Path], object], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(bundle)
    assert verify.main([str(bundle)]) == 2
    captured = capsys.readouterr()
    assert message in captured.err.splitlines()[-1] and captured.out == ""


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main([str(tmp_path / "none")]) == 2
    assert "is not a bundle" in capsys.readouterr().err
