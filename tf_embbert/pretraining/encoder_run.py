"""The run of a pretrained encoder: what `finetune --init` starts from, and the heads with which pretraining goes on."""

from pathlib import Path
from typing import Any

import numpy as np

from tf_embbert.model.config import EmbBERTConfig
from tf_embbert.run import Run, read_arrays, weight_names
from tf_embbert.tokenizer import Tokenizer
from tf_embbert.training.transfer import copy_encoder

HEADS = "heads.npz"


def encoder_run(
    model: Any,
    config: EmbBERTConfig,
    tokenizer: Tokenizer,
    metrics: dict[str, Any],
    longest: int,
    about: dict[str, Any],
) -> Run:
    """The run of an encoder: under a head of zeros, with the tokenizer, without integer variants.

    Args:
        model: Keras model with an encoder's layers.
        config: EmbBERTConfig of the encoder.
        tokenizer: of the encoder.
        metrics: what `metrics.json` holds.
        longest: tokens of the longest row it was trained on.
        about: name, seed and arguments of the training.
    """
    from tf_embbert.model.classifier import build_classifier

    whole = build_classifier(config, 1)
    copy_encoder(model, whole)
    head = whole.get_layer("head")
    head.set_weights([np.zeros_like(value) for value in head.get_weights()])
    return Run(
        config=config,
        tokenizer=tokenizer,
        labels=None,
        float_weights=dict(zip(weight_names(whole), whole.get_weights())),
        variants={},
        metrics=metrics,
        sample_texts=[],
        **about,
        is_pair=False,
        max_length=longest,
        longest=longest,
        parameters=whole.count_params(),
        chosen=None,
    )


def save_heads(model: Any, path: Path) -> None:
    """Writes a pretraining model's MLM and NSP heads; fine-tuning has no use for them."""
    named = zip(weight_names(model), model.get_weights())
    arrays: dict[str, Any] = {name: value for name, value in named if name.startswith(("mlm", "nsp"))}
    np.savez(path, **arrays)


def copy_heads(path: Path, model: Any) -> bool:
    """Gives a pretraining model the heads of the run that it starts from; False where that has none."""
    if not path.is_file():
        return False
    for name, value in read_arrays(path).items():
        layer, weight = name.split("/")
        getattr(model.get_layer(layer), weight).assign(value)
    return True
