"""What a run answers on long texts by windows: each text in equal parts of at most so many tokens, the answers summed.

    python -m benchmarks.own_data.windows RUN --task NAME --data-dir DIR --work DIR

In float, on the task's reported rows, beside the run's own way, which cuts the middle out of a text that is too long.
Windows need the arena and, a token, the time of a short model only. No bundle has them yet. Writes
results/own_data/windows.json.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import log_softmax

from benchmarks.own_data.tasks import RESULTS, TASKS, add_data_arguments, make_task
from tf_embbert.common.errors import run_command
from tf_embbert.data.tasks import load_task
from tf_embbert.run import Array, Run, load_run
from tf_embbert.training.batching import predict_in_order
from tf_embbert.training.metrics import score

LENGTHS = (64, 128, 256)
WHOLE = 100_000  # tokens that no text has


def windows(ids: Array, length: int) -> Iterator[Array]:
    """A text's tokens in as few parts of like length as there can be, [CLS] and [SEP] around each."""
    first, body, last = ids[:1], ids[1:-1], ids[-1:]
    for part in np.array_split(body, max(1, -(-len(body) // (length - 2)))):
        yield np.concatenate([first, part, last]).astype(np.int32)


def by_windows(run: Run, texts: list[str], length: int) -> tuple[Array, int]:
    """The sums of the windows' log-probabilities, float [texts, classes]; and how many windows there were."""
    parts = [
        (i, part)
        for i, ids in enumerate(run.tokenizer.encode(texts, max_length=WHOLE).ids)
        for part in windows(ids, length)
    ]
    said = log_softmax(predict_in_order(run.model, [part for _, part in parts]), axis=1)
    sums = np.zeros((len(texts), said.shape[1]))
    np.add.at(sums, [i for i, _ in parts], said)
    return sums, len(parts)


def measure(run: Run, name: str, data_dir: Path, work: Path) -> dict[str, Any]:
    """The task's metric as the run reads a text, and by windows of several lengths."""
    task = load_task(str(make_task(name, data_dir, work)))
    rows = task.rows(task.reported_split)
    whole = predict_in_order(run.model, run.tokenizer.encode(rows.texts, max_length=run.max_length).ids)
    result: dict[str, Any] = {"task": name, "rows": len(rows), "cut_at": run.max_length, "windows": []}
    result["score"] = score(task.metric, rows.labels, whole)
    for length in LENGTHS:
        sums, count = by_windows(run, rows.texts, length)
        figure = score(task.metric, rows.labels, sums)
        result["windows"].append({"length": length, "of_a_text": round(count / len(rows), 2), "score": figure})
    return result


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.own_data.windows", description=__doc__.split("\n")[0])
    parse.add_argument("run", type=Path, help="of the task, as benchmarks.own_data trains it")
    parse.add_argument("--task", choices=TASKS, required=True)
    add_data_arguments(parse)
    options = parse.parse_args(arguments)
    result = measure(load_run(options.run), options.task, options.data_dir, options.work)
    (RESULTS / "windows.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
