"""What the float training aims at: labels, or labels mixed with what teachers say; and prior calibration after it."""

import numpy as np
import tf_keras as keras

from tf_embbert.data.soft_labels import SoftLabels
from tf_embbert.data.tasks import Task
from tf_embbert.run import Array
from tf_embbert.teaching.lesson import label_targets
from tf_embbert.training.fitting import EncodedRows, predict_rows
from tf_embbert.training.metrics import share_gap


def label_loss(task: Task) -> keras.losses.Loss:
    """The loss of a model's outputs with the task's labels."""
    if task.is_regression:
        return keras.losses.MeanSquaredError()
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def choose_objective(
    task: Task, lesson: Array | None, soft: SoftLabels | None
) -> tuple[keras.losses.Loss, Array | None]:
    """Loss and targets of the float training.

    Args:
        task: the task.
        lesson: what a teacher says of the training rows, float32 [rows, outputs], or None.
        soft: rows with soft labels after those of the task, or None.

    Returns:
        The loss; and the targets, float32 [rows, outputs], or None where they are the labels.
    """
    if lesson is None and not soft:
        return label_loss(task), None
    targets = label_targets(task) if lesson is None else lesson
    if soft:
        targets = np.concatenate([targets, soft.targets])
    if task.is_regression:
        return label_loss(task), targets
    return keras.losses.CategoricalCrossentropy(from_logits=True), targets


def calibrate_prior(model: keras.Model, rows: EncodedRows) -> None:
    """Moves the head's bias of a two-class model until it predicts each class as often as the rows' labels have it.

    This is prior calibration (post-hoc, of the logits' threshold): the order of the rows by score stays as it is.
    """
    gap = share_gap(predict_rows(model, rows), float(np.mean(rows.labels)))
    bias = model.get_layer("head").bias
    bias.assign(bias.numpy() + np.array([gap / 2, -gap / 2], np.float32))
