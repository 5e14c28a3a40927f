"""The linear neighbours of every task: naive Bayes, logistic regression and LinearSVC of words and characters.

    python -m benchmarks.own_data.linear --data-dir DIR --work DIR [--task NAME ..]

The features are the tf-idf of words and word pairs and of runs of 3 to 5 characters within words. C of {0.1, 1, 10}
(naive Bayes: 1 / alpha) is chosen on the selection rows, then the model is fitted on training and selection rows
together, as one would who has no other use for them. A regression has ridge regression instead. Beside them the int8
n-grams of base's flash bytes (`benchmarks.ngrams`). Writes results/own_data/linear/TASK.json.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_union
from sklearn.svm import LinearSVC

from benchmarks.common.queue import add_data_arguments
from benchmarks.own_data.tasks import RESULTS, TASKS, make_task
from tf_embbert.common.errors import run_command
from tf_embbert.data.rows import Rows, joined
from tf_embbert.data.tasks import Task, load_task
from tf_embbert.run import Array
from tf_embbert.training.metrics import score

STRENGTHS = (0.1, 1.0, 10.0)
MODELS = {
    "naive_bayes": lambda strength: MultinomialNB(alpha=1 / strength),
    "logistic_regression": lambda strength: LogisticRegression(C=strength, max_iter=1000),
    "linear_svc": lambda strength: LinearSVC(C=strength),
}
FLOAT_BYTES = 4


def one_text(rows: Rows) -> list[str]:
    """Texts; pairs with both parts in one line."""
    return rows.texts if rows.pairs is None else [f"{a} | {b}" for a, b in zip(rows.texts, rows.pairs)]


def fit(make: Any, rows: Rows) -> tuple[Callable[[Rows], Array], int]:
    """A model of the rows: a function of rows that gives its predictions; and its weights' number."""
    grams = make_union(TfidfVectorizer(ngram_range=(1, 2)), TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5)))
    model = make.fit(grams.fit_transform(one_text(rows)), rows.labels)
    weights = model.coef_ if hasattr(model, "coef_") else model.feature_log_prob_
    return lambda other: model.predict(grams.transform(one_text(other))), weights.size


def rate(task: Task, rows: Rows, predictions: Array) -> float:
    """The task's metric of predictions, classes or numbers."""
    if task.is_regression:
        return score(task.metric, rows.labels, predictions.reshape(-1, 1))
    return score(task.metric, rows.labels, (predictions[:, None] == range(len(task.labels or []))).astype(float))


def measure(name: str, data_dir: Path, work: Path) -> dict[str, Any]:
    """The figures of all linear models on a task's reported rows."""
    task = load_task(str(make_task(name, data_dir, work)))
    train, selection, test = (task.rows(split) for split in ("train", "selection", "test"))
    kinds = {"ridge": lambda strength: Ridge(alpha=1 / strength)} if task.is_regression else MODELS
    result: dict[str, Any] = {"task": name, "part_of": TASKS[name]["part_of"], "metric": task.metric}
    result |= {"rows": {split: len(rows) for split, rows in task.splits.items()}, "classes": len(task.labels or [])}
    for kind, make in kinds.items():
        tried = {s: rate(task, selection, fit(make(s), train)[0](selection)) for s in STRENGTHS}
        best = max(STRENGTHS, key=tried.__getitem__)
        predict, weights = fit(make(best), joined([train, selection]))
        figure = rate(task, test, predict(test))
        result[kind] = {"score": figure, "strength": best, "selection": tried[best], "bytes": weights * FLOAT_BYTES}
    return {**result, "ngrams": int8_ngrams(task)}


def int8_ngrams(task: Task) -> dict[str, Any]:
    """The int8 n-grams of base's flash bytes, on the same rows."""
    from benchmarks.ngrams import measure as measure_ngrams

    figures = measure_ngrams(task, seed=0)
    return {"score": figures["int8"], "bytes": figures["flash_bytes"]}


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.own_data.linear", description=__doc__.split("\n")[0])
    add_data_arguments(parse)
    parse.add_argument("--task", nargs="+", choices=TASKS, default=list(TASKS))
    options = parse.parse_args(arguments)
    (RESULTS / "linear").mkdir(parents=True, exist_ok=True)
    for name in options.task:
        result = measure(name, options.data_dir, options.work)
        (RESULTS / f"linear/{name}.json").write_text(json.dumps(result, indent=1) + "\n")
        scores = {kind: round(value["score"], 2) for kind, value in result.items() if "score" in str(value)}
        print(f"{name}: {scores}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
