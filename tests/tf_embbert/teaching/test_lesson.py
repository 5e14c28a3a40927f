"""The lesson: what is judged, that nothing held out is, that it is kept, and the plan that asks for it."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.chain import make_rows, write_rows
from tf_embbert.common.errors import UserError
from tf_embbert.data.checks import words_of
from tf_embbert.data.tasks import Task, load_task
from tf_embbert.finetuning import plan as plans
from tf_embbert.finetuning.config import FinetuneConfig
from tf_embbert.finetuning.plan import make_plan
from tf_embbert.teaching import lesson as lessons
from tf_embbert.teaching.config import Teaching, find_encoder
from tf_embbert.teaching.disturb import LONG, LONGEST_COPY, disturbed_pairs, disturbed_texts, some_of, words_of_copies
from tf_embbert.teaching.lesson import take_lesson, texts_to_judge


@pytest.fixture
def task(tmp_path: Path) -> Task:
    rows = [{"text": row["body"], "label": row["queue"]} for row in make_rows("classes", 120)]
    return load_task(str(write_rows(tmp_path / "d.csv", rows)))


def teaching(variants: int = 300, share: float = 0.3) -> Teaching:
    return Teaching(None, 1, variants, share, seed=0)


def test_no_row_that_selects_or_is_reported_is_judged_or_learnt_from(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Short texts of few words: copies of training rows often are, by chance, a row that is held out."""
    judged: list[str] = []

    class Listening(lessons.VotingTeacher):
        def __init__(self, texts: Any, labels: Any, *rest: Any) -> None:
            judged.extend(texts)
            super().__init__(texts, labels, *rest)

        def judge(self, texts: Any) -> Any:
            judged.extend(texts)
            return super().judge(texts)

    monkeypatch.setattr(lessons, "VotingTeacher", Listening)
    soft = take_lesson(task, teaching(3000), tmp_path / "work", print).soft
    held = {words_of(text) for split in ("selection", "test") for text in task.rows(split).texts}
    held -= {words_of(text) for text in task.rows("train").texts}  # what stands in train too is no secret
    chance = {words_of(text) for text in disturbed_texts(task.rows("train").texts, 3000, 0)}
    assert held & chance  # the rule has something to do
    assert not held & {words_of(text) for text in judged} and not held & {words_of(text) for text in soft.texts}


def test_half_of_what_is_judged_is_of_the_texts_without_labels(task: Task) -> None:
    """They stand as they are, and copies of them where they are few; rows of the task are not judged again."""
    held, own = task.rows("test").texts, task.rows("train").texts
    others = [f"stranger{i} hums a tune" for i in range(100)]
    few = dataclasses.replace(task, unlabelled=[*others, held[0], own[0]])
    judged = texts_to_judge(few, teaching(1000))
    assert judged == texts_to_judge(few, teaching(1000)) and len(judged) == len(set(judged))
    assert set(others) <= set(judged) and not {held[0], own[0]} & set(judged)
    of_others = [text for text in judged if any(word.startswith("stranger") for word in str(text).split())]
    assert 0.4 < len(of_others) / len(judged) < 0.65 and len(of_others) > 3 * len(others)
    many = dataclasses.replace(task, unlabelled=[f"stranger{i} hums a tune" for i in range(2000)])
    chosen = [text for text in texts_to_judge(many, teaching(1000)) if "stranger" in text]
    assert len(chosen) == 500 and set(chosen) <= set(many.unlabelled)


def test_of_long_texts_without_labels_most_are_a_few_lines() -> None:
    texts = [" ".join(f"{name}{i}" for i in range(400)) for name in map(str, range(300))]
    lengths = [len(str(text).split()) for text in some_of(texts, 200, seed=0)]
    assert len(lengths) == 200 and max(lengths) == LONGEST_COPY
    assert 0.75 < np.mean(np.array(lengths) <= LONG) < 0.95


def test_targets_keep_the_label_and_copies_are_judged_as_their_words_say(task: Task, tmp_path: Path) -> None:
    lesson = take_lesson(task, teaching(), tmp_path / "work", print)
    labels = task.rows("train").labels
    assert (lesson.targets[np.arange(len(labels)), labels] >= 0.7).all()
    for part in (lesson.targets, lesson.soft.targets):
        np.testing.assert_allclose(part.sum(axis=1), 1, atol=1e-5)
    songs = [i for i, text in enumerate(lesson.soft.texts) if "jazz" in text and "lamp" not in text]
    music = task.labels.index("music")
    assert np.mean(lesson.soft.targets[songs, music]) > 0.5
    assert lesson.about["judged_texts"] == len(lesson.soft.texts) > 100


def test_a_lesson_is_kept_for_a_training_that_is_resumed(task: Task, tmp_path: Path) -> None:
    first, again = (take_lesson(task, teaching(variants), tmp_path / "work", print) for variants in (60, 0))
    assert first.soft.texts == again.soft.texts and first.about == again.about
    np.testing.assert_array_equal(first.soft.targets, again.soft.targets)
    alone = take_lesson(task, teaching(0), tmp_path / "other", print)
    assert alone.soft is None


