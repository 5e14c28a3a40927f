"""The two integer variants of a trained model: after calibration (PTQ), and after quantisation-aware training (QAT)."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import tf_keras as keras

from tf_embbert.common.console import Report
from tf_embbert.model.classifier import config_of, require_keras2
from tf_embbert.model.config import ModelConfig
from tf_embbert.model.folded import Array
from tf_embbert.model.program import Folded
from tf_embbert.quantization.calibrate import calibrate
from tf_embbert.quantization.fold import fold_model
from tf_embbert.quantization.fold_baseline import fold_baseline, is_baseline
from tf_embbert.quantization.quantize import train_quantized
from tf_embbert.run import History, Quantised
from tf_embbert.training.batching import predict_in_order
from tf_embbert.training.fitting import EncodedRows, Recipe

Fold: TypeAlias = Callable[[keras.Model, bool], Folded]  # (model, is_pair) -> what is lowered


def calibrate_model(
    model: keras.Model, is_pair: bool, ids: Sequence[Array], seed: int, fold: Fold | None = None
) -> Quantised:
    """Folds a trained model, and takes the ranges of its tensors from texts.

    Args:
        model: of `build_classifier` or `build_regressor`, a baseline, or any that `fold` takes.
        is_pair: whether its texts are pairs.
        ids: token ids of training texts, int32 [length] each.
        seed: of the sample of them.
        fold: makes a program of a model that is not ours (docs/own-block.md).
    """
    folded = (fold or fold_any)(model, is_pair)
    return Quantised(folded, calibrate(folded, ids, seed))


def fold_any(model: keras.Model, is_pair: bool) -> Folded:
    """The folded weights of an EmbBERT, or the program of a baseline; a UserError for other models."""
    require_keras2(model)
    return fold_baseline(model, is_pair) if is_baseline(model) else fold_model(model, config_of(model), is_pair)


def sizes_of(model: keras.Model, is_pair: bool, fold: Fold | None = None) -> ModelConfig:
    """The sizes of a model: of one that is not an EmbBERT, those of its tables.

    Raises:
        UserError: a model of Keras 3, or one that is not ours, and no `fold` for it.
    """
    require_keras2(model)
    if fold is None and not is_baseline(model):
        return config_of(model)
    folded = (fold or fold_any)(model, is_pair)
    return ModelConfig(folded.vocab_size, folded.max_length)


def train_variant(
    model: keras.Model,
    ptq: Quantised,
    rows: EncodedRows,
    selection: EncodedRows,
    recipe: Recipe,
    folder: Path,
    seed: int,
    report: Report = print,
) -> tuple[Quantised, History]:
    """Trains the calibrated variant quantisation-aware, to answer what the float model answers.

    Args:
        model: the float model, which is the teacher.
        ptq: what `calibrate_model` made of it.
        rows: to train on.
        selection: rows whose metric decides whether a phase helps.
        recipe: of each of the two phases.
        folder: for checkpoints.
        seed: of the shuffles.
        report: called with one line an epoch.

    Returns:
        The trained variant, and the history of its training.
    """
    teacher = predict_in_order(model, rows.ids)
    trained, ranges, history = train_quantized(
        ptq.weights, ptq.ranges, teacher, rows, selection, recipe, folder, seed, report
    )
    return Quantised(trained, ranges), history
