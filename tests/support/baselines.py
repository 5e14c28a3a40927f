"""Small baselines of random weights, their rows, programs and ranges."""

import functools
from typing import Any, NamedTuple

import numpy as np
import pytest
import tf_keras as keras

from tests.support.helpers import random_tokens, randomise
from tf_embbert.baselines.config import PRESETS, BaselineConfig
from tf_embbert.model.config import EmbBERTConfig
from tf_embbert.model.program import Program
from tf_embbert.run import Array, Quantised

SMALL: dict[str, Any] = {"vocab_size": 60, "max_length": 48, "hidden_size": 12, "dropout": 0.0}


class Baseline(NamedTuple):
    """A model, the integers made of it, and rows of tokens."""

    model: keras.Model
    quantised: Quantised
    rows: list[Array]

    @property
    def program(self) -> Program:
        assert isinstance(self.quantised.weights, Program)
        return self.quantised.weights


# every baseline with texts, and with pairs; the tests that are not slow take one of each kind, and pairs once
QUICK = ["bert-pair", "nano-bert-single", "mamba-single", "nano-embedder-conv-single", "bert-efficient-single"]
TEXTS_AND_PAIRS = [
    pytest.param(name, way == "pair", id=case, marks=[] if case in QUICK else pytest.mark.slow)
    for way in ("single", "pair")
    for name in BaselineConfig.presets
    for case in [f"{name}-{way}"]
]


def small_model(name: str, seed: int = 0, scale: float = 0.2, **sizes: Any) -> keras.Model:
    own = {"inner_size": 20} if PRESETS[name].get("inner_size") else {}
    own |= {"reduced_size": 6} if PRESETS[name].get("reduced_size") else {}
    keras.utils.set_random_seed(seed)
    model = BaselineConfig.preset(name, **{**SMALL, **own, **sizes}).build(3)
    randomise(model, np.random.default_rng(seed), scale)
    return model


def padded_rows(lengths: list[int], pair: bool = False, length: int = 16, seed: int = 5) -> Array:
    """int32 [len(lengths), length], pads on the right."""
    config = EmbBERTConfig(vocab_size=SMALL["vocab_size"], max_length=length)
    return random_tokens(np.random.default_rng(seed), config, length, lengths, pair)


@functools.cache
def small_baseline(name: str, pair: bool = False, length: int = 32) -> Baseline:
    """A baseline whose ranges come from its own rows, the longest of them `length` tokens."""
    from tf_embbert.quantization.calibrate import calibrate
    from tf_embbert.quantization.fold_baseline import fold_baseline

    model = small_model(name)
    lengths = [length, *np.random.default_rng(1).integers(4 if pair else 2, length + 1, 23).tolist()]
    rows = [row[row > 0] for row in padded_rows(lengths, pair, length)]
    program = fold_baseline(model, pair)
    return Baseline(model, Quantised(program, calibrate(program, rows, seed=0)), rows)
