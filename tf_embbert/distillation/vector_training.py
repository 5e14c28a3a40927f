"""Training an encoder on what a large one says of texts: a row's target is the numbers of the texts that it shows."""

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf
import tf_keras as keras

from tf_embbert.common.console import Report
from tf_embbert.model.classifier import build_classifier
from tf_embbert.model.config import EmbBERTConfig
from tf_embbert.run import Array, History, Run
from tf_embbert.training.batching import count_batches, make_batches
from tf_embbert.training.fitting import Recipe, compile_model, epoch_seed, train_epoch
from tf_embbert.training.steps import Loss, make_step
from tf_embbert.training.transfer import copy_encoder

RATE, WEIGHT_DECAY, WARMUP = 2e-3, 0.01, 0.04
# The number of an epoch -> token ids of its rows, int32 [length] each, and their texts' numbers, int32 [rows] or
# [rows, 2].
Draw: TypeAlias = Callable[[int], tuple[list[Array], Array]]


def model_from(start: Run, outputs: int) -> keras.Model:
    """The encoder of a run below a new dense layer, without dropout: it is to be copied, not to be sure."""
    keras.utils.set_random_seed(0)
    sizes = EmbBERTConfig.from_dict({**start.encoder.to_dict(), "dropout": 0.0, "token_dropout": 0.0})
    model = build_classifier(sizes, outputs)
    copy_encoder(start.model, model)
    return model


def train_on_vectors(
    model: keras.Model,
    draw: Draw,
    loss: Loss,
    epochs: int,
    batch_size: int,
    judge: Callable[[], dict[str, float]],
    report: Report,
) -> History:
    """Trains a model in place.

    Args:
        model: tokens int32 [B, L] -> [B, outputs].
        draw: gives an epoch's rows.
        loss: of each row, a function of (texts' numbers, outputs).
        epochs: how many.
        batch_size: rows a step.
        judge: gives the figures of an epoch, of rows that are not trained on.
        report: called with one line an epoch.

    Returns:
        A row an epoch: its number, the loss, the figures.
    """
    ids, numbers = draw(0)
    steps = epochs * count_batches(ids, batch_size)  # of another epoch's rows there may be a few more or less
    compile_model(model, Recipe(epochs, RATE, WEIGHT_DECAY, batch_size, WARMUP), steps)
    step, history = make_step(model, loss, tf.TensorSpec([None, *numbers.shape[1:]], numbers.dtype)), []
    for epoch in range(epochs):
        if epoch:
            ids, numbers = draw(epoch)
        batches, title = make_batches(ids, numbers, batch_size, epoch_seed(0, epoch)), f"epoch {epoch + 1}/{epochs}"
        mean = train_epoch(step, batches, title, count_batches(ids, batch_size))
        history.append({"epoch": epoch + 1, "loss": mean, **judge()})
        report(f"{title}  " + "  ".join(f"{name} {value:.4f}" for name, value in list(history[-1].items())[1:]))
    return history
