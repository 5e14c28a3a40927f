"""Draws accuracy against memory for docs/baselines.md: `python -m benchmarks.baselines.picture`.

A panel a task: EmbBERT's presets as a line, the paper's other models, and the paper's own figures (paper.yaml). Memory
is model.tflite and arena together, of a Cortex-M4 at 64 tokens, as `benchmarks.baselines.sizes` has them; accuracy is
int8 in TFLM, the mean over seeds with its standard error.
"""

import argparse
import math
import statistics
from pathlib import Path
from typing import NamedTuple

import yaml
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks.baselines.__main__ import MODELS, RESULTS, SMALLER_AND_LARGER
from benchmarks.baselines.table import runs_of, sizes_at
from benchmarks.common.errors import error_of, int8_of
from tf_embbert.common.errors import run_command
from tf_embbert.finetuning.config import EMBBERT

PICTURE = RESULTS / "accuracy_memory.png"
PAPER = Path(__file__).parent / "paper.yaml"
TASKS = ("snips", "emotion", "nlu")
LENGTH, CORE = 64, "cortex-m4"
LABELS_AFTER, LABEL_GAP = 1.25, 0.03  # times the largest point; of the axis
OURS, OTHERS, THEIRS = "#0072b2", "#d55e00", "#8a8f98"  # of Okabe and Ito, as in benchmarks/timeline.py


class Point(NamedTuple):
    """Where a model stands: kilobytes of flash and arena, and accuracy in percent with its standard error."""

    name: str
    kilobytes: float
    accuracy: float
    error: float = 0.0


def measured(task: str, models: list[str]) -> list[Point]:
    """The models that were trained on a task, the smallest first."""
    sizes, points = sizes_at(LENGTH), []
    for model in models:
        if runs := runs_of(task, model):
            scores = list(map(int8_of, runs))
            kilobytes = (sizes[model]["bytes"] + sizes[model]["arena"][CORE]) / 1000
            error = error_of(runs[0]["metric"], scores, runs[0]["rows"]) or 0.0
            points.append(Point(model, kilobytes, statistics.mean(scores), error))
    return sorted(points, key=lambda point: point.kilobytes)


def published(task: str) -> list[Point]:
    """The paper's points of a task."""
    known = yaml.safe_load(PAPER.read_text())
    return [Point(one["name"], one["kilobytes"], one["scores"][task]) for one in known if task in one["scores"]]


def draw(axes: Axes, task: str) -> None:
    """One task's panel."""
    presets = measured(task, [EMBBERT, *SMALLER_AND_LARGER])
    others = measured(task, [model for model in MODELS if model != EMBBERT])
    series = (
        (presets, OURS, "o-", "EmbBERT's presets, int8 in TFLM"),
        (others, OTHERS, "s", "the other models, int8 in TFLM"),
        (published(task), THEIRS, "^", "the paper, after its pretraining"),
    )
    for points, color, mark, label in series:
        _, x, y, errors = zip(*points)
        axes.errorbar(x, y, errors, fmt=mark, color=color, label=label, capsize=2, markersize=5, linewidth=1)
    axes.set(xscale="log", title=task, xlabel="kB of model and arena")
    for points, color, _, _ in series:  # when all points are there, and the axes as long as they will be
        name_points(axes, points, color)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.spines[["top", "right"]].set_visible(False)


def name_points(axes: Axes, points: list[Point], color: str) -> None:
    """Names beside their points; of points that stand close together in a column, with a line to each."""
    sizes = [point.kilobytes for point in points]
    if max(sizes) > 2 * min(sizes):
        for point in points:
            spot = (point.kilobytes, point.accuracy)
            axes.annotate(point.name, spot, (4, 4), textcoords="offset points", fontsize=6, color=color)
        return
    low, high = axes.get_ylim()
    column = LABELS_AFTER * max(sizes)
    line = {"arrowstyle": "-", "color": color, "linewidth": 0.4}
    place = math.inf
    for point in sorted(points, key=lambda point: -point.accuracy):
        place = min(point.accuracy, place - LABEL_GAP * (high - low))
        spot = (point.kilobytes, point.accuracy)
        axes.annotate(point.name, spot, (column, place), va="center", fontsize=6, color=color, arrowprops=line)


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.baselines.picture", description=__doc__.split("\n")[0])
    parse.add_argument("--out", type=Path, default=PICTURE, metavar="FILE.png")
    options = parse.parse_args(arguments)
    figure = Figure(figsize=(12, 4.6), layout="constrained")
    panels = figure.subplots(1, len(TASKS))
    for axes, task in zip(panels, TASKS):
        draw(axes, task)
    panels[0].set_ylabel("accuracy, %")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(options.out, dpi=130, metadata={"Software": None})  # no version in it: the same bytes again


if __name__ == "__main__":
    raise SystemExit(main())
