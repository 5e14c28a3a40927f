"""The benchmark's rows and teachers: what it gathers, and that each seed's teacher is its own where it must be."""

import json
from pathlib import Path

import pytest

from benchmarks import accuracy
from benchmarks.accuracy import TASKS, gather, soft_rows
from tf_embbert import finetune
from tf_embbert.data.tasks import load_task
from tf_embbert.distillation import fluent_teacher, teacher

SPLITS = {"train": 70, "validation": 14, "test": 21}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "snips").mkdir()
    for split, count in SPLITS.items():
        rows = [json.dumps({"text": f"{split} {i}", "label": i % 7}) + "\n" for i in range(count)]
        (tmp_path / f"snips/{split}.jsonl").write_text("".join(rows))
    (tmp_path / "pretrain").mkdir()
    (tmp_path / "pretrain/plain.txt").write_text("words")
    return tmp_path


def test_validation_rows_are_test_rows_too_and_selection_is_of_train(folder: Path, tmp_path: Path) -> None:
    before, after = load_task("snips", folder), load_task("snips", gather("snips_1400", folder, tmp_path / "work"))
    report = after.rows("test")
    assert after.labels == before.labels and after.reported_split == "test"
    assert report.texts == [f"{split} {i}" for split in ("validation", "test") for i in range(SPLITS[split])]
    assert report.labels.tolist() == [*before.rows("selection").labels, *before.rows("test").labels]
    trained = after.rows("train").texts + after.rows("selection").texts
    assert sorted(trained) == sorted(before.rows("train").texts) and len(after.rows("selection").texts) == 7
    again = load_task("snips", gather("snips_1400", folder, tmp_path / "work"), seed=1)
    assert again.rows("selection").texts == after.rows("selection").texts  # a teacher of all seeds has not seen them
    assert (tmp_path / "work/snips_1400-data/pretrain/plain.txt").read_text() == "words"


def test_a_teacher_that_takes_a_seed_writes_for_each(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def write(arguments: list[str]) -> None:
        asked.append(arguments)
        Path(arguments[arguments.index("--out") + 1]).write_text("")

    for module in (teacher, fluent_teacher):
        monkeypatch.setattr(module, "main", write)
    files = [soft_rows(task, seed, folder, tmp_path / "work") for task in ("cola", "snips_1400") for seed in (0, 1, 1)]
    assert [file.name for file in files] == ["cola-0.jsonl.gz", *["cola-1.jsonl.gz"] * 2, *["snips_1400.jsonl.gz"] * 3]
    start = ["--data-dir", str(folder), "--out"]
    assert asked == [
        ["--task", "cola", "--seed", "0", *start, str(files[0])],
        ["--task", "cola", "--seed", "1", *start, str(files[1])],
        ["--task", "snips", *TASKS["snips"]["soft_rows"].split()[1:], *start, str(files[3])],
    ]


@pytest.mark.parametrize("by_hand", [True, False])
def test_the_general_recipe_is_asked_for_without_an_option(
    by_hand: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(arguments: list[str]) -> int:
        asked.extend(arguments)
        return 2

    monkeypatch.setattr(finetune, "main", refuse)
    with pytest.raises(SystemExit):
        accuracy.measure("emotion", 1, tmp_path, tmp_path / "work", by_hand)
    data = ["--data-dir", str(tmp_path), "--out", str(tmp_path / "work/emotion-1")]
    options = TASKS["emotion"]["options"].split() if by_hand else accuracy.SCORED
    assert asked == ["--task", "emotion", "--seed", "1", *options, *data]


def test_every_teacher_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    for about in TASKS.values():
        if "soft_rows" in about:
            name = about["soft_rows"].split()[0]
            with pytest.raises(SystemExit) as ended:
                accuracy.importlib.import_module(f"tf_embbert.distillation.{name}").main(["--help"])
            assert ended.value.code == 0 and f"python -m tf_embbert.distillation.{name}" in capsys.readouterr().out
