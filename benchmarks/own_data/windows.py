"""What a run answers on long texts by windows (`tf_embbert/windows.py`), beside the middle cut out of them.

    python -m benchmarks.own_data.windows RUN --task NAME --data-dir DIR --work DIR

In float, on the task's reported rows. Writes results/own_data/windows.json.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.common.queue import add_data_arguments
from benchmarks.own_data.tasks import RESULTS, TASKS, make_task
from tf_embbert.common.errors import run_command
from tf_embbert.data.tasks import load_task
from tf_embbert.finetuning.prepare import MOST_WINDOWS
from tf_embbert.run import Run, load_run
from tf_embbert.training.batching import predict_in_order
from tf_embbert.training.metrics import score
from tf_embbert.windows import answer_by_windows, room, split_all

LENGTHS = (64, 128, 256)


def measure(run: Run, name: str, data_dir: Path, work: Path) -> dict[str, Any]:
    """The task's metric with texts cut to 256 tokens, and by windows of several lengths."""
    task = load_task(str(make_task(name, data_dir, work)))
    rows = task.rows(task.reported_split)

    def figure(length: int, windows: int) -> tuple[float, float]:
        """The metric, and inferences a text."""
        ids = run.tokenizer.encode(rows.texts, max_length=room(length, windows)).ids
        said = answer_by_windows(ids, length, lambda some: predict_in_order(run.model, some))
        return score(task.metric, rows.labels, said), round(len(split_all(ids, length)[0]) / len(ids), 2)

    result = {"task": name, "rows": len(rows), "trained": {"length": run.max_length, "windows": run.windows}}
    ways = [(LENGTHS[-1], 1)] + [(length, MOST_WINDOWS) for length in LENGTHS]
    figures = [(length, windows, *figure(length, windows)) for length, windows in ways]
    return result | {"read": [dict(zip(("length", "windows", "score", "of_a_text"), row)) for row in figures]}


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
