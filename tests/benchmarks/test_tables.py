"""The README's tables are those of the committed results."""

from benchmarks.tables import README, with_tables


def test_readme_tables_are_made_from_the_results():
    text = README.read_text(encoding="utf-8")
    assert with_tables(text) == text, "run `make tables`"
