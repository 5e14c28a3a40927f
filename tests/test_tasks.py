"""Tasks by name, file and folder: labels, splits and notices; the hub's tasks on small made `DatasetDict`s."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import datasets
import numpy as np
import pytest

from tf_embbert.catalogue import SPECS
from tf_embbert.errors import UserError
from tf_embbert.labels import encode_labels, label_list
from tf_embbert.splits import holdout
from tf_embbert.tasks import Rows, load_task, task_from_hub

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("EMBBERT_DATA_DIR", ROOT.parent / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no data folder at {DATA}; set EMBBERT_DATA_DIR")


def csv(path, rows, header="text,label"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def many(count=60, classes=("a", "b", "c")):
    return [f"row {i},{classes[i % len(classes)]}" for i in range(count)]


# ---- files and folders of the user ----

def test_one_file_is_split_80_10_10_stratified(tmp_path):
    task = load_task(csv(tmp_path / "mine.csv", many(300)))
    assert {split: len(rows) for split, rows in task.splits.items()} == {"train": 240, "selection": 30, "test": 30}
    for rows in task.splits.values():
        assert len(set(Counter(rows.labels.tolist()).values())) == 1
    texts = [text for rows in task.splits.values() for text in rows.texts]
    assert len(set(texts)) == 300
    assert (task.name, task.labels, task.reported_split, task.metric) == ("mine", ["a", "b", "c"], "test", "accuracy")
    assert not task.is_pair and not task.is_regression and not task.notices


def test_labels_follow_their_texts(tmp_path):
    task = load_task(csv(tmp_path / "mine.csv", many(90)))
    for rows in task.splits.values():
        assert rows.labels.dtype == np.int32
        for text, label in zip(rows.texts, rows.labels):
            assert task.labels[label] == "abc"[int(text.split()[1]) % 3]


def test_splits_hang_on_the_seed(tmp_path):
    path = csv(tmp_path / "mine.csv", many())
    assert load_task(path, seed=1).splits["test"].texts == load_task(path, seed=1).splits["test"].texts
    assert load_task(path, seed=1).splits["test"].texts != load_task(path, seed=2).splits["test"].texts


def test_single_rows_stay_in_train_with_a_notice(tmp_path):
    task = load_task(csv(tmp_path / "mine.csv", [*many(), "alone,rare"]))
    rare = task.labels.index("rare")
    assert [rare in rows.labels for rows in task.splits.values()] == [True, False, False]
    assert task.notices == ["1 class(es) with a single row stay in train and are in no other split: rare"]


def test_too_few_rows(tmp_path):
    with pytest.raises(UserError, match="too few rows to split"):
        load_task(csv(tmp_path / "mine.csv", ["x,a", "y,b"]))


def test_one_class(tmp_path):
    with pytest.raises(UserError, match="one class only, 'a'"):
        load_task(csv(tmp_path / "mine.csv", many(classes="a")))


def test_named_columns_and_pairs(tmp_path):
    path = csv(tmp_path / "mine.csv", [f"q{i},s{i},{i % 2}" for i in range(40)], "question,sentence,same")
    task = load_task(path, text_column="question", pair_column="sentence", label_column="same")
    assert task.is_pair and task.labels == ["0", "1"]
    assert all(a[1:] == b[1:] for a, b in zip(task.rows("all").texts, task.rows("all").pairs))


@pytest.mark.parametrize("options, message", [
    ({"text_column": "body"}, "has no column 'body'; its columns are text, label"),
    ({"pair_column": "other"}, "has no column 'other'"),
    ({"label_column": "class"}, "has no column 'class'"),
])
def test_column_not_found(tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        load_task(csv(tmp_path / "mine.csv", many()), **options)


def test_whole_numbers_are_classes_in_numeric_order(tmp_path):
    assert load_task(csv(tmp_path / "a.csv", many(classes=("10", "9", "2")))).labels == ["2", "9", "10"]


@pytest.mark.parametrize("regression, expected", [(None, True), (True, True), (False, None)])
def test_fractions_are_regression_unless_told(tmp_path, regression, expected):
    path = csv(tmp_path / "a.csv", many(classes=("0.5", "2", "3.25")))
    if expected is None:
        assert load_task(path, regression=regression).labels == ["0.5", "2", "3.25"]
        return
    task = load_task(path, regression=regression)
    assert task.is_regression and task.metric == "spearman"
    assert task.splits["train"].labels.dtype == np.float32
    assert set(task.rows("all").labels.tolist()) == {0.5, 2.0, 3.25}


@pytest.mark.parametrize("label, regression, message", [
    ("", None, "line 3: the label is missing"),
    ("nan", True, "line 3: label 'nan' is not a number"),
    ("high", True, "line 3: label 'high' is not a number"),
])
def test_bad_labels(tmp_path, label, regression, message):
    rows = many(classes=("1", "2"))
    with pytest.raises(UserError, match=message):
        load_task(csv(tmp_path / "a.csv", [rows[0], f"x,{label}", *rows[1:]]), regression=regression)


def test_json_labels_of_every_type(tmp_path):
    values = [True, False, 3, 4.0, "word"]
    lines = [json.dumps({"text": f"{i}", "label": values[i % 5]}) for i in range(40)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    assert load_task(tmp_path / "a.jsonl").labels == ["3", "4", "false", "true", "word"]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, '{"text": "x", "label": ["list"]}']))
    with pytest.raises(UserError, match="line 41: label .* is neither a name nor a whole number"):
        load_task(tmp_path / "a.jsonl")


def test_folder_with_all_splits(tmp_path):
    for split, count in (("train", 40), ("valid", 10), ("test", 20)):
        csv(tmp_path / "mine" / f"{split}.csv", many(count, "ab"))
    task = load_task(tmp_path / "mine")
    assert {split: len(rows) for split, rows in task.splits.items()} == {"train": 40, "selection": 10, "test": 20}
    assert task.name == "mine" and task.reported_split == "test"


def test_folder_without_test_reports_validation(tmp_path):
    for split, count in (("train", 40), ("validation", 10)):
        csv(tmp_path / f"{split}.csv", many(count, "ab"))
    task = load_task(tmp_path)
    assert {split: len(rows) for split, rows in task.splits.items()} == {"train": 36, "selection": 4, "validation": 10}
    assert task.reported_split == "validation"


def test_folder_labels_json_names_ids(tmp_path):
    (tmp_path / "labels.json").write_text('["no", "yes"]')
    csv(tmp_path / "train.csv", many(40, "01"))
    task = load_task(tmp_path)
    assert task.labels == ["no", "yes"]
    rows = task.rows("all")
    assert all(int(text.split()[1]) % 2 == label for text, label in zip(rows.texts, rows.labels))


def test_label_id_beyond_labels_json(tmp_path):
    (tmp_path / "labels.json").write_text('["no", "yes"]')
    csv(tmp_path / "train.csv", many(40, "012"))
    with pytest.raises(UserError, match="line 4: label 2 is not an id of the 2 classes no, yes"):
        load_task(tmp_path)


def test_dataset_dict_folder(tmp_path):
    def split(count):
        rows = datasets.Dataset.from_dict({"text": ["t"] * count, "label": [i % 2 for i in range(count)]})
        return rows.cast_column("label", datasets.ClassLabel(names=["yes", "no"]))
    datasets.DatasetDict(train=split(40), test=split(10)).save_to_disk(tmp_path / "saved")
    task = load_task(tmp_path / "saved")
    assert task.labels == ["yes", "no"]
    assert {name: len(rows) for name, rows in task.splits.items()} == {"train": 36, "selection": 4, "test": 10}


def test_label_that_training_never_saw(tmp_path):
    csv(tmp_path / "train.csv", many(40, "ab"))
    csv(tmp_path / "test.csv", ["x,a", "y,new"])
    with pytest.raises(UserError, match="test.csv, line 3: label 'new' was never seen in training; known labels: a, b"):
        load_task(tmp_path)


def test_labels_of_a_run(tmp_path):
    """Evaluation: the run's labels fix the ids, the data may lack some of them, and needs no train split."""
    csv(tmp_path / "test.csv", ["x,b", "y,c"])
    task = load_task(tmp_path, labels=["c", "a", "b"])
    assert task.labels == ["c", "a", "b"] and task.rows("test").labels.tolist() == [2, 0]
    with pytest.raises(UserError, match="label 'c' was never seen in training; known labels: a, b"):
        load_task(tmp_path, labels=["a", "b"])
    with pytest.raises(UserError, match="has no train split, only test"):
        load_task(tmp_path)


