"""Tasks by name: the hub's on small made `DatasetDict`s with its own columns, those of a data folder, and real ones."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest

from tf_embbert.common.errors import UserError
from tf_embbert.data.catalogue import SPECS
from tf_embbert.data.tasks import load_task, task_from_hub

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("EMBBERT_DATA_DIR", ROOT.parent / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no data folder at {DATA}; set EMBBERT_DATA_DIR")


# ---- tasks by name, from the hub ----

GLUE_PAIRS = {
    "mrpc": ("sentence1", "sentence2"),
    "qqp": ("question1", "question2"),
    "qnli": ("question", "sentence"),
    "rte": ("sentence1", "sentence2"),
    "wnli": ("sentence1", "sentence2"),
    "mnli": ("premise", "hypothesis"),
}
# The hub's label column, and its ClassLabel names or, where it has strings, the strings.
HUB_LABELS = {
    "imdb": ("label", ["neg", "pos"]),
    "ag_news": ("label", ["World", "Sports", "Business", "Sci/Tech"]),
    "emotion": ("label", ["sadness", "joy", "love", "anger", "fear", "surprise"]),
    "clinc150": ("intent", ["translate", "transfer", "oos", "timer"]),
    "nlu_intent": ("label", ["b_two", "a_one"]),
    "cola": ("label", ["unacceptable", "acceptable"]),
    "sst2": ("label", ["negative", "positive"]),
    "mrpc": ("label", ["not_equivalent", "equivalent"]),
    "qqp": ("label", ["not_duplicate", "duplicate"]),
    "mnli": ("label", ["entailment", "neutral", "contradiction"]),
    "qnli": ("label", ["entailment", "not_entailment"]),
    "rte": ("label", ["entailment", "not_entailment"]),
    "wnli": ("label", ["not_entailment", "entailment"]),
}
HUB_STRINGS = {
    "snips": ("text", "category", ["RateBook", "GetWeather", "PlayMusic"]),
    "nlu": ("text", "scenario", ["weather", "alarm", "qa"]),
    "limit": ("sentence", "motion", ["yes", "no"]),
    "cyberbullying": ("tweet_text", "cyberbullying_type", ["age", "gender", "not_cyberbullying"]),
}
HUB_SPLITS = {
    "imdb": ["train", "test", "unsupervised"],
    "emotion": ["train", "validation", "test"],
    "clinc150": ["train", "validation", "test"],
    "nlu": ["train"],
    "nlu_intent": ["train"],
    "cyberbullying": ["train"],
    "mnli": ["train", "validation_matched", "validation_mismatched", "test_matched", "test_mismatched"],
}
GLUE = ["cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte", "wnli"]


def made_split(task: str, split: str, count: int = 40) -> datasets.Dataset:
    """Rows as the hub has them; row i is of class i (in the hub's order), test rows of GLUE have label -1."""
    rows: dict[str, list] = {"idx": list(range(count))}
    if task in HUB_STRINGS:
        text, column, names = HUB_STRINGS[task]
        return datasets.Dataset.from_dict(
            rows | {text: [f"{split} {i}" for i in range(count)], column: [names[i % len(names)] for i in range(count)]}
        )
    first, second = GLUE_PAIRS.get(
        task, ("sentence1", "sentence2") if task == "stsb" else ("sentence" if task in GLUE else "text", None)
    )
    rows[first] = [f"{split} {i}" for i in range(count)]
    if second:
        rows[second] = [f"second {i}" for i in range(count)]
    if task == "stsb":
        return datasets.Dataset.from_dict(rows | {"label": [i * 5 / count for i in range(count)]})
    column, names = HUB_LABELS[task]
    labels = [-1 if task in GLUE and split.startswith("test") else i % len(names) for i in range(count)]
    return datasets.Dataset.from_dict(rows | {column: labels}).cast_column(column, datasets.ClassLabel(names=names))


def made_hub(task: str) -> datasets.DatasetDict:
    splits = HUB_SPLITS.get(task, ["train", "validation", "test"] if task in GLUE else ["train", "test"])
    return datasets.DatasetDict({split: made_split(task, split) for split in splits})


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.hub])
def test_hub_tasks(name: str) -> None:
    task = task_from_hub(SPECS[name], made_hub(name))
    reported = ["validation" if name in GLUE else "test"]
    if name == "mnli":
        reported = ["validation_matched", "validation_mismatched"]
    assert list(task.splits) == ["train", "selection", *reported]
    assert task.reported_split == reported[0]
    assert task.is_pair == (name in GLUE_PAIRS or name == "stsb")
    if name == "stsb":
        assert task.is_regression and task.rows("validation").labels.max() == 4.875
        return
    names = HUB_STRINGS[name][2] if name in HUB_STRINGS else HUB_LABELS[name][1]
    for rows in task.splits.values():
        assert len(rows)
        for text, label in zip(rows.texts, rows.labels):
            assert task.labels[label] == names[int(text.split()[-1]) % len(names)]
    if task.is_pair:
        rows = task.rows("all")
        assert all(a.split()[-1] == b.split()[-1] for a, b in zip(rows.texts, rows.pairs))


