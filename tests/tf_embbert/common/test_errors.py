"""Exit statuses and messages of commands."""

import os
import subprocess
import sys

import pytest

from tf_embbert.common.errors import UserError, nearest, run_command


def test_a_user_error_is_one_line_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        raise UserError("no such file: a.csv\n  give another")

    assert run_command(main)() == 2
    assert capsys.readouterr().err == "error: no such file: a.csv give another\n"


@pytest.mark.parametrize("args, line", [((), "interrupted\n"), (("--resume goes on",), "--resume goes on\n")])
def test_ctrl_c_is_exit_130_with_its_message(
    capsys: pytest.CaptureFixture[str], args: tuple[str, ...], line: str
) -> None:
    def main() -> None:
        raise KeyboardInterrupt(*args)

    assert run_command(main)() == 130
    assert capsys.readouterr().err == line


def test_defects_keep_their_traceback() -> None:
    def main() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_command(main)()


def test_status_and_arguments_pass_through() -> None:
    assert run_command(lambda status: status)(1) == 1
    assert run_command(lambda: None)() == 0


def test_nearest_names() -> None:
    assert nearest("emotions", ["emotion", "snips"]) == "did you mean emotion?"
    assert nearest("xyzzy", ["emotion", "snips"]) == ""


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", ["--help", "--supported-ops", "nowhere.tflite"])
@pytest.mark.parametrize("full", ["stdout", "stderr", "both"])
def test_what_cannot_be_printed_is_no_success(words: str, full: str, unbuffered: str) -> None:
    """On a full disk: exit status 2 and at most one line; where only the errors go there, as ever."""
    with open("/dev/full", "w") as device:
        done = subprocess.run(
            [sys.executable, "-m", "convert.check", words],
            stdout=device if full in ("stdout", "both") else subprocess.PIPE,
            stderr=device if full in ("stderr", "both") else subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    fine = words.startswith("--") and full == "stderr"
    assert done.returncode == (0 if fine else 2)
    if not fine and full == "stdout":
        assert done.stderr.count("\n") == 1 and done.stderr.startswith("error: ")
