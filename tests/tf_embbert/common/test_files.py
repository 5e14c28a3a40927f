"""Files that are there whole or not at all, and what is no file."""

import os
import shutil
import subprocess
import sys
import tempfile
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


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_one_line_about_the_file(tmp_path: Path) -> None:
    """As another user where root runs the tests, with an interpreter that this one may start."""
    python = shutil.which("python3", path="/usr/bin") or sys.executable
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    root = Path(__file__).resolve().parents[3]
    write = (
        f"import sys; sys.path.insert(0, {str(root)!r})\n"
        "from pathlib import Path\n"
        "from tf_embbert.common.errors import run_command\n"
        "from tf_embbert.common.files import write_atomically\n"
        "sys.exit(run_command(lambda: write_atomically(Path('file'), 'text'))())"
    )
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        done = subprocess.run([*as_nobody, python, "-B", "-c", write], cwd=folder, capture_output=True, text=True)
        os.chmod(folder, 0o755)
        assert not list(Path(folder).iterdir())
    assert done.returncode == 2, done.stderr
    assert done.stderr == "error: file: Permission denied: choose a place that you may read and write\n"