def test_every_task_of_the_issue_is_there() -> None:
    tinynlp = ["imdb", "ag_news", "emotion", "snips", "nlu", "limit", "cyberbullying"]
    assert set(tinynlp + GLUE + ["pocket"]) <= set(SPECS)
    assert len(SPECS["nlu"].labels) == 18
    assert {name: SPECS[name].metric for name in ("cola", "mrpc", "qqp", "stsb", "sst2")} == {
        "cola": "mcc",
        "mrpc": "weighted_f1",
        "qqp": "weighted_f1",
        "stsb": "spearman",
        "sst2": "accuracy",
    }


def test_selection_has_sentences_of_sst2_and_train_none_of_their_phrases() -> None:
    sentences = [f"word{i} is number {i} of them" for i in range(20)]
    texts = [text[:end] for text in sentences for end in (len(text), text.rindex(" "))]
    train = datasets.Dataset.from_dict({"sentence": texts, "label": [0, 0, 1, 1] * 10})
    task = task_from_hub(
        SPECS["sst2"], datasets.DatasetDict({"train": train, "validation": made_split("sst2", "validation")})
    )
    selection = task.rows("selection").texts
    assert len(selection) == 2 and set(selection) <= set(sentences) and len(task.rows("train")) == 36
    assert not any(text in whole for text in task.rows("train").texts for whole in selection)


def test_own_validation_split_is_the_selection() -> None:
    task = task_from_hub(SPECS["emotion"], made_hub("emotion"))
    assert all(text.startswith("validation") for text in task.rows("selection").texts)


def test_glue_selection_comes_from_train_and_not_from_validation() -> None:
    task = task_from_hub(SPECS["sst2"], made_hub("sst2"))
    assert {split: len(rows) for split, rows in task.splits.items()} == {"train": 36, "selection": 4, "validation": 40}
    assert all(text.startswith("train") for text in task.rows("selection").texts)


def test_clinc_out_of_scope_rows_are_dropped() -> None:
    task = task_from_hub(SPECS["clinc150"], made_hub("clinc150"))
    assert task.labels == ["timer", "transfer", "translate"]
    assert len(task.rows("test")) == 30


def test_hub_without_a_split() -> None:
    with pytest.raises(UserError, match=r"task sst2: the hub's nyu-mll/glue has no split validation, only train"):
        task_from_hub(SPECS["sst2"], datasets.DatasetDict(train=made_split("sst2", "train")))


def test_hub_with_a_label_we_do_not_know() -> None:
    rows = datasets.Dataset.from_dict({"text": ["x", "y"], "category": ["GetWeather", "Other"]})
    with pytest.raises(UserError, match=r"snips from the hub, split train, row 2: label 'Other'"):
        task_from_hub(SPECS["snips"], datasets.DatasetDict(train=rows, test=rows))


def test_named_task_is_asked_of_the_hub_by_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def load_dataset(path: str, name: str | None = None, **options: Any) -> Any:
        asked.update(path=path, name=name, **options)
        return made_hub("sst2")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert load_task("sst2").labels == ["negative", "positive"]
    assert asked == {"path": "nyu-mll/glue", "name": "sst2", "revision": "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"}


