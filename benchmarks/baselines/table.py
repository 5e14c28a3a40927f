"""The table of the paper's other models beside EmbBERT, a line a model, from results/baselines."""

import json
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results/baselines"
HEADER = (
    "| model | parameters | L | `model.tflite` | arena M4 | arena M55 | instructions M7 | TFLM = TFLite "
    "| accuracy, int8 in TFLM (seeds) |"
)


def baseline_rows() -> list[list[str]]:
    """A line a model and length; accuracies, means over the seeds there are, stand at the first."""
    scores, rows, seen = scores_of_models(), [], set[str]()
    for one in sorted(read_sizes(), key=lambda one: (one["model"], one["length"])):
        least = "at least " if one["instructions"]["at_least"] else ""
        rows.append(
            [
                one["model"],
                f"{one['parameters']:,}",
                str(one["length"]),
                f"{one['bytes']:,} B",
                *(f"{one['arena'][core]:,} B" for core in ("cortex-m4", "cortex-m55")),
                f"{least}{one['instructions']['total'] / 1e6:.0f} M",
                f"{one['equal']} of {one['rows']} rows",
                "" if one["model"] in seen else scores.get(one["model"], "not measured"),
            ]
        )
        seen.add(one["model"])
    return rows


def read_sizes() -> list[dict[str, Any]]:
    """What `benchmarks.baselines.sizes` measured."""
    return json.loads((RESULTS / "sizes.json").read_text())


def scores_of_models() -> dict[str, str]:
    """By model: the metric of the chosen int8 variant in TFLM, by task."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for path in sorted(RESULTS.glob("*-[0-9].json")):
        result = json.loads(path.read_text())
        found[result["model"], result["task"]].append(result[f"{result['chosen']}_tflm"])
    texts: dict[str, list[str]] = defaultdict(list)
    for (model, task), values in found.items():
        texts[model].append(f"{task} {statistics.mean(values):.2f} ({len(values)})")
    return {model: ", ".join(tasks) for model, tasks in texts.items()}
