"""What runs answer: accuracy, n-grams, what a conversion keeps of it."""

import statistics

from benchmarks.accuracy import GENERAL, RESULTS, TASKS
from benchmarks.common.errors import int8_of, with_error
from benchmarks.tables.common import HERE, lines_of, read_result

INT8 = ("ptq_tflm", "qat_tflm")


def accuracy_short_table() -> str:
    """A line a task: the float model, and the int8 one that its runs chose."""
    rows, columns = [], []
    for task, about in TASKS.items():
        results = seeds_of(task)
        if not results or "task" in about:  # other rows of a task that has its line
            continue
        scores = [
            statistics.mean(r["float"] for r in results),
            statistics.mean(map(int8_of, results)),
            read_result(f"ngrams/{task}.json")["int8"],
        ]
        columns.append(scores)
        rows.append([task, results[0]["metric"], *(f"{score:.2f}" for score in scores), paper_cell(about)])
    means = [f"{statistics.mean(column):.2f}" for column in zip(*columns)]
    rows.append([f"mean of these {len(columns)}", "", *means, ""])
    return lines_of("| task | metric | float | int8, TFLM | n-grams, int8 | paper, float32 |", rows)


def accuracy_table() -> str:
    """A line a task, means over its seeds; and what others have."""
    rows, columns = [], []
    for task, about in TASKS.items():
        results = seeds_of(task)
        if not results:
            continue
        first = results[0]
        scores = [statistics.mean(r[key] for r in results) for key in ("float", "ptq_tflm", "qat_tflm")]
        again = "task" in about  # other rows of a task that has its line
        if not again:
            columns.append([*scores, read_result(f"ngrams/{task}.json")["int8"]])
        cells = [f"{score:.2f}" for score in (scores if again else columns[-1])] + ["-"] * again
        cells[1:3] = [with_error(first["metric"], [r[key] for r in results], first["rows"]) for key in INT8]
        naive_bayes = str(about.get("naive_bayes", "-"))
        rows.append([task_cell(first), first["metric"], str(len(results)), *cells, naive_bayes, paper_cell(about)])
    means = [f"{statistics.mean(column):.2f}" for column in zip(*columns)]
    table = lines_of(
        "| task, split (rows) | metric | seeds | float | int8 PTQ, TFLM | int8 QAT, TFLM | n-grams, int8 | "
        "naive Bayes | paper, float32 |",
        rows,
    )
    return f"{table}\n| mean of these {len(columns)} | | | {' | '.join(means)} | | |"


def general_table() -> str:
    """A line a task that was trained without an option, beside what its recipe by hand has."""
    rows = []
    for task in TASKS:
        if results := seeds_of(task, GENERAL):
            first, by_hand = results[0], statistics.mean(map(int8_of, seeds_of(task)))
            in_float = statistics.mean(r["float"] for r in results)
            in_int8 = with_error(first["metric"], list(map(int8_of, results)), first["rows"])
            reasons = first["recipe"]["reasons"]
            cells = [f"{in_float:.2f}", in_int8, f"{by_hand:.2f}", reasons["encoder"], reasons["teacher"]]
            rows.append([task_cell(first), first["metric"], str(len(results)), *cells])
    return lines_of("| task, split (rows) | metric | seeds | float | int8, TFLM | by hand | start | teacher |", rows)


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
