"""The larger teacher: what sentences it speaks of, and that `finetune --soft-rows` takes what it says."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import log_softmax

from tests.support.chain import FolderOf, refused
from tests.support.toy_language import few_classes
from tf_embbert.data.soft_labels import read_soft_labels
from tf_embbert.data.tasks import Rows, load_task
from tf_embbert.distillation import encoders, fluency, networks, teacher, texts
from tf_embbert.distillation.soft_labels import hear_labels

GOOD, BAD = ["great", "lovely", "superb"], ["awful", "boring", "dreadful"]


def review(rng: np.random.Generator, label: int, sentences: int) -> str:
    """Words of a class stand together, or vectors counted from neighbours could not tell them from the others."""
    name, words = list("abcdefghij"), (BAD, GOOD)[label]
    return "<br />".join(
        f"Film {rng.choice(name)}{rng.choice(name)} was {rng.choice(words)} {rng.choice(words)}, really."
        for _ in range(sentences)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with SST-2, IMDb and plain text, all about the same few words."""
    rng = np.random.default_rng(0)

    def write(name: str, split: str, count: int, sentences: int) -> None:
        (tmp_path / name).mkdir(exist_ok=True)
        rows = [{"text": review(rng, i % 2, sentences).lower(), "label": i % 2} for i in range(count)]
        (tmp_path / name / f"{split}.jsonl.gz").write_bytes(gzip.compress("".join(map(line, rows)).encode()))

    def line(row: dict) -> str:
        return json.dumps(row) + "\n"

    for name, sentences in (("glue_sst2", 1), ("imdb", 4)):
        for split in ("train", "validation", "test"):
            write(name, split, 120, sentences)
        (tmp_path / name / "labels.json").write_text(
            json.dumps({"imdb": ["neg", "pos"]}.get(name, ["negative", "positive"]))
        )
    (tmp_path / "pretrain").mkdir()
    for name in fluency.CORPUS:
        text = "\n".join(review(rng, i % 2, 3).replace("<br />", " ") for i in range(100))
        (tmp_path / f"pretrain/{name}.txt.gz").write_bytes(gzip.compress(text.encode()))
    return tmp_path


