"""The page that walks one text through every stage: its Python runs, and its last form answers what the others did."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.walkthrough import PAGE, run_blocks

Maker = Callable[[str], Path]


def test_every_block_runs_from_a_run_to_equal_bytes(
    run_of: Maker, bundle_of: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / "build/walk-run").symlink_to(run_of("classes"))
    (tmp_path / "build/walk").symlink_to(bundle_of("classes"))
    monkeypatch.chdir(tmp_path)
    text, names = run_blocks(PAGE.read_text(encoding="utf-8"))
    assert names["model"] == names["built"].model
    assert names["tflm"].tolist() == names["tflite"].tolist()
    assert "equal bytes: True" in text
    assert names["figures"]["total"] >= names["figures"]["used"] > names["figures"]["persistent"]


def test_the_device_answers_on_the_page_what_python_answers_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    python = re.search(r"^\[([-\d, ]+)\]\nequal bytes: True (\w+)$", text, re.MULTILINE)
    device = re.search(r"^> (\w+)\t([-\d ]+)\t(\d+) of 16 tokens", text, re.MULTILINE)
    assert (device[1], device[2].split()) == (python[2], python[1].split(", "))
    ids = re.search(r"^\[([\d, ]+)\] \['\[CLS\]'", text, re.MULTILINE)
    assert int(device[3]) == len(ids[1].split(", "))
