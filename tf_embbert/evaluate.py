"""The task's metrics of a run (float, in Keras) or of a bundle (int8, in TFLM's interpreter).

    python -m tf_embbert.evaluate runs/sst2 --task sst2 --data-dir DIR --split validation
    python -m tf_embbert.evaluate build/demo --task pocket --split test --json
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from tf_embbert.errors import UserError, run_command
from tf_embbert.metrics import score
from tf_embbert.tasks import load_task
from tf_embbert.tokenizer import segments

CHUNK = 256  # rows between two steps of the progress bar


def evaluate(path, options, progress=lambda done, total: None):
    """Scores a run or a bundle on a split.

    Args:
        path: folder of a run or of a bundle.
        options: what `parser()` parses.
        progress: called with rows done and rows in all.
    Returns:
        dict: task, split, rows, truncated, model ("float" or "int8 in TFLM"), and a figure for each metric.
    Raises:
        UserError: neither a run nor a bundle there, a label that training never saw, or bad data.
    """
    model = open_model(path)
    task = load_task(
        options.task, options.data_dir, options.text_column, options.pair_column, options.label_column,
        options.seed, regression=model.labels is None, labels=model.labels,
    )
    split = options.split or task.reported_split
    rows = task.rows(split)
    if options.rows and options.rows < len(rows):
        rows = rows.select(np.sort(np.random.default_rng(options.seed).permutation(len(rows))[: options.rows]))
    if (rows.pairs is not None) != model.is_pair:
        raise UserError(f"{path} takes {'pairs of texts' if model.is_pair else 'single texts'}, {task.name} has the other")
    encoded = model.tokenizer.encode(rows.texts, rows.pairs, max_length=model.max_length)
    outputs = []
    for start in range(0, len(encoded.ids), CHUNK):
        outputs.append(model.predict(encoded.ids[start : start + CHUNK]))
        progress(min(start + CHUNK, len(rows)), len(rows))
    names = [task.metric, *task.secondary_metrics]
    figures = {name: score(name, rows.labels, np.concatenate(outputs)) for name in names}
    about = {"task": task.name, "split": split, "rows": len(rows), "truncated": encoded.truncated}
    return {**about, "model": model.kind, "metric": task.metric, **figures}


class FloatModel:
    """A run as `evaluate` uses it."""

    kind = "float"

    def __init__(self, path):
        from tf_embbert.run import load_run

        run = load_run(path)
        self.tokenizer, self.labels, self.is_pair, self.max_length = run.tokenizer, run.labels, run.is_pair, run.max_length
        self.run = run

    def predict(self, ids):
        from tf_embbert.batching import predict_in_order

        return predict_in_order(self.run.model, ids)


class TFLMModel:
    """A bundle as `evaluate` uses it."""

    kind = "int8 in TFLM"

    def __init__(self, path):
        from convert.bundle import read_bundle
        from convert.inspection import takes_pairs
        from tf_embbert.tokenizer import Tokenizer

        bundle = read_bundle(path)
        self.model = bundle.files["model.tflite"]
        self.tokenizer = Tokenizer.load(bundle.path / "tokenizer.json")
        self.labels, self.is_pair = bundle.manifest["labels"] or None, takes_pairs(self.model)
        self.max_length = bundle.manifest["model"]["sequence_length"]

    def predict(self, ids):
        from convert.interpreters import predict

        return predict(self.model, ids, [segments(row) for row in ids] if self.is_pair else None)


def open_model(path):
    """The run or the bundle at a path."""
    if (Path(path) / "config.json").is_file():
        return FloatModel(path)
    if (Path(path) / "manifest.json").is_file():
        return TFLMModel(path)
    raise UserError(f"{path} is neither a run (config.json) nor a bundle (manifest.json)")


def parser():
    """The command line of `python -m tf_embbert.evaluate`."""
    parse = argparse.ArgumentParser(prog="python -m tf_embbert.evaluate", description=__doc__.split("\n")[0])
    parse.add_argument("model", metavar="RUN|BUNDLE", help="a run is scored in float, a bundle through TFLM")
    parse.add_argument("--task", required=True, help="a task's name, or a CSV, TSV or JSON Lines file, or a folder")
    parse.add_argument("--data-dir", metavar="DIR", help="folder with one folder a named task; without it, the hub")
    parse.add_argument("--text-column", default="text")
    parse.add_argument("--pair-column", default="text_pair")
    parse.add_argument("--label-column", default="label")
    parse.add_argument("--split", help="train, selection, test, validation, .. (default: the one the task reports)")
    parse.add_argument("--rows", type=int, metavar="N", help="a seeded subset of N rows")
    parse.add_argument("--seed", type=int, default=0, help="of the subset, and of the splits of data without any")
    parse.add_argument("--at-least", type=float, metavar="X", help="exit 1 if the task's metric is below X percent")
    parse.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    return parse


@run_command
def main(arguments=None):
    options = parser().parse_args(arguments)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        job = bar.add_task("evaluating")
        result = evaluate(options.model, options, lambda done, total: bar.update(job, completed=done, total=total))
    print(json.dumps(result) if options.json else in_words(result))
    if options.at_least is not None and result[result["metric"]] < options.at_least:
        print(f"{result['metric']} is below the {options.at_least:.2f} asked for", file=sys.stderr)
        return 1


def in_words(result):
    """One line for people."""
    figures = [f"{name} {value:.2f}" for name, value in result.items() if isinstance(value, float)]
    return "{task}, {split}, {rows} rows ({truncated} cut), {model}: ".format(**result) + ", ".join(figures)


if __name__ == "__main__":
    sys.exit(main())
