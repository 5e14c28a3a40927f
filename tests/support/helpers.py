"""What several test files need: small configs, random weights, random rows of tokens."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest

from tf_embbert.model.config import CLS, SEP, EmbBERTConfig

SMALL = {
    "vocab_size": 64,
    "max_length": 32,
    "hidden_size": 16,
    "reduced_size": 4,
    "num_blocks": 3,
    "expansion": 1,
    "kernel_size": 5,
}


def one_in(count: int, cases: Iterable[Any]) -> list[Any]:
    """Cases of a parametrised test, of which `make test` runs the first of every so many; the others are slow."""
    return [case if i % count == 0 else pytest.param(case, marks=pytest.mark.slow) for i, case in enumerate(cases)]


def small_config(**overrides: Any) -> EmbBERTConfig:
    return EmbBERTConfig(**{**SMALL, **overrides})


def randomise(model: Any, rng: np.random.Generator, scale: float = 0.3) -> None:
    """Adds noise to every weight, so that gains, biases and lambdas are not at their initial values; pads stay zero."""
    for weight in model.weights:
        noise = rng.normal(0, scale, weight.shape)
        if "token_table" in weight.name or "segment_table" in weight.name:
            noise[0] = 0
        weight.assign(weight + noise)


def random_tokens(
    rng: np.random.Generator,
    config: EmbBERTConfig,
    length: int,
    lengths: Sequence[int] | np.ndarray,
    pair: bool = False,
) -> np.ndarray:
    """Rows [len(lengths), length] that begin with [CLS]; a pair has one [SEP] inside; pads on the right."""
    tokens = np.zeros((len(lengths), length), np.int32)
    for row, real in zip(tokens, lengths):
        row[:real] = rng.integers(5, config.vocab_size, real)
        row[0] = CLS
        if pair and real > 2:
            row[rng.integers(1, real - 1)] = SEP
    return tokens
