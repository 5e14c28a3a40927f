"""The site: every page of its menu is there, and MkDocs makes it where it is installed."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def pages_of(menu: Any) -> list[str]:
    if isinstance(menu, str):
        return [menu]
    parts = menu.values() if isinstance(menu, dict) else menu
    return [page for part in parts for page in pages_of(part)]


def test_every_page_of_the_menu_is_there_and_every_page_of_docs_in_it() -> None:
    pages = pages_of(CONFIG["nav"])
    assert not [page for page in pages if not (ROOT / page).is_file()]
    assert {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")} <= set(pages)


def test_mkdocs_makes_it(tmp_path: Path) -> None:
    if not (find_spec("mkdocs") and find_spec("mkdocstrings")):
        pytest.skip("needs MkDocs: pip install -r docs/requirements.txt")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "convert_model" in (tmp_path / "docs/api/index.html").read_text(encoding="utf-8")
    assert (tmp_path / "index.html").is_file() and (tmp_path / "docs/troubleshooting/index.html").is_file()
