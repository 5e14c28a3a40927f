"""Tasks of the user's files and folders: labels, splits and notices."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest

from tf_embbert.common.errors import UserError
from tf_embbert.data.labels import encode_labels, label_list
from tf_embbert.data.splits import find_wholes, holdout, holdout_wholes
from tf_embbert.data.tasks import Rows, load_task


def csv(path: Path, rows: Iterable[str], header: str = "text,label") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def many(count: int = 60, classes: Sequence[str] = ("a", "b", "c")) -> list[str]:
    return [f"row {i},{classes[i % len(classes)]}" for i in range(count)]


# ---- files and folders of the user ----


def test_one_file_is_split_80_10_10_stratified(tmp_path: Path) -> None:
    task = load_task(csv(tmp_path / "mine.csv", many(300)))
    assert {split: len(rows) for split, rows in task.splits.items()} == {"train": 240, "selection": 30, "test": 30}
    for rows in task.splits.values():
        assert len(set(Counter(rows.labels.tolist()).values())) == 1
    texts = [text for rows in task.splits.values() for text in rows.texts]
    assert len(set(texts)) == 300
    assert (task.name, task.labels, task.reported_split, task.metric) == ("mine", ["a", "b", "c"], "test", "accuracy")
    assert not task.is_pair and not task.is_regression and not task.notices


def test_labels_follow_their_texts(tmp_path: Path) -> None:
    task = load_task(csv(tmp_path / "mine.csv", many(90)))
    for rows in task.splits.values():
        assert rows.labels.dtype == np.int32
        for text, label in zip(rows.texts, rows.labels):
            assert task.labels[label] == "abc"[int(text.split()[1]) % 3]


def test_splits_hang_on_the_seed(tmp_path: Path) -> None:
    path = csv(tmp_path / "mine.csv", many())
    assert load_task(path, seed=1).splits["test"].texts == load_task(path, seed=1).splits["test"].texts
    assert load_task(path, seed=1).splits["test"].texts != load_task(path, seed=2).splits["test"].texts


def test_single_rows_stay_in_train_with_a_notice(tmp_path: Path) -> None:
    task = load_task(csv(tmp_path / "mine.csv", [*many(), "alone,rare"]))
    rare = task.labels.index("rare")
    assert [rare in rows.labels for rows in task.splits.values()] == [True, False, False]
    assert task.notices == ["1 class(es) with a single row stay in train and are in no other split: rare"]


def test_too_few_rows(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"too few rows to split"):
        load_task(csv(tmp_path / "mine.csv", ["x,a", "y,b"]))


def test_one_class(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"one class only, 'a'"):
        load_task(csv(tmp_path / "mine.csv", many(classes="a")))


def test_named_columns_and_pairs(tmp_path: Path) -> None:
    path = csv(tmp_path / "mine.csv", [f"q{i},s{i},{i % 2}" for i in range(40)], "question,sentence,same")
    task = load_task(path, text_column="question", pair_column="sentence", label_column="same")
    assert task.is_pair and task.labels == ["0", "1"]
    assert all(a[1:] == b[1:] for a, b in zip(task.rows("all").texts, task.rows("all").pairs))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"text_column": "body"}, "has no column 'body'; its columns are text, label"),
        ({"pair_column": "other"}, "has no column 'other'"),
        ({"label_column": "class"}, "has no column 'class'"),
    ],
)
def test_column_not_found(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_task(csv(tmp_path / "mine.csv", many()), **options)


def test_whole_numbers_are_classes_in_numeric_order(tmp_path: Path) -> None:
    assert load_task(csv(tmp_path / "a.csv", many(classes=("10", "9", "2")))).labels == ["2", "9", "10"]


@pytest.mark.parametrize("regression, expected", [(None, True), (True, True), (False, None)])
def test_fractions_are_regression_unless_told(tmp_path: Path, regression: bool | None, expected: bool | None) -> None:
    path = csv(tmp_path / "a.csv", many(classes=("0.5", "2", "3.25")))
    if expected is None:
        assert load_task(path, regression=regression).labels == ["0.5", "2", "3.25"]
        return
    task = load_task(path, regression=regression)
    assert task.is_regression and task.metric == "spearman"
    assert task.splits["train"].labels.dtype == np.float32
    assert set(task.rows("all").labels.tolist()) == {0.5, 2.0, 3.25}


@pytest.mark.parametrize(
    "label, regression, message",
    [
        ("", None, "line 3: the label is missing"),
        ("nan", True, "line 3: the label is missing"),
        ("high", True, "line 3: label 'high' is not a number"),
    ],
)
def test_bad_labels(tmp_path: Path, label: str, regression: bool | None, message: str) -> None:
    rows = many(classes=("1", "2"))
    with pytest.raises(UserError, match=message):
        load_task(csv(tmp_path / "a.csv", [rows[0], f"x,{label}", *rows[1:]]), regression=regression)


def test_json_labels_of_every_type(tmp_path: Path) -> None:
    values = [True, False, 3, 4.0, "word"]
    lines = [json.dumps({"text": f"{i}", "label": values[i % 5]}) for i in range(40)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    assert load_task(tmp_path / "a.jsonl").labels == ["3", "4", "false", "true", "word"]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, '{"text": "x", "label": {"of": 1}}']))
    with pytest.raises(UserError, match=r"line 41: label .* is neither a name nor a whole number"):
        load_task(tmp_path / "a.jsonl")


def test_folder_with_all_splits(tmp_path: Path) -> None:
    for split, count in (("train", 40), ("valid", 10), ("test", 20)):
        csv(tmp_path / "mine" / f"{split}.csv", many(count, "ab"))
    task = load_task(tmp_path / "mine")
    assert {split: len(rows) for split, rows in task.splits.items()} == {"train": 40, "selection": 10, "test": 20}
    assert task.name == "mine" and task.reported_split == "test"


def test_folder_without_test_reports_validation(tmp_path: Path) -> None:
    for split, count in (("train", 40), ("validation", 10)):
        csv(tmp_path / f"{split}.csv", many(count, "ab"))
    task = load_task(tmp_path)
    assert {split: len(rows) for split, rows in task.splits.items()} == {"train": 36, "selection": 4, "validation": 10}
    assert task.reported_split == "validation"


def test_folder_labels_json_names_ids(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text('["no", "yes"]')
    csv(tmp_path / "train.csv", many(40, "01"))
    task = load_task(tmp_path)
    assert task.labels == ["no", "yes"]
    rows = task.rows("all")
    assert all(int(text.split()[1]) % 2 == label for text, label in zip(rows.texts, rows.labels))


def test_label_id_beyond_labels_json(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text('["no", "yes"]')
    csv(tmp_path / "train.csv", many(40, "012"))
    with pytest.raises(UserError, match=r"line 4: label 2 is not an id of the 2 classes no, yes"):
        load_task(tmp_path)


def test_dataset_dict_folder(tmp_path: Path) -> None:
    def split(count: int) -> Any:
        rows = datasets.Dataset.from_dict({"text": ["t"] * count, "label": [i % 2 for i in range(count)]})
        return rows.cast_column("label", datasets.ClassLabel(names=["yes", "no"]))

    datasets.DatasetDict(train=split(40), test=split(10)).save_to_disk(tmp_path / "saved")
    task = load_task(tmp_path / "saved")
    assert task.labels == ["yes", "no"]
    assert {name: len(rows) for name, rows in task.splits.items()} == {"train": 36, "selection": 4, "test": 10}


def test_labels_that_training_never_saw(tmp_path: Path) -> None:
    """Among others they are wrong answers; where no label is known, it is another task."""
    csv(tmp_path / "train.csv", many(40, "ab"))
    csv(tmp_path / "test.csv", ["x,a", "y,new"])
    task = load_task(tmp_path)
    assert task.labels == ["a", "b"] and task.rows("test").labels.tolist() == [0, -1]
    assert task.notices == ["1 of 2 test rows have a label training never saw, and count as wrong: 'new'"]
    csv(tmp_path / "test.csv", ["x,newer", "y,new"])
    with pytest.raises(UserError, match=r"line 2: label 'newer' was never seen in training; known labels: a, b"):
        load_task(tmp_path)


def test_labels_of_a_run(tmp_path: Path) -> None:
    """Evaluation: the run's labels fix the ids, the data may lack some of them, and needs no train split."""
    csv(tmp_path / "test.csv", ["x,b", "y,c"])
    task = load_task(tmp_path, labels=["c", "a", "b"])
    assert task.labels == ["c", "a", "b"] and task.rows("test").labels.tolist() == [2, 0]
    assert load_task(tmp_path, labels=["a", "b"]).rows("test").labels.tolist() == [1, -1]
    with pytest.raises(UserError, match=r"label 'b' was never seen in training; known labels: d, e"):
        load_task(tmp_path, labels=["d", "e"])
    with pytest.raises(UserError, match=r"has no train split, only test"):
        load_task(tmp_path)


