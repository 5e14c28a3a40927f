"""The recipe from a task to a run: float training, folding, calibration, QAT, and the choice between the last two."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_embbert.common.console import Report
from tf_embbert.data.soft_labels import SoftLabels
from tf_embbert.data.tasks import Task
from tf_embbert.finetuning.config import FinetuneConfig
from tf_embbert.finetuning.objective import calibrate_prior, choose_objective
from tf_embbert.finetuning.prepare import PreparedTask
from tf_embbert.finetuning.scoring import sample, score_variants, verification_texts
from tf_embbert.quantization.calibrate import calibrate
from tf_embbert.quantization.fold import fold_model
from tf_embbert.quantization.quantize import train_quantized
from tf_embbert.run import History, Quantised, Run, weight_names
from tf_embbert.training.batching import predict_in_order
from tf_embbert.training.fitting import EncodedRows, Recipe, train

# Rows seen in a training, so that epochs = this / rows: what Snips (13 k rows) and Emotion (16 k) need until they stop
# gaining.
FLOAT_ROWS, QAT_ROWS = 160_000, 20_000
EPOCHS, QAT_EPOCHS = (4, 40), (1, 10)  # the fewest and the most
SELECTION_ROWS = 1000  # of the selection rows: QAT's epochs are chosen on them, and in TFLM PTQ or QAT


def train_run(
    task: Task, config: FinetuneConfig, folder: Path, report: Report, soft: SoftLabels | None = None
) -> tuple[Run, History]:
    """Trains on a task.

    Args:
        task: the task of `config`.
        config: how to train on it.
        folder: of the checkpoints; those there are resumed from.
        report: called with one line at a time.
        soft: rows with soft labels to train on as well.

    Returns:
        The run, and its history.

    Raises:
        UserError: a length the model cannot take, a loss that became NaN, or a pretrained run that does not fit.
    """
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    data = PreparedTask(task, config, report, soft)
    model = data.initial_model()
    rows, selection = data.training_rows(), data.encode("selection")
    report(
        f"{len(rows)} training rows, {data.config.vocab_size} tokens, length {data.length}, "
        f"{model.count_params():,} parameters"
    )
    history = train_float(model, data, rows, selection, config, folder / "float", report)
    few = sample(selection, SELECTION_ROWS, config.seed)
    variants, qat_history = quantise(model, data, rows, few, config, folder / "qat", report)
    report("scoring in TFLM")
    metrics = score_variants(model, variants, data, few, config.report_rows, config.seed)
    run = make_run(model, data, rows, config, variants, metrics)
    return run, [{"phase": "float", **row} for row in history] + qat_history


def train_float(
    model: keras.Model,
    data: PreparedTask,
    rows: EncodedRows,
    selection: EncodedRows,
    config: FinetuneConfig,
    folder: Path,
    report: Report,
) -> History:
    """Trains a model in float, in place; returns the history."""
    loss, targets = choose_objective(data.task, data.soft, config)
    recipe = float_recipe(config, len(rows))
    history = train(model, loss, rows, selection, recipe, folder, config.seed, targets, report)
    if data.task.metric == "mcc":
        calibrate_prior(model, selection)
    return history


def quantise(
    model: keras.Model,
    data: PreparedTask,
    rows: EncodedRows,
    selection: EncodedRows,
    config: FinetuneConfig,
    folder: Path,
    report: Report,
) -> tuple[dict[str, Quantised], History]:
    """Both integer variants, "ptq" and "qat", and QAT's history."""
    folded = fold_model(model, data.config, data.task.is_pair)
    ranges = calibrate(folded, rows.ids, config.seed)
    rows = sample(rows, config.qat_rows or len(rows), config.seed)
    teacher = predict_in_order(model, rows.ids)
    recipe = qat_recipe(config, len(rows))
    trained, trained_ranges, history = train_quantized(
        folded, ranges, teacher, rows, selection, recipe, folder, config.seed, report
    )
    return {"ptq": Quantised(folded, ranges), "qat": Quantised(trained, trained_ranges)}, history


def float_recipe(config: FinetuneConfig, rows: int) -> Recipe:
    """The float training's recipe on so many rows."""
    epochs = config.epochs or epochs_for(rows, FLOAT_ROWS, EPOCHS)
    return Recipe(epochs, config.learning_rate, config.weight_decay, config.batch_size, pad_to=config.pad_to)


def qat_recipe(config: FinetuneConfig, rows: int) -> Recipe:
    """The recipe of a phase of QAT on so many rows."""
    epochs = config.qat_epochs or epochs_for(rows, QAT_ROWS, QAT_EPOCHS)
    # No weight decay: it would shrink the trained ranges too.
    return Recipe(epochs, config.qat_learning_rate, weight_decay=0.0, batch_size=config.batch_size)


def epochs_for(rows: int, total: int, bounds: tuple[int, int]) -> int:
    """Epochs in which about `total` rows are seen, within bounds."""
    return int(np.clip(round(total / rows), *bounds))


def make_run(
    model: keras.Model,
    data: PreparedTask,
    rows: EncodedRows,
    config: FinetuneConfig,
    variants: dict[str, Quantised],
    metrics: dict[str, Any],
) -> Run:
    """The run of a trained model."""
    return Run(
        config=data.config,
        tokenizer=data.tokenizer,
        labels=data.task.labels,
        float_weights=dict(zip(weight_names(model), model.get_weights())),
        variants=variants,
        metrics=metrics,
        sample_texts=verification_texts(data.task.rows("selection"), config.seed),
        name=data.task.name,
        seed=config.seed,
        arguments=config.recorded(),
        is_pair=data.task.is_pair,
        max_length=data.length,
        longest=max(map(len, rows.ids)),
        parameters=model.count_params(),
        chosen=metrics["chosen"],
        notices=data.task.notices,
    )
