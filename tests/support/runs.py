"""A run as small as one can be, for tests of its files: its weights are random, and fit no model."""

import dataclasses
from typing import Any

import numpy as np

from tests.support.transcription import random_model
from tf_embbert.model.config import EmbBERTConfig
from tf_embbert.run import Quantised, Run
from tf_embbert.tokenizer import Tokenizer


def small_run(**fields: Any) -> Run:
    """The run, with some fields set differently."""
    usual = Run(
        config=EmbBERTConfig.preset("nano"),
        tokenizer=Tokenizer.train(["on off"], 200),
        labels=["no", "yes"],
        float_weights={"embed/token_table": np.arange(6, dtype=np.float32).reshape(3, 2)},
        variants={"ptq": Quantised(random_model(np.random.default_rng(0)).weights, {"x0": (-1.5, 2.25)})},
        metrics={"float": 1.0},
        sample_texts=[("on", None), ("off", None)],
        name="small",
        seed=1,
        arguments={"task": "small.csv"},
        is_pair=False,
        max_length=8,
        longest=5,
        parameters=6,
        chosen="ptq",
    )
    return dataclasses.replace(usual, **fields)
