"""Makes `benchmarks/base256`, the committed run of the base preset at 256 tokens, from a run trained on `genre`.

    python -m benchmarks.ship build/base256-run

It keeps the QAT variant only, and brings texts of our own for a conversion to be verified on: short commands of the
shipped corpus, and many of them in a row, so that texts of every length up to 256 tokens are there.
"""

import argparse
import csv
import random
from pathlib import Path

from tf_embbert.common.errors import run_command

OUT = Path(__file__).parent / "base256"
ROWS, LONGEST = 200, 60  # texts, and the most commands in one
HISTORY = "history.csv"


def own_texts(seed: int = 0) -> list[tuple[str, str | None]]:
    """`ROWS` (text, None) rows: every third a single command, the others 2 to 60 of them."""
    from tf_embbert.data.tasks import load_task

    commands, chooser = load_task("pocket").splits["selection"].texts, random.Random(seed)
    counts = [1 if row % 3 == 0 else chooser.randint(2, LONGEST) for row in range(ROWS)]
    return [(". ".join(chooser.sample(commands, count)), None) for count in counts]


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.ship", description=__doc__.split("\n")[0])
    parse.add_argument("run", type=Path, help="a run of the task `genre`")
    options = parse.parse_args(arguments)
    from tf_embbert.run import load_run, save_run

    run = load_run(options.run)
    run.variants = {"qat": run.variants["qat"]}
    run.chosen = "qat"
    run.sample_texts = own_texts()
    OUT.mkdir(exist_ok=True)
    with open(options.run / HISTORY, newline="") as file:
        save_run(run, OUT, list(csv.DictReader(file)))


if __name__ == "__main__":
    raise SystemExit(main())
