"""The tables of README.md and docs/ are those of the committed results, each table is on one page."""

from pathlib import Path

import pytest

from benchmarks.tables import PAGES, require_each_once, with_tables

MARKED = "<!-- table {} -->\n<!-- end -->\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_are_made_from_the_results(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert with_tables(text) == text, "run `make tables`"


def test_every_table_is_on_one_page() -> None:
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    require_each_once(texts)
    with pytest.raises(SystemExit, match=r"once: app, unheard-of$"):
        require_each_once([*texts, MARKED.format("app"), MARKED.format("unheard-of")])
