"""Makes a shipped encoder, a folder of `tf_embbert/encoders`, of a pretrained run: its weights rounded to float16.

    python -m benchmarks.ship_encoder runs/pretrained tf_embbert/encoders/words

Half the bytes, for what `int8` rounds again by a hundred times as much. The folder's README.md, its card, stays.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

from tf_embbert.common.errors import run_command

HISTORY = "history.csv"


@run_command
def main(arguments: list[str] | None = None) -> None:
    """Writes the encoder's files."""
    parse = argparse.ArgumentParser(prog="python -m benchmarks.ship_encoder", description=__doc__.split("\n")[0])
    parse.add_argument("run", type=Path, help="of `pretrain`, or of another command that makes an encoder")
    parse.add_argument("out", type=Path, help="the encoder's folder")
    options = parse.parse_args(arguments)
    from tf_embbert.run import load_run, save_run

    run = load_run(options.run)
    run.float_weights = {name: value.astype(np.float16) for name, value in run.float_weights.items()}
    with open(options.run / HISTORY, newline="") as file:
        history = list(csv.DictReader(file))
    options.out.mkdir(exist_ok=True)
    save_run(run, options.out, history)


if __name__ == "__main__":
    raise SystemExit(main())
