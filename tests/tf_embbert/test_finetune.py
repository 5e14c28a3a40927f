"""`tf_embbert.finetune`: labelled text to a run, to a bundle, and what it says to bad input."""

import csv
import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers

from convert import convert, verify
from tests.support.chain import KINDS, SMALL, FolderOf, history, make_rows, refused, write_rows
from tf_embbert import finetune
from tf_embbert.common.arguments import split_output
from tf_embbert.finetune import main
from tf_embbert.finetuning.config import FinetuneConfig
from tf_embbert.finetuning.finetune import finetune_task
from tf_embbert.run import load_run
from tf_embbert.tokenizer import Tokenizer
from tf_embbert.training.partial import partial_folder

ROOT = Path(__file__).parents[2]
FILES = [
    "config.json",
    "history.csv",
    "labels.json",
    "metrics.json",
    "ptq.npz",
    "qat.npz",
    "tokenizer.json",
    "verification.jsonl",
    "weights.npz",
]


def read(path: Path) -> Any:
    return json.loads(path.read_text())


# ---- what comes out ----


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_has_its_files_and_nothing_else(kind: str, run_of: FolderOf) -> None:
    run = run_of(kind)
    assert sorted(file.name for file in run.iterdir()) == FILES
    assert not partial_folder(run).exists()


@pytest.mark.parametrize("kind", KINDS)
def test_metrics_are_those_of_both_splits_in_float_and_in_tflm(kind: str, run_of: FolderOf) -> None:
    metrics = read(run_of(kind) / "metrics.json")
    assert (metrics["dataset"], metrics["split"]) == (KINDS[kind][0].split(".")[0], "test")
    assert metrics["metric"] == ("spearman" if kind == "regression" else "accuracy")
    for figures in (metrics, metrics["selection"]):
        assert 18 <= figures["rows"] <= 22  # a tenth, of each class
        assert all(-100 <= figures[key] <= 100 for key in ("float", "ptq_tflm", "qat_tflm"))
    better = "qat" if metrics["selection"]["qat_tflm"] >= metrics["selection"]["ptq_tflm"] else "ptq"
    assert metrics["chosen"] == read(run_of(kind) / "config.json")["chosen"] == better


def test_two_epochs_already_learn_something(run_of: FolderOf) -> None:
    assert read(run_of("classes") / "metrics.json")["float"] > 100 / 3
    assert read(run_of("regression") / "metrics.json")["float"] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_history_has_a_line_an_epoch_of_every_phase(kind: str, run_of: FolderOf) -> None:
    with open(run_of(kind) / "history.csv") as file:
        rows = list(csv.DictReader(file))
    phases = [row["phase"] for row in rows]
    assert phases[:2] == ["float", "float"] and len(phases) > 2 and all(p.startswith("qat ") for p in phases[2:])
    metric = read(run_of(kind) / "metrics.json")["metric"]
    assert list(rows[0]) == ["phase", "epoch", "loss", metric, "rows_per_second"]
    assert all(float(row["loss"]) > 0 and float(row["rows_per_second"]) > 0 for row in rows)


def test_the_tokenizer_loads_in_hugging_face(run_of: FolderOf) -> None:
    run = run_of("classes")
    texts = ["Play a song!", "wake me at seven, please", "zürich 漢字 [SEP] [CLS]", ""]
    theirs = tokenizers.Tokenizer.from_file(str(run / "tokenizer.json"))
    ours = Tokenizer.load(run / "tokenizer.json").encode(texts).ids
    assert [theirs.encode(text).ids for text in texts] == [row.tolist() for row in ours]


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_are_recorded_without_paths(kind: str, run_of: FolderOf, bundle_of: FolderOf, shared: Path) -> None:
    arguments = read(run_of(kind) / "config.json")["arguments"]
    assert arguments["task"] == KINDS[kind][0] and arguments["seed"] == 3 and arguments["preset"] == "nano"
    assert not {"out", "data_dir", "resume", "force"} & set(arguments)
    machine = re.compile(re.escape(str(shared)) + "|" + re.escape(str(ROOT)))
    for folder in (run_of(kind), bundle_of(kind)):
        for file in folder.iterdir():
            assert not machine.search(file.read_bytes().decode("latin-1")), file


@pytest.mark.parametrize(
    "name, path", [("tickets.csv", "some/where/tickets.csv"), ("tickets", "tickets/"), ("pocket", "pocket")]
)
def test_recorded_names(name: str, path: str) -> None:
    recorded = FinetuneConfig(task=path, init=f"./{path}").recorded()
    assert (recorded["task"], recorded["init"]) == (name, name)
    assert str(partial_folder("run/")) == "run.partial"