def test_unknown_split(tmp_path):
    task = load_task(csv(tmp_path / "a.csv", many()))
    with pytest.raises(UserError, match="no split 'dev'; its splits are train, selection, test and all"):
        task.rows("dev")
    assert len(task.rows("all")) == 60


@pytest.mark.parametrize("task, message", [
    ("emotoin", "unknown task 'emotoin'; did you mean emotion\\?"),
    ("nothing_like_it", "unknown task 'nothing_like_it'; Tasks are pocket, imdb"),
    ("missing.csv", "no such file or folder: missing.csv"),
    ("some/where", "no such file or folder: some/where"),
])
def test_unknown_task(task, message):
    with pytest.raises(UserError, match=message):
        load_task(task)


def test_unknown_kind_of_file(tmp_path):
    (tmp_path / "a.xlsx").write_text("x")
    with pytest.raises(UserError, match="unknown kind of file; give a .csv, .tsv, .jsonl, .json file"):
        load_task(tmp_path / "a.xlsx")


# ---- rules ----

def test_holdout_is_stratified_and_keeps_single_rows():
    labels = np.array([0] * 100 + [1] * 11 + [2] * 2 + [3])
    kept, held = holdout(labels, 0.1, seed=0)
    assert sorted([*kept, *held]) == list(range(len(labels)))
    assert Counter(labels[held].tolist()) == {0: 10, 1: 1, 2: 1}


