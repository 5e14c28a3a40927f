"""Training: seeded epochs, the best one kept, a checkpoint after each, so that a killed run goes on."""

import dataclasses
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_embbert.common.console import Report, progress_bar
from tf_embbert.common.errors import UserError
from tf_embbert.common.files import write_atomically
from tf_embbert.model.classifier import require_keras2
from tf_embbert.run import Array, History
from tf_embbert.training import metrics
from tf_embbert.training.batching import count_batches, make_batches, predict_in_order
from tf_embbert.training.distribution import agreed, is_chief
from tf_embbert.training.steps import Loss, Step, make_step
from tf_embbert.windows import answer_by_windows


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
        keep_last: keeps the last epoch, whatever the validation rows say: few rows choose by chance.
    """

    epochs: int
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    batch_size: int = 32
    warmup: float = 0.06
    pad_to: int | None = None
    keep_last: bool = False


def warmup_cosine(peak: float, warmup: float, total: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate: linear from 0 to `peak` over `warmup` steps, then half a cosine down to 0 at `total` steps."""
    falling = max(total - warmup, 1)
    return keras.optimizers.schedules.CosineDecay(0.0, falling, warmup_target=peak, warmup_steps=warmup)


@dataclasses.dataclass(frozen=True)
class EncodedRows:
    """Rows ready to train on.

    Args:
        ids: token ids of each text, int32 [length].
        labels: class ids int32 or scores float32, [rows].
        metric: that they are judged by, of `tf_embbert.training.metrics`.
        length: that the model takes; a longer row is answered by windows. None where it takes all of them.
    """

    ids: list[Array]
    labels: Array
    metric: str
    length: int | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, chosen: Array) -> "EncodedRows":
        """The rows of these numbers."""
        return dataclasses.replace(self, ids=[self.ids[i] for i in chosen], labels=self.labels[chosen])


def predict_rows(model: keras.Model, rows: EncodedRows) -> Array:
    """The model's outputs for every row, float32 [rows, C]; of one that is too long the mean of its windows'."""
    return answer_by_windows(rows.ids, rows.length, lambda ids: predict_in_order(model, ids))


def train(
    model: keras.Model,
    loss: Loss,
    rows: EncodedRows,
    validation: EncodedRows,
    recipe: Recipe,
    folder: Path,
    seed: int,
    targets: Array | None = None,
    report: Report = print,
    may_stay: bool = False,
) -> History:
    """Trains a model in place and leaves it with the weights of its best epoch by validation metric, or of its last.

    Each epoch's order comes from (seed, epoch), and every random layer's state is in the checkpoint: where TensorFlow's
    operators are deterministic, a resumed training equals an uninterrupted one.

    Args:
        model: Keras model, tokens int32 [B, L] -> [B, C].
        loss: of each row, Keras' or a function of (targets, outputs).
        rows, validation: to train on; and those whose metric chooses the epoch.
        recipe: how to train.
        folder: where the checkpoint and the history live; a checkpoint there is resumed from.
        seed: of the shuffles.
        targets: what the loss compares with, [rows, ..]; the labels when None.
        report: called with one line an epoch.
        may_stay: whether the model as it came counts as an epoch, so that training never makes it worse.

    Returns:
        A row an epoch: epoch, loss, the validation metric, rows a second.

    Raises:
        UserError: the loss became NaN or infinite, or the model is one of Keras 3.
    """
    steps = count_batches(rows.ids, recipe.batch_size, recipe.pad_to)  # of an epoch
    compile_model(model, recipe, recipe.epochs * steps)
    progress = Progress(model, folder)
    targets = rows.labels if targets is None else targets
    step = make_step(model, loss, tf.TensorSpec([None, *targets.shape[1:]], targets.dtype))
    if may_stay and not progress.history:
        progress.best_value = agreed(validate(model, validation))
    for epoch in range(len(progress.history), recipe.epochs):
        batches = make_batches(rows.ids, targets, recipe.batch_size, epoch_seed(seed, epoch), recipe.pad_to)
        title, started = f"epoch {epoch + 1}/{recipe.epochs}", time.monotonic()
        loss_value = train_epoch(step, batches, title, steps)
        speed = len(rows) / (time.monotonic() - started)
        value = agreed(validate(model, validation))
        progress.add(
            {"epoch": epoch + 1, "loss": loss_value, validation.metric: value, "rows_per_second": speed},
            math.inf if recipe.keep_last and epoch + 1 == recipe.epochs else value,
        )
        report(f"{title}  loss {loss_value:.4f}  validation {validation.metric} {value:.2f}  {speed:.0f} rows/s")
    model.set_weights(progress.best)
    return progress.history


