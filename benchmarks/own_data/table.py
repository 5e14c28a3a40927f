"""The table of docs/accuracy.md on tasks as users have them."""

import json
import math
import statistics
from collections.abc import Iterator
from typing import Any

from benchmarks.own_data.tasks import PARTS, RESULTS

LINEAR = {"naive_bayes": "naive Bayes", "logistic_regression": "logistic", "linear_svc": "LinearSVC", "ridge": "ridge"}
HEADER = "| task | rows, classes | metric | float | int8, TFLM | seeds | best linear model | n-grams, int8 | ahead |"


def own_data_rows() -> Iterator[list[str]]:
    """A line a task, and one a part: the mean of what is measured."""
    for part, tasks in PARTS.items():
        leads = []
        for name in tasks:
            line = json.loads((RESULTS / f"linear/{name}.json").read_text())
            runs = [json.loads(path.read_text()) for path in sorted(RESULTS.glob(f"{name}-[0-9].json"))]
            kind, best = max(((k, line[k]["score"]) for k in LINEAR if k in line), key=lambda pair: pair[1])
            classes = f", {line['classes']}" if line["classes"] else ""
            cells = [f"{name}", f"{line['rows']['train'] + line['rows']['selection']:,}{classes}", line["metric"]]
            beside = [f"{best:.2f} {LINEAR[kind]}", f"{line['ngrams']['score']:.2f}"]
            if runs:
                lead = statistics.mean(run["int8_tflm"] for run in runs) - best
                leads.append(lead)
                yield [*cells, *figures(runs), str(len(runs)), *beside, f"{lead:+.2f}"]
            else:
                yield [*cells, "not measured", "not measured", "0", *beside, ""]
        mean = f"{statistics.mean(leads):+.2f}" if leads else ""
        yield [f"**{part}**, mean of {len(leads)} of {len(tasks)}", "", "", "", "", "", "", "", mean]


def figures(runs: list[dict[str, Any]]) -> list[str]:
    """Means of the float and of the int8 model, the latter with its standard error over rows and seeds."""
    means = [statistics.mean(run[key] for run in runs) for key in ("float", "int8_tflm")]
    errors = [run["rows_error"] for run in runs if run["rows_error"] is not None]
    if not errors:
        return [f"{mean:.2f}" for mean in means]
    spread = statistics.stdev(run["int8_tflm"] for run in runs) / math.sqrt(len(runs)) if len(runs) > 1 else 0.0
    return [f"{means[0]:.2f}", f"{means[1]:.2f} ± {math.hypot(statistics.mean(errors), spread):.2f}"]
