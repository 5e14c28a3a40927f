"""Texts with a teacher's probabilities: what a file of them may hold, and what training makes of them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.chain import KINDS, SMALL, FolderOf, history, make_rows, refused, write_rows
from tf_embbert.common.errors import UserError
from tf_embbert.data.soft_labels import read_soft_labels
from tf_embbert.data.tasks import Task, load_task
from tf_embbert.finetune import main
from tf_embbert.finetuning.config import FinetuneConfig
from tf_embbert.finetuning.objective import choose_objective
from tf_embbert.finetuning.prepare import PreparedTask
from tf_embbert.run import load_run


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return load_task(
        write_rows(tmp_path / "commands.csv", make_rows("classes")), text_column="body", label_column="queue"
    )


def write(path: Path, rows: Iterable[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def soft_row(text: str = "hum a tune", **shares: float) -> dict[str, Any]:
    return {"text": text, "probabilities": shares}


def test_shares_stand_in_the_order_of_the_labels(task: Task, tmp_path: Path) -> None:
    rows = [
        soft_row(timer=0.25, lights=0.75),
        soft_row("dim it", music=1),
        soft_row(music=0.333, lights=0.333, timer=0.333),
    ]
    soft = read_soft_labels(write(tmp_path / "soft.jsonl", rows), task)
    assert task.labels == ["lights", "music", "timer"] and len(soft) == 3 and soft.pairs is None
    assert soft.texts == ["hum a tune", "dim it", "hum a tune"]
    expected = np.array([[0.75, 0, 0.25], [0, 1, 0], [1 / 3] * 3])
    np.testing.assert_allclose(soft.targets, expected, atol=1e-6)


def test_pairs_have_second_texts(tmp_path: Path) -> None:
    task = load_task(write_rows(tmp_path / "same.jsonl", make_rows("pairs")))
    row = {"text": "a", "text_pair": "b", "probabilities": {"yes": 1.0}}
    assert read_soft_labels(write(tmp_path / "soft.jsonl", [row]), task).pairs == ["b"]
    with pytest.raises(UserError, match="has no column 'text_pair'"):
        read_soft_labels(write(tmp_path / "soft.jsonl", [soft_row(yes=1)]), task)


BAD = {
    "another label": ({"text": "a", "probabilities": {"musik": 1}}, ["line 2", "'musik' is no label", "lights, music"]),
    "a list": ({"text": "a", "probabilities": [1, 0, 0]}, ["line 2", "not an object of labels"]),
    "not 1": ({"text": "a", "probabilities": {"music": 0.5}}, ["line 2", "add up to 0.5, not to 1"]),
    "negative": ({"text": "a", "probabilities": {"music": 1.5, "timer": -0.5}}, ["line 2", "numbers from 0 to 1"]),
    "not a number": ({"text": "a", "probabilities": {"music": float("nan")}}, ["line 2", "numbers from 0 to 1"]),
    "text": ({"text": "a", "probabilities": {"music": "1"}}, ["line 2", "numbers from 0 to 1"]),
    "nothing": ({"text": "a"}, ["line 2", "'probabilities' is None"]),
    "no text": ({"text": 3, "probabilities": {"music": 1}}, ["line 2", "'text' is 3, not a text"]),
}


@pytest.mark.parametrize("row, parts", BAD.values(), ids=BAD)
def test_bad_rows_are_named(row: Any, parts: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = write_rows(tmp_path / "commands.csv", make_rows("classes"))
    path = write(tmp_path / "soft.jsonl", [soft_row(music=1), row])
    arguments = ["--task", task, *KINDS["classes"][1], *SMALL, "--soft-rows", path, "--out", tmp_path / "run"]
    refused(capsys, main, arguments, path, *parts)
    assert not (tmp_path / "run").exists() and not (tmp_path / "run.partial").exists()


def test_numbers_have_no_probabilities(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = write_rows(tmp_path / "loudness.tsv", make_rows("regression"))
    path = write(tmp_path / "soft.jsonl", [soft_row(music=1)])
    refused(
        capsys, main, ["--task", task, "--soft-rows", path, "--out", tmp_path / "run"], "--soft-rows are of classes"
    )


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_soft_rows_follow_the_labelled_ones_with_their_own_targets(share: float, task: Task, tmp_path: Path) -> None:
    rows = [soft_row("hum hum hum a tune", music=0.6, timer=0.4)] * 12
    soft = read_soft_labels(write(tmp_path / "soft.jsonl", rows), task)
    config = FinetuneConfig(task="x", preset="nano", init="none", tokenizer="own", token_dropout=0.0)
    data = PreparedTask(task, config, print, soft)
    labelled, own = len(task.rows("train")), np.eye(3, dtype=np.float32)[task.rows("train").labels]
    lesson = (1 - share) * own + share / 3 if share else None
    encoded, (_, targets) = data.training_rows(), choose_objective(task, lesson, soft)
    assert len(encoded) == len(targets) == labelled + 12
    np.testing.assert_allclose(targets[labelled:], [[0, 0.6, 0.4]] * 12, atol=1e-6)
    assert (targets[:labelled].argmax(axis=1) == task.rows("train").labels).all()
    assert encoded.labels[labelled:].tolist() == [1] * 12
    assert "hum" in data.tokenizer.decode(encoded.ids[-1])  # the tokenizer has learnt from them too


@pytest.mark.slow
def test_a_training_takes_them_in_and_records_their_file(
    data: dict[str, Path], run_of: FolderOf, tmp_path: Path
) -> None:
    rows = [soft_row(row["body"], **{row["queue"]: 1}) for row in make_rows("classes", 60, seed=8)]
    path = write(tmp_path / "more.jsonl", rows)
    options = [*SMALL, "--seed", "0", "--soft-rows", str(path), "--out", str(tmp_path / "run")]
    assert main(["--task", str(data["classes"]), *KINDS["classes"][1], *options]) == 0
    assert load_run(tmp_path / "run").arguments["soft_rows"] == "more.jsonl"
    assert history(tmp_path / "run")[0]["loss"] != history(run_of("classes"))[0]["loss"]