def test_unknown_split(tmp_path: Path) -> None:
    task = load_task(csv(tmp_path / "a.csv", many()))
    with pytest.raises(UserError, match=r"no split 'dev'; its splits are train, selection, test and all"):
        task.rows("dev")
    assert len(task.rows("all")) == 60


@pytest.mark.parametrize(
    "task, message",
    [
        ("emotoin", "unknown task 'emotoin'; did you mean emotion\\?"),
        ("nothing_like_it", "unknown task 'nothing_like_it'; Tasks are pocket, imdb"),
        ("missing.csv", "no such file or folder: missing.csv"),
        ("some/where", "no such file or folder: some/where"),
    ],
)
def test_unknown_task(task: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_task(task)


def test_unknown_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_text("x")
    with pytest.raises(
        UserError, match=r"unknown kind of file; give a .csv, .tsv, .*, .xls file, text also with .gz, .bz2 or .xz"
    ):
        load_task(tmp_path / "a.docx")


# ---- rules ----


def test_holdout_is_stratified_and_keeps_single_rows() -> None:
    labels = np.array([0] * 100 + [1] * 11 + [2] * 2 + [3])
    kept, held = holdout(labels, 0.1, seed=0)
    assert sorted([*kept, *held]) == list(range(len(labels)))
    assert Counter(labels[held].tolist()) == {0: 10, 1: 1, 2: 1}


def test_many_classes_of_few_rows_do_not_lose_a_quarter_of_them() -> None:
    labels = np.repeat(np.arange(75), 4)
    kept, held = holdout(labels, 0.1, seed=0)
    assert len(held) == 30 and len(kept) == 270 and len(set(labels[held])) == 30


def test_holdout_of_regression_is_plain() -> None:
    kept, held = holdout(np.linspace(0, 1, 50, dtype=np.float32), 0.1, seed=0)
    assert len(kept) == 45 and len(held) == 5


def test_wholes_are_the_longest_texts_that_have_the_words_in_a_row() -> None:
    texts = [
        "a film",
        "such a good film",
        "good",
        "good film",
        "film good",
        "such a good film indeed",
        "good film",
        "",
        "oo",
    ]
    assert find_wholes(texts).tolist() == [0, 5, 5, 5, 4, 5, 5, 7, 8]


def test_wholes_of_random_texts_are_those_of_plain_search() -> None:
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print("seed", seed)
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(list("abc"), rng.integers(1, 8))) for _ in range(150)]
    for row, whole in enumerate(find_wholes(texts)):
        around = [i for i, text in enumerate(texts) if f" {texts[row]} " in f" {text} "]
        assert len(texts[whole]) == max(len(texts[i]) for i in around)
        assert whole in around and find_wholes(texts)[whole] == whole


