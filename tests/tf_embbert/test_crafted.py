"""Runs and data sets that somebody edited, cut or made up: each is one line, whatever is in it."""

import errno
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.crafted import JSON_KINDS, RUN_EDITS, write_small_run
from tf_embbert.common.errors import UserError, run_command
from tf_embbert.common.files import write_atomically
from tf_embbert.data.tasks import load_task
from tf_embbert.run import load_run, sha256
from tf_embbert.training.partial import alone, work_aside

DIGITS = "9" * 5000
DEEP = "[" * 100_000
ROWS = [f'{{"text": "row {i}", "label": "{"ab"[i % 2]}"}}' for i in range(40)]


FINE = {  # a run for regression, metrics of another kind, no texts to verify on, one text
    ("labels.json", "null"),
    ("metrics.json", "object"),
    ("metrics.json", "empty object"),
    ("verification.jsonl", "nothing"),
    ("verification.jsonl", "a name twice"),
    ("verification.jsonl", "a name that is null"),
}


def one_line(call: Callable[[], Any]) -> str:
    """The one line of a refusal."""
    with pytest.raises(UserError) as refused:
        call()
    line = str(refused.value)
    assert line and len(line.splitlines()) == 1 and len(line) < 1000, line
    line.encode()  # a terminal can print it
    return line


# ---- runs ----


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_run(tmp_path_factory.mktemp("good") / "run")


