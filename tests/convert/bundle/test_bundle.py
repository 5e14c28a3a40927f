"""A run to a bundle: what is in it, the same bytes every time, and nothing half written."""

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from convert import convert
from convert.bundle import bundle as bundle_module
from convert.bundle import conversion, verification
from convert.bundle.bundle import labels_text, read_bundle, require_free, write_folder
from convert.bundle.manifest import UNHASHED, validate_manifest
from convert.tflm.interpreters import TFLMRunner
from convert.tflm.workers import InterpreterError
from tests.support.bundles import contents, converted, digest, make_run
from tf_embbert.common.errors import UserError

ROOT = Path(__file__).resolve().parents[3]
FILES = [
    "README.md",
    "bundle.h",
    "golden.json",
    "golden_data.cc",
    "golden_data.h",
    "labels.txt",
    "manifest.json",
    "model.tflite",
    "model_data.cc",
    "model_data.h",
    "op_resolver.h",
    "report.html",
    "tokenizer.json",
    "tokenizer_data.cc",
    "tokenizer_data.h",
]


def test_files_and_manifest() -> None:
    files = converted()
    assert sorted(files) == FILES
    manifest = json.loads(files["manifest.json"])
    validate_manifest(manifest)
    model = manifest["model"]
    assert model["bytes"] == len(files["model.tflite"]) and model["sha256"] == digest(files["model.tflite"])
    assert model["sequence_length"] == 16 and model["integer_only"] is True and model["parameters"] == 1234
    assert manifest["tokenizer"]["sha256"] == digest(files["tokenizer.json"])
    lines = sorted(f"{digest(data)}  {name}\n" for name, data in files.items() if name not in UNHASHED)
    assert manifest["bundle_sha256"] == digest("".join(lines).encode())
    assert manifest["labels"] == files["labels.txt"].decode().split() == ["music", "alarm", "lights"]
    assert manifest["verification"] == {"rows": 200, "equal": 200, "golden": 8}
    assert manifest["accuracy"]["int8_tflm"] == manifest["accuracy"]["qat_tflm"] == 94.0
    assert manifest["arena"]["host64"]["reference"]["total"] > manifest["arena"]["host64"]["reference"]["lower_bound"]
    assert manifest["toolchain"]["tflm"] and manifest["toolchain"]["tensorflow"]
    assert manifest["arguments"] == {
        "task": "commands",
        "preset": "nano",
        "seq_len": 16,
        "shorter": ["auto"],
        "core": "cortex-m7",
        "kernels": "cmsis_nn",
        "arena_budget": None,
        "plan": "offline",
    }


def test_macs_are_those_of_the_formulas() -> None:
    """d 16, r 8, k 4, 3 classes, 2 blocks at L = 16, counted by hand."""
    length, d, r, k, classes = 16, 16, 8, 4, 3
    embed = length * d * 2 * r
    block = length * d * d * 3 + 2 * length * length * d + length * d * k  # query, values, contract; scores, context
    last = d * d + 2 * length * d + 2 * classes * d
    assert json.loads(converted()["manifest.json"])["model"]["macs"] == embed + block + last


def test_golden_rows_are_what_tflm_answers() -> None:
    files = converted()
    rows = json.loads(files["golden.json"])["rows"]
    assert len(rows) == 8 and len({row["text"] for row in rows}) == 8
    runner, run = TFLMRunner(files["model.tflite"]), make_run()
    for row in rows:
        assert run.tokenizer.encode([row["text"]], max_length=16).ids[0].tolist() == row["tokens"]
        logits = runner(np.pad(row["tokens"], (0, 16 - len(row["tokens"]))))
        assert logits.tolist() == row["logits"]
        assert row["label"] == run.labels[int(np.argmax(logits))] and row["score"] is None


def test_the_same_run_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predict = verification.predict  # TFLM for both interpreters: the figures must be the same, the time is not
    monkeypatch.setattr(verification, "predict", lambda *arguments: predict(*arguments[:-1]))
    conversion.convert_run(make_run(), tmp_path / "another name")
    assert contents(tmp_path / "another name") == converted()
    for data in converted().values():
        assert str(tmp_path.parent).encode() not in data


def test_pairs_have_segments() -> None:
    rows = json.loads(converted(pair=True)["golden.json"])["rows"]
    for row in rows:
        first_sep = row["tokens"].index(4)
        assert row["segments"] == [1] * first_sep + [2] * (len(row["tokens"]) - first_sep)