def test_no_part_of_a_held_out_whole_is_kept() -> None:
    sentences = [f"word{i} is number {i} of them" for i in range(40)]
    parts = [text.rsplit(" ", cut)[0] for text in sentences for cut in (1, 2, 3)]
    texts, labels = sentences + parts, np.tile(np.arange(40) % 2, 4)
    kept, held = holdout_wholes(texts, labels, 0.1, seed=0)
    assert [texts[row] in sentences for row in held] == [True] * 4 and labels[held].tolist().count(0) == 2
    assert len(kept) == 36 * 4
    assert not any(f" {texts[row]} " in f" {texts[whole]} " for row in kept for whole in held)


def test_encode_labels() -> None:
    assert encode_labels(["b", "a"], ["a", "b"], str).tolist() == [1, 0]
    with pytest.raises(UserError, match=r"^1: label 'z' .* known labels: 0, .*19, ... \(40 in all\)$"):
        encode_labels(["0", "z"], [str(i) for i in range(40)], str)


def test_label_list_sorts_numbers_by_value() -> None:
    assert label_list(["b", "10", "9", "a", "9"]) == ["9", "10", "a", "b"]


def test_rows_select() -> None:
    rows = Rows(["a", "b", "c"], ["x", "y", "z"], np.array([0, 1, 2], np.int32)).select([2, 0])
    assert (rows.texts, rows.pairs, rows.labels.tolist()) == (["c", "a"], ["z", "x"], [2, 0])
    assert len(rows.select([])) == 0
