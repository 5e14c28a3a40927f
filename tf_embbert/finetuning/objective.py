"""What the float training aims at: labels, or labels mixed with what teachers say; and prior calibration after it."""

import numpy as np
import tf_keras as keras

from tf_embbert.data.soft_labels import SoftLabels
from tf_embbert.data.tasks import Task
from tf_embbert.finetuning.config import FinetuneConfig
from tf_embbert.run import Array
from tf_embbert.training.batching import predict_in_order
from tf_embbert.training.fitting import EncodedRows
from tf_embbert.training.metrics import share_gap
from tf_embbert.training.ngrams import taught_labels


def label_loss(task: Task) -> keras.losses.Loss:
    """The loss of a model's outputs with the task's labels."""
    if task.is_regression:
        return keras.losses.MeanSquaredError()
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def choose_objective(
    task: Task, soft: SoftLabels | None, config: FinetuneConfig
) -> tuple[keras.losses.Loss, Array | None]:
    """Loss and targets of the float training.

    Args:
        task: the task.
        soft: rows with soft labels after those of the task, or None.
        config: says how much the n-gram teacher has to say.

    Returns:
        The loss; and the targets, float32 [rows, classes], or None where they are the labels.
    """
    if task.labels is None or not (config.teacher or soft):
        return label_loss(task), None
    rows, classes = task.rows("train"), len(task.labels)
    targets = np.eye(classes, dtype=np.float32)[rows.labels]
    if config.teacher:
        targets = taught_labels(rows, classes, config.teacher, config.seed)
    if soft:
        targets = np.concatenate([targets, soft.probabilities])
    return keras.losses.CategoricalCrossentropy(from_logits=True), targets


def calibrate_prior(model: keras.Model, rows: EncodedRows) -> None:
    """Moves the head's bias of a two-class model until it predicts each class as often as the rows' labels have it.

    This is prior calibration (post-hoc, of the logits' threshold): the order of the rows by score stays as it is.
    """
    gap = share_gap(predict_in_order(model, rows.ids), float(np.mean(rows.labels)))
    bias = model.get_layer("head").bias
    bias.assign(bias.numpy() + np.array([gap / 2, -gap / 2], np.float32))