def test_all_options_are_fields_of_the_config_and_none_has_another_default() -> None:
    values, output = split_output(finetune.parser().parse_args(["--task", "pocket", "--out", "run"]))
    assert FinetuneConfig(**values) == FinetuneConfig(task="pocket")
    assert output == {"out": "run", "resume": False, "force": False}
    options = {action.dest for action in finetune.parser()._actions} - {"help", *output}
    assert options == {field.name for field in dataclasses.fields(FinetuneConfig)}


# ---- on to the bundle ----


@pytest.mark.parametrize("kind", KINDS)
def test_the_bundle_is_verified(
    kind: str, run_of: FolderOf, bundle_of: FolderOf, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, metrics = read(bundle_of(kind) / "manifest.json"), read(run_of(kind) / "metrics.json")
    assert manifest["model"]["integer_only"]
    assert manifest["verification"]["equal"] == manifest["verification"]["rows"] >= 200
    assert manifest["accuracy"]["int8_tflm"] == metrics[f"{metrics['chosen']}_tflm"]
    assert manifest["labels"] == (read(run_of(kind) / "labels.json") or [])
    capsys.readouterr()
    assert verify.main([str(bundle_of(kind)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"]


def test_the_same_run_gives_the_same_bytes(run_of: FolderOf, bundle_of: FolderOf, tmp_path: Path) -> None:
    assert convert.main([str(run_of("pairs")), "--out", str(tmp_path / "again")]) == 0
    first, again = (
        {file.name: file.read_bytes() for file in folder.iterdir()}
        for folder in (bundle_of("pairs"), tmp_path / "again")
    )
    assert first == again


@pytest.mark.slow
def test_a_start_from_another_run_on_odd_data(
    run_of: FolderOf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A class with one row, empty texts, a line separator, texts that are cut, odd batches, everything padded."""
    odd = [("", "a"), ("b" * 300, "b"), ("a  a", "a"), ("", "b"), ("b, b", "b"), ("only\u2028one", "c")]
    task = write_rows(tmp_path / "d.csv", [{"text": text, "label": label} for text, label in odd] + make_texts(40))
    options = [
        "--max-length",
        "8",
        "--batch-size",
        "7",
        "--pad-to",
        "16",
        "--init",
        str(run_of("pairs")),
        "--tokenizer",
        "init",
    ]
    assert main(["--task", str(task), *SMALL, *options, "--out", str(tmp_path / "run")]) == 0
    out = capsys.readouterr().out
    assert "note: 1 class(es) with a single row stay in train" in out and "texts cut to 8 tokens" in out
    run = load_run(tmp_path / "run")
    assert (run.max_length, run.labels, run.is_pair, run.arguments["init"]) == (8, ["a", "b", "c"], False, "pairs")
    assert (tmp_path / "run/tokenizer.json").read_bytes() == (run_of("pairs") / "tokenizer.json").read_bytes()


@pytest.mark.slow
def test_a_teacher_changes_the_float_training_and_fewer_rows_that_in_int8(
    data: dict[str, Path], run_of: FolderOf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*SMALL, "--seed", "0", "--teacher", "ngrams", "--teacher-share", "0.5", "--variants", "0"]
    options += ["--qat-rows", "40"]
    assert main(["--task", str(data["classes"]), *KINDS["classes"][1], *options, "--out", str(tmp_path / "run")]) == 0
    taught, plain = (history(run) for run in (tmp_path / "run", run_of("classes")))
    assert taught[0]["loss"] != plain[0]["loss"]  # against other targets, from the same first weights
    arguments = load_run(tmp_path / "run").arguments
    assert (arguments["teacher"], arguments["teacher_share"], arguments["qat_rows"]) == ("ngrams", 0.5, 40)


@pytest.mark.parametrize("positive", [0.3, 0.5, 0.9])
def test_a_head_is_moved_to_give_each_class_its_share(positive: float) -> None:
    from tf_embbert import EmbBERTConfig, build_classifier
    from tf_embbert.finetuning.objective import calibrate_prior
    from tf_embbert.training.batching import predict_in_order
    from tf_embbert.training.fitting import EncodedRows, validate

    rng = np.random.default_rng(0)
    ids = [np.array([2, *rng.integers(5, 100, rng.integers(1, 9))], np.int32) for _ in range(400)]
    rows = EncodedRows(ids, (rng.permutation(400) < 400 * positive).astype(np.int32), "mcc")
    model = build_classifier(EmbBERTConfig.preset("nano", vocab_size=100), 2)
    model.get_layer("head").bias.assign([0.0, 5.0])  # everything is of class 1
    before, judged = predict_in_order(model, ids), validate(model, rows)
    calibrate_prior(model, rows)
    after = predict_in_order(model, ids)
    assert (before.argmax(axis=1) == 1).all() and abs(np.mean(after.argmax(axis=1)) - positive) <= 0.01
    moved = (after - before)[:, 1] - (after - before)[:, 0]
    np.testing.assert_allclose(moved, moved[0], atol=1e-5)  # the same for all rows: their order stays
    truth, given = rows.labels, after.argmax(axis=1)
    assert judged == pytest.approx(
        100 * np.corrcoef(truth, given)[0, 1], abs=1.0
    )  # epochs were judged by what it is now


def test_no_linear_model_teaches_numbers(
    data: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--task", data["regression"], *SMALL, "--teacher", "ngrams", "--out", tmp_path / "run"]
    refused(capsys, quiet(main), arguments, "--teacher ngrams is of single texts with classes", "has numbers")


def make_texts(count: int) -> list[dict[str, str]]:
    return [{"text": "yes " * (i % 5) + "x" * (i % 7), "label": "ab"[i % 2]} for i in range(count)]


def test_force_replaces_a_run_and_nothing_else(
    run_of: FolderOf,
    data: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The training is left out: what a run is replaced by does not matter here."""
    trained = load_run(run_of("classes"))
    import tf_embbert.finetuning.recipe

    def no_training(task: Any, config: Any, folder: Path, report: Any, soft: Any) -> Any:
        folder.mkdir()
        return trained, [{"epoch": 1}]

    monkeypatch.setattr(tf_embbert.finetuning.recipe, "train_run", no_training)
    options = ["--task", data["pairs"], "--out"]
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.json").write_text("{}")
    refused(capsys, main, [*options, tmp_path / "run"], tmp_path / "run", "exists", "--force")
    assert main([str(o) for o in [*options, f"{tmp_path}/run/", "--force"]]) == 0
    assert load_run(tmp_path / "run").labels == trained.labels and not (tmp_path / "run.partial").exists()
    (tmp_path / "home").mkdir()
    (tmp_path / "home/letters.txt").write_text("")
    capsys.readouterr()
    refused(capsys, main, [*options, tmp_path / "home", "--force"], "home is not a run")
    refused(capsys, main, [*options, data["pairs"], "--force"], "is not a run")
    assert (tmp_path / "home/letters.txt").exists() and data["pairs"].exists()


# ---- bad input ----


def write_bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


BAD_DATA = {
    "missing": (lambda path: path, ["no such file", "texts.csv"]),
    "empty": (lambda path: write_bytes(path, b""), ["texts.csv is empty"]),
    "header only": (lambda path: write_bytes(path, b"text,label\n"), ["no rows"]),
    "no such column": (
        lambda path: write_rows(path, make_rows("classes")),
        ["has no column 'text'", "its columns are body, queue; --text-column body --label-column queue looks right"],
    ),
    "not UTF-8": (
        lambda path: write_bytes(path, "text,label\nпозавчера,a\n".encode("cp1251")),
        ["line 2", "0xef", "--encoding NAME", "save the file as UTF-8"],
    ),
    "one class": (lambda path: write_bytes(path, b"text,label\nx,a\ny,a\n"), ["one class only"]),
    "no label": (lambda path: write_bytes(path, b"text,label\nx,a\ny,\n"), ["line 3", "label is missing"]),
    "line break": (lambda path: write_bytes(path, b'text,label\nx,a\ny,"b\nc"\n'), ["line break"]),
}


@pytest.mark.parametrize("make, parts", BAD_DATA.values(), ids=BAD_DATA)
def test_bad_data(make: Callable[[Path], Any], parts: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = make(tmp_path / "texts.csv").exists()
    refused(capsys, main, ["--task", tmp_path / "texts.csv", "--out", tmp_path / "run"], *parts)
    assert [path.name for path in tmp_path.iterdir()] == ["texts.csv"] * before


BAD_OPTIONS = [
    (["--preset", "bse"], ["unknown preset 'bse'", "did you mean base", "nano, tiny, base, med, big"]),
    (["--task", "emotoin"], ["unknown task 'emotoin'", "did you mean emotion"]),
    (["--task", "sst2", "--data-dir", "none"], ["no such data folder: none"]),
    (["--max-length", "1"], ["--max-length 1 is not within 2..256"]),
    (["--max-length", "257"], ["--max-length 257 is not within 2..256"]),
    (["--pad-to", "4"], ["--pad-to 4 is not within 8..256"]),
    (["--pad-to", "300"], ["--pad-to 300 is not within 8..256"]),
    (["--init", "nowhere"], ["nowhere is not a run", "config.json"]),
    (["--epochs", "0"], ["--epochs: '0' is not a whole number of at least 1", "--help"]),
    (["--qat-epochs", "-1"], ["--qat-epochs: '-1' is not a whole number of at least 1"]),
    (["--epochs", "two"], ["--epochs: 'two' is not a whole number"]),
    (["--batch-size", "0"], ["--batch-size: '0'"]),
    (["--report-rows", "0"], ["--report-rows: '0'"]),
    (["--seed", "-1"], ["--seed: '-1' is not a whole number from 0 to 4294967295"]),
    (["--learning-rate", "0"], ["--learning-rate: '0' is not a number above 0"]),
    (["--learning-rate", "nan"], ["--learning-rate: 'nan'"]),
    (["--qat-learning-rate", "inf"], ["--qat-learning-rate: 'inf'"]),
    (["--weight-decay", "-0.1"], ["--weight-decay: '-0.1' is not a number from 0"]),
    (["--token-dropout", "1"], ["--token-dropout: '1' is not a number from 0 and below 1"]),
    (["--teacher", "0.5"], ["--teacher 0.5 is not ngrams, none, auto, minilm, or the folder of a sentence encoder"]),
    (["--teacher-share", "1"], ["--teacher-share: '1' is not a number from 0 and below 1"]),
    (["--variants", "-1"], ["--variants: '-1' is not a whole number of at least 0"]),
    (["--minutes", "0"], ["--minutes: '0' is not a number above 0"]),
    (["--qat-rows", "0"], ["--qat-rows: '0'"]),
    (["--resume"], ["nothing to resume", "leave --resume out"]),
    (["--no-such-option"], ["unrecognized arguments: --no-such-option", "--help"]),
    (["--out", "/dev/null/run"], ["cannot write to /dev/null/run.partial", "choose another --out"]),
]


@pytest.mark.parametrize("options, parts", BAD_OPTIONS, ids=[" ".join(options) for options, _ in BAD_OPTIONS])
def test_bad_options(
    options: Any, parts: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    task = write_rows(Path("d.csv"), make_texts(60))
    refused(
        capsys, quiet(main), ["--task", task, "--preset", "nano", "--teacher", "none", "--out", "run", *options], *parts
    )
    assert [path.name for path in tmp_path.iterdir()] == ["d.csv"]


def quiet(main: Callable[..., Any]) -> Callable[..., int]:
    """The command without its lines of progress; what is written to standard error stays."""

    def run(arguments: Any) -> None:
        values, output = split_output(finetune.parser().parse_args(arguments))
        finetune_task(FinetuneConfig(**values), **output, report=lambda line: None)

    return finetune.run_command(run)


def test_two_missing_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    refused(capsys, main, [], "the following arguments are required: --task, --out")


def test_a_loss_that_becomes_nan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = write_rows(tmp_path / "d.csv", make_texts(60))
    options = [*SMALL, "--learning-rate", "1e20", "--out", tmp_path / "run"]
    refused(capsys, quiet(main), ["--task", task, *options], "nan", "lower the learning rate (--learning-rate")
    assert [path.name for path in tmp_path.iterdir()] == ["d.csv"]


def test_a_hub_task_without_network(tmp_path: Path) -> None:
    """In a process of its own: the hub's client reads its settings once, when it is imported."""
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")}
    command = [sys.executable, "-m", "tf_embbert.finetune", "--task", "snips", "--out", str(tmp_path / "run")]
    done = subprocess.run(command, cwd=ROOT, env=offline, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1
    assert "--data-dir DIR needs DIR/snips/ with train.jsonl.gz and test.jsonl.gz" in done.stderr
    assert not (tmp_path / "run").exists() and not (tmp_path / "run.partial").exists()


def test_a_model_of_keras_3_is_refused(tmp_path: Path) -> None:
    keras3 = pytest.importorskip("keras", minversion="3")
    from tf_embbert.common.errors import UserError
    from tf_embbert.quantization.fold import fold_model
    from tf_embbert.training.fitting import EncodedRows, Recipe, train

    model = keras3.Sequential([keras3.Input((4,)), keras3.layers.Dense(2)])
    rows = EncodedRows([np.array([2, 5], np.int32)], np.array([0]), "accuracy")
    for use in (
        lambda: fold_model(model, None, pair=False),
        lambda: train(model, None, rows, rows, Recipe(1), tmp_path / "none", seed=0),
    ):
        with pytest.raises(UserError, match="is not a tf_keras model: write `import tf_keras as keras`"):
            use()
    assert not (tmp_path / "none").exists()
