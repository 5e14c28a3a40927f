"""Texts longer than the model, from the training to the bundle: read in windows."""

import random
from pathlib import Path

import pytest

from convert.bundle.bundle import read_bundle
from convert.convert import main as convert
from tests.support.chain import CLASSES, SMALL, utterance, write_rows
from tf_embbert.data.tasks import load_task
from tf_embbert.finetune import main as finetune
from tf_embbert.finetuning.config import FinetuneConfig
from tf_embbert.finetuning.evaluation import EvaluateConfig, evaluate_model
from tf_embbert.finetuning.prepare import PreparedTask
from tf_embbert.run import load_run


def long_rows(count: int, sentences: int) -> list[dict[str, str]]:
    chooser = random.Random(3)
    labels = chooser.choices(list(CLASSES), k=count)
    return [{"text": " ".join(utterance(chooser, label) for _ in range(sentences)), "label": label} for label in labels]


@pytest.mark.slow
def test_what_a_training_reads_in_windows_its_bundle_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_rows(tmp_path / "long.csv", long_rows(200, 10))
    reading = ["--max-length", "16", "--windows", "4", "--init", "none", "--tokenizer", "own"]
    assert finetune(["--task", str(file), *SMALL, *reading, "--out", str(tmp_path / "run")]) == 0
    assert "length 16 in up to 4 windows" in capsys.readouterr().out
    run = load_run(tmp_path / "run")
    assert (run.max_length, run.windows, run.room) == (16, 4, 61) and run.longest > 16  # a label is of a whole text
    assert convert([str(tmp_path / "run"), "--out", str(tmp_path / "bundle")]) == 0
    bundle = read_bundle(tmp_path / "bundle")
    assert bundle.manifest["model"]["windows"] == 4 and bundle.manifest["accuracy"]["int8_tflm"] is not None
    for path, figure in (("run", "float"), ("bundle", f"{run.chosen}_tflm")):
        assert evaluate_model(tmp_path / path, EvaluateConfig(task=str(file)))["accuracy"] == run.metrics[figure]


@pytest.mark.parametrize("sentences, windows", [(2, 1), (80, 16), (100, 16)])
def test_texts_that_would_be_cut_are_read_in_windows(sentences: int, windows: int, tmp_path: Path) -> None:
    task = load_task(str(write_rows(tmp_path / "long.csv", long_rows(40, sentences))))
    data = PreparedTask(task, FinetuneConfig(task="x", init="none", tokenizer="own", token_dropout=0.0), print)
    assert (data.windows == 1) == (windows == 1) and data.windows <= windows
    assert (data.length == 64) == (windows > 1) and max(map(len, data.training_rows().ids)) <= 256
    assert max(map(len, data.encode("selection").ids)) <= data.room


def test_pairs_are_not_read_in_windows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"text": row["text"], "text_pair": "no", "label": row["label"]} for row in long_rows(40, 1)]
    file = write_rows(tmp_path / "pairs.jsonl", rows)
    assert finetune(["--task", str(file), *SMALL, "--windows", "2", "--out", str(tmp_path / "run")]) == 2
    assert "--windows is for single texts" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
