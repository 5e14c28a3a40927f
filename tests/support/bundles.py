"""Small runs, and the bundles that are made of them."""

import functools
import hashlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from convert.bundle import conversion
from tests.support.transcription import random_model
from tf_embbert.model.folded import FoldedModel
from tf_embbert.tokenizer import Tokenizer

WORDS = [
    "play",
    "stop",
    "the",
    "next",
    "song",
    "turn",
    "up",
    "volume",
    "set",
    "an",
    "alarm",
    "for",
    "seven",
    "lights",
    "off",
    "in",
    "kitchen",
    "please",
    "now",
]


@dataclass
class Run:
    """What `convert` takes from tf_embbert.run.Run."""

    tokenizer: Tokenizer
    weights: FoldedModel
    ranges: dict
    labels: list[str] | None
    is_pair: bool
    sample_texts: list[tuple]
    name: str = "commands"
    seed: int = 3
    arguments: dict = field(default_factory=lambda: {"task": "commands", "preset": "nano"})
    chosen: str = "qat"
    max_length: int = 16
    windows: int = 1
    room: int = 16
    longest: int = 14
    parameters: int = 1234
    metrics: dict = field(
        default_factory=lambda: {
            "dataset": "commands",
            "split": "test",
            "rows": 400,
            "metric": "accuracy",
            "float": 94.25,
            "ptq_tflm": 93.5,
            "qat_tflm": 94.0,
            "chosen": "qat",
        }
    )


def sample_texts(count: int, pair: bool) -> list[tuple[str, str | None]]:
    rng = np.random.default_rng(0)

    def text() -> str:
        return " ".join(rng.choice(WORDS, rng.integers(1, 12)))

    return [(text(), text() if pair else None) for _ in range(count)]


@functools.cache
def make_run(pair: bool = False, regression: bool = False) -> Any:
    texts = sample_texts(200, pair)
    tokenizer = Tokenizer.train([text for text, _ in texts], vocab_size=80)
    model = random_model(
        np.random.default_rng(5),
        pair=pair,
        classes=1 if regression else 3,
        mask_margin=6.0,
        vocab_size=tokenizer.vocab_size,
    )
    labels = None if regression else ["music", "alarm", "lights"]
    return Run(tokenizer, model.weights, model.ranges, labels, pair, texts)


@functools.cache
def converted(**options: bool) -> dict[str, bytes]:
    """The files of a freshly made bundle, by name."""
    with tempfile.TemporaryDirectory() as folder:
        conversion.convert_run(make_run(**options), Path(folder) / "bundle")
        return contents(Path(folder) / "bundle")


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
