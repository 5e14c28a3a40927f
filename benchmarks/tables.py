"""Writes the tables of README.md, docs/ and the kernels' page from the result files: `python -m benchmarks.tables`.

A table lies between `<!-- table NAME -->` and `<!-- end -->`, each once; a test holds the pages to what this makes.
"""

import json
import math
import re
import statistics
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from benchmarks import near_copies
from benchmarks.baselines import table as baselines
from benchmarks.common.errors import with_error
from benchmarks.own_data import table as own_data

HERE = Path(__file__).parent
ROOT = HERE.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "tflm_app/kernels/README.md"]
MARK = re.compile(r"(<!-- table ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
INT8 = ("ptq_tflm", "qat_tflm")
BASE, FUSED = "embbert-base-256", ("fused-256", "fused-256-in-81920", "fused-64")  # in kernels.json
SHORT_CORES = ("cortex-m4", "cortex-m7", "cortex-m55")  # those of the README's tables


def read_result(name: str | Path) -> dict:
    """The result file of that name in benchmarks/results."""
    return json.loads((HERE / "results" / name).read_text())


def lines_of(header: str, rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table: its header as it is written, then a line a row."""
    rule = "|".join(["---"] * (header.count("|") - 1))
    return "\n".join([header, f"|{rule}|", *(f"| {' | '.join(cells)} |" for cells in rows)])


def seeds_of(task: str) -> list[dict]:
    """The accuracy results of a task, one a seed."""
    return [read_result(path) for path in sorted((HERE / "results/accuracy").glob(f"{task}-[0-9].json"))]


def paper_cell(about: dict) -> str:
    """The paper's figure, and whether it is of other rows than ours."""
    return f"{about['paper']:.2f}" + (" (other rows)" if about.get("other_rows") else "")


def accuracy_short_table() -> str:
    """A line a task: the float model, and the int8 one that its runs chose."""
    rows, columns = [], []
    for task, about in yaml.safe_load((HERE / "accuracy.yaml").read_text()).items():
        results = seeds_of(task)
        if not results or "task" in about:  # other rows of a task that has its line
            continue
        scores = [
            statistics.mean(r["float"] for r in results),
            statistics.mean(r[f"{r['chosen']}_tflm"] for r in results),
            read_result(f"ngrams/{task}.json")["int8"],
        ]
        columns.append(scores)
        rows.append([task, results[0]["metric"], *(f"{score:.2f}" for score in scores), paper_cell(about)])
    means = [f"{statistics.mean(column):.2f}" for column in zip(*columns)]
    rows.append([f"mean of these {len(columns)}", "", *means, ""])
    return lines_of("| task | metric | float | int8, TFLM | n-grams, int8 | paper, float32 |", rows)


def short_rows(figures: list[dict], length: int, kernels: str, cell: str) -> list[int]:
    """A figure of base at a length, on each of the README's cores."""
    found = {e["core"]: e[cell] for e in figures if (e["model"], e["kernels"]) == (f"embbert-base-{length}", kernels)}
    return [found[core] for core in SHORT_CORES]


def memory_short_table() -> str:
    """Arena and stack of base, a column a core."""
    measured = read_result("arena_firmware.json")["measured"]
    rows = [
        [f"{what}, L = {length}", *(f"{value:,} B" for value in short_rows(measured, length, "cmsis_nn", cell))]
        for length in (64, 256)
        for what, cell in (("arena", "total"), ("stack", "stack"))
    ]
    return lines_of("| base, CMSIS-NN | Cortex-M4 | Cortex-M7 | Cortex-M55 |", rows)


def speed_short_table() -> str:
    """Instructions of an inference of base, a column a core."""
    measured = read_result("instructions.json")["measured"]
    rows = [
        [
            f"L = {length}, {kernels}",
            *(millions(value) for value in short_rows(measured, length, kernels, "instructions")),
        ]
        for length in (64, 256)
        for kernels in ("cmsis_nn", "reference")
    ]
    return lines_of("| base, instructions | Cortex-M4 | Cortex-M7 | Cortex-M55 |", rows)


def accuracy_table() -> str:
    """A line a task, means over its seeds; and what others have."""
    rows, columns = [], []
    for task, about in yaml.safe_load((HERE / "accuracy.yaml").read_text()).items():
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
        name = f"{task}, {first['split']} ({first['rows']:,})"
        naive_bayes = str(about.get("naive_bayes", "-"))
        rows.append([name, first["metric"], str(len(results)), *cells, naive_bayes, paper_cell(about)])
    means = [f"{statistics.mean(column):.2f}" for column in zip(*columns)]
    table = lines_of(
        "| task, split (rows) | metric | seeds | float | int8 PTQ, TFLM | int8 QAT, TFLM | n-grams, int8 | "
        "naive Bayes | paper, float32 |",
        rows,
    )
    return f"{table}\n| mean of these {len(columns)} | | | {' | '.join(means)} | | |"


def conversion_table() -> str:
    """A line a task: what seed 0 became."""
    rows = []
    for path in sorted((HERE / "results/accuracy").glob("*-0.json")):
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


def bucketing_table() -> str:
    """Means over the seeds, bucketed and padded."""
    result, rows = read_result("bucketing.json"), []
    for bucketed in (True, False):
        runs = [run for run in result["runs"] if run["bucketed"] == bucketed]
        speed, accuracy = (statistics.mean(run[key] for run in runs) for key in ("rows_per_second", "test_accuracy"))
        name = "bucketed by length" if bucketed else f"padded to {result['padded_to']}"
        rows.append([name, f"{speed:.0f}", f"{accuracy:.2f}"])
    return lines_of("| Snips, batches | examples a second | test accuracy, mean of 3 seeds |", rows)


def quantisation_table() -> str:
    """A line a choice."""
    result = read_result("quantisation.json")
    return lines_of(
        f"| {result['task']}, {result['rows']:,} selection rows | accuracy | answers as float |",
        [[c["choice"], f"{c['accuracy']:.2f}", f"{c['as_float']:.2f}"] for c in result["choices"]],
    )


def memory_table() -> str:
    """A line a length, core and set of kernels; cores of equal arenas are told apart by their instructions."""
    counted = {(e["model"], e["core"], e["kernels"]): e for e in read_result("instructions.json")["measured"]}
    rows = []
    for entry in read_result("arena_firmware.json")["measured"]:
        name, _, length = entry["model"].rpartition("-")
        if name == "embbert-base":
            instructions = counted[entry["model"], entry["core"], entry["kernels"]]["instructions"]
            sizes = [f"{entry['total']:,} B", f"{entry['stack']:,} B", millions(instructions)]
            rows.append([length, entry["core"], entry["kernels"], *sizes])
    return lines_of("| L | core | kernels | arena | stack | instructions |", rows)


def export_table() -> str:
    """A line a step of the export at 256 tokens."""
    stages = read_result("optimisation.json")["exports"]["256"]["stages"]
    keys = ("total", "planned", "persistent", "file")
    rows = [[stage["step"], *(f"{stage[key]:,} B" for key in keys)] for stage in stages]
    return lines_of("| base at L = 256, after | arena | head | tail | `model.tflite` |", rows)


def idea_cells(idea: dict) -> list[str]:
    """Arena, bytes and instructions of an idea that was measured, on a Cortex-M7."""
    measured = idea["measured"]
    qemu = measured["qemu"]
    return [f"{qemu['arena']:,} B", f"{measured['file']:,} B", millions(qemu["instructions"])]


def forms_table() -> str:
    """A line for each form of one model that `convert.py` makes at 256 tokens, and for the plain graph."""
    start, *ideas = read_result("optimisation.json")["ideas"]
    rows = [[idea["idea"], *idea_cells(idea)] for idea in [start, *(idea for idea in ideas if idea["kept"])]]
    return lines_of("| base at L = 256 | arena | `model.tflite` | instructions |", rows)


def ideas_table() -> str:
    """Every idea that was built and measured, what was expected of it, and whether it was kept."""
    ideas = [idea for idea in read_result("optimisation.json")["ideas"] if idea["measured"]]
    rows = [[i["idea"], i["expected"], *idea_cells(i), "kept" if i["kept"] else ""] for i in ideas]
    return lines_of("| idea | expected | arena | `model.tflite` | instructions | |", rows)


def reckoned_table() -> str:
    """The ideas that were calculated and not built."""
    ideas = [idea for idea in read_result("optimisation.json")["ideas"] if not idea["measured"]]
    return lines_of("| idea | expected | why not |", [[i["idea"], i["expected"], i["why"]] for i in ideas])


def foreign_table() -> str:
    """What `convert.optimize` makes of models that are not EmbBERT."""
    rows = [
        [f"`{m['model']}`", *(f"{m[when][what]:,} B" for what in ("arena", "file") for when in ("before", "after"))]
        for m in read_result("optimisation.json")["foreign"]
    ]
    return lines_of("| model | arena | optimised | file | optimised |", rows)


def app_table() -> str:
    """A line a board and set of kernels."""
    rows = [
        [
            r["board"],
            r["kernels"],
            str(r["length"]),
            f"{r['texts_equal']} of {r['texts']}",
            f"{r['golden_equal']} of {r['golden']}",
            *(f"{size:,} B" for size in (r["arena"], r["stack"], r["text"] + r["data"], r["own_code"])),
        ]
        for r in read_result("app.json")["runs"]
    ]
    header = "| board | kernels | L | texts as Python | golden rows | arena | stack | flash | own code |"
    return lines_of(header, rows)


def millions(count: float) -> str:
    """A number of instructions, as tables have it."""
    return f"{count / 1e6:.0f} M"


def kernels_table() -> str:
    """A line for each model that is not ours: instructions with our kernels, those with TFLM's being 1."""
    ratios: dict[str, dict[str, str]] = {}
    for entry in read_result("kernels.json")["measured"]:
        if entry["model"] != BASE and not entry["model"].startswith("fused-"):
            ratio = entry["fast"]["instructions"] / entry["stock"]["instructions"]
            said = f"{ratio:.2f}" + (", other bytes" if not entry["equal"] else "")
            ratios.setdefault(entry["model"], {})[entry["core"]] = said
    rows = [[name, *(by_core.get(core, "") for core in SHORT_CORES)] for name, by_core in sorted(ratios.items())]
    return lines_of("| instructions, TFLM's = 1 | Cortex-M4 | Cortex-M7 | Cortex-M55 |", rows)


def fused_table() -> str:
    """A line a core: what the base preset takes with our kernels, as it is exported and with blocks of one operator."""
    found = {(entry["model"], entry["core"]): entry for entry in read_result("kernels.json")["measured"]}
    cores = sorted({core for model, core in found if model in FUSED})
    rows = []
    for core in cores:
        entries = [found[model, core]["fast"] for model in (BASE, *FUSED)]
        rows.append([core, *(f"{one['arena']:,} B, {millions(one['instructions'])}" for one in entries)])
    return lines_of("| arena, instructions | plan offline | fused | fused, arena 81,920 B | fused, L = 64 |", rows)


def estimate_errors_table() -> str:
    """A line for each core and set of kernels: how far the estimates are off on the models that the fit did not see."""
    rows = []
    errors = [row for row in read_result("instructions.json")["errors"] if row["held_out"]]
    for core, kernels in sorted({(row["core"], row["kernels"]) for row in errors}):
        found = [row["error"] for row in errors if (row["core"], row["kernels"]) == (core, kernels)]
        sizes = sorted(abs(error) for error in found if error is not None)
        tenth = sizes[math.ceil(0.9 * len(sizes)) - 1]
        rows.append([core, kernels, str(len(found)), f"{tenth:.1f} %", f"{sizes[-1]:.1f} %", str(found.count(None))])
    return lines_of("| core | kernels | models held out | 90th percentile | worst | unknown |", rows)


def lengths_table() -> str:
    """One length in a firmware, and several that share their weights."""
    result = read_result("lengths.json")
    size, texts, longest = result["bytes"], result["texts"], result["lengths"][-1]
    separately = f"(four files: {size['separately']:,} B)"
    rows = [
        ["`model.tflite`", f"{size['files'][str(longest)]:,} B", f"{size['shared']:,} B {separately}"],
        ["arena", f"{size['arenas'][str(longest)]:,} B", f"{size['arena']:,} B"],
    ]
    for one, shared in zip(texts["one"], texts["shared"]):
        cost = f"{millions(shared['instructions'])} at L = {shared['length']}"
        rows.append([f"instructions, a text of {one['tokens']} tokens", millions(one["instructions"]), cost])
    for task, figures in result["tasks"].items():
        name = f"mean of {figures['texts']:,} texts of {task} ({figures['mean_tokens']:.0f} tokens)"
        rows.append([name, millions(figures["one_length"]), millions(figures["all_lengths"])])
    several = ", ".join(map(str, result["lengths"]))
    return lines_of(f"| base, Cortex-M7, CMSIS-NN | L = {longest} | L = {several} |", rows)


def distribution_table() -> str:
    """What 10^10 tokens take, a line for each kind of device, network and number of devices."""
    result = read_result("distribution.json")
    names = {"core": "CPU core (measured)", "gpu": "GPU (assumed)"}
    rows = [
        [
            f"{names[kind]}, {row['tokens_per_second']:,} tokens/s",
            row["network"],
            str(row["devices"]),
            f"{row['exchange_ms']:.1f} ms",
            f"{row['hours']:.1f} h ({row['hours_without_exchange'] / row['hours']:.0%})",
            f"{row['batch_tokens_for_efficiency']:,}",
        ]
        for kind, reckoned in result["reckoned"].items()
        for row in reckoned
    ]
    speed = result["tokens_per_second"]
    return (
        f"{result['steps']} steps of `{result['preset']}`, {result['batch_tokens']:,} tokens each: losses at most "
        f"{result['relative_difference']:.1e} apart (relative); one worker {speed['one']:,.0f} tokens/s, two "
        f"{speed['two']:,.0f} (load average of the {result['cores']} cores before: {result['load_average']}); "
        f"{result['gradient_bytes']:,} bytes of gradients a step.\n\n{finetuning_along(result['finetune'])}\n\n"
    ) + lines_of(
        f"| device | network | n | exchange a step | 10^10 tokens, {result['batch_tokens']:,} a device and step "
        "(efficiency) | tokens a device and step for 90 % |",
        rows,
    )


def finetuning_along(result: dict[str, Any]) -> str:
    """One sentence on a fine-tuning by two workers."""
    rows = result["rows_per_second"]
    return (
        f"`finetune` of `{result['preset']}` on `{result['task']}`, {result['epochs']} epochs and QAT in batches of "
        f"{result['batch_size']}: losses at most {result['relative_difference']:.1e} apart; one worker "
        f"{rows['one']:,.0f} rows/s, two {rows['two']:,.0f} (load average before: {result['load_average']})."
    )


def ngrams_table() -> str:
    """A line a task."""
    results = [read_result(path) for path in sorted((HERE / "results/ngrams").glob("*.json"))]
    rows = [
        [
            f"{r['task']}, {r['split']} ({r['rows']:,})",
            r["metric"],
            f"{r['float']:.2f}",
            f"{r['int8']:.2f}",
            f"{r['flash_bytes']:,} B",
        ]
        for r in results
    ]
    return lines_of("| task, split (rows) | metric | float | int8 | bytes |", rows)


def tool_speed_table() -> str:
    """A line a model: its file, seconds of the model tools, and the most memory of them."""
    rows = []
    for model in read_result("tool_speed.json")["models"]:
        seconds = [f"{model[command]['seconds']:.2f}" for command in ("check", "arena", "boards", "optimize")]
        memory = max(model[command]["memory"] for command in ("check", "arena", "boards", "optimize"))
        rows.append([model["name"], f"{model['bytes']:,}", *seconds, f"{memory / 1e6:.0f}"])
    return lines_of("| shapes of | bytes | check, s | arena, s | boards, s | optimize, s | memory, MB |", rows)


TABLES = {
    "ablation": lambda: lines_of(baselines.ABLATION_HEADER, baselines.ablation_rows()),
    "accuracy": accuracy_table,
    "accuracy-short": accuracy_short_table,
    "app": app_table,
    "baselines": lambda: lines_of(baselines.ACCURACY_HEADER, baselines.accuracy_rows()),
    "baseline-sizes": lambda: lines_of(baselines.SIZES_HEADER, baselines.sizes_rows()),
    "bucketing": bucketing_table,
    "conversion": conversion_table,
    "distribution": distribution_table,
    "estimate-errors": estimate_errors_table,
    "export": export_table,
    "foreign": foreign_table,
    "forms": forms_table,
    "ideas": ideas_table,
    "fused": fused_table,
    "kernels": kernels_table,
    "lengths": lengths_table,
    "memory": memory_table,
    "memory-short": memory_short_table,
    "near-copies": lambda: lines_of(near_copies.HEADER, near_copies.near_copies_rows()),
    "ngrams": ngrams_table,
    "own-data": lambda: lines_of(own_data.HEADER, own_data.own_data_rows()),
    "quantisation": quantisation_table,
    "reckoned": reckoned_table,
    "speed-short": speed_short_table,
    "tool-speed": tool_speed_table,
    "windows": lambda: lines_of(own_data.WINDOWS_HEADER, own_data.windows_rows()),
}


def with_tables(text: str) -> str:
    """A page's text with every table in it made anew."""
    return MARK.sub(lambda mark: f"{mark[1]}{TABLES[mark[2]]()}\n{mark[3]}", text)


def require_each_once(texts: Iterable[str]) -> None:
    """SystemExit unless the pages have each table once, and no other."""
    found = Counter(mark[2] for text in texts for mark in MARK.finditer(text))
    if wrong := sorted(name for name in TABLES.keys() | found if (name in TABLES, found[name]) != (True, 1)):
        raise SystemExit(f"README.md and docs/ must have each table of benchmarks.tables once: {', '.join(wrong)}")


def main() -> None:
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES}
    require_each_once(texts.values())
    for page, text in texts.items():
        page.write_text(with_tables(text), encoding="utf-8")


if __name__ == "__main__":
    main()
