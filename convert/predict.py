"""What the device of a bundle answers to texts, by Python.

    python -m convert.predict BUNDLE [TEXT ...]

Without texts, to each line of standard input; a pair is two texts with a tab between them. A line an answer, as the app
prints it but for the ticks: label (of a regression the value), int8 logits, and how many tokens of how many the model
takes, with tabs between them. So `diff` proves a board. Exit status: 0, or 2 on bad input.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import run_command

if TYPE_CHECKING:
    import numpy as np


def answer_texts(path: str | Path, lines: list[str]) -> list[str]:
    """The lines that a bundle's device answers.

    Args:
        path: the bundle.
        lines: texts, or pairs with a tab between their two texts.

    Returns:
        `news<tab>-27 84 -59<tab>3 of 32 tokens` for each line.

    Raises:
        UserError: it is no bundle, or TFLM cannot run its model.
    """
    import numpy as np

    from convert.bundle.bundle import read_bundle
    from convert.tflite.lengths import answer_by_length, rows_by_length
    from convert.tflite.model import output_quantization, read_model
    from convert.tflm.interpreters import predict
    from tf_embbert.tokenizer import Tokenizer, segments

    bundle = read_bundle(path)
    models = bundle.models
    pairs = len(read_model(models[max(models)]).subgraphs[0].inputs) > 1
    firsts, seconds = zip(*(_split(line) if pairs else (line, "") for line in lines))
    tokenizer = Tokenizer.load(bundle.path / "tokenizer.json")
    ids = tokenizer.encode(list(firsts), list(seconds) if pairs else None, max_length=max(models)).ids
    logits = answer_by_length(
        models, ids, lambda model, rows: predict(model, rows, [segments(row) for row in rows] if pairs else None)
    )
    taken = {row: length for length, rows in rows_by_length(models, ids).items() for row in rows}
    labels, (scale, zero_point) = bundle.manifest["labels"], output_quantization(read_model(models[max(models)]))
    return [
        "\t".join(
            (
                labels[int(np.argmax(row))]
                if labels
                else _thousandths(np.float32(scale) * np.float32(row[0] - zero_point)),
                " ".join(map(str, row)),
                f"{len(ids[number])} of {taken[number]} tokens",
            )
        )
        for number, row in enumerate(logits.astype(int))
    ]


def _split(line: str) -> tuple[str, str]:
    first, _, second = line.partition("\t")
    return first, second


def _thousandths(value: "np.float32") -> str:
    """A value as the app prints it: 1.234, cut and not rounded."""
    thousandths = int(value * type(value)(1000))
    return f"{'-' if thousandths < 0 else ''}{abs(thousandths) // 1000}.{abs(thousandths) % 1000:03}"


def _lines(texts: Iterable[str]) -> list[str]:
    return list(texts) or [line.rstrip("\r\n") for line in sys.stdin]


@run_command
def main(arguments: list[str] | None = None) -> int:
    parser = CommandParser(prog="python -m convert.predict", description="What does this bundle's device answer?")
    parser.add_argument("bundle", help="a bundle's folder")
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="texts (default: each line of standard input)")
    options = parser.parse_args(arguments)
    lines = _lines(options.texts)
    for answer in answer_texts(options.bundle, lines) if lines else []:
        print(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
