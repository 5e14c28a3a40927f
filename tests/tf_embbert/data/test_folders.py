"""Folders of labelled text: splits as people write them, a folder a class, labels.json of every kind."""

import re
from pathlib import Path

import pytest

from tests.support.plain_rows import CLASSES, DEEP, ROWS, lines, written
from tf_embbert.common.errors import UserError
from tf_embbert.data.tasks import load_task

SPLITS = {
    "train": [
        "train",
        "training",
        "Train",
        "TRAINING",
        "train_set",
        "trainset",
        "train-00000-of-00001",
        "trn",
        "train",
    ],
    "validation": ["validation", "valid", "val", "dev", "devel", "development", "Dev_Set", "eval", "dev-v1"],
    "test": ["test", "testing", "Test", "test-set", "testdata", "tst", "test_split", "test-00000-of-00001", "holdout"],
}


@pytest.mark.parametrize("names", zip(*SPLITS.values()), ids="-".join)
def test_splits_as_people_write_them(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name, start in zip(names, (0, 12, 24)):
        written(tmp_path, {f"{name}.csv": lines(ROWS[start : start + 12])})
    task = load_task(tmp_path, strict=True)
    assert {split: len(rows) for split, rows in task.splits.items()} == {"train": 12, "selection": 12, "test": 12}


def test_splits_behind_a_name_that_they_share(tmp_path: Path) -> None:
    for name, start in (("mails_train", 0), ("mails_test", 24)):
        written(tmp_path, {f"{name}.csv": lines(ROWS[start : start + 12])})
    assert set(load_task(tmp_path, strict=True).splits) == {"train", "selection", "test"}


def test_columns_of_each_split_are_found(tmp_path: Path) -> None:
    written(tmp_path, {"train.csv": lines(ROWS[:24], header="Text,LABEL"), "test.csv": lines(ROWS[24:], ";")})
    assert len(load_task(tmp_path).notices) == 3


def test_test_texts_that_stand_in_train(tmp_path: Path) -> None:
    written(
        tmp_path, {"train.csv": lines(), "dev.csv": lines(ROWS[:3]), "test.csv": lines([*ROWS[:4], ("new", "bad")])}
    )
    task = load_task(tmp_path)
    assert task.notices == ["4 of 5 test texts stand in train too"]


def test_one_notice_for_files_of_one_encoding(tmp_path: Path) -> None:
    for number, (text, label) in enumerate(ROWS):
        (tmp_path / label).mkdir(exist_ok=True)
        (tmp_path / label / f"{number}.txt").write_bytes(f"{text} für".encode("latin-1"))
    (notice,) = load_task(tmp_path).notices
    assert re.fullmatch(r"\d+\.txt is not UTF-8 and is read as cp1252 \('für'\); .*; so 35 more files", notice)


def test_a_folder_a_class(tmp_path: Path) -> None:
    for number, (text, label) in enumerate(ROWS):
        written(tmp_path / "flat", {f"{label}/{number}.txt": text, ".DS_Store": b"\0"})
        part = ("train", "dev", "Testing")[number % 3]
        written(tmp_path / "split", {f"{part}/{'pos' if number % 2 else 'neg'}/{number}.txt": text})
    task = load_task(tmp_path / "flat", strict=True)
    assert task.labels == CLASSES and sorted(task.rows("all").texts) == sorted(text for text, _ in ROWS)
    task = load_task(tmp_path / "split", strict=True)
    assert task.labels == ["neg", "pos"]
    assert {split: len(rows) for split, rows in task.splits.items()} == {"train": 12, "selection": 12, "test": 12}
    written(tmp_path / "flat", {"bad/nul.txt": b"a\0b"})
    with pytest.raises(UserError, match=r"bad/nul.txt: 'text' holds a NUL"):
        load_task(tmp_path / "flat")


LABEL_FILES = {
    "a string": ('"bad"', "must be a list of class names"),
    "a number": ("3", "must be a list of class names"),
    "null": ("null", "must be a list of class names"),
    "true": ("true", "must be a list of class names"),
    "numbers": ("[0, 1]", "must be a list of class names"),
    "lists": ('[["bad"], ["good"]]', "must be a list of class names"),
    "an object": ('{"bad": 0}', 'or {"type": "regression"}'),
    "an empty list": ("[]", "needs two class names at least, each once; it has none"),
    "one name": ('["bad"]', "needs two class names at least"),
    "a name twice": ('["bad", "good", "bad"]', "each once; it has bad, good, bad"),
    "an empty name": ('["bad", " "]', "names are single lines, not empty"),
    "a line break": ('["bad", "go\\nod"]', "names are single lines"),
    "half a surrogate pair": ('["bad", "\\ud800"]', "not valid Unicode"),
    "NUL": ('["bad", "\\u0000"]', "holds a NUL"),
    "too few names": ('["bad", "good"]', "line 3: label 'help' was never seen in training; known labels: bad, good"),
    "nested too deep": (DEEP, "the JSON is nested too deep"),
    "thousands of digits": (f"[{'9' * 5000}]", "a number of thousands of digits"),
    "no JSON": ("[bad]", "line 1: invalid JSON"),
    "regression": ('{"type": "regression"}', "line 2: label 'bad' is not a number"),
}


@pytest.mark.parametrize("content, message", LABEL_FILES.values(), ids=LABEL_FILES)
def test_labels_json_of_every_kind(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        load_task(written(tmp_path, {"train.csv": lines(), "labels.json": content}))