def test_no_network_says_which_folder_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(*args: Any, **options: Any) -> None:
        raise ConnectionError("Couldn't reach the hub\nmore")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(
        UserError,
        match=r"cannot load task qqp .*\(nyu-mll/glue\): Couldn't reach the hub; without "
        r"it, --data-dir DIR needs DIR/glue_qqp/ with train.jsonl.gz and valid",
    ):
        load_task("qqp")


# ---- tasks by name, from a data folder ----


def jsonl(path: Path, rows: Iterable[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_data_dir_labels_go_by_name(tmp_path: Path) -> None:
    """A folder may list the classes in another order than ours."""
    (tmp_path / "imdb").mkdir()
    (tmp_path / "imdb" / "labels.json").write_text('["pos", "neg"]')
    for split in ("train", "test"):
        jsonl(tmp_path / "imdb" / f"{split}.jsonl", [{"text": f"{i}", "label": i % 2} for i in range(40)])
    task = load_task("imdb", tmp_path)
    assert task.labels == ["neg", "pos"]
    assert all(label != int(text) % 2 for text, label in zip(task.rows("test").texts, task.rows("test").labels))


def test_data_dir_stand_in_gives_a_notice(tmp_path: Path) -> None:
    (tmp_path / "ag_news_partial").mkdir()
    for split in ("train", "test"):
        rows = [{"text": f"{split} {i}", "label": i % 4} for i in range(40)]
        jsonl(tmp_path / "ag_news_partial" / f"{split}.jsonl", rows)
    assert "ag_news_partial stands in for ag_news" in load_task("ag_news", tmp_path).notices[0]
    (tmp_path / "ag_news_partial").rename(tmp_path / "ag_news")
    assert not load_task("ag_news", tmp_path).notices


def test_data_dir_of_mnli_has_both_validation_splits(tmp_path: Path) -> None:
    for split in ("train", "validation_matched", "validation_mismatched"):
        jsonl(
            tmp_path / "glue_mnli" / f"{split}.jsonl",
            [{"text": f"{i}", "text_pair": f"{i}", "label": i % 3} for i in range(30)],
        )
    task = load_task("mnli", tmp_path)
    assert list(task.splits) == ["train", "selection", "validation_matched", "validation_mismatched"]


def test_data_dir_lacks_the_task(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no data for task snips; --data-dir DIR needs DIR/snips/ with train"):
        load_task("snips", tmp_path)
    with pytest.raises(UserError, match=r"no such data folder: .*gone"):
        load_task("snips", tmp_path / "gone")
    jsonl(tmp_path / "snips" / "train.jsonl", [{"text": "x", "label": 0}])
    with pytest.raises(UserError, match=r"has no test split for task snips"):
        load_task("snips", tmp_path)


@needs_data
@pytest.mark.parametrize(
    "name, train, reported, classes",
    [
        ("snips", 13084, 700, 7),
        ("emotion", 16000, 2000, 6),
        ("nlu", 9960, 1076, 18),
        ("limit", 23559, 1000, 2),
        ("cyberbullying", 38250, 4630, 6),
        ("ag_news", 28088, 7600, 4),
        ("clinc150", 15000, 4500, 150),
        ("cola", 8551, 1043, 2),
        ("mrpc", 3668, 408, 2),
        ("rte", 2490, 277, 2),
        ("wnli", 635, 71, 2),
        ("stsb", 5749, 1500, 0),
    ],
)
def test_real_data_folders(name: str, train: int, reported: int, classes: int) -> None:
    task = load_task(name, DATA)
    own_validation = name in ("snips", "emotion", "cyberbullying", "clinc150")
    assert len(task.rows("train")) + (0 if own_validation else len(task.rows("selection"))) == train
    assert len(task.rows(task.reported_split)) == reported
    assert len(task.labels or []) == classes
    if classes:
        assert np.unique(task.rows("train").labels).tolist() == list(range(classes))


def test_data_needs_no_tensorflow() -> None:
    code = "import sys, tf_embbert.data.tasks, tf_embbert.tokenizer; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
