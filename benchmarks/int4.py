"""What dense weights of 4 bits cost in accuracy: a run by `--plan fused` and by `--plan fused-int4`, in TFLM.

    python -m benchmarks.int4 RUN --task NAME --data-dir DIR [--rows N]

RUN is one of benchmarks.baselines, or any other of EmbBERT's; the rows are those of the split that its task reports.
Writes an entry of results/int4.json. Interpreters run the operators that a block is made of, to the same bytes.
"""

import json
from pathlib import Path
from typing import Any

from benchmarks.firmware.results import Results
from convert.export.build import build_model
from convert.lowering.mixtures import with_mixtures
from convert.tflm.interpreters import predict
from convert.tflm.targets import FUSED
from tf_embbert.common.arguments import CommandParser, positive_int
from tf_embbert.common.errors import run_command
from tf_embbert.data.rows import sampled
from tf_embbert.data.tasks import load_task
from tf_embbert.run import Run, load_run
from tf_embbert.tokenizer import segments
from tf_embbert.training.metrics import score

RESULT = Path(__file__).parent / "results/int4.json"


def measure(run: Run, task_name: str, data_dir: Path | None, rows: int | None) -> dict[str, Any]:
    """The metric of both plans on the same rows, and bytes of the models."""
    task = load_task(task_name, data_dir)
    test = task.rows(task.reported_split)
    test = test.select(sampled(len(test), rows or len(test), seed=0))
    ids = run.tokenizer.encode(test.texts, test.pairs, max_length=run.max_length).ids
    second = [segments(row) for row in ids] if run.is_pair else None
    mixed = with_mixtures(run)
    models = {plan: build_model(mixed.weights, mixed.ranges, run.max_length, plan=plan) for plan in FUSED}
    figures = {plan: score(task.metric, test.labels, predict(model, ids, second)) for plan, model in models.items()}
    return {
        "task": task.name,
        "split": task.reported_split,
        "rows": len(ids),
        "metric": task.metric,
        "length": run.max_length,
        "float": run.metrics["float"],
        "bytes": {plan: len(model) for plan, model in models.items()},
        **figures,
    }


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = CommandParser(prog="python -m benchmarks.int4", description=(__doc__ or "").split("\n")[0])
    parse.add_argument("run", type=Path, metavar="RUN")
    parse.add_argument("--task", required=True)
    parse.add_argument("--data-dir", type=Path)
    parse.add_argument("--rows", type=positive_int, metavar="N", help="so many of them, seeded (default: all)")
    options = parse.parse_args(arguments)
    entry = measure(load_run(options.run), options.task, options.data_dir, options.rows)
    Results(RESULT, {}).add("measured", ("task",), entry)
    print(json.dumps(entry))


if __name__ == "__main__":
    raise SystemExit(main())
