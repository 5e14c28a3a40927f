"""The table of docs/accuracy.md on tasks as users have them."""

import dataclasses
import json
import statistics
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.common.errors import error_of, with_error
from benchmarks.own_data.tasks import PARTS, RESULTS, WITHOUT_TORCH

LINEAR = {"naive_bayes": "naive Bayes", "logistic_regression": "logistic", "linear_svc": "LinearSVC", "ridge": "ridge"}
WINDOWS_HEADER = "| imdb_1000, 2,000 test rows, float | inferences a text | accuracy |"
HEADER = (
    "| task | rows, classes | metric | float | int8, TFLM | seeds, minutes | best linear model | n-grams, int8 | "
    "ahead | MiniLM frozen / fine-tuned |"
)
MEANS_HEADER = "| |" + "".join(f" {part}, {way} |" for way in ("with torch", "without") for part in PARTS)
LARGE = ("frozen", "fine_tuned")  # ways in which the encoder of 22 M parameters was measured
SMALL = 1_000  # rows, of the line of small tasks


@dataclasses.dataclass(frozen=True)
class Line:
    """A task of a table, with what was measured of it.

    Args:
        name, part: of the task.
        linear: figures of the linear models.
        runs: one a seed, or none.
    """

    name: str
    part: str
    linear: dict[str, Any]
    runs: list[dict[str, Any]]

    @property
    def rows(self) -> int:
        """Rows that were trained on or select."""
        return self.linear["rows"]["train"] + self.linear["rows"]["selection"]

    @property
    def best(self) -> tuple[float, str]:
        """The score of the best linear model, and which it is."""
        return max((self.linear[kind]["score"], name) for kind, name in LINEAR.items() if kind in self.linear)

    @property
    def scores(self) -> list[float]:
        """Of the int8 models in TFLM, one a seed."""
        return [run["int8_tflm"] for run in self.runs]

    @property
    def lead(self) -> float:
        """Points ahead of the best linear model."""
        return statistics.mean(self.scores) - self.best[0]

    @property
    def error(self) -> float:
        """The standard error of the score, over rows and seeds."""
        return error_of(self.linear["metric"], self.scores, self.runs[0]["rows"]) or 0.0

    def ahead_of_large(self, kind: str) -> float | None:
        """Points ahead of the encoder of 22 M parameters, "frozen" or "fine_tuned"; None where it is not measured."""
        score = large(self.name).get(kind)
        return None if score is None else statistics.mean(self.scores) - score


def lines(results: Path = RESULTS) -> list[Line]:
    """All tasks, with the runs of one folder."""
    return [
        Line(
            name,
            part,
            json.loads((RESULTS / f"linear/{name}.json").read_text()),
            [json.loads(path.read_text()) for path in sorted(results.glob(f"{name}-[0-9].json"))],
        )
        for part, tasks in PARTS.items()
        for name in tasks
    ]


def own_data_rows(results: Path = RESULTS) -> Iterator[list[str]]:
    """A line a task; without torch of those only that are measured.

    Args:
        results: folder of the runs' figures.
    """
    for line in lines(results):
        if line.runs or results == RESULTS:
            yield cells_of(line)


def cells_of(line: Line) -> list[str]:
    """A line of a table of tasks."""
    score, kind = line.best
    classes = f", {line.linear['classes']}" if line.linear["classes"] else ""
    cells = [line.name, f"{line.rows:,}{classes}", line.linear["metric"]]
    beside = [f"{score:.2f} {kind}", f"{line.linear['ngrams']['score']:.2f}"]
    known = large(line.name)
    encoder = " / ".join(f"{known[way]:.2f}" if way in known else "-" for way in LARGE)
    if not line.runs:
        return [*cells, "not measured", "not measured", "0", *beside, "", encoder]
    in_float = f"{statistics.mean(run['float'] for run in line.runs):.2f}"
    in_int8 = with_error(line.linear["metric"], line.scores, line.runs[0]["rows"])
    minutes = "/".join(f"{run['budget_minutes']:g}" for run in line.runs)
    sure = "**" * (abs(line.lead) > 2 * line.error)
    ahead = f"{sure}{line.lead:+.2f}{sure}"
    return [*cells, in_float, in_int8, f"{len(line.runs)}, {minutes}", *beside, ahead, encoder]


def means_rows() -> Iterator[list[str]]:
    """A line a mean, of the tasks that are measured: development and held-out ones, with torch and without."""
    columns = [
        [line for line in lines(results) if line.part == part and line.runs]
        for results in (RESULTS, RESULTS / WITHOUT_TORCH)
        for part in PARTS
    ]
    totals = [len(tasks) for tasks in PARTS.values()] * 2
    yield ["tasks measured", *(f"{len(column)} of {total}" for column, total in zip(columns, totals))]
    behind = [sum(line.lead < -line.error for line in column) for column in columns]
    yield ["a linear model is ahead by more than a standard error", *map(str, behind)]
    yield ["ahead of the best linear model", *(mean(line.lead for line in column) for column in columns)]
    of_classes = [[line for line in column if line.linear["classes"]] for column in columns]
    yield ["the same, without the regressions", *(mean(line.lead for line in column) for column in of_classes)]
    small = [[line for line in column if line.rows <= SMALL] for column in columns]
    yield [f"the same, tasks of at most {SMALL:,} rows", *(mean(line.lead for line in column) for column in small)]
    for kind in LARGE:
        leads = [[line.ahead_of_large(kind) for line in column] for column in columns]
        known = [mean(lead for lead in some if lead is not None) for some in leads]
        yield [f"ahead of MiniLM, {kind.replace('_', '-')}", *known]


def mean(leads: Iterable[float]) -> str:
    """The mean of some leads and how many they are, for people."""
    found = list(leads)
    return f"{statistics.mean(found):+.2f} ({len(found)})" if found else "-"


def windows_rows() -> Iterator[list[str]]:
    """A line a way to read: texts cut, and by windows of several lengths."""
    for one in json.loads((RESULTS / "windows.json").read_text())["read"]:
        way = f"windows of {one['length']} tokens" if one["windows"] > 1 else f"cut to {one['length']} tokens"
        yield [way, f"{one['of_a_text']:.2f}", f"{one['score']:.2f}"]


def large(name: str) -> dict[str, float]:
    """The scores of the encoder of 22 M parameters, "frozen" and "fine_tuned", where they are measured."""
    path = RESULTS / f"large/{name}.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    return {kind: known[kind]["score"] for kind in LARGE if kind in known}
