"""The examples in the docstrings of public names do what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

import tf_embbert

ROOT = Path(__file__).parents[2]
WITH_EXAMPLES = [
    "finetuning.config",
    "model.classifier",
    "model.config",
    "model.folded",
    "pretraining.config",
    "data.tasks",
    "run",
    "tokenizer",
    "training.batching",
    "training.metrics",
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    failed, tried = doctest.testmod(importlib.import_module(f"tf_embbert.{name}"))
    assert tried and not failed


@pytest.mark.parametrize("name", tf_embbert.__all__)
def test_public_names_say_what_they_take_and_give(name: str) -> None:
    public = getattr(tf_embbert, name)
    assert public.__doc__ and public.__module__.startswith("tf_embbert.")
    if not isinstance(public, type):
        assert "return" in public.__annotations__
