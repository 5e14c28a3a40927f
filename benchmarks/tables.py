"""Writes the README's tables from the result files: `python -m benchmarks.tables` (or `make tables`).

Each table lies between `<!-- table NAME -->` and `<!-- end -->`; a test holds the README to what this makes.
"""

import json
import re
import statistics
from pathlib import Path

import yaml

HERE = Path(__file__).parent
README = HERE.parent / "README.md"


def read_result(name):
    return json.loads((HERE / "results" / name).read_text())


def accuracy_table():
    """A line a task, means over its seeds; and what others have."""
    tasks = yaml.safe_load((HERE / "accuracy.yaml").read_text())
    lines = [
        "| task, split (rows) | metric | seeds | float | int8 PTQ, TFLM | int8 QAT, TFLM | n-grams, int8 | "
        "naive Bayes | paper, float32 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    columns = []
    for task, about in tasks.items():
        results = [read_result(path) for path in sorted((HERE / "results/accuracy").glob(f"{task}-[0-9].json"))]
        if not results:
            continue
        first, scores = (
            results[0],
            [statistics.mean(r[key] for r in results) for key in ("float", "ptq_tflm", "qat_tflm")],
        )
        again = "task" in about  # other rows of a task that has its line
        if not again:
            columns.append([*scores, read_result(f"ngrams/{task}.json")["int8"]])
        cells = [f"{score:.2f}" for score in (scores if again else columns[-1])] + ["-"] * again
        paper = f"{about['paper']:.2f}" + (" (other rows)" if about.get("other_rows") else "")
        lines.append(
            f"| {task}, {first['split']} ({first['rows']:,}) | {first['metric']} | {len(results)} | "
            + " | ".join(cells)
            + f" | {about.get('naive_bayes', '-')} | {paper} |"
        )
    means = " | ".join(f"{statistics.mean(column):.2f}" for column in zip(*columns))
    lines.append(f"| mean of these {len(columns)} | | | {means} | | |")
    return "\n".join(lines)


def conversion_table():
    """A line a task: what seed 0 became."""
    lines = ["| task | chosen | L | `model.tflite` | TFLM = TFLite |", "|---|---|---|---|---|"]
    for path in sorted((HERE / "results/accuracy").glob("*-0.json")):
        r = read_result(path)
        model, verification = r["model"], r["verification"]
        lines.append(
            f"| {r['task']} | {r['chosen']} | {model['sequence_length']} | {model['bytes']:,} B | "
            f"{verification['equal']} of {verification['rows']} rows |"
        )
    return "\n".join(lines)


def bucketing_table():
    """Means over the seeds, bucketed and padded."""
    result = read_result("bucketing.json")
    lines = ["| Snips, batches | examples a second | test accuracy, mean of 3 seeds |", "|---|---|---|"]
    for bucketed in (True, False):
        runs = [run for run in result["runs"] if run["bucketed"] == bucketed]

        def mean(key):
            return statistics.mean(run[key] for run in runs)

        name = "bucketed by length" if bucketed else f"padded to {result['padded_to']}"
        lines.append(f"| {name} | {mean('rows_per_second'):.0f} | {mean('test_accuracy'):.2f} |")
    return "\n".join(lines)


def quantisation_table():
    """A line a choice."""
    result = read_result("quantisation.json")
    lines = [f"| {result['task']}, {result['rows']:,} selection rows | accuracy | answers as float |", "|---|---|---|"]
    lines += [f"| {c['choice']} | {c['accuracy']:.2f} | {c['as_float']:.2f} |" for c in result["choices"]]
    return "\n".join(lines)


def memory_table():
    """A line a length, core and set of kernels; cores of equal arenas are told apart by their instructions."""
    counted = {(e["model"], e["core"], e["kernels"]): e for e in read_result("instructions.json")["measured"]}
    lines = ["| L | core | kernels | arena | stack | instructions |", "|---|---|---|---|---|---|"]
    for entry in read_result("arena_firmware.json")["measured"]:
        name, _, length = entry["model"].rpartition("-")
        if name == "embbert-base":
            instructions = counted[entry["model"], entry["core"], entry["kernels"]]["instructions"]
            lines.append(
                f"| {length} | {entry['core']} | {entry['kernels']} | {entry['total']:,} B | "
                f"{entry['stack']:,} B | {instructions / 1e6:.0f} M |"
            )
    return "\n".join(lines)


def export_table():
    """A line a step of the export at 256 tokens."""
    stages = read_result("optimisation.json")["exports"]["256"]["stages"]
    lines = ["| base at L = 256, after | arena | head | tail | `model.tflite` |", "|---|---|---|---|---|"]
    lines += [
        f"| {s['step']} | {s['total']:,} B | {s['planned']:,} B | {s['persistent']:,} B | {s['file']:,} B |"
        for s in stages
    ]
    return "\n".join(lines)


def forms_table():
    """A line for each form of one model that `convert.py` makes at 256 tokens, and for the plain graph."""
    start, *ideas = read_result("optimisation.json")["ideas"]
    lines = ["| base at L = 256 | arena | `model.tflite` | instructions |", "|---|---|---|---|"]
    for idea in [start, *(idea for idea in ideas if idea["kept"])]:
        measured = idea["measured"]
        lines.append(
            f"| {idea['idea']} | {measured['qemu']['arena']:,} B | {measured['file']:,} B "
            f"| {measured['qemu']['instructions'] / 1e6:.0f} M |"
        )
    return "\n".join(lines)


def app_table():
    """A line a board and set of kernels."""
    lines = [
        "| board | kernels | L | texts as Python | golden rows | arena | stack | flash | own code |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['board']} | {r['kernels']} | {r['length']} | {r['texts_equal']} of {r['texts']} | "
        f"{r['golden_equal']} of {r['golden']} | {r['arena']:,} B | {r['stack']:,} B | {r['text'] + r['data']:,} B | "
        f"{r['own_code']:,} B |"
        for r in read_result("app.json")["runs"]
    ]
    return "\n".join(lines)


def lengths_table():
    """One length in a firmware, and several that share their weights."""
    result = read_result("lengths.json")
    size, texts = result["bytes"], result["texts"]
    several = ", ".join(map(str, result["lengths"]))
    lines = [
        f"| base, Cortex-M7, CMSIS-NN | L = {result['lengths'][-1]} | L = {several} |",
        "|---|---|---|",
        f"| `model.tflite` | {size['files'][str(result['lengths'][-1])]:,} B | {size['shared']:,} B (four files: "
        f"{size['separately']:,} B) |",
        f"| arena | {size['arenas'][str(result['lengths'][-1])]:,} B | {size['arena']:,} B |",
    ]

    def millions(count):
        return f"{count / 1e6:.0f} M"

    for one, shared in zip(texts["one"], texts["shared"]):
        lines.append(
            f"| instructions, a text of {one['tokens']} tokens | {millions(one['instructions'])} | "
            f"{millions(shared['instructions'])} at L = {shared['length']} |"
        )
    for task, figures in result["tasks"].items():
        lines.append(
            f"| mean of {figures['texts']:,} texts of {task} ({figures['mean_tokens']:.0f} tokens) | "
            f"{millions(figures['one_length'])} | {millions(figures['all_lengths'])} |"
        )
    return "\n".join(lines)


def ngrams_table():
    """A line a task."""
    lines = ["| task, split (rows) | metric | float | int8 | bytes |", "|---|---|---|---|---|"]
    for path in sorted((HERE / "results/ngrams").glob("*.json")):
        r = json.loads(path.read_text())
        lines.append(
            f"| {r['task']}, {r['split']} ({r['rows']:,}) | {r['metric']} | {r['float']:.2f} | {r['int8']:.2f} | "
            f"{r['flash_bytes']:,} B |"
        )
    return "\n".join(lines)


TABLES = {
    "accuracy": accuracy_table,
    "app": app_table,
    "bucketing": bucketing_table,
    "conversion": conversion_table,
    "export": export_table,
    "forms": forms_table,
    "lengths": lengths_table,
    "memory": memory_table,
    "ngrams": ngrams_table,
    "quantisation": quantisation_table,
}


def with_tables(text):
    """The README's text with every table made anew."""
    for name, make in TABLES.items():
        pattern = re.compile(rf"(<!-- table {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text, found = pattern.subn(lambda match: f"{match[1]}{make()}\n{match[2]}", text)
        if found != 1:
            raise SystemExit(f"README.md must have the table {name} once, it has it {found} times")
    return text


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