def test_regression_has_scores(tmp_path: Path, no_interpreters: None) -> None:
    conversion.convert_run(make_run(regression=True), tmp_path / "bundle")
    files = contents(tmp_path / "bundle")
    assert files["labels.txt"] == b"" and json.loads(files["manifest.json"])["labels"] == []
    assert all(
        row["label"] is None and isinstance(row["score"], float) for row in json.loads(files["golden.json"])["rows"]
    )


def test_another_length(tmp_path: Path, no_interpreters: None) -> None:
    manifest = conversion.convert_run(make_run(), tmp_path / "bundle", seq_len=2)
    assert manifest["model"]["sequence_length"] == 2
    assert manifest["accuracy"]["int8_tflm"] is None and manifest["accuracy"]["float"] == 94.25


@pytest.mark.parametrize("pair, length", [(False, 1), (False, 17), (False, -3), (True, 3), (True, 17)])
def test_a_length_the_run_was_not_trained_for(tmp_path: Path, pair: bool, length: int) -> None:
    with pytest.raises(UserError, match=rf"--seq-len {length} is not within {4 if pair else 2}\.\.16"):
        conversion.convert_run(make_run(pair=pair), tmp_path / "bundle", seq_len=length)
    assert not list(tmp_path.iterdir())


def test_an_arena_budget(tmp_path: Path, no_interpreters: None) -> None:
    """What was asked for is in the manifest; too little is an error that says by how much, and nothing is written."""
    smallest = conversion.convert_run(make_run(), tmp_path / "bundle")
    needed = smallest["arena"]["cortex-m7"]["cmsis_nn"]["total"]
    assert smallest["arguments"]["arena_budget"] is None
    manifest = conversion.convert_run(make_run(), tmp_path / "roomy", arena_budget=needed)
    assert manifest["arguments"]["arena_budget"] == needed
    assert manifest["arena"]["cortex-m7"]["cmsis_nn"]["total"] <= needed
    assert f"arena of {needed:,} B" in (tmp_path / "roomy/report.html").read_text()
    with pytest.raises(
        UserError, match=rf"--arena-budget {needed - 48}: .* length 16 on cortex-m7 is {needed:,} B, 48 B more"
    ):
        conversion.convert_run(make_run(), tmp_path / "tight", arena_budget=needed - 48)
    assert not (tmp_path / "tight").exists()


def test_a_core_that_the_arena_is_made_small_for(tmp_path: Path, no_interpreters: None) -> None:
    default = conversion.convert_run(make_run(), tmp_path / "bundle")
    manifest = conversion.convert_run(make_run(), tmp_path / "m55", core="cortex-m55")
    assert manifest["arguments"]["core"] == "cortex-m55"
    needed = manifest["arena"]["cortex-m55"]["cmsis_nn"]["total"]
    assert manifest["export"][-1]["total"] == needed <= default["arena"]["cortex-m55"]["cmsis_nn"]["total"]
    assert "cortex-m55, kernels: CMSIS-NN" in (tmp_path / "m55/report.html").read_text()


def test_an_existing_folder(tmp_path: Path, no_interpreters: None) -> None:
    out = tmp_path / "bundle"
    write_folder(out, {"manifest.json": b"old"})
    with pytest.raises(UserError, match="exists; --force replaces it"):
        conversion.convert_run(make_run(), out)
    assert contents(out) == {"manifest.json": b"old"}
    conversion.convert_run(make_run(), out, force=True)
    assert sorted(contents(out)) == FILES and [entry.name for entry in tmp_path.iterdir()] == ["bundle"]


def test_force_replaces_bundles_only(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="is not a bundle"):
        require_free(tmp_path, force=True)
    with pytest.raises(UserError, match="is not a bundle"):
        require_free(tmp_path / "thesis.txt", force=True)


def fail(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("target, name", [(Path, "write_bytes"), (Path, "rename"), (bundle_module, "_replace")])
def test_a_failure_while_writing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_interpreters: None, target: str, name: str
) -> None:
    monkeypatch.setattr(target, name, fail)
    with pytest.raises(OSError):
        conversion.convert_run(make_run(), tmp_path / "bundle")
    assert not list(tmp_path.iterdir())


def test_a_failed_replacement_keeps_the_old_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "bundle"
    write_folder(out, {"manifest.json": b"old"})
    rename = Path.rename
    monkeypatch.setattr(Path, "rename", lambda path, to: fail() if path.name == "new" else rename(path, to))
    with pytest.raises(OSError):
        write_folder(out, {"manifest.json": b"new"}, force=True)
    assert contents(out) == {"manifest.json": b"old"} and len(list(tmp_path.iterdir())) == 1


