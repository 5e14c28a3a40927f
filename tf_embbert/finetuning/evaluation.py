"""The task's metrics of a run (float, in Keras) or of a bundle (int8, in TFLM's interpreter)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tf_embbert.common.console import progress_bar, quiet_import
from tf_embbert.common.errors import UserError
from tf_embbert.data.checks import not_in_train
from tf_embbert.data.rows import sampled
from tf_embbert.data.source import TaskSource
from tf_embbert.data.tasks import Task
from tf_embbert.int8 import BundleModel
from tf_embbert.run import Array, load_run
from tf_embbert.tokenizer import Tokenizer
from tf_embbert.training.metrics import score
from tf_embbert.windows import answer_by_windows

CHUNK = 256  # rows between two steps of the progress bar


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig(TaskSource):
    """The rows to score a model on.

    Args:
        task, data_dir, text_column, .., strict: see `TaskSource`.
        split: train, selection, test, validation, ..; None takes the one that the task reports.
        rows: a seeded subset of as many; None takes all.
        seed: of the subset, and of the splits of data without any; None takes that of the run, whose test rows are
            then the ones held out.
    """

    split: str | None = None
    rows: int | None = None
    seed: int | None = None


class Model(Protocol):
    """What is evaluated: a run or a bundle."""

    kind: str
    tokenizer: Tokenizer
    labels: list[str] | None
    is_pair: bool
    room: int
    seed: int

    def predict(self, ids: Sequence[Array]) -> Array:
        """Outputs [rows, C] for token ids of each text, at most `room` of them."""
        ...


class FloatModel:
    """A run as evaluation uses it."""

    kind = "float"

    def __init__(self, path: str | Path) -> None:
        self.run = run = load_run(path)
        self.tokenizer, self.labels, self.is_pair = run.tokenizer, run.labels, run.is_pair
        self.room, self.seed = run.room, run.seed

    def predict(self, ids: Sequence[Array]) -> Array:
        """Outputs of the float model: float32 [rows, C]."""
        with quiet_import():
            from tf_embbert.training.batching import predict_in_order

        return answer_by_windows(ids, self.run.max_length, lambda rows: predict_in_order(self.run.model, rows))


def evaluate_model(path: str | Path, config: EvaluateConfig) -> dict[str, Any]:
    """Scores a run or a bundle on a split.

    Args:
        path: folder of a run or of a bundle.
        config: the rows.

    Returns:
        task, split, rows, truncated, model ("float" or "int8 in TFLM"), metric (the leading one), the figure of each
        metric by its name, notices of the data; and not_in_train, the figures without texts that training had, where
        it had some.

    Raises:
        UserError: neither a run nor a bundle there, a label that training never saw, or bad data.

    Examples:
        >>> from tf_embbert import EvaluateConfig, evaluate_model
        >>> figures = evaluate_model("build/demo", EvaluateConfig(task="pocket", split="test"))  # doctest: +SKIP
        >>> figures["accuracy"]  # doctest: +SKIP
        96.77
    """
    model = open_model(path)
    seed = model.seed if config.seed is None else config.seed
    task = config.load(seed, regression=model.labels is None, labels=model.labels)
    split = config.split or task.reported_split
    rows = task.rows(split)
    require_same_kind(path, model, task)
    fresh = np.ones(len(rows), bool) if split in ("train", "all") else not_in_train(task.splits, split)
    if config.rows and config.rows < len(rows):
        chosen = sampled(len(rows), config.rows, seed)
        rows, fresh = rows.select(chosen), fresh[chosen]
    encoded = model.tokenizer.encode(rows.texts, rows.pairs, max_length=model.room)
    outputs = predict_in_chunks(model, encoded.ids)
    metrics = [task.metric, *task.secondary_metrics]
    figures: dict[str, Any] = {name: score(name, rows.labels, outputs) for name in metrics}
    if not fresh.all():
        again = {name: score(name, rows.labels[fresh], outputs[fresh]) for name in metrics} if fresh.any() else {}
        figures["not_in_train"] = {"rows": int(fresh.sum()), **again}
    about = {"task": task.name, "split": split, "rows": len(rows), "truncated": encoded.truncated}
    return {**about, "model": model.kind, "metric": task.metric, **figures, "notices": task.notices}


def open_model(path: str | Path) -> Model:
    """The run or the bundle at a path."""
    if (Path(path) / "config.json").is_file():
        return FloatModel(path)
    if (Path(path) / "manifest.json").is_file():
        return BundleModel(path)
    raise UserError(f"{path} is neither a run (config.json) nor a bundle (manifest.json)")


def require_same_kind(path: str | Path, model: Model, task: Task) -> None:
    """Raises a UserError unless the task's rows are of the kind that the model was trained on."""
    if task.is_pair != model.is_pair:
        kind = "pairs of texts" if model.is_pair else "single texts"
        raise UserError(f"{path} takes {kind} and {task.name} has the other: choose its columns or another --task")
    if task.is_regression != (model.labels is None):
        kind = "a number" if model.labels is None else "a class"
        raise UserError(f"{path} predicts {kind} and the labels of {task.name} are the other: choose another --task")


def predict_in_chunks(model: Model, ids: Sequence[Array]) -> Array:
    """The model's outputs for every row, with a bar on a terminal."""
    outputs = []
    with progress_bar("evaluating", len(ids), "rows") as update:
        for start in range(0, len(ids), CHUNK):
            outputs.append(model.predict(ids[start : start + CHUNK]))
            update(min(start + CHUNK, len(ids)))
    return np.concatenate(outputs)
