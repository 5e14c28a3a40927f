"""Texts without labels: what a file of them may be, and that a training without a judge refuses them."""

import dataclasses
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from scipy.special import softmax

from tests.support.chain import KINDS, SMALL, make_rows, refused, write_rows
from tf_embbert.common.errors import UserError
from tf_embbert.data.readers import Reading
from tf_embbert.data.tasks import Task, load_task
from tf_embbert.data.unlabelled import read_unlabelled
from tf_embbert.finetune import main
from tf_embbert.finetuning.config import FinetuneConfig
from tf_embbert.finetuning.finetune import what_is_begun
from tf_embbert.run import load_run
from tf_embbert.training.batching import predict_in_order

COLUMNS = {"text": "text", "pair": "text_pair"}


def task_of(folder: Path, kind: str) -> Task:
    name, options = KINDS[kind]
    columns: Any = dict(zip((option.removeprefix("--").replace("-", "_") for option in options[::2]), options[1::2]))
    return load_task(write_rows(folder / name, make_rows(kind)), **columns)


def read(path: Path, task: Task, columns: dict[str, str] = COLUMNS) -> list[Any]:
    return read_unlabelled(path, task, columns, Reading())[0]


def test_a_text_a_line_or_a_column_of_a_table(tmp_path: Path) -> None:
    task = task_of(tmp_path, "classes")
    lines = "hum a tune\r\n\n  dim it, please \nhum a tune\n"
    (tmp_path / "more.txt").write_bytes(lines.encode())
    (tmp_path / "more.txt.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "more.csv").write_text('id,body\n1,hum a tune\n2,\n3,"dim it, please"\n')
    (tmp_path / "more.jsonl").write_text("".join(json.dumps({"body": text}) + "\n" for text in ("hum a tune", None)))
    wanted = ["hum a tune", "dim it, please"]
    assert read(tmp_path / "more.txt", task) == read(tmp_path / "more.txt.gz", task) == wanted
    body = {"text": "body", "pair": "text_pair"}
    assert read(tmp_path / "more.csv", task, body) == wanted and read(tmp_path / "more.jsonl", task, body) == wanted[:1]


def test_pairs_have_both_parts(tmp_path: Path) -> None:
    rows = [{"text": "a b", "text_pair": "c"}, {"text": "d", "text_pair": ""}, {"text": None, "text_pair": "e"}]
    (tmp_path / "more.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read(tmp_path / "more.jsonl", task_of(tmp_path, "pairs")) == [("a b", "c")]


BAD: dict[str, tuple[str, str, str | None, list[str]]] = {
    "missing": ("classes", "none.txt", None, ["none.txt"]),
    "a folder": ("classes", "", None, ["is a folder: give a file"]),
    "empty": ("classes", "more.txt", "\n \n", ["has no text"]),
    "another column": ("classes", "more.csv", "text,note\nhum,x\n", ["'body'", "text, note"]),
    "no table of pairs": ("pairs", "more.txt", "hum a tune\n", ["give a table with text and text_pair"]),
    "no text": ("classes", "more.jsonl", '{"body": 3}\n', ["line 1", "'body' is 3, not a text"]),
}


@pytest.mark.parametrize("kind, name, content, parts", BAD.values(), ids=BAD)
def test_bad_files_are_named(
    kind: str, name: str, content: str | None, parts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    task = write_rows(tmp_path / KINDS[kind][0], make_rows(kind))
    command = ["--task", task, *KINDS[kind][1], "--unlabelled", tmp_path / name, "--out", tmp_path / "run"]
    refused(capsys, main, command, *parts)
    assert not (tmp_path / "run").exists() and not (tmp_path / "run.partial").exists()


@pytest.mark.parametrize(
    "options, reason",
    [(["--teacher", "none"], "the teacher is none: not asked for"), (["--variants", "0"], "--variants is 0")],
)
def test_without_a_judge_they_are_refused(
    options: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task, more = write_rows(tmp_path / "d.csv", make_rows("classes")), tmp_path / "more.txt"
    more.write_text("hum a tune\n")
    small = [option for option in SMALL if option not in ("--teacher", "none")]
    command = ["--task", task, *KINDS["classes"][1], *small, *options, "--unlabelled", more, "--out", tmp_path / "run"]
    refused(capsys, main, command, "--unlabelled", f"nobody judges these texts, for {reason}")


def test_what_was_assumed_is_a_note_and_refused_with_strict(tmp_path: Path) -> None:
    rows = [{"body": f"wish number {i}", "queue": "even" if i % 2 == 0 else "odd"} for i in range(60)]
    task, more = write_rows(tmp_path / "d.csv", rows), tmp_path / "more.csv"
    more.write_text("id,Body\n1,hum a tune\n2,\n")
    config = FinetuneConfig(task=str(task), text_column="body", label_column="queue", unlabelled=str(more))
    wanted = ["more.csv: column 'Body' is taken for 'body'", "more.csv: 1 rows without text are left out"]
    assert config.load(seed=0).notices == wanted
    with pytest.raises(UserError, match=r"--strict refuses what would be a note: .*Body.*; .*1 rows without text"):
        dataclasses.replace(config, strict=True).load(seed=0)


def test_a_run_records_their_file_and_is_resumed_with_the_same_texts_only(tmp_path: Path) -> None:
    task, more = write_rows(tmp_path / "same.jsonl", make_rows("pairs")), tmp_path / "more.jsonl"
    hashes = []
    for second in ("b", "c"):
        more.write_text(json.dumps({"text": "a", "text_pair": second}) + "\n")
        config = FinetuneConfig(task=str(task), unlabelled=str(more))
        begun = what_is_begun(config, config.load(seed=0))
        assert begun["unlabelled"] == "more.jsonl"
        hashes.append(begun["data"])
    assert hashes[0] != hashes[1]


@pytest.mark.slow
def test_a_training_learns_words_that_no_labelled_row_has(tmp_path: Path) -> None:
    """The teacher knows "crank" only beside words that it knows; by those texts EmbBERT learns what it goes with."""
    rows = make_rows("classes", 150)
    task, more = write_rows(tmp_path / "d.csv", rows), tmp_path / "more.txt"
    songs = [row["body"] for row in make_rows("classes", 900, seed=1) if row["queue"] == "music"]
    more.write_text("\n".join(f"crank {text}" for text in songs) + "\n")
    small = ["--preset", "nano", "--epochs", "12", "--variants", "2000", "--teacher", "ngrams", "--qat-epochs", "1"]
    command = ["--task", str(task), *KINDS["classes"][1], *small, "--tokenizer", "own", "--init", "none"]
    said = []
    for name, options in (("without", []), ("with", ["--unlabelled", str(more)])):
        assert main([*command, *options, "--out", str(tmp_path / name)]) == 0
        run = load_run(tmp_path / name)
        logits = predict_in_order(run.model, run.tokenizer.encode(["crank", "crank crank"], max_length=16).ids)
        said.append(softmax(logits, axis=1)[:, (run.labels or []).index("music")].mean())
    assert said[1] > 0.5 and said[1] > said[0] + 0.1
    recipe = load_run(tmp_path / "with").metrics["recipe"]
    assert recipe["reasons"]["unlabelled"].startswith(f"{len(set(songs))} texts")
