"""The table of docs/accuracy.md on tasks as users have them."""

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.common.errors import error_of, with_error
from benchmarks.own_data.tasks import PARTS, RESULTS

LINEAR = {"naive_bayes": "naive Bayes", "logistic_regression": "logistic", "linear_svc": "LinearSVC", "ridge": "ridge"}
WINDOWS_HEADER = "| imdb_1000, 2,000 test rows, float | inferences a text | accuracy |"
HEADER = (
    "| task | rows, classes | metric | float | int8, TFLM | seeds | best linear model | n-grams, int8 | ahead | "
    "MiniLM frozen / fine-tuned |"
)


def own_data_rows(results: Path = RESULTS) -> Iterator[list[str]]:
    """A line a task, and one a part: the mean of what is measured. Without torch only tasks that are measured have one.

    Args:
        results: folder of the runs' figures.
    """
    for part, tasks in PARTS.items():
        leads, behind = [], 0
        for name in tasks:
            line = json.loads((RESULTS / f"linear/{name}.json").read_text())
            runs = [json.loads(path.read_text()) for path in sorted(results.glob(f"{name}-[0-9].json"))]
            kind, best = max(((k, line[k]["score"]) for k in LINEAR if k in line), key=lambda pair: pair[1])
            classes = f", {line['classes']}" if line["classes"] else ""
            cells = [f"{name}", f"{line['rows']['train'] + line['rows']['selection']:,}{classes}", line["metric"]]
            beside = [f"{best:.2f} {LINEAR[kind]}", f"{line['ngrams']['score']:.2f}"]
            if runs:
                scores = [run["int8_tflm"] for run in runs]
                lead = statistics.mean(scores) - best
                error = error_of(line["metric"], scores, runs[0]["rows"]) or 0.0
                leads.append(lead)
                behind += lead < -error
                sure = "**" * (abs(lead) > 2 * error)
                yield [*cells, *figures(runs), str(len(runs)), *beside, f"{sure}{lead:+.2f}{sure}", large(name)]
            elif results == RESULTS:
                yield [*cells, "not measured", "not measured", "0", *beside, "", large(name)]
        mean = f"{statistics.mean(leads):+.2f}" if leads else ""
        name = f"**{part}**, mean of {len(leads)} of {len(tasks)}; behind by more than a standard error: {behind}"
        yield [name, "", "", "", "", "", "", "", mean, ""]


def windows_rows() -> Iterator[list[str]]:
    """A line a way to read: texts cut, and by windows of several lengths."""
    for one in json.loads((RESULTS / "windows.json").read_text())["read"]:
        way = f"windows of {one['length']} tokens" if one["windows"] > 1 else f"cut to {one['length']} tokens"
        yield [way, f"{one['of_a_text']:.2f}", f"{one['score']:.2f}"]


def large(name: str) -> str:
    """The figures of the encoder of 22 M parameters, where they are measured."""
    path = RESULTS / f"large/{name}.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    return " / ".join(f"{known[kind]['score']:.2f}" if kind in known else "-" for kind in ("frozen", "fine_tuned"))


def figures(runs: list[dict[str, Any]]) -> list[str]:
    """Means of the float and of the int8 model, the latter with its standard error over rows and seeds."""
    metric, rows = runs[0]["metric"], runs[0]["rows"]
    scores = [run["int8_tflm"] for run in runs]
    return [f"{statistics.mean(run['float'] for run in runs):.2f}", with_error(metric, scores, rows)]