def test_holdout_of_regression_is_plain():
    kept, held = holdout(np.linspace(0, 1, 50, dtype=np.float32), 0.1, seed=0)
    assert len(kept) == 45 and len(held) == 5


def test_encode_labels():
    assert encode_labels(["b", "a"], ["a", "b"], str).tolist() == [1, 0]
    with pytest.raises(UserError, match=r"^1: label 'z' .* known labels: 0, .*19, ... \(40 in all\)$"):
        encode_labels(["0", "z"], [str(i) for i in range(40)], str)


def test_label_list_sorts_numbers_by_value():
    assert label_list(["b", "10", "9", "a", "9"]) == ["9", "10", "a", "b"]


def test_rows_select():
    rows = Rows(["a", "b", "c"], ["x", "y", "z"], np.array([0, 1, 2], np.int32)).select([2, 0])
    assert (rows.texts, rows.pairs, rows.labels.tolist()) == (["c", "a"], ["z", "x"], [2, 0])
    assert len(rows.select([])) == 0


# ---- tasks by name, from the hub ----

GLUE_PAIRS = {"mrpc": ("sentence1", "sentence2"), "qqp": ("question1", "question2"), "qnli": ("question", "sentence"),
              "rte": ("sentence1", "sentence2"), "wnli": ("sentence1", "sentence2"), "mnli": ("premise", "hypothesis")}
# The hub's label column, and its ClassLabel names or, where it has strings, the strings.
HUB_LABELS = {
    "imdb": ("label", ["neg", "pos"]), "ag_news": ("label", ["World", "Sports", "Business", "Sci/Tech"]),
    "emotion": ("label", ["sadness", "joy", "love", "anger", "fear", "surprise"]),
    "clinc150": ("intent", ["translate", "transfer", "oos", "timer"]), "nlu_intent": ("label", ["b_two", "a_one"]),
    "cola": ("label", ["unacceptable", "acceptable"]), "sst2": ("label", ["negative", "positive"]),
    "mrpc": ("label", ["not_equivalent", "equivalent"]), "qqp": ("label", ["not_duplicate", "duplicate"]),
    "mnli": ("label", ["entailment", "neutral", "contradiction"]), "qnli": ("label", ["entailment", "not_entailment"]),
    "rte": ("label", ["entailment", "not_entailment"]), "wnli": ("label", ["not_entailment", "entailment"])}