def compile_model(model: keras.Model, recipe: Recipe, steps: int) -> None:
    """Gives a model AdamW for so many steps, whose variables a checkpoint can then be read into.

    Raises:
        UserError: the model is one of Keras 3.
    """
    require_keras2(model)
    schedule = warmup_cosine(recipe.learning_rate, recipe.warmup * steps, steps)
    model.optimizer = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay, global_clipnorm=1.0)
    model.optimizer.build(model.trainable_variables)


def validate(model: keras.Model, rows: EncodedRows) -> float:
    """The rows' metric, from the model as it is; Matthews correlation as if its classes had their shares of the rows,
    which the recipe sees to in the end.
    """
    outputs = predict_rows(model, rows)
    require_finite(np.abs(outputs).max(), "an output")  # the last batch's step shows in no loss
    if rows.metric == "mcc":
        outputs = outputs - [0.0, metrics.share_gap(outputs, float(np.mean(rows.labels)))]
    return metrics.score(rows.metric, rows.labels, outputs)


def train_epoch(step: Step, batches: tf.data.Dataset, title: str, count: int) -> float:
    """One pass over the batches, with a bar on a terminal; returns the rows' mean loss.

    Keras' `fit` opens its batches twice, and seeded ones have a second order then: so do these, to make the runs that
    `fit` made.
    """
    iter(batches)
    total, rows = 0.0, 0
    with progress_bar(title, count, "batches", loss=math.nan) as update:
        for number, (tokens, targets) in enumerate(batches, 1):
            value = step(tokens, targets)
            require_finite(value, "the loss")
            total, rows = total + value * len(tokens), rows + len(tokens)
            update(number, loss=total / rows)
    return total / rows


def require_finite(value: float, name: str) -> None:
    """Raises a UserError where training has left the numbers behind."""
    if not math.isfinite(value):
        raise UserError(f"{name} became {value}: lower the learning rate (--learning-rate, --qat-learning-rate)")


def epoch_seed(seed: int, epoch: int) -> int:
    """The seed of an epoch's order."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])


class Progress:
    """History, best weights and checkpoint of one training, in one folder; each epoch lands whole or not at all."""

    def __init__(self, model: keras.Model, folder: Path) -> None:
        self.model, self.folder = model, folder
        self.history: History = []
        self.best: list[Array] = model.get_weights()
        self.best_value = -math.inf
        self.checkpoint = tf.train.Checkpoint(model=model, optimizer=model.optimizer)
        if is_chief():
            folder.mkdir(parents=True, exist_ok=True)
        if (folder / "progress.json").exists():
            self.restore()

    def restore(self) -> None:
        """Goes back to where progress.json says that the training was."""
        state = json.loads((self.folder / "progress.json").read_text())
        self.history, self.best_value = state["history"], state["best_value"]
        self.checkpoint.read(str(self.folder / state["checkpoint"])).assert_existing_objects_matched()
        with np.load(self.folder / state["best"], allow_pickle=False) as arrays:
            self.best = [arrays[f"arr_{i}"] for i in range(len(arrays.files))]

    def add(self, row: dict[str, Any], value: float) -> None:
        """Records an epoch. The small progress.json is written last and names the files it belongs to."""
        self.history.append(row)
        epoch = len(self.history)
        if value > self.best_value:
            self.best_value, self.best = value, self.model.get_weights()
        if not is_chief():
            return
        np.savez(self.folder / f"best-{epoch}.npz", *self.best)
        self.checkpoint.write(str(self.folder / f"epoch-{epoch}"))
        state = {"history": self.history, "best_value": self.best_value}
        state |= {"checkpoint": f"epoch-{epoch}", "best": f"best-{epoch}.npz"}
        write_atomically(self.folder / "progress.json", json.dumps(state))
        self.remove_all_but(epoch)

    def remove_all_but(self, epoch: int) -> None:
        """Removes the files of other epochs."""
        for path in [*self.folder.glob("epoch-*"), *self.folder.glob("best-*")]:
            if not path.name.startswith((f"epoch-{epoch}.", f"best-{epoch}.")):
                path.unlink()
