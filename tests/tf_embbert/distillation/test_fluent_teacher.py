"""The teacher that counts: it knows from plain text what labels never told, and says nothing of the reported split."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.chain import refused
from tests.support.toy_language import NOUNS, few_classes, sentence, shuffled, write_language
from tf_embbert.data.checks import words_of
from tf_embbert.data.soft_labels import read_soft_labels
from tf_embbert.data.tasks import load_task
from tf_embbert.distillation import fluent_teacher
from tf_embbert.distillation.fluency import CORPUS, Fluency
from tf_embbert.distillation.fluent_teacher import Teacher, runs, see, unbiased


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_language(tmp_path_factory.mktemp("language"), CORPUS)


@pytest.fixture(scope="module")
def counted(folder: Path) -> Fluency:
    with pytest.MonkeyPatch.context() as patch:
        few_classes(patch)
        return Fluency([folder / f"pretrain/{name}.txt.gz" for name in CORPUS])


def test_runs_of_a_text() -> None:
    found = runs("Go up!")
    assert {"^ go", "go up !", "up ! $", "go .. !", "^ .. up", "# go", "#go up"} <= set(found)
    assert all(run == run.lower() for run in found)


def test_it_judges_words_that_only_plain_text_has(folder: Path, counted: Fluency, rng: np.random.Generator) -> None:
    rows = load_task("cola", folder).rows("train")
    teacher = Teacher(see(rows.texts, counted), rows.labels, 0.03)
    sound = [sentence(rng, NOUNS[4:]) for _ in range(100)]
    good, bad = ([" ".join(words) for words in texts] for texts in (sound, [shuffled(rng, words) for words in sound]))
    shares = teacher(see(good + bad, counted))
    assert shares.shape == (200, 2) and np.allclose(shares.sum(axis=1), 1)
    assert np.mean((shares[:, 1] > 0.5) == (np.arange(200) < 100)) > 0.95


def test_its_opinion_of_a_row_is_older_than_the_rows_label(folder: Path, counted: Fluency) -> None:
    rows = load_task("cola", folder).rows("train")
    seen, other = see(rows.texts, counted), rows.labels.copy()
    other[7] = 1 - other[7]
    said, then = (unbiased(seen, labels, 0.03, 5) for labels in (rows.labels, other))
    np.testing.assert_array_equal(said[7], then[7])
    assert np.abs(said - then).max() > 1e-6  # others' teachers have seen it


def test_it_writes_what_finetune_reads(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few_classes(monkeypatch)
    out = folder / "soft.jsonl.gz"
    arguments = [
        "--task",
        "cola",
        "--data-dir",
        str(folder),
        "--variants",
        "3",
        "--plain",
        "200",
        "--seed",
        "1",
        "--out",
        str(out),
    ]
    assert fluent_teacher.main(arguments) == 0
    assert "mcc" in capsys.readouterr().out
    task = load_task("cola", folder, seed=1)
    soft, own = read_soft_labels(out, task), task.rows("train").texts
    assert soft.texts[: len(own)] == own and len(own) + 200 < len(soft) <= 4 * len(own) + 200
    kept = {words_of(text) for split in ("validation", "selection") for text in task.rows(split).texts}
    assert not kept & set(map(words_of, soft.texts[len(own) :]))
    first = out.read_bytes()
    assert fluent_teacher.main(arguments) == 0 and out.read_bytes() == first  # the same bytes again


@pytest.mark.parametrize(
    "arguments, parts",
    [
        (["--task", "stsb"], ["stsb is not one of single texts and classes"]),
        (["--variants", "-1"], ["--variants", "at least 0"]),
        (["--out", "none/soft.jsonl.gz"], ["no such folder: none", "another --out"]),
        (["--data-dir", "nowhere"], ["nowhere"]),
    ],
)
def test_bad_arguments_are_one_line(
    arguments: list[str], parts: list[str], folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "glue_stsb").mkdir(exist_ok=True)
    for split in ("train", "validation", "test"):
        row = json.dumps({"text": "a", "text_pair": "b", "label": 1.5}) + "\n"
        (folder / f"glue_stsb/{split}.jsonl").write_text(row * 20)
    start = ["--task", "cola", "--data-dir", folder, "--out", tmp_path / "soft.jsonl.gz"]
    refused(capsys, fluent_teacher.main, [*start, *arguments], *parts)
