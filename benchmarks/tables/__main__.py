"""Writes the tables of all pages anew: `python -m benchmarks.tables`."""

from benchmarks.tables import PAGES, require_each_once, with_tables


def main() -> None:
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES}
    require_each_once(texts.values())
    for page, text in texts.items():
        page.write_text(with_tables(text), encoding="utf-8")


if __name__ == "__main__":
    main()
