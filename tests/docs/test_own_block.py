"""The page on one's own block: its Python runs, from a model of one's own to a bundle that verifies."""

import re
from pathlib import Path
from typing import Any

import pytest

from convert.bundle.verification import verify_bundle

PAGE = Path(__file__).parents[2] / "docs/own-block.md"


def test_a_block_of_ones_own_becomes_a_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "build").mkdir()
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "page"}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), names)
    assert names["difference"] < 1e-4
    verification = names["manifest"]["verification"]
    assert verification["equal"] == verification["rows"] >= 200
    assert verify_bundle(tmp_path / "build/mine")["ok"]