def test_copies_are_new_short_and_of_the_tasks_words() -> None:
    texts = ["turn on the lamp now", "play some jazz", "", "yes"]
    copies = disturbed_texts(texts, 500, seed=1)
    assert copies == disturbed_texts(texts, 500, seed=1) != disturbed_texts(texts, 500, seed=2)
    assert len(set(copies)) == len(copies) > 100 and not set(copies) & set(texts)
    assert {word for copy in copies for word in copy.split()} == {word for text in texts for word in text.split()}
    assert disturbed_texts([""], 5, seed=0) == []


def test_most_copies_of_long_texts_are_a_few_lines_of_them() -> None:
    texts = [" ".join(f"{name}{i}" for i in range(400)) for name in "ab"]
    lengths = np.array([len(copy.split()) for copy in disturbed_texts(texts, 800, seed=0)])
    assert lengths.max() == LONGEST_COPY and 0.75 < np.mean(lengths <= LONG) < 0.95 and len(np.unique(lengths)) > 40
    assert abs(lengths.mean() / words_of_copies(np.array([400, 400])) - 1) < 0.25  # what the minutes are reckoned by


def test_copies_of_pairs_are_new_and_change_partners() -> None:
    pairs = [("turn on the lamp", "lights please"), ("play some jazz", "music now"), ("", "yes")]
    copies = disturbed_pairs(pairs, 500, seed=1)
    assert copies == disturbed_pairs(pairs, 500, seed=1)
    assert len(set(copies)) == len(copies) > 100 and not set(copies) & set(pairs)
    assert ("turn on the lamp", "music now") in copies  # as they stand, with a stranger
    assert disturbed_pairs([("", "yes")], 5, seed=0) == []


# ---- the plan ----


def plan_of(path: Path, **options: Any) -> Any:
    config = FinetuneConfig(task=str(path), deterministic=True, **options)  # whatever this machine's speed
    return make_plan(config, config.load(seed=0))


def test_the_plan_goes_by_the_kind_of_rows(data: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {"text_column": "body", "label_column": "queue"}
    texts = plan_of(data["classes"], teacher="ngrams", **columns)
    assert texts.teaching.variants == texts.config.variants > 1000 and texts.config.batch_size == 128
    assert texts.reasons["teacher"] == "linear models of words and characters" and not texts.teaching.own_epochs
    monkeypatch.setattr(plans, "find_encoder", lambda teacher: None)
    alone = plan_of(data["classes"], **columns)
    assert alone.reasons["teacher"].endswith(f", and EmbBERT fine-tuned for {alone.teaching.own_epochs} epochs")
    assert not plan_of(data["classes"], minutes=1.5, **columns).teaching.own_epochs  # no time for its trainings
    for kind, init in (("pairs", "pairs"), ("regression", texts.choices()["init"])):
        monkeypatch.setattr(plans, "find_encoder", lambda teacher: None)
        alone = plan_of(data[kind])
        assert alone.teaching is None and alone.choices()["init"] == init and alone.config.batch_size == 32
        assert "wants torch" in alone.reasons["teacher"]
        monkeypatch.setattr(plans, "find_encoder", lambda teacher: "folder")
        taught = plan_of(data[kind])
        assert taught.teaching.encoder == "folder" and taught.config.batch_size == 128
        assert taught.reasons["teacher"] == f"a sentence encoder fine-tuned for {taught.teaching.epochs} epochs"
    with pytest.raises(UserError, match="--teacher ngrams is of single texts with classes, same has pairs"):
        plan_of(data["pairs"], teacher="ngrams")
    assert plan_of(data["classes"], preset="nano", teacher="none", **columns).config.init == "none"


def test_what_was_asked_for_stays_and_more_minutes_are_more_texts_or_epochs(data: dict[str, Path]) -> None:
    options = {"text_column": "body", "label_column": "queue", "teacher": "ngrams"}
    asked = plan_of(data["classes"], epochs=3, batch_size=16, variants=77, tokenizer="own", **options).config
    assert (asked.epochs, asked.batch_size, asked.variants, asked.tokenizer) == (3, 16, 77, "own")
    few, many = (plan_of(data["classes"], minutes=m, **options).config for m in (1.5, 20))
    assert few.variants * few.epochs < many.variants * many.epochs


def test_a_resumed_plan_is_the_first_one(data: dict[str, Path], tmp_path: Path) -> None:
    options = {"text_column": "body", "label_column": "queue", "teacher": "ngrams"}
    first = plan_of(data["classes"], minutes=2, **options)
    assert first.kept(tmp_path / "w/plan.json") == first
    assert plan_of(data["classes"], minutes=9, **options).kept(tmp_path / "w/plan.json") == first
    assert str(tmp_path) not in json.dumps(first.choices())


def test_a_teacher_by_name_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not ngrams, none, auto, minilm, or the folder of a sentence encoder"):
        find_encoder(str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert find_encoder("auto") is None
    with pytest.raises(UserError, match=r"needs torch: pip install 'tf-embbert\[teacher\]', or --teacher ngrams$"):
        find_encoder("minilm")
    with pytest.raises(UserError, match=r"--encoder minilm needs torch: pip install 'tf-embbert\[teacher\]'$"):
        find_encoder("minilm", "--encoder", ())
