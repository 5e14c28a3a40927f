"""Training with `fit`: seeded epochs, the best one kept, a checkpoint after each, so that a killed run goes on."""

import dataclasses
import json
import math
import time

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_embbert.common.console import progress_bar
from tf_embbert.common.errors import UserError
from tf_embbert.common.files import write_atomically
from tf_embbert.model.classifier import require_keras2
from tf_embbert.training import metrics
from tf_embbert.training.batching import count_batches, make_batches, predict_in_order


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    Args:
        epochs: passes over the training rows.
        learning_rate: peak of AdamW's rate; linear warm-up, then cosine to zero.
        weight_decay: AdamW's decoupled decay (reference: 0.05).
        batch_size: rows a step.
        warmup: share of the steps that warm up.
        pad_to: pad every batch to this length; None buckets by length.
    """

    epochs: int
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    batch_size: int = 32
    warmup: float = 0.06
    pad_to: int | None = None


@keras.saving.register_keras_serializable("tf_embbert")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear from 0 to `peak` over `warmup` steps, then half a cosine down to 0 at `total` steps."""

    def __init__(self, peak, warmup, total):
        self.peak, self.warmup, self.total = peak, warmup, total

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        rising = step / max(self.warmup, 1)
        falling = 0.5 * (1 + tf.cos(math.pi * (step - self.warmup) / max(self.total - self.warmup, 1)))
        return self.peak * tf.minimum(rising, tf.clip_by_value(falling, 0.0, 1.0))

    def get_config(self):
        return {"peak": self.peak, "warmup": self.warmup, "total": self.total}


@dataclasses.dataclass(frozen=True)
class Encoded:
    """Rows ready to train on: ids (list of int32 [length]), labels [rows], and the metric they are judged by."""

    ids: list
    labels: np.ndarray
    metric: str

    def __len__(self):
        return len(self.ids)


def train(model, loss, rows, validation, recipe, folder, seed, targets=None, report=print, may_stay=False):
    """Trains a model in place and leaves it with the weights of its best epoch by validation metric.

    Each epoch's order comes from (seed, epoch), every random layer's state is in the checkpoint: with
    `tf.config.experimental.enable_op_determinism()` a resumed training equals an uninterrupted one.

    Args:
        model: Keras model, tokens int32 [B, L] -> [B, C].
        loss: Keras loss of (targets, outputs).
        rows, validation: Encoded.
        recipe: Recipe.
        folder: where the checkpoint and the history live (`pathlib.Path`); a checkpoint there is resumed from.
        seed: of the shuffles.
        targets: what the loss compares with, [rows, ..]; the labels when None.
        report: called with one line an epoch.
        may_stay: whether the model as it came counts as an epoch, so that training never makes it worse.
    Returns:
        list of dicts, one an epoch: epoch, loss, the validation metric, examples a second.
    Raises:
        UserError: the loss became NaN or infinite, or the model is one of Keras 3.
    """
    require_keras2(model)
    steps = recipe.epochs * count_batches(rows.ids, recipe.batch_size, recipe.pad_to)
    schedule = WarmupCosine(recipe.learning_rate, recipe.warmup * steps, steps)
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay, global_clipnorm=1.0), loss)
    model.optimizer.build(model.trainable_variables)
    progress = Progress(model, folder)
    targets = rows.labels if targets is None else targets
    if may_stay and not progress.history:
        progress.best_value = validate(model, validation)
    for epoch in range(len(progress.history), recipe.epochs):
        batches = make_batches(rows.ids, targets, recipe.batch_size, epoch_seed(seed, epoch), recipe.pad_to)
        started = time.monotonic()
        loss_value = fit_epoch(model, batches, f"epoch {epoch + 1}/{recipe.epochs}", steps // recipe.epochs)
        seconds = time.monotonic() - started
        value = validate(model, validation)
        row = {"epoch": epoch + 1, "loss": loss_value, validation.metric: value, "rows_per_second": len(rows) / seconds}
        progress.add(row, value)
        report(
            f"epoch {epoch + 1}/{recipe.epochs}  loss {loss_value:.4f}  validation {validation.metric} {value:.2f}"
            f"  {row['rows_per_second']:.0f} rows/s"
        )
    model.set_weights(progress.best)
    return progress.history


def validate(model, rows):
    """The rows' metric, from the model as it is; Matthews correlation as if its classes had their shares of the rows,
    which the recipe sees to in the end."""
    outputs = predict_in_order(model, rows.ids)
    require_finite(np.abs(outputs).max(), "an output")  # the last batch's step shows in no loss
    if rows.metric == "mcc":
        outputs = outputs - [0.0, metrics.share_gap(outputs, np.mean(rows.labels))]
    return metrics.score(rows.metric, rows.labels, outputs)


def fit_epoch(model, batches, title, count):
    """One pass over the batches, with a bar on a terminal; returns the mean loss."""
    with progress_bar(title, count, "batches", loss=math.nan) as update:

        def after_batch(batch, logs):
            require_finite(logs["loss"], "the loss")
            update(batch + 1, loss=logs["loss"])

        callback = keras.callbacks.LambdaCallback(on_batch_end=after_batch)
        return model.fit(batches, verbose=0, callbacks=[callback]).history["loss"][-1]


def require_finite(value, name):
    """Raises a UserError where training has left the numbers behind."""
    if not math.isfinite(value):
        raise UserError(f"{name} became {value}: lower the learning rate (--learning-rate, --qat-learning-rate)")


def epoch_seed(seed, epoch):
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])


class Progress:
    """History, best weights and checkpoint of one training, in one folder; each epoch lands whole or not at all."""

    def __init__(self, model, folder):
        self.model, self.folder = model, folder
        self.history, self.best, self.best_value = [], model.get_weights(), -math.inf
        self.checkpoint = tf.train.Checkpoint(model=model, optimizer=model.optimizer)
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "progress.json").exists():
            self.restore()

    def restore(self):
        state = json.loads((self.folder / "progress.json").read_text())
        self.history, self.best_value = state["history"], state["best_value"]
        self.checkpoint.read(str(self.folder / state["checkpoint"])).assert_existing_objects_matched()
        with np.load(self.folder / state["best"], allow_pickle=False) as arrays:
            self.best = [arrays[f"arr_{i}"] for i in range(len(arrays.files))]

    def add(self, row, value):
        """Records an epoch. The small progress.json is written last and names the files it belongs to."""
        self.history.append(row)
        epoch = len(self.history)
        if value > self.best_value:
            self.best_value, self.best = value, self.model.get_weights()
        np.savez(self.folder / f"best-{epoch}.npz", *self.best)
        self.checkpoint.write(str(self.folder / f"epoch-{epoch}"))
        write_atomically(
            self.folder / "progress.json",
            json.dumps(
                {
                    "history": self.history,
                    "best_value": self.best_value,
                    "checkpoint": f"epoch-{epoch}",
                    "best": f"best-{epoch}.npz",
                }
            ),
        )
        self.remove_all_but(epoch)

    def remove_all_but(self, epoch):
        for path in [*self.folder.glob("epoch-*"), *self.folder.glob("best-*")]:
            if not path.name.startswith((f"epoch-{epoch}.", f"best-{epoch}.")):
                path.unlink()
