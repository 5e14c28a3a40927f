"""What the device of a bundle answers to texts, by Python.

    python -m convert.predict BUNDLE [TEXT ...]

Without texts, to each line of standard input; a pair is two texts with a tab between them. A line an answer, as the app
prints it but for the ticks: label (of a regression the value), int8 logits, how many tokens of how many the model
takes, or for a text that is read in windows how many times as many, and of a class its confidence, with tabs between
them. So `diff` proves a board (docs/firmware.md). Exit status: 0, or 2 on bad input.
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
        `news<tab>-27 84 -59<tab>3 of 32 tokens<tab>confidence 0.973` for each line; `, rejected` follows a confidence
        below the one that the bundle was converted with.

    Raises:
        UserError: it is no bundle, or TFLM cannot run its model.
    """
    from tf_embbert.int8 import BundleModel

    model = BundleModel(path)
    firsts, seconds = zip(*(_split(line) if model.is_pair else (line, "") for line in lines))
    pairs = list(seconds) if model.is_pair else None
    ids = model.tokenizer.encode(list(firsts), pairs, max_length=model.room).ids
    logits = model.predict(ids)
    tokens = [_tokens(row, model.models) for row in ids]
    said = [" ".join(map(str, row)) for row in logits]
    if not model.labels:
        return ["\t".join(parts) for parts in zip(_values(logits, model.scale, model.zero_point), said, tokens)]
    labels = [model.labels[label] for label in logits.argmax(axis=1)]
    sure = _confidences(logits, model.scale, model.reject)
    return ["\t".join(parts) for parts in zip(labels, said, tokens, sure)]


def _tokens(ids: "np.ndarray", lengths: Iterable[int]) -> str:
    """How many tokens a text has, of how many the model takes that answers; or in how many windows of it."""
    from convert.tflite.lengths import rows_by_length
    from tf_embbert.windows import split

    windows = split(ids, max(lengths))
    (taken,) = rows_by_length(lengths, windows[-1:])  # the last is the longest
    return f"{len(ids)} of {taken} tokens" if len(windows) == 1 else f"{len(ids)} tokens, {len(windows)} times {taken}"


def _values(logits: "np.ndarray", scale: float, zero_point: int) -> list[str]:
    """Answers of a regression, in the device's float, cut to thousandths and not rounded."""
    import numpy as np

    values = np.float32(scale) * (logits[:, 0].astype(int) - zero_point).astype(np.float32) * np.float32(1000)
    return [_decimal(int(value)) for value in values]


def _confidences(logits: "np.ndarray", scale: float, reject: float | None) -> list[str]:
    from convert.bundle.confidence import confidences, thousandths

    least = thousandths(reject)
    return [f"confidence {_decimal(int(n))}" + ", rejected" * bool(n < least) for n in confidences(logits, scale)]


def _split(line: str) -> tuple[str, str]:
    first, _, second = line.partition("\t")
    return first, second


def _decimal(thousandths: int) -> str:
    """Thousandths as the app prints them: 1.234."""
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
