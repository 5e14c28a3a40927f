"""The honest neighbour: a linear model of hashed words and word pairs, in int8, of the flash bytes that base takes.

    python -m benchmarks.ngrams --data-dir DIR [--task snips ..] [--seed 0]

A text is the set of its hashed 1- and 2-grams; every class has an int8 weight a bucket and one scale. A pair of texts
has its grams side by side, and those that both share once more. The regularisation is chosen on the selection rows, the
reported split is read once. Writes results/ngrams/TASK.json.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import normalize

from benchmarks.common.tasks import TASKS
from tf_embbert.common.errors import run_command
from tf_embbert.data.tasks import Rows, Task, load_task
from tf_embbert.training.metrics import score
from tf_embbert.training.ngrams import count_grams

RESULTS = Path(__file__).parent / "results/ngrams"
FLASH_BYTES = 340_000  # of base's model.tflite with 8,192 tokens, at L = 256
STRENGTHS = [0.3, 1.0, 3.0, 10.0, 30.0, 100.0]


def fit(features: Any, rows: Rows, strength: float, regression: bool) -> tuple[np.ndarray, np.ndarray]:
    """(weights [buckets, C], biases [C]); two classes of scikit-learn's one column become two."""
    if regression:
        model = Ridge(alpha=1 / strength).fit(features, rows.labels)
        return model.coef_.reshape(-1, 1), np.array([model.intercept_])
    model = LogisticRegression(C=strength, max_iter=300).fit(features, rows.labels)
    weights, biases = model.coef_.T, model.intercept_
    if weights.shape[1] == 1:
        weights, biases = np.hstack([-weights, weights]), np.array([-biases[0], biases[0]])
    return weights, biases


def in_int8(weights: np.ndarray) -> np.ndarray:
    """The weights on a grid of 255 steps a class."""
    scales = np.abs(weights).max(axis=0) / 127
    return np.round(weights / scales) * scales


def measure(task: Task, seed: int) -> dict[str, Any]:
    """The figures of a task's int8 n-grams."""
    classes = len(task.labels or [None])
    columns = classes if classes > 2 else 1  # the second of two classes is the first with the other sign
    buckets = FLASH_BYTES // columns

    def encode(split: str) -> tuple[Any, Rows]:
        rows = task.rows(split)
        return normalize(count_grams(rows, buckets)), rows

    (features, rows), selection, reported = (encode(s) for s in ("train", "selection", task.reported_split))

    def rate(model: tuple[np.ndarray, np.ndarray], split: tuple[Any, Rows]) -> float:
        (weights, biases), (grams, of) = model, split
        return score(task.metric, of.labels, grams @ weights + biases)

    fitted = {strength: fit(features, rows, strength, task.is_regression) for strength in STRENGTHS}
    chosen = max(STRENGTHS, key=lambda strength: rate(fitted[strength], selection))
    weights, biases = fitted[chosen]
    return {
        "task": task.name,
        "seed": seed,
        "split": task.reported_split,
        "rows": len(reported[1]),
        "metric": task.metric,
        "buckets": buckets,
        "flash_bytes": buckets * columns,
        "strength": chosen,
        "float": rate((weights, biases), reported),
        "int8": rate((in_int8(weights), biases), reported),
    }


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.ngrams", description=__doc__.split("\n")[0])
    parse.add_argument("--data-dir", required=True)
    parse.add_argument("--task", nargs="+", choices=TASKS, default=TASKS)
    parse.add_argument("--seed", type=int, default=0)
    options = parse.parse_args(arguments)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in options.task:
        result = measure(load_task(name, options.data_dir, seed=options.seed), options.seed)
        (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
        print(f"{name}: {result['metric']} {result['int8']:.2f} in int8 ({result['float']:.2f} in float)")


if __name__ == "__main__":
    raise SystemExit(main())
