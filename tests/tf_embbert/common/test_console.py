"""What a terminal sees: no chatter while TensorFlow is imported, bars on terminals and nowhere else."""

import io
import os
import sys

import pytest
from rich.console import Console

from tf_embbert.common import console


@pytest.fixture
def first_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if TensorFlow had not been imported yet."""
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)


def test_imports_are_silent_and_errors_come_through(first_import: None, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ImportError), console.quiet_import():
        os.write(2, b"chatter of a library\n")
        raise ImportError
    os.write(2, b"heard again\n")
    assert capfd.readouterr().err == "heard again\n"


def test_once_imported_nothing_is_hidden(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", sys)
    with console.quiet_import():
        os.write(2, b"a real warning\n")
    assert capfd.readouterr().err == "a real warning\n"


def drawn(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> str:
    """What a bar of three steps leaves on a console."""
    output = io.StringIO()
    monkeypatch.setattr(
        console,
        "Console",
        lambda stderr: Console(
            file=output, force_terminal=terminal, force_interactive=terminal, width=100, color_system=None
        ),
    )
    with console.progress_bar("epoch 1/2", 3, "batches", loss=float("nan")) as update:
        update(1, loss=0.75)
        update(2, loss=0.5)
    return output.getvalue()


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = drawn(monkeypatch, terminal=True)
    assert "epoch 1/2" in shown and "2/3 batches loss 0.5000" in shown
    assert shown.endswith("\x1b[2K")  # the line is wiped


def test_no_bar_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, terminal=False) == ""


def test_a_bar_goes_away_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyboardInterrupt), console.progress_bar("epoch", 3):
        raise KeyboardInterrupt
