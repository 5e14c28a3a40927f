"""`tf_embbert.evaluate`: the figures of a run and of a bundle, and what it says to bad input."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.chain import KINDS, FolderOf, make_rows, refused, write_rows
from tf_embbert.evaluate import main

ROOT = Path(__file__).parents[2]


def scored(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    """What `--json` prints, and that it prints nothing else."""
    assert main([str(argument) for argument in arguments] + ["--json"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and len(out.splitlines()) == 1
    return json.loads(out)


@pytest.mark.parametrize("kind", KINDS)
def test_the_figures_are_those_of_the_training(
    kind: str, run_of: FolderOf, bundle_of: FolderOf, data: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --seed the file is split as it was in training: the test rows are the ones held out."""
    run, bundle, task = run_of(kind), bundle_of(kind), ["--task", data[kind], *KINDS[kind][1]]
    metrics = json.loads((run / "metrics.json").read_text())
    capsys.readouterr()
    metric, int8 = metrics["metric"], f"{metrics['chosen']}_tflm"
    about = {"task": metrics["dataset"], "split": "test", "rows": metrics["rows"], "truncated": 0, "metric": metric}
    in_float = {**about, "model": "float", metric: pytest.approx(metrics["float"], abs=1e-3)}
    notices, fresh = json.loads((run / "config.json").read_text())["notices"], metrics.get("not_in_train")
    assert bool(fresh) == any("stand in train too" in notice for notice in notices)
    for model, key, expected in (
        (run, "float", in_float),
        (bundle, int8, {**about, "model": "int8 in TFLM", metric: metrics[int8]}),
    ):
        result = scored(capsys, model, *task)
        again = result.pop("not_in_train", None)
        assert again == (fresh and {"rows": fresh["rows"], metric: pytest.approx(fresh[key], abs=1e-3)})
        assert result == {**expected, "notices": notices}
    assert scored(capsys, bundle, *task, "--split", "selection")[metric] == metrics["selection"][int8]


def test_one_line_for_people(run_of: FolderOf, data: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    run, task = str(run_of("classes")), ["--task", str(data["classes"]), *KINDS["classes"][1]]
    capsys.readouterr()
    assert main([run, *task, "--rows", "7", "--split", "train"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("commands, train, 7 rows (0 cut), float: accuracy ") and err == ""


def test_at_least(run_of: FolderOf, data: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    run, task = str(run_of("classes")), ["--task", str(data["classes"]), *KINDS["classes"][1]]
    assert main([run, *task, "--at-least", "0"]) == 0
    capsys.readouterr()
    assert main([run, *task, "--at-least", "100.5"]) == 1
    assert capsys.readouterr().err.splitlines() == ["accuracy is below the 100.50 asked for"]


def test_longer_texts_are_counted_not_fatal(
    run_of: FolderOf, bundle_of: FolderOf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = make_rows("classes", 12)
    for row in rows[::4]:
        row["body"] = "please " * 300 + row["body"]
    task = ["--task", write_rows(tmp_path / "d.csv", rows), *KINDS["classes"][1], "--split", "all"]
    for model in (run_of("classes"), bundle_of("classes")):
        capsys.readouterr()
        result = scored(capsys, model, *task)
        assert (result["rows"], result["truncated"]) == (12, 3)


def test_the_command_is_silent_beside_its_answer(run_of: FolderOf, data: dict[str, Path]) -> None:
    """In a process of its own: TensorFlow talks when it is imported for the first time."""
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "tf_embbert.evaluate",
        run_of("classes"),
        "--task",
        data["classes"],
        "--json",
    ]
    done = subprocess.run([*command, *KINDS["classes"][1]], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stderr == "" and json.loads(done.stdout)["model"] == "float"


# ---- bad input ----


@pytest.fixture
def models(run_of: FolderOf, bundle_of: FolderOf, capsys: pytest.CaptureFixture[str]) -> Any:
    makers = {"run": run_of, "bundle": bundle_of}
    made = {f"{what} of {kind}": make(kind) for kind in KINDS for what, make in makers.items()}
    capsys.readouterr()  # what their making printed
    return made


@pytest.mark.parametrize("what", ["run", "bundle"])
def test_a_label_that_training_never_saw(
    what: str, models: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = make_rows("classes", 30)
    rows[4]["queue"] = "weather"
    task = write_rows(tmp_path / "d.csv", rows)
    refused(
        capsys,
        main,
        [models[f"{what} of classes"], "--task", task, *KINDS["classes"][1], "--strict"],
        "--strict refuses",
        "1 of 30 train rows have a label training never saw, and count as wrong: 'weather'",
    )


@pytest.mark.parametrize("what", ["run", "bundle"])
def test_rows_of_another_kind(
    what: str, models: Any, data: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = {"music": "yes", "timer": "no", "lights": "no"}
    rows = [{"text": row["body"], "label": labels[row["queue"]]} for row in make_rows("classes", 30)]
    single = write_rows(tmp_path / "single.csv", rows)
    classes, of_pairs, regression = (models[f"{what} of {kind}"] for kind in ("classes", "pairs", "regression"))
    refused(capsys, main, [of_pairs, "--task", single], "takes pairs of texts", "single has the other")
    refused(capsys, main, [regression, "--task", data["pairs"]], "is not a number, as regression needs")
    refused(capsys, main, [regression, "--task", "pocket"], "predicts a number", "choose another --task")
    refused(capsys, main, [classes, "--task", data["regression"]], "label '3.0' was never seen in training")


def test_folders_that_are_neither_run_nor_bundle(
    models: Any, data: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in (tmp_path, tmp_path / "none", data["pairs"]):
        refused(capsys, main, [folder, "--task", data["pairs"]], folder, "is neither a run (config.json) nor a bundle")


@pytest.mark.parametrize(
    "options, parts",
    [
        (["--split", "tset"], ["has no split 'tset'", "train, selection, test"]),
        (["--rows", "0"], ["--rows: '0' is not a whole number of at least 1"]),
        (["--seed", "x"], ["--seed: 'x' is not a whole number"]),
        (["--text-column", "txt"], ["no column 'txt'", "body, queue"]),
        (["--task", "nothing.csv"], ["no such file or folder: nothing.csv"]),
        (["--task", "imbd"], ["unknown task 'imbd'", "did you mean imdb"]),
    ],
)
def test_bad_options(
    options: list[str], parts: list[str], models: Any, data: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--task", data["classes"], *KINDS["classes"][1], *options]
    refused(capsys, main, [models["bundle of classes"], *given], *parts)


@pytest.mark.parametrize("name", ["model.tflite", "tokenizer.json"])
def test_a_bundle_with_a_foreign_file(
    name: str, models: Any, data: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(models["bundle of classes"], tmp_path / "bundle")
    shutil.copy(models["bundle of pairs"] / name, tmp_path / "bundle")
    refused(capsys, main, [tmp_path / "bundle", "--task", data["pairs"]], name, "is not the file of its manifest")


@pytest.mark.parametrize("name", ["model.tflite", "tokenizer.json", "labels.txt"])
def test_a_bundle_with_a_missing_file(
    name: str, models: Any, data: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(models["bundle of classes"], tmp_path / "bundle")
    (tmp_path / "bundle" / name).unlink()
    refused(capsys, main, [tmp_path / "bundle", "--task", data["pairs"]], name, "is missing")
