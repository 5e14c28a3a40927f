"""What is in memory makes the task that the same rows make from a file; tokenizers take the same things."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tf_embbert.common.errors import UserError
from tf_embbert.data.memory import list_of_texts
from tf_embbert.data.tasks import load_task
from tf_embbert.tokenizer import Tokenizer

CHOOSER = random.Random(0)
ROWS = [
    {"text": f"{CHOOSER.choice(['turn', 'set', 'play'])} number {i}", "label": CHOOSER.choice(["no", "yes"])}
    for i in range(60)
]
TEXTS, LABELS = [row["text"] for row in ROWS], [row["label"] for row in ROWS]


def frame(rows: list[dict[str, Any]] = ROWS) -> Any:
    import pandas

    return pandas.DataFrame(rows)


def dataset(rows: list[dict[str, Any]] = ROWS) -> Any:
    import datasets

    return datasets.Dataset.from_list(rows)


def with_class_ids() -> Any:
    import datasets

    return dataset().cast_column("label", datasets.ClassLabel(names=["no", "yes"]))


KINDS: dict[str, Callable[[], Any]] = {
    "DataFrame": frame,
    "Dataset": dataset,
    "Dataset of class ids": with_class_ids,
    "dict of lists": lambda: {"text": TEXTS, "label": LABELS},
    "dict of arrays": lambda: {"text": np.array(TEXTS), "label": np.array(LABELS)},
    "list of dicts": lambda: ROWS,
    "list of tuples": lambda: list(zip(TEXTS, LABELS)),
    "zip": lambda: zip(TEXTS, LABELS),
    "generator": lambda: (row for row in ROWS),
}


def as_lists(task: Any) -> Any:
    return task.labels, {split: (rows.texts, rows.pairs, rows.labels.tolist()) for split, rows in task.splits.items()}


@pytest.fixture(scope="module")
def from_file(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path: Path = tmp_path_factory.mktemp("memory") / "data.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    return as_lists(load_task(path, seed=3))


@pytest.mark.parametrize("kind", KINDS)
def test_the_task_is_that_of_a_file(kind: str, from_file: Any) -> None:
    task = load_task(KINDS[kind](), seed=3)
    assert as_lists(task) == from_file and task.name == "data"


def test_splits_go_by_the_names_that_files_have() -> None:
    import datasets

    parts = {"train": ROWS[:40], "dev": ROWS[40:50], "test": ROWS[50:]}
    expected = as_lists(load_task(parts))
    assert list(expected[1]) == ["train", "selection", "test"]
    assert as_lists(load_task({split: frame(rows) for split, rows in parts.items()})) == expected
    saved = datasets.DatasetDict({split: dataset(rows) for split, rows in parts.items()})
    assert as_lists(load_task(saved)) == expected
    with pytest.raises(UserError, match="two parts for one split: train, dev, validation"):
        load_task({"train": ROWS, "dev": ROWS, "validation": ROWS})


def test_columns_are_named_as_those_of_files() -> None:
    renamed = frame().rename(columns={"text": "body", "label": "queue"})
    task = load_task(renamed, text_column="body", label_column="queue")
    assert task.labels == ["no", "yes"]
    with pytest.raises(UserError, match="--text-column body --label-column queue looks right"):
        load_task(renamed)


def test_pairs_and_numbers() -> None:
    pairs = load_task([(text, text[::-1], i / 4) for i, text in enumerate(TEXTS)])
    assert pairs.is_pair and pairs.is_regression


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (3, "data is 3, of which no task is made: give a name, a path, or a DataFrame"),
        ([], "of which no task is made"),
        (["a text"], "of which no task is made"),
        ({}, "of which no task is made|no rows"),
        ({"text": ["a", "b"], "label": ["x"]}, "columns of different lengths: {'text': 2, 'label': 1}"),
        ({"text": "ab", "label": ["x", "y"]}, "column 'text' is 'ab', not a list of values"),
        ({"text": [], "label": []}, "data has no rows"),
        ([("a", "x"), ("b",)], r"data, row 2: \('b',\) has not the 2 parts text, label"),
        ({"text": ["a", None], "label": ["x", "y"]}, "data, row 2: 'text' is None, not a text"),
        ({"train": [("a", None), ("b", "y")]}, "data, split train, row 1"),
    ],
)
def test_what_makes_no_task_is_refused_in_one_line(data: Any, message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        load_task(data)
    assert len(str(refused.value).splitlines()) == 1


def test_a_missing_value_of_a_frame_is_a_missing_label() -> None:
    with pytest.raises(UserError, match="--skip-missing leaves such rows out"):
        load_task(frame([*ROWS, {"text": "none", "label": None}]))


def test_tokenizers_take_what_tasks_take() -> None:
    expected = Tokenizer.train(TEXTS, 120).to_json()
    sources = [frame()["text"], dataset()["text"], tuple(TEXTS), (text for text in TEXTS), frame(), dataset(), ROWS]
    for source in (*sources, {"train": dataset(), "test": dataset(ROWS[:3])}):
        assert Tokenizer.train(source, 120).to_json() == expected, type(source)
    for source in (frame()["text"], dataset()["text"], np.array(TEXTS).tolist()):
        ids = Tokenizer.train(TEXTS, 120).encode(source).ids
        assert [row.tolist() for row in ids] == [row.tolist() for row in Tokenizer.train(TEXTS, 120).encode(TEXTS).ids]


def test_a_call_gives_what_a_model_takes() -> None:
    tokenizer = Tokenizer.train(TEXTS, 120)
    (one, two), pair = tokenizer.encode(["set it", "play"]).ids, tokenizer.encode(["set"], ["it"]).ids[0]
    np.testing.assert_array_equal(tokenizer("set it"), one)
    np.testing.assert_array_equal(tokenizer(["set it", "play"]), [one, np.pad(two, (0, len(one) - len(two)))])
    np.testing.assert_array_equal(tokenizer("set", "it"), pair)
    np.testing.assert_array_equal(tokenizer(["set"], ["it"]), [pair])
    assert tokenizer("set it", max_length=3).shape == (3,) and tokenizer([]).shape == (0, 1)


def test_what_is_no_text_is_named() -> None:
    tokenizer = Tokenizer.train(TEXTS, 120)
    with pytest.raises(UserError, match="texts, row 2: 7 is not a text"):
        tokenizer.encode(["a", 7])
    with pytest.raises(UserError, match="2 texts and 1 second texts"):
        tokenizer(["a", "b"], ["c"])
    for nothing in (None, 3):
        with pytest.raises(UserError, match=f"{nothing} is no list of texts"):
            tokenizer(nothing)
    with pytest.raises(UserError, match="'a text' is one text where several are wanted"):
        list_of_texts("a text")
