"""Files and folders of labelled text: what is read, and one clear line for what cannot be."""

import gzip
import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from tf_embbert.common.errors import UserError
from tf_embbert.data.folders import read_folder
from tf_embbert.data.readers import read_file


def written(path: Path, content: str | bytes) -> Path:
    data = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


ROWS = {"text": ["one, two", 'say "hi"'], "label": ["a", "b"]}


@pytest.mark.parametrize(
    "name, content",
    [
        ("rows.csv", 'text,label\n"one, two",a\n"say ""hi""",b\n'),
        ("rows.csv", '\ufefftext,label\r\n"one, two",a\r\n\r\n"say ""hi""",b\r\n'),
        ("rows.tsv", 'text\tlabel\none, two\ta\n"say ""hi"""\tb\n'),
        ("rows.jsonl", '{"text": "one, two", "label": "a"}\n\n{"text": "say \\"hi\\"", "label": "b"}'),
        ("rows.json", '{"text": "one, two", "label": "a"}\n{"text": "say \\"hi\\"", "label": "b"}\n'),
        ("rows.csv.gz", 'text,label\n"one, two",a\n"say ""hi""",b\n'),
        ("rows.jsonl.gz", '{"text": "one, two", "label": "a"}\n{"text": "say \\"hi\\"", "label": "b"}\n'),
    ],
)
def test_reads_every_kind_of_file(tmp_path: Path, name: str, content: str) -> None:
    table = read_file(written(tmp_path / name, content))
    assert table.columns == ROWS
    assert len(table) == 2


def test_places_are_file_lines(tmp_path: Path) -> None:
    table = read_file(written(tmp_path / "a.csv", 'text,label\n"two\nlines",a\n\nlast,b\n'))
    assert table.columns["text"] == ["two\nlines", "last"]
    assert [table.where(i) for i in range(2)] == [f"{tmp_path}/a.csv, line 2", f"{tmp_path}/a.csv, line 5"]


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.csv", "", "a.csv is empty"),
        ("a.jsonl", "\n \n", "a.jsonl is empty"),
        ("a.csv", "text,label\n", "a.csv has a header and no rows"),
        ("a.csv", "text,label\nfine,a\none,two,b\n", "a.csv, line 3: 3 fields where the header has 2"),
        ("a.csv", 'text,label\n"open,a\n', "a.csv, line 2: unexpected end of data"),
        ("a.csv", 'text,label\n"x"y,a\n', "a.csv, line 2: ',' expected after '\"'"),
        ("a.csv", "text,text\nx,a\n", "a.csv names a column twice: text, text"),
        ("a.csv", "text,label\nhier,a\nпозавчера,b\n".encode("cp1251"), "a.csv, line 3: byte 0xef at offset 18"),
        (
            "a.jsonl.gz",
            '{"text": "für Äöü"}'.encode()[:-3] + b'"}',
            "a.jsonl.gz, line 1: byte 0xc3 at offset 19 is not",
        ),
        ("a.jsonl", '{"text": "x"}\n{"text": \n', "a.jsonl, line 2: invalid JSON"),
        ("a.jsonl", "[1, 2]\n", "a.jsonl, line 1: not a JSON object"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: bytes | str, message: str) -> None:
    with pytest.raises(UserError) as error:
        read_file(written(tmp_path / name, content))
    assert str(error.value).startswith(f"{tmp_path}/{message}")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no such file: .*missing.csv"):
        read_file(tmp_path / "missing.csv")


