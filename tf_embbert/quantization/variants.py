"""The two integer variants of a trained model: after calibration (PTQ), and after quantisation-aware training (QAT)."""

from collections.abc import Sequence
from pathlib import Path

import tf_keras as keras

from tf_embbert.common.console import Report
from tf_embbert.model.classifier import config_of
from tf_embbert.model.folded import Array
from tf_embbert.quantization.calibrate import calibrate
from tf_embbert.quantization.fold import fold_model
from tf_embbert.quantization.quantize import train_quantized
from tf_embbert.run import History, Quantised
from tf_embbert.training.batching import predict_in_order
from tf_embbert.training.fitting import EncodedRows, Recipe


def calibrate_model(model: keras.Model, is_pair: bool, ids: Sequence[Array], seed: int) -> Quantised:
    """Folds a trained model, and takes the ranges of its tensors from texts.

    Args:
        model: of `build_classifier` or `build_regressor`.
        is_pair: whether its texts are pairs.
        ids: token ids of training texts, int32 [length] each.
        seed: of the sample of them.
    """
    folded = fold_model(model, config_of(model), is_pair)
    return Quantised(folded, calibrate(folded, ids, seed))


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