HUB_STRINGS = {
    "snips": ("text", "category", ["RateBook", "GetWeather", "PlayMusic"]),
    "nlu": ("text", "scenario", ["weather", "alarm", "qa"]), "limit": ("sentence", "motion", ["yes", "no"]),
    "cyberbullying": ("tweet_text", "cyberbullying_type", ["age", "gender", "not_cyberbullying"])}
HUB_SPLITS = {
    "imdb": ["train", "test", "unsupervised"], "emotion": ["train", "validation", "test"],
    "clinc150": ["train", "validation", "test"], "nlu": ["train"], "nlu_intent": ["train"], "cyberbullying": ["train"],
    "mnli": ["train", "validation_matched", "validation_mismatched", "test_matched", "test_mismatched"]}
GLUE = ["cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte", "wnli"]


def made_split(task, split, count=40):
    """Rows as the hub has them; row i is of class i (in the hub's order), test rows of GLUE have label -1."""
    rows = {"idx": list(range(count))}
    if task in HUB_STRINGS:
        text, column, names = HUB_STRINGS[task]
        return datasets.Dataset.from_dict(rows | {text: [f"{split} {i}" for i in range(count)],
                                                  column: [names[i % len(names)] for i in range(count)]})
    first, second = GLUE_PAIRS.get(task, ("sentence1", "sentence2") if task == "stsb" else
                                   ("sentence" if task in GLUE else "text", None))
    rows[first] = [f"{split} {i}" for i in range(count)]
    if second:
        rows[second] = [f"second {i}" for i in range(count)]
    if task == "stsb":
        return datasets.Dataset.from_dict(rows | {"label": [i * 5 / count for i in range(count)]})
    column, names = HUB_LABELS[task]
    labels = [-1 if task in GLUE and split.startswith("test") else i % len(names) for i in range(count)]
    return datasets.Dataset.from_dict(rows | {column: labels}).cast_column(column, datasets.ClassLabel(names=names))


def made_hub(task):
    splits = HUB_SPLITS.get(task, ["train", "validation", "test"] if task in GLUE else ["train", "test"])
    return datasets.DatasetDict({split: made_split(task, split) for split in splits})


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.hub])
def test_hub_tasks(name):
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


def test_every_task_of_the_issue_is_there():
    tinynlp = ["imdb", "ag_news", "emotion", "snips", "nlu", "limit", "cyberbullying"]
    assert set(tinynlp + GLUE + ["pocket"]) <= set(SPECS)
    assert len(SPECS["nlu"].labels) == 18
    assert {name: SPECS[name].metric for name in ("cola", "mrpc", "qqp", "stsb", "sst2")} == {
        "cola": "mcc", "mrpc": "weighted_f1", "qqp": "weighted_f1", "stsb": "spearman", "sst2": "accuracy"}


def test_own_validation_split_is_the_selection():
    task = task_from_hub(SPECS["emotion"], made_hub("emotion"))
    assert all(text.startswith("validation") for text in task.rows("selection").texts)


def test_glue_selection_comes_from_train_and_not_from_validation():
    task = task_from_hub(SPECS["sst2"], made_hub("sst2"))
    assert {split: len(rows) for split, rows in task.splits.items()} == {"train": 36, "selection": 4, "validation": 40}
    assert all(text.startswith("train") for text in task.rows("selection").texts)


def test_clinc_out_of_scope_rows_are_dropped():
    task = task_from_hub(SPECS["clinc150"], made_hub("clinc150"))
    assert task.labels == ["timer", "transfer", "translate"]
    assert len(task.rows("test")) == 30


def test_hub_without_a_split():
    with pytest.raises(UserError, match="task sst2: the hub's nyu-mll/glue has no split validation, only train"):
        task_from_hub(SPECS["sst2"], datasets.DatasetDict(train=made_split("sst2", "train")))


def test_hub_with_a_label_we_do_not_know():
    rows = datasets.Dataset.from_dict({"text": ["x", "y"], "category": ["GetWeather", "Other"]})
    with pytest.raises(UserError, match="snips from the hub, split train, row 2: label 'Other'"):
        task_from_hub(SPECS["snips"], datasets.DatasetDict(train=rows, test=rows))