def test_of_two_commands_on_one_folder_one_wins_whole(tmp_path: Path) -> None:
    """Without --force none replaces what another has just written, and nothing of the losers is left."""

    def write(place: Path, text: bytes) -> bool:
        try:
            write_folder(place, {"manifest.json": text, **{f"{i}.h": text for i in range(20)}})
        except (UserError, OSError):
            return False
        return True

    for round_ in range(20):
        place, texts = tmp_path / str(round_), [f"{i}".encode() for i in range(8)]
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(write, [place] * 8, texts))
        assert won.count(True) == 1 and set(contents(place).values()) == {texts[won.index(True)]}
    assert len(list(tmp_path.iterdir())) == 20


def test_a_failing_interpreter_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_interpreters: None
) -> None:
    def refuse(model: bytes, ids: list[np.ndarray]) -> None:
        raise InterpreterError("tflm failed")

    monkeypatch.setattr(conversion, "compare_interpreters", refuse)
    with pytest.raises(InterpreterError):
        conversion.convert_run(make_run(), tmp_path / "bundle")
    assert not list(tmp_path.iterdir())


def test_labels_hold_one_line_each() -> None:
    assert labels_text(["a b", "", "ü"]) == "a b\n\nü\n".encode()
    for label in ("a\nb", "a\r", "\n"):
        with pytest.raises(UserError, match="line break"):
            labels_text(["fine", label])


def test_the_schema_refuses(tmp_path: Path) -> None:
    manifest = json.loads(converted()["manifest.json"])
    changes: list[dict[str, Any]] = [
        {"format": 2},
        {"date": "today"},
        {"bundle_sha256": "abc"},
        {"arena": {"esp32": {}}},
    ]
    for change in changes:
        with pytest.raises(jsonschema.ValidationError):
            validate_manifest({**manifest, **change})
    del manifest["labels"]
    write_folder(tmp_path / "bundle", {**converted(), "manifest.json": json.dumps(manifest).encode()})
    with pytest.raises(UserError, match="is not a bundle manifest: 'labels' is a required property"):
        read_bundle(tmp_path / "bundle")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], int]:
    """The command line with a run that need not be on disk."""

    def load_run(path: str) -> Any:
        if Path(path).name != "run":
            raise UserError(f"no run at {path}")
        return make_run()

    monkeypatch.setattr("tf_embbert.run.load_run", load_run)
    return convert.main


def test_command(
    tmp_path: Path, command: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str], no_interpreters: None
) -> None:
    assert command(["run", "--out", str(tmp_path / "bundle"), "--seq-len", "15"]) == 0
    out = capsys.readouterr().out
    assert "above the longest text seen in training (14)" in out and "measured at length 16, not at 15" in out
    assert "94.25" in out and "200 of 200 rows" in out
    assert sorted(contents(tmp_path / "bundle")) == FILES


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nowhere", "--out", "new"], "no run at nowhere"),
        (["run", "--out", "there"], "there exists; --force replaces it"),
        (["run", "--out", "there", "--force"], "there is not a bundle, so --force does not replace it"),
        (["run", "--out", "new", "--seq-len", "99"], "--seq-len 99 is not within 2..16"),
        (["run", "--out", "file/new"], "cannot make"),
    ],
)
def test_bad_input(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: Callable[[list[str]], int],
    capsys: pytest.CaptureFixture[str],
    no_interpreters: None,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("")
    assert command(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err.splitlines()[-1]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "there"]


def test_rows_that_differ_fail_the_command(
    tmp_path: Path, command: Callable[[list[str]], int], monkeypatch: pytest.MonkeyPatch, no_interpreters: None
) -> None:
    def differ(model: bytes, ids: list[np.ndarray]) -> verification.Answers:
        logits = np.zeros((len(ids), 3), np.int8)
        return verification.Answers(logits, logits + (np.arange(len(ids)) == 7)[:, None].astype(np.int8))

    monkeypatch.setattr(conversion, "compare_interpreters", differ)
    assert command(["run", "--out", str(tmp_path / "bundle")]) == 1
    assert read_bundle(tmp_path / "bundle").manifest["verification"]["equal"] == 199


@pytest.mark.parametrize("folder", [ROOT, ROOT / "convert", Path("/")])
def test_runs_as_a_script_from_any_folder(folder: Path) -> None:
    """Its own folder must not shadow the package: there `import convert` would find convert/convert.py."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "convert" / "convert.py"), "--help"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0 and "--seq-len" in done.stdout, done.stderr


def test_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "convert.convert", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "--seq-len" in done.stdout, done.stderr