@pytest.fixture
def run(good: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    for file in good.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def rehash(folder: Path) -> None:
    """config.json says that the files are those that were written with it."""
    about = json.loads((folder / "config.json").read_text())
    about["files"] = {name: sha256(folder / name) for name in about["files"] if (folder / name).is_file()}
    (folder / "config.json").write_text(json.dumps(about))


def test_the_run_is_good(run: Path) -> None:
    rehash(run)
    assert load_run(run).labels == ["no", "yes"]


@pytest.mark.parametrize("name", ["labels.json", "metrics.json", "verification.jsonl", "config.json"])
@pytest.mark.parametrize("kind", JSON_KINDS)
def test_json_of_every_kind_in_a_run(run: Path, name: str, kind: str) -> None:
    (run / name).write_bytes(JSON_KINDS[kind])
    if name != "config.json":
        rehash(run)
    if (name, kind) in FINE:
        load_run(run)
    else:
        assert name.split(".")[0] in one_line(lambda: load_run(run))


@pytest.mark.parametrize("edit", RUN_EDITS)
def test_a_config_edited_by_hand(run: Path, edit: str) -> None:
    about = json.loads((run / "config.json").read_text())
    RUN_EDITS[edit](about)
    (run / "config.json").write_text(json.dumps(about))
    one_line(lambda: load_run(run))


@pytest.mark.parametrize("name", ["tokenizer.json", "labels.json", "weights.npz", "ptq.npz", "metrics.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "other"])
def test_files_missing_empty_cut_or_swapped(run: Path, name: str, damage: str) -> None:
    data = (run / name).read_bytes()
    changed = {"missing": None, "empty": b"", "cut": data[: len(data) // 2], "other": b"PK\x03\x04" + b"\x00" * 99}
    (run / name).unlink()
    if changed[damage] is not None:
        (run / name).write_bytes(changed[damage])
    assert name in one_line(lambda: load_run(run))
    if damage != "missing" or name == "ptq.npz":
        rehash(run)
        assert name.split(".")[0] in one_line(lambda: load_run(run))


def archive(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, data in members.items():
            file.writestr(f"{name}.npy", data)
    return packed.getvalue()


def npy(header: str, body: bytes = b"") -> bytes:
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


@pytest.mark.parametrize(
    "data",
    [
        archive(x=npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}")),
        archive(x=npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}")),
        archive(x=npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"\x80\x04K\x01.")),
        archive(x=npy("{'descr': '<f4', 'shape': (1,)}")),
        archive(x=npy("((((((")),
        archive(x=npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}", b"\x00")),
        archive(x=b"no array"),
        archive(x=b""),
        archive(),
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': ()}", b"\x00" * 4),
    ],
)
@pytest.mark.parametrize("name", ["weights.npz", "ptq.npz"])
def test_archives_that_promise_what_they_have_not(run: Path, name: str, data: bytes) -> None:
    (run / name).write_bytes(data)
    rehash(run)
    if name == "weights.npz" and data == archive():
        load_run(run)  # no array at all: the float model says so when it is asked for
    else:
        assert name in one_line(lambda: load_run(run))


def test_two_commands_on_one_run(tmp_path: Path) -> None:
    with alone(tmp_path / "run"), alone(tmp_path / "other"):
        line = one_line(lambda: work_aside(tmp_path / "run", False, {}, lambda folder: never(), print))
    assert "another command is making" in line and not (tmp_path / "run.partial").exists()
    with alone(tmp_path / "run"):
        pass


def never() -> Any:
    raise AssertionError("the second command began")


@pytest.mark.parametrize("refused", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_disk_that_takes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    """One line, exit status 2, and what was there before is there as it was."""
    path = tmp_path / "file"
    path.write_text("before")

    def refuse(*_: object) -> None:
        raise OSError(refused, os.strerror(refused), str(path))

    monkeypatch.setattr(os, "replace", refuse)
    assert run_command(lambda: write_atomically(path, "after"))() == 2
    assert str(path) in (said := capsys.readouterr().err) and said.count("\n") == 1
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


# ---- data ----


def fine_or_one_line(call: Callable[[], Any]) -> None:
    """What is read as it comes is read; what is refused is refused in one line."""
    try:
        call()
    except UserError as error:
        assert len(str(error).splitlines()) == 1 and len(str(error)) < 1000
        str(error).encode()


def folder_of(tmp_path: Path, labels: bytes) -> Path:
    (tmp_path / "train.jsonl").write_text("\n".join(ROWS) + "\n")
    (tmp_path / "labels.json").write_bytes(labels)
    return tmp_path


@pytest.mark.parametrize("kind", JSON_KINDS)
def test_labels_of_every_kind_in_a_folder(tmp_path: Path, kind: str) -> None:
    fine_or_one_line(lambda: load_task(folder_of(tmp_path, JSON_KINDS[kind])))


def test_labels_in_id_order(tmp_path: Path) -> None:
    assert load_task(folder_of(tmp_path, b'["b", "a"]')).labels == ["b", "a"]


CELLS = {
    "half a character in a text": '{"text": "\\ud800", "label": "a"}',
    "half a character in a label": '{"text": "x", "label": "\\udc00"}',
    "half a character in a column": '{"text": "x", "label": "a", "\\ud800": 1}',
    "a text that is a number": '{"text": 1, "label": "a"}',
    "a text that is null": '{"text": null, "label": "a"}',
    "a text that is a list": '{"text": ["x"], "label": "a"}',
    "no text": '{"label": "a"}',
    "no label": '{"text": "x"}',
    "a label that is null": '{"text": "x", "label": null}',
    "a label that is a list": '{"text": "x", "label": ["a"]}',
    "a label that is an object": '{"text": "x", "label": {"a": 1}}',
    "a label that is empty": '{"text": "x", "label": "  "}',
    "a label with a line break": '{"text": "x", "label": "a\\nb"}',
    "a label of thousands of digits": f'{{"text": "x", "label": {DIGITS}}}',
    "a label of hundreds of digits": f'{{"text": "x", "label": {DIGITS[:400]}}}',
    "a label beyond float": '{"text": "x", "label": 1e999}',
    "a label that is not a number": '{"text": "x", "label": NaN}',
    "a label that is half": '{"text": "x", "label": 0.5}',
    "nested too deep": '{"text": ' + DEEP,
    "no object": '["x", "a"]',
    "a number": "7",
    "a string": '"x"',
    "null": "null",
    "half an object": '{"text": "x", "label": ',
    "two objects": '{"text": "x", "label": "a"} {"text": "x", "label": "a"}',
    "a comment": "// nothing",
}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("place", [0, 20])
def test_a_row_that_is_none(tmp_path: Path, cell: str, place: int) -> None:
    rows = [*ROWS[:place], CELLS[cell], *ROWS[place:]]
    (tmp_path / "mine.jsonl").write_text("\n".join(rows) + "\n")
    fine_or_one_line(lambda: load_task(tmp_path / "mine.jsonl"))


@pytest.mark.parametrize("number", ["1e300", "-1e300", "1e39", "1e16", DIGITS, DIGITS[:300], "inf", "-Infinity", "nan"])
def test_numbers_that_nobody_can_train_on(tmp_path: Path, number: str) -> None:
    rows = [f"row {i},{i / 2}" for i in range(40)]
    (tmp_path / "mine.csv").write_text("\n".join(["text,label", *rows, f"large,{number}"]) + "\n")
    assert "line 42" in one_line(lambda: load_task(tmp_path / "mine.csv", regression=True))


FILES = {
    "bytes of an image": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "nothing": b"",
    "spaces": b" \n \n",
    "a header": b"text,label\n",
    "an open quote": b'text,label\n"x,a\n',
    "a column twice": b"text,text\nx,a\n",
    "a row too long": b"text,label\nx,a,b\n",
    "a row too short": b"text,label\nx\n",
    "a null byte": b"text,label\nx\x00y,a\n",
    "UTF-16": "text,label\nx,a\n".encode("utf-16"),
    "Latin-1": "text,label\nna\xefve,a\n".encode("latin-1"),
    "half a gzip": b"\x1f\x8b\x08\x00\x00",
    "a field of megabytes": b"text,label\n" + b"x" * 200_000 + b",a\n",
    "one row": b"text,label\nx,a\n",
    "one class": b"text,label\n" + b"x,a\n" * 30,
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".csv.gz"])
def test_files_that_are_no_tables(tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / f"mine{suffix}"
    path.write_bytes(FILES[kind])
    fine_or_one_line(lambda: load_task(path))


def test_there_are_at_least_150_kinds() -> None:
    runs = 4 * len(JSON_KINDS) + len(RUN_EDITS) + 5 * 4 + 20
    data = len(JSON_KINDS) + 2 * len(CELLS) + 9 + 4 * len(FILES)
    assert runs + data >= 150
