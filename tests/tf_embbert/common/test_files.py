"""Files that are there whole or not at all, and what is no file."""

import os
import threading
from pathlib import Path

import pytest

from tf_embbert.common.errors import run_command
from tf_embbert.common.files import write_atomically


def test_a_pipe_stays_one(tmp_path: Path) -> None:
    """A device likewise: renaming a file into its place, as a superuser, would take it from everybody."""
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_atomically(pipe, b"contents")
    reader.join(10)
    assert read == [b"contents"] and pipe.is_fifo()
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.parametrize("name", ["", "folder"])
def test_a_folder_is_one_line_with_its_own_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    assert run_command(lambda: write_atomically(Path(name), "text"))() == 2
    assert capsys.readouterr().err == f"error: {name or '.'}: Is a directory: it is a folder: name a file\n"
    assert os.listdir(tmp_path) == ["folder"] and os.listdir(tmp_path / "folder") == []
