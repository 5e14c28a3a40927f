"""The scores of a trained model, float and in TFLM: on selection rows, which choose, and on the reported split."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tf_keras as keras

from tf_embbert.data.checks import not_in_train
from tf_embbert.data.rows import Rows, sampled
from tf_embbert.finetuning.prepare import PreparedTask
from tf_embbert.int8 import build_int8, coverage_int8, predict_int8
from tf_embbert.run import Array, Quantised
from tf_embbert.training.fitting import EncodedRows, predict_rows
from tf_embbert.training.metrics import score
from tf_embbert.windows import answer_by_windows

VERIFICATION_ROWS = 200
# Texts that every conversion is verified on beside real ones: nothing, one word, and more than fits.
EDGE_TEXTS = ["", "yes", "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 40]


def score_variants(
    model: keras.Model,
    variants: Mapping[str, Quantised],
    data: PreparedTask,
    selection: EncodedRows,
    report_rows: int,
    seed: int,
) -> dict[str, Any]:
    """Scores float, PTQ and QAT; the reported split is read here, once.

    Args:
        model: the float model.
        variants: "ptq" and "qat".
        data: the task.
        selection: rows that choose between the two.
        report_rows: of the reported split, a sample.
        seed: of the sample.

    Returns:
        What a run's metrics.json holds: the reported split's figures, `chosen`, `selection` with those rows', and
        `not_in_train` with those of the reported rows whose texts training had not, where it had some; `also`, by the
        task's further metrics, where it has some; of classes `coverage`, by variant what rejecting its unsure answers
        costs and gives.
    """
    models = {name: build_int8(variant, data.length) for name, variant in variants.items()}
    chooser = score_all(model, models, data.task.is_pair, selection, "selection")
    reported = sample(data.encode(data.task.reported_split), report_rows, seed)
    fresh = not_in_train(data.task.splits, data.task.reported_split)
    fresh = fresh[sampled(len(fresh), report_rows, seed)]
    task = data.task
    result = score_all(model, models, task.is_pair, reported, task.reported_split, fresh, task.secondary_metrics)
    about = {"dataset": data.task.name, "metric": data.task.metric}
    return {**about, **result, "chosen": choose_variant(chooser), "selection": chooser}


def choose_variant(figures: Mapping[str, Any]) -> str:
    """The integer variant that answered the selection rows better; "qat" where both did alike."""
    return "qat" if figures.get("qat_tflm", -np.inf) >= figures["ptq_tflm"] else "ptq"


def score_all(
    model: keras.Model,
    int8_models: Mapping[str, bytes],
    is_pair: bool,
    rows: EncodedRows,
    split: str,
    fresh: Array | None = None,
    also: Sequence[str] = (),
) -> dict[str, Any]:
    """The metric of the float model and of the int8 ones in TFLM, on the same rows; again on the fresh ones, and by
    further metrics.
    """
    answers = {"float": predict_rows(model, rows)}
    answers |= {f"{name}_tflm": predict_rows_int8(one, rows, is_pair) for name, one in int8_models.items()}
    every = np.ones(len(rows), bool)
    result = {"split": split, "rows": len(rows), **score_rows(answers, rows, every)}
    if also:
        result["also"] = {
            metric: score_rows(answers, dataclasses.replace(rows, metric=metric), every) for metric in also
        }
    if answers["float"].shape[1] > 1:  # of classes
        result["coverage"] = {
            name: coverage_int8(one, answers[f"{name}_tflm"], rows.labels) for name, one in int8_models.items()
        }
    if fresh is not None and not fresh.all():
        figures = score_rows(answers, rows, fresh) if fresh.any() else {}
        result["not_in_train"] = {"split": split, "rows": int(fresh.sum()), **figures}
    return result


def predict_rows_int8(model: bytes, rows: EncodedRows, is_pair: bool) -> Array:
    """What TFLM answers to every row, int8 [rows, C]; to one that is too long by windows."""
    return answer_by_windows(rows.ids, rows.length, lambda ids: predict_int8(model, ids, is_pair))


def score_rows(answers: Mapping[str, Array], rows: EncodedRows, chosen: Array) -> dict[str, float]:
    """The metric of each model's answers on the chosen rows, bool [rows]."""
    return {name: score(rows.metric, rows.labels[chosen], outputs[chosen]) for name, outputs in answers.items()}


def sample(rows: EncodedRows, count: int, seed: int) -> EncodedRows:
    """A seeded subset of at most `count` rows, in their order."""
    chosen = sampled(len(rows), count, seed)
    return rows.select(chosen)


def verification_texts(rows: Rows, seed: int) -> list[tuple[str, str | None]]:
    """At least 200 (text, second text or None) rows: edge cases and a seeded sample of the given rows."""
    order = np.random.default_rng(seed).permutation(max(len(rows), VERIFICATION_ROWS)) % len(rows)
    chosen = rows.select(order[: VERIFICATION_ROWS - len(EDGE_TEXTS)])
    if chosen.pairs is None:
        return [(text, None) for text in EDGE_TEXTS + chosen.texts]
    return [*((text, text) for text in EDGE_TEXTS), *zip(chosen.texts, chosen.pairs)]