BROKEN = {
    "its first bytes alone": b"\x1f\x8b\x08 and no more",
    "cut off": gzip.compress(b"text,label\nx,a\n" * 50)[:40],
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_broken_gzip(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.csv.gz").write_bytes(data)
    with pytest.raises(UserError, match=r"a.csv.gz is not a whole gzip file"):
        read_file(tmp_path / "a.csv.gz")


def test_a_folder_given_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(UserError, match=r"cannot read .*a.csv: Is a directory"):
        read_file(tmp_path / "a.csv")


def test_column_not_found_names_those_there(tmp_path: Path) -> None:
    table = read_file(written(tmp_path / "a.csv", "sentence,class\nx,a\n"))
    with pytest.raises(UserError, match=r"has no column 'text'; its columns are sentence, class"):
        table.texts("text")


@pytest.mark.parametrize(
    "value, message",
    [(3, "'text' is 3, not a text"), (None, "'text' is None, not a text"), ("\ud800", "'text' is not valid Unicode")],
)
def test_texts_must_be_text(tmp_path: Path, value: int | str | None, message: str) -> None:
    content = json.dumps({"text": "fine"}) + "\n" + json.dumps({"text": value}) + "\n"
    with pytest.raises(UserError, match=f"line 2: {message}"):
        read_file(written(tmp_path / "a.jsonl", content)).texts("text")


def test_folder_of_files(tmp_path: Path) -> None:
    written(tmp_path / "train.csv", "text,label\nx,a\n")
    written(tmp_path / "dev.jsonl.gz", '{"text": "y", "label": "b"}\n')
    written(tmp_path / "oos_test.csv", "text,label\nz,c\n")
    written(tmp_path / "labels.json", '["a", "b"]')
    folder = read_folder(tmp_path)
    texts = {split: table.columns["text"] for split, table in folder.tables.items()}
    assert texts == {"train": ["x"], "validation": ["y"]}
    assert folder.labels == ["a", "b"]


def test_folder_with_chosen_splits(tmp_path: Path) -> None:
    for split in ("train", "test", "validation_matched"):
        written(tmp_path / f"{split}.csv", "text,label\nx,a\n")
    tables = read_folder(tmp_path, ["train", "validation_matched", "other"]).tables
    assert set(tables) == {"train", "validation_matched"}


@pytest.mark.parametrize(
    "files, message",
    [
        ({}, "has no data: it needs train.jsonl.gz"),
        ({"notes.md": "x"}, "has no data"),
        (
            {"train.csv": "text,label\nx,a\n", "train.tsv": "text\tlabel\nx\ta\n"},
            "two files for the train split: train.csv and train.tsv",
        ),
        ({"train.csv": "text,label\nx,a\n", "labels.json": "[1, 2]"}, "labels.json must be a list of class names"),
        ({"train.csv": "text,label\nx,a\n", "labels.json": "[\n"}, "labels.json, line 2: invalid JSON"),
    ],
)
def test_bad_folders(tmp_path: Path, files: dict[str, Any] | dict[str, str], message: str) -> None:
    for name, content in files.items():
        written(tmp_path / name, content)
    with pytest.raises(UserError, match=message):
        read_folder(tmp_path)


def test_unreadable_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read folder .*gone: No such file"):
        read_folder(tmp_path / "gone")


def test_saved_dataset_dict(tmp_path: Path) -> None:
    rows = datasets.Dataset.from_dict({"text": ["x", "y"], "label": [1, 0]}).cast_column(
        "label", datasets.ClassLabel(names=["no", "yes"])
    )
    datasets.DatasetDict(train=rows, dev=rows).save_to_disk(tmp_path / "saved")
    folder = read_folder(tmp_path / "saved")
    assert set(folder.tables) == {"train", "validation"}
    assert folder.tables["train"].columns == {"text": ["x", "y"], "label": [1, 0]}
    assert folder.tables["train"].class_names == {"label": ["no", "yes"]}


def test_saved_single_dataset(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"text": ["x"], "label": [1]}).save_to_disk(tmp_path / "saved")
    assert list(read_folder(tmp_path / "saved").tables) == ["train"]


def test_broken_saved_dataset(tmp_path: Path) -> None:
    (tmp_path / "dataset_dict.json").write_text("{")
    with pytest.raises(UserError, match=r"is no readable saved dataset"):
        read_folder(tmp_path)
