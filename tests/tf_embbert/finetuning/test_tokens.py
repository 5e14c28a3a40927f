"""Whose tokens a task is read by: English keeps the encoder's, other languages and scripts get their own."""

import csv
import random
import re
from pathlib import Path

import pytest

from tf_embbert import FinetuneConfig, finetune_task
from tf_embbert.finetuning import plan as plans
from tf_embbert.finetuning.plan import Plan, make_plan

WORDS = {
    "English": "please turn the light in my kitchen off and play some music from the last album of that band",
    "German": "bitte schalte das Licht in meiner Küche aus und spiele etwas Musik von dem letzten Album dieser Gruppe",
    "Russian": "пожалуйста выключи свет на моей кухне и включи музыку с последнего альбома этой группы",
    "Chinese": " ".join("请关掉我厨房里的灯播放这个乐队最新专辑中的一些音乐"),
}


def write_task(path: Path, language: str, rows: int = 200) -> Path:
    """A table of two classes, which the first half of the words and the second make."""
    words, space = WORDS[language].split(), "" if language == "Chinese" else " "
    rng, half = random.Random(0), len(words) // 2
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["text", "label"])
        for row in range(rows):
            some = words[:half] if row % 2 else words[half:]
            table.writerow([space.join(rng.choices(some, k=6)), "ab"[row % 2]])
    return path


def plan(path: Path, **options: str) -> Plan:
    config = FinetuneConfig(task=str(path), deterministic=True, **options)
    return make_plan(config, config.load(seed=0))


@pytest.mark.parametrize(
    "language, why",
    [
        ("English", None),
        ("German", r"own, which are 0\.\d+ times as many"),
        ("Russian", r"own, which are 0\.\d+ times as many"),
        ("Chinese", r"own, for \d+ % of the encoder's tokens are unknown"),
    ],
)
def test_a_language_that_the_encoder_has_not_read_gets_its_own(language: str, why: str | None, tmp_path: Path) -> None:
    path = write_task(tmp_path / "task.csv", language)
    chosen = plan(path, teacher="ngrams")
    assert chosen.config.tokenizer == ("own" if why else "init") and chosen.teaching.alike == (why is None)
    if why:
        assert re.fullmatch(why, chosen.reasons["tokenizer"])
    asked = plan(path, teacher="ngrams", tokenizer="init")
    assert asked.config.tokenizer == "init" and "tokenizer" not in asked.reasons


@pytest.mark.parametrize("language", ["English", "Chinese"])
def test_the_sentence_encoder_teaches_in_its_language(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "find_encoder", lambda name: "folder")
    path = write_task(tmp_path / "task.csv", language)
    chosen, asked = plan(path).teaching, plan(path, teacher="minilm").teaching
    assert (chosen.encoder, bool(chosen.own_epochs)) == (("folder", False) if language == "English" else (None, True))
    assert asked.encoder == "folder"


def test_a_pair_in_another_language_gets_its_own(tmp_path: Path) -> None:
    texts = write_task(tmp_path / "texts.csv", "Russian").read_text().splitlines()[1:]
    rows = [f"{line.split(',')[0]},{other}" for line, other in zip(texts, texts[2:])]
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join(["text,text_pair,label", *rows]))
    assert plan(path, teacher="none").config.tokenizer == "own"


def test_chinese_is_learnt_from_characters(tmp_path: Path) -> None:
    """By the encoder's tokens all texts are alike, so that no training would tell them apart."""
    path = write_task(tmp_path / "task.csv", "Chinese", rows=120)
    run = finetune_task(
        FinetuneConfig(task=str(path), teacher="ngrams", variants=200, epochs=2, qat_rows=100), tmp_path / "run"
    )
    assert set(WORDS["Chinese"].split()) <= set(run.tokenizer.decode(range(run.tokenizer.vocab_size)))
    assert run.metrics["qat_tflm"] == 100
