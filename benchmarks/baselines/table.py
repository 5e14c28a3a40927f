"""The tables of docs/baselines.md: what EmbBERT, its parts and the paper's other models answer, and what they need."""

import json
import statistics
from collections.abc import Iterator
from typing import Any

from benchmarks import ablation
from benchmarks.baselines.__main__ import MODELS, RECIPE, RESULTS, SMALLER_AND_LARGER
from benchmarks.common.errors import int8_of, with_error

NGRAMS = RESULTS.parent / "ngrams"
TASKS = list(RECIPE["tasks"])
ACCURACY_HEADER = "| model, parameters | " + " | ".join(TASKS) + " |"
SHORT_HEADER = "| int8, TFLM | " + " | ".join(TASKS) + " | model.tflite | arena M4 | instructions M7 |"
ABLATION_HEADER = "| float, mean of so many seeds | " + " | ".join(ablation.TASKS) + " |"
SIZES_HEADER = (
    "| model, parameters | L | model.tflite | arena M4 | arena M55 | instructions M7, a text of L | TFLM = TFLite |"
)


def accuracy_rows() -> Iterator[list[str]]:
    """A line a model: float / int8 in TFLM of each task, and the n-grams beside them."""
    yield ["", *(_about(task) for task in TASKS)]
    for model in [*MODELS, *SMALLER_AND_LARGER]:
        runs = {task: runs_of(task, model) for task in TASKS}
        parameters = next((found[0]["parameters"] for found in runs.values() if found), None)
        if parameters is not None:
            yield [f"{model}, {parameters:,}", *(_cell(found) for found in runs.values())]
    neighbours = [json.loads(path.read_text()) if (path := NGRAMS / f"{t}.json").exists() else None for t in TASKS]
    yield ["n-grams, all rows", *(f"{n['float']:.2f} / {n['int8']:.2f}" if n else "" for n in neighbours)]


def short_rows() -> Iterator[list[str]]:
    """A line a model of about 2 MB of float: int8 in TFLM of each task, and what it needs at 64 tokens."""
    sizes = sizes_at(64)
    for model in MODELS:
        one, found = sizes[model], [runs_of(task, model) for task in TASKS]
        yield [
            model,
            *(f"{statistics.mean(map(int8_of, runs)):.1f}" if runs else "-" for runs in found),
            f"{one['bytes']:,} B",
            f"{one['arena']['cortex-m4']:,} B",
            _millions(one["instructions"]),
        ]


def sizes_rows() -> Iterator[list[str]]:
    """A line a model and length."""
    for one in sorted(_sizes(), key=lambda one: (one["length"] not in (64, 256), one["length"])):
        yield [
            f"{one['model']}, {one['parameters']:,}",
            str(one["length"]),
            f"{one['bytes']:,} B",
            *(f"{one['arena'][core]:,} B" for core in ("cortex-m4", "cortex-m55")),
            _millions(one["instructions"]),
            f"{one['equal']} of {one['rows']}",
        ]


def ablation_rows() -> Iterator[list[str]]:
    """A line a variant of EmbBERT: its float metric of each task, with the standard error over rows and seeds."""
    found = [json.loads(path.read_text()) for path in sorted(ablation.RESULTS.glob("*.json"))]
    for variant in ablation.VARIANTS:
        cells = []
        for task in ablation.TASKS:
            runs = [run for run in found if (run["task"], run["variant"]) == (task, variant)]
            scores = [run["float"] for run in runs]
            cells.append(f"{with_error(runs[0]['metric'], scores, runs[0]['rows'])}, {len(runs)}" if runs else "")
        yield [variant, *cells]


def runs_of(task: str, model: str) -> list[dict[str, Any]]:
    """A model's results on a task, one a seed."""
    return [json.loads(path.read_text()) for path in sorted(RESULTS.glob(f"{task}-{model}-[0-9].json"))]


def sizes_at(length: int) -> dict[str, dict[str, Any]]:
    """What each model needs of a device at a length, by its name."""
    return {one["model"]: one for one in _sizes() if one["length"] == length}


def _sizes() -> list[dict[str, Any]]:
    return json.loads((RESULTS / "sizes.json").read_text())


def _millions(count: dict[str, Any]) -> str:
    return f"{'at least ' * count['at_least']}{count['total'] / 1e6:.1f} M"


def _about(task: str) -> str:
    """Metric, split, rows and seeds of a task."""
    found = [run for model in MODELS for run in runs_of(task, model)]
    if not found:
        return "not measured"
    seeds = sorted({len(runs) for model in MODELS if (runs := runs_of(task, model))})
    said = f"{seeds[0]} seed{'s' * (seeds[0] > 1)}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
    return f"{found[0]['metric']}, {found[0]['split']} ({found[0]['rows']:,}), {said}"


def _cell(runs: list[dict[str, Any]]) -> str:
    """Means of float and of the int8 that was chosen on selection rows, with its standard error over rows and seeds."""
    if not runs:
        return "not measured"
    int8 = list(map(int8_of, runs))
    in_float = statistics.mean(run["float"] for run in runs)
    return f"{in_float:.2f} / {with_error(runs[0]['metric'], int8, runs[0]['rows'])}"
