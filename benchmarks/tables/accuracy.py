"""What runs answer: accuracy, n-grams, what a conversion keeps of it."""

import statistics

from benchmarks.accuracy import GENERAL, RESULTS, TASKS
from benchmarks.common.errors import int8_of, with_error
from benchmarks.tables.common import HERE, lines_of, read_result

INT8 = ("ptq_tflm", "qat_tflm")


def accuracy_short_table() -> str:
    """A line a task: float and int8 models of the general recipe, and what others have."""
    rows, columns = [], []
    for task, about in TASKS.items():
        if is_again(task):
            continue
        results, others = seeds_of(task, GENERAL), others_on(task)
        ours = [mean_of(results, "float"), mean_int8(results)] if results else []
        if ours:
            columns.append([*ours, *others])
        cells = [f"{score:.2f}" for score in ours] or ["-", "-"]
        cells += [f"{score:.2f}" for score in others]
        rows.append([task, seeds_of(task)[0]["metric"], *cells, paper_cell(about)])
    rows.append(mean_row(columns, before=1, after=1))
    return lines_of("| task | metric | float | int8, TFLM | by hand | n-grams, int8 | paper, float32 |", rows)


def general_table() -> str:
    """A line a task that was trained without an option: its seeds, errors and all that others have."""
    rows, columns = [], []
    for task, about in TASKS.items():
        results = seeds_of(task, GENERAL)
        if not results:
            continue
        first, scores = results[0], [mean_of(results, "float"), mean_int8(results), *others_on(task)]
        if not is_again(task):
            columns.append(scores)
        cells = [f"{score:.2f}" for score in scores] + ["-"] * is_again(task)
        cells[1] = with_error(first["metric"], list(map(int8_of, results)), first["rows"])
        cells += [str(about.get("naive_bayes", "-")), paper_cell(about)]
        rows.append([task_cell(first), first["metric"], str(len(results)), *cells])
    rows.append(mean_row(columns, before=2, after=2))
    return lines_of(
        "| task, split (rows) | metric | seeds | float | int8, TFLM | by hand | n-grams, int8 | naive Bayes | "
        "paper, float32 |",
        rows,
    )


def by_hand_table() -> str:
    """A line a task by the recipe that was made for it, means over its seeds."""
    rows, columns = [], []
    for task in TASKS:
        results = seeds_of(task)
        if not is_again(task):
            columns.append([mean_of(results, key) for key in ("float", *INT8)])
        first = results[0]
        cells = [with_error(first["metric"], [r[key] for r in results], first["rows"]) for key in INT8]
        rows.append([task_cell(first), first["metric"], str(len(results)), f"{mean_of(results, 'float'):.2f}", *cells])
    rows.append(mean_row(columns, before=2))
    return lines_of("| task, split (rows) | metric | seeds | float | int8 PTQ, TFLM | int8 QAT, TFLM |", rows)


def is_again(task: str) -> bool:
    """Whether a line is of other rows of a task that has its line: no mean counts it."""
    return "task" in TASKS[task]


def others_on(task: str) -> list[float]:
    """What the recipe made by hand has on a task, int8, and what the n-grams have where they answer the same rows."""
    by_hand = mean_int8(seeds_of(task))
    return [by_hand] if is_again(task) else [by_hand, read_result(f"ngrams/{task}.json")["int8"]]


def mean_of(results: list[dict], key: str) -> float:
    """The mean of a figure over the seeds."""
    return statistics.mean(result[key] for result in results)


def mean_int8(results: list[dict]) -> float:
    """The mean over the seeds of the int8 figure that each run chose."""
    return statistics.mean(map(int8_of, results))


def mean_row(columns: list[list[float]], before: int, after: int = 0) -> list[str]:
    """The last line of a table, with the mean of each figure over the tasks.

    Args:
        columns: figures, a list a task.
        before, after: empty cells between the name and the figures, and after them.
    """
    means = [f"{statistics.mean(column):.2f}" for column in zip(*columns)]
    return [f"mean of these {len(columns)}", *[""] * before, *means, *[""] * after]


def seeds_of(task: str, way: str = "") -> list[dict]:
    """The accuracy results of a task, one a seed; `way` names the folder of those that were not made by hand."""
    return [read_result(path) for path in sorted((RESULTS / way).glob(f"{task}-[0-9].json"))]


def task_cell(result: dict) -> str:
    """A result's task, the split that it reports, and how many of its rows."""
    return f"{result['task']}, {result['split']} ({result['rows']:,})"


def paper_cell(about: dict) -> str:
    """The paper's figure, and whether it is of other rows than ours."""
    return f"{about['paper']:.2f}" + (" (other rows)" if about.get("other_rows") else "")


def conversion_table() -> str:
    """A line a task: what seed 0 became."""
    rows = []
    for path in sorted(RESULTS.glob("*-0.json")):
        r = read_result(path)
        model, verification = r["model"], r["verification"]
        rows.append(
            [
                r["task"],
                r["chosen"],
                str(model["sequence_length"]),
                f"{model['bytes']:,} B",
                f"{verification['equal']} of {verification['rows']} rows",
            ]
        )
    return lines_of("| task | chosen | L | `model.tflite` | TFLM = TFLite |", rows)


def quantisation_table() -> str:
    """A line a choice."""
    result = read_result("quantisation.json")
    return lines_of(
        f"| {result['task']}, {result['rows']:,} selection rows | accuracy | answers as float |",
        [[c["choice"], f"{c['accuracy']:.2f}", f"{c['as_float']:.2f}"] for c in result["choices"]],
    )


def ngrams_table() -> str:
    """A line a task."""
    results = [read_result(path) for path in sorted((HERE / "results/ngrams").glob("*.json"))]
    rows = [
        [task_cell(r), r["metric"], f"{r['float']:.2f}", f"{r['int8']:.2f}", f"{r['flash_bytes']:,} B"] for r in results
    ]
    return lines_of("| task, split (rows) | metric | float | int8 | bytes |", rows)