def small_networks(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Networks that learn the few words in seconds."""
    for name, value in {"VOCAB": 200, "WIDTH": 16, "BATCH": 8}.items():
        monkeypatch.setattr(networks, name, value)
    monkeypatch.setattr(teacher, "NETWORKS", count)


def test_sentences_are_cut_and_keep_their_label() -> None:
    rows = texts.sentences(["Good!  It's a film I like.<br /><br />No.", "x " * 60], [1, 0])
    assert rows.texts == ["it ' s a film i like ."] and rows.labels.tolist() == [1]


def test_texts_are_known_by_their_words() -> None:
    assert texts.words_of("It's fine -- really !") == texts.words_of("it ' s fine, REALLY")


@pytest.mark.slow
@pytest.mark.parametrize("related", [["--related", "imdb"], []], ids=["related", "plain text"])
def test_it_writes_what_finetune_reads(
    related: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small_networks(monkeypatch, count=2)
    out = folder / "soft.jsonl.gz"
    arguments = [
        "--task",
        "sst2",
        *related,
        "--data-dir",
        str(folder),
        "--out",
        str(out),
        "--rows",
        "9",
        "--epochs",
        "40",
    ]
    assert teacher.main(arguments) == 0
    assert "together 100.00 %" in capsys.readouterr().out
    task = load_task("sst2", folder)
    soft = read_soft_labels(out, task)
    known = {texts.words_of(text) for text in task.rows("validation").texts}
    assert 0 < len(soft) <= 9 and not known & set(map(texts.words_of, soft.texts))
    truth = [any(word in text for word in GOOD) for text in soft.texts]
    assert (soft.targets.argmax(axis=1) == truth).all()


@pytest.mark.slow
def test_encoders_vote_and_variants_of_the_texts_are_judged(
    folder: Path, run_of: FolderOf, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small_networks(monkeypatch, count=1)
    few_classes(monkeypatch)
    settings = {"init": str(run_of("classes")), "epochs": 8, "learning_rate": 5e-3, "teacher": "none"}
    monkeypatch.setattr(encoders, "SETTINGS", settings)
    out = folder / "soft.jsonl.gz"
    assert (
        teacher.main(
            [
                "--task",
                "sst2",
                "--data-dir",
                str(folder),
                "--variants",
                "3",
                "--encoders",
                "2",
                "--epochs",
                "20",
                "--out",
                str(out),
            ]
        )
        == 0
    )
    said = capsys.readouterr().out
    assert "encoder 2: 100.00 %" in said and "together 100.00 %" in said
    task = load_task("sst2", folder)
    soft, own = read_soft_labels(out, task), task.rows("train").texts
    assert len(own) < len(soft) <= 3 * len(own)
    assert np.mean([texts.words_of(text) in set(map(texts.words_of, own)) for text in soft.texts]) < 0.5
    sure = [
        (any(word in text for word in GOOD), i)
        for i, text in enumerate(soft.texts)
        if any(word in text for word in GOOD) != any(word in text for word in BAD)
    ]
    assert np.mean([soft.targets[i].argmax() == good for good, i in sure]) > 0.95


@pytest.mark.parametrize(
    "arguments, parts",
    [
        (["--task", "stsb"], ["stsb is not one of single texts and classes"]),
        (["--task", "sst2", "--related", "emotion"], ["--related emotion has other classes than sst2"]),
        (["--task", "sst2", "--rows", "0"], ["--rows", "at least 1"]),
        (
            ["--task", "sst2", "--related", "imdb", "--variants", "3"],
            ["--variants", "not allowed with argument --related"],
        ),
        (["--task", "sst2", "--out", "none/soft.jsonl.gz"], ["no such folder: none", "another --out"]),
    ],
)
def test_bad_arguments_are_one_line(
    arguments: list[str], parts: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = {"glue_stsb": {"text": "a", "text_pair": "b", "label": 1.5}, "emotion": {"text": "a", "label": 0}}
    for name, row in rows.items():
        (folder / name).mkdir()
        for split in ("train", "validation", "test"):
            (folder / name / f"{split}.jsonl").write_text((json.dumps(row) + "\n") * 20)
    (folder / "emotion/labels.json").write_text(json.dumps(["sadness", "joy", "love", "anger", "fear", "surprise"]))
    refused(capsys, teacher.main, ["--out", folder / "soft.jsonl.gz", "--data-dir", folder, *arguments], *parts)


def test_a_texts_label_is_heard_as_far_as_it_agrees() -> None:
    shares = np.array([[0.8, 0.2], [0.4, 0.6], [0.5, 0.5]])
    labels = np.array([0, 1, 0])
    agreement = (0.8 + 0.6 + 0.5) / 3
    expected = shares * np.where(np.eye(2)[labels] == 1, agreement, 1 - agreement)  # Bayes' rule
    heard = np.exp(log_softmax(hear_labels(np.log(shares), labels), axis=1))
    np.testing.assert_allclose(heard, expected / expected.sum(axis=1, keepdims=True), atol=1e-9)


def test_the_temperature_makes_the_cross_entropy_least(monkeypatch: pytest.MonkeyPatch) -> None:
    """Votes twice too sure of themselves are cooled by two, and for as many as the linear model counts."""
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(4000, 2)) * 2
    shares = np.exp(log_softmax(logits, axis=1))
    labels = (rng.random(4000) < shares[:, 1]).astype(int)
    made = teacher.Teacher.__new__(teacher.Teacher)
    made.temperature, made.voters = 1.0, {"one": None, "another": None}
    monkeypatch.setattr(made, "votes", lambda rows: np.stack([2 * log_softmax(logits, axis=1)] * 3))
    made.cool(Rows([""] * 4000, None, labels), lambda line: None)
    assert made.temperature == pytest.approx(2 * (2 + teacher.LINEAR_VOTES) / 2, rel=0.15)
