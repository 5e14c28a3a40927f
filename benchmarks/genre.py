r"""The texts that the committed run `benchmarks/base256` was trained on: is a passage from a novel, the news or an
encyclopedia? Real prose of 256 tokens a row, made from the paragraphs of a `pretrain` data folder.

    python -m benchmarks.genre --data-dir DIR --out build/genre
    python -m tf_embbert.finetune --task build/genre --init none --teacher none --max-length 256 --epochs 3 \
        --qat-epochs 1 --out build/base256-run
"""

import argparse
import gzip
import random
from collections.abc import Iterator
from pathlib import Path

from benchmarks.common.json_lines import write_json_lines
from tf_embbert.common.errors import UserError, run_command

SOURCES = {"novel": "books", "news": "wikinews", "encyclopedia": "wikipedia"}
ROWS = {"train": 1500, "validation": 200, "test": 350}  # of each source
PASSAGE = 1250  # characters, about 256 tokens
SEED = 0


def passages(path: Path, count: int) -> Iterator[str]:
    """`count` passages of consecutive paragraphs, spread evenly over a file of one paragraph a line."""
    if not path.is_file():
        raise UserError(f"no such file: {path}; --data-dir must hold pretrain/{path.name}")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    # Passages of one split come from one stretch of the file: test books are not training books.
    for start in range(0, len(lines), len(lines) // count):
        yield " ".join(lines[start : start + 12])[:PASSAGE]


def make_rows(data_dir: Path) -> dict[str, list[dict[str, str]]]:
    """{split: rows of {"text", "label"}}, shuffled, the same at every call."""
    rows: dict[str, list[dict[str, str]]] = {split: [] for split in ROWS}
    for label, name in SOURCES.items():
        texts = list(passages(data_dir / "pretrain" / f"{name}.txt.gz", sum(ROWS.values())))
        for split, count in ROWS.items():
            rows[split] += [{"text": text, "label": label} for text in texts[:count]]
            texts = texts[count:]
    for part in rows.values():
        random.Random(SEED).shuffle(part)
    return rows


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.genre", description=__doc__.split("\n")[0])
    parse.add_argument("--data-dir", type=Path, required=True)
    parse.add_argument("--out", type=Path, required=True)
    options = parse.parse_args(arguments)
    rows = make_rows(options.data_dir)
    options.out.mkdir(parents=True, exist_ok=True)
    for split, part in rows.items():
        write_json_lines(options.out / f"{split}.jsonl", part)


if __name__ == "__main__":
    raise SystemExit(main())