def test_named_task_is_asked_of_the_hub_by_revision(monkeypatch):
    asked = {}

    def load_dataset(path, name=None, **options):
        asked.update(path=path, name=name, **options)
        return made_hub("sst2")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert load_task("sst2").labels == ["negative", "positive"]
    assert asked == {"path": "nyu-mll/glue", "name": "sst2", "revision": "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"}


def test_no_network_says_which_folder_would_do(monkeypatch):
    def load_dataset(*args, **options):
        raise ConnectionError("Couldn't reach the hub\nmore")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(UserError, match=r"cannot load task qqp .*\(nyu-mll/glue\): Couldn't reach the hub; without "
                                        r"it, --data-dir DIR needs DIR/glue_qqp/ with train.jsonl.gz and valid"):
        load_task("qqp")


# ---- tasks by name, from a data folder ----

def jsonl(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_data_dir_labels_go_by_name(tmp_path):
    """A folder may list the classes in another order than ours."""
    (tmp_path / "imdb").mkdir()
    (tmp_path / "imdb" / "labels.json").write_text('["pos", "neg"]')
    for split in ("train", "test"):
        jsonl(tmp_path / "imdb" / f"{split}.jsonl", [{"text": f"{i}", "label": i % 2} for i in range(40)])
    task = load_task("imdb", tmp_path)
    assert task.labels == ["neg", "pos"]
    assert all(label != int(text) % 2 for text, label in zip(task.rows("test").texts, task.rows("test").labels))


def test_data_dir_stand_in_gives_a_notice(tmp_path):
    (tmp_path / "ag_news_partial").mkdir()
    for split in ("train", "test"):
        jsonl(tmp_path / "ag_news_partial" / f"{split}.jsonl", [{"text": f"{i}", "label": i % 4} for i in range(40)])
    assert "ag_news_partial stands in for ag_news" in load_task("ag_news", tmp_path).notices[0]
    (tmp_path / "ag_news_partial").rename(tmp_path / "ag_news")
    assert not load_task("ag_news", tmp_path).notices


def test_data_dir_of_mnli_has_both_validation_splits(tmp_path):
    for split in ("train", "validation_matched", "validation_mismatched"):
        jsonl(tmp_path / "glue_mnli" / f"{split}.jsonl",
              [{"text": f"{i}", "text_pair": f"{i}", "label": i % 3} for i in range(30)])
    task = load_task("mnli", tmp_path)
    assert list(task.splits) == ["train", "selection", "validation_matched", "validation_mismatched"]


def test_data_dir_lacks_the_task(tmp_path):
    with pytest.raises(UserError, match="has no data for task snips; --data-dir DIR needs DIR/snips/ with train"):
        load_task("snips", tmp_path)
    with pytest.raises(UserError, match="no such data folder: .*gone"):
        load_task("snips", tmp_path / "gone")
    jsonl(tmp_path / "snips" / "train.jsonl", [{"text": "x", "label": 0}])
    with pytest.raises(UserError, match="has no test split for task snips"):
        load_task("snips", tmp_path)


@needs_data
@pytest.mark.parametrize("name, train, reported, classes", [
    ("snips", 13084, 700, 7), ("emotion", 16000, 2000, 6), ("nlu", 9960, 1076, 18), ("limit", 23559, 1000, 2),
    ("cyberbullying", 38250, 4630, 6), ("ag_news", 28088, 7600, 4), ("clinc150", 15000, 4500, 150),
    ("cola", 8551, 1043, 2), ("mrpc", 3668, 408, 2), ("rte", 2490, 277, 2), ("wnli", 635, 71, 2),
    ("stsb", 5749, 1500, 0)])
def test_real_data_folders(name, train, reported, classes):
    task = load_task(name, DATA)
    own_validation = name in ("snips", "emotion", "cyberbullying", "clinc150")
    assert len(task.rows("train")) + (0 if own_validation else len(task.rows("selection"))) == train
    assert len(task.rows(task.reported_split)) == reported
    assert len(task.labels or []) == classes
    if classes:
        assert np.unique(task.rows("train").labels).tolist() == list(range(classes))


def test_data_needs_no_tensorflow():
    code = "import sys, tf_embbert.tasks, tf_embbert.tokenizer; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
