"""The task's metrics of a run (float, in Keras) or of a bundle (int8, in TFLM's interpreter).

python -m tf_embbert.evaluate runs/sst2 --task sst2 --data-dir DIR --split validation
python -m tf_embbert.evaluate build/demo --task pocket --split test --json
"""

import json
import sys
from pathlib import Path

import numpy as np

from tf_embbert.common.arguments import CommandParser, positive_int, seed
from tf_embbert.common.console import progress_bar, quiet_import
from tf_embbert.common.errors import UserError, run_command
from tf_embbert.data.tasks import load_task
from tf_embbert.tokenizer import segments
from tf_embbert.training.metrics import score

CHUNK = 256  # rows between two steps of the progress bar


def evaluate(path, options):
    """Scores a run or a bundle on a split.

    Args:
        path: folder of a run or of a bundle.
        options: what `parser()` parses.
    Returns:
        dict: task, split, rows, truncated, model ("float" or "int8 in TFLM"), metric (the leading one), and the
            figure of each metric by its name.
    Raises:
        UserError: neither a run nor a bundle there, a label that training never saw, or bad data.
    """
    model = open_model(path)
    drawn = model.seed if options.seed is None else options.seed
    task = load_task(
        options.task,
        options.data_dir,
        options.text_column,
        options.pair_column,
        options.label_column,
        drawn,
        regression=model.labels is None,
        labels=model.labels,
    )
    split = options.split or task.reported_split
    rows = task.rows(split)
    require_same_kind(path, model, task)
    if options.rows and options.rows < len(rows):
        rows = rows.select(np.sort(np.random.default_rng(drawn).permutation(len(rows))[: options.rows]))
    encoded = model.tokenizer.encode(rows.texts, rows.pairs, max_length=model.max_length)
    outputs = predict_in_chunks(model, encoded.ids)
    figures = {name: score(name, rows.labels, outputs) for name in [task.metric, *task.secondary_metrics]}
    about = {"task": task.name, "split": split, "rows": len(rows), "truncated": encoded.truncated}
    return {**about, "model": model.kind, "metric": task.metric, **figures}


def require_same_kind(path, model, task):
    """Raises a UserError unless the task's rows are of the kind that the model was trained on."""
    if task.is_pair != model.is_pair:
        kind = "pairs of texts" if model.is_pair else "single texts"
        raise UserError(f"{path} takes {kind} and {task.name} has the other: choose its columns or another --task")
    if task.is_regression != (model.labels is None):
        kind = "a number" if model.labels is None else "a class"
        raise UserError(f"{path} predicts {kind} and the labels of {task.name} are the other: choose another --task")


def predict_in_chunks(model, ids):
    """The model's outputs for every row, with a bar on a terminal."""
    outputs = []
    with progress_bar("evaluating", len(ids), "rows") as update:
        for start in range(0, len(ids), CHUNK):
            outputs.append(model.predict(ids[start : start + CHUNK]))
            update(min(start + CHUNK, len(ids)))
    return np.concatenate(outputs)


class FloatModel:
    """A run as `evaluate` uses it."""

    kind = "float"

    def __init__(self, path):
        from tf_embbert.run import load_run

        self.run = run = load_run(path)
        self.tokenizer, self.labels, self.is_pair = run.tokenizer, run.labels, run.is_pair
        self.max_length, self.seed = run.max_length, run.seed

    def predict(self, ids):
        with quiet_import():
            from tf_embbert.training.batching import predict_in_order

        return predict_in_order(self.run.model, ids)


class TFLMModel:
    """A bundle as `evaluate` uses it."""

    kind = "int8 in TFLM"

    def __init__(self, path):
        from convert.bundle.bundle import read_bundle
        from convert.bundle.manifest import sha256
        from convert.tflite.model import takes_pairs
        from tf_embbert.tokenizer import Tokenizer

        bundle = read_bundle(path)
        for part in (bundle.manifest["model"], bundle.manifest["tokenizer"]):
            if sha256(bundle.files[part["file"]]) != part["sha256"]:
                raise UserError(f"{path}/{part['file']} is not the file of this bundle's manifest: convert again")
        self.models = bundle.models
        self.tokenizer = Tokenizer.load(bundle.path / "tokenizer.json")
        self.labels, self.is_pair = bundle.manifest["labels"] or None, takes_pairs(bundle.files["model.tflite"])
        self.max_length, self.seed = bundle.manifest["model"]["sequence_length"], bundle.manifest["seed"]

    def predict(self, ids):
        from convert.tflite.lengths import answer_by_length
        from convert.tflm.interpreters import predict

        return answer_by_length(
            self.models,
            ids,
            lambda model, rows: predict(model, rows, [segments(row) for row in rows] if self.is_pair else None),
        )


def open_model(path):
    """The run or the bundle at a path."""
    if (Path(path) / "config.json").is_file():
        return FloatModel(path)
    if (Path(path) / "manifest.json").is_file():
        return TFLMModel(path)
    raise UserError(f"{path} is neither a run (config.json) nor a bundle (manifest.json)")


def parser():
    """The command line of `python -m tf_embbert.evaluate`."""
    parse = CommandParser(prog="python -m tf_embbert.evaluate", description=__doc__.split("\n")[0])
    parse.add_argument("model", metavar="RUN|BUNDLE", help="a run is scored in float, a bundle through TFLM")
    parse.add_argument("--task", required=True, help="a task's name, or a CSV, TSV or JSON Lines file, or a folder")
    parse.add_argument("--data-dir", metavar="DIR", help="folder with one folder a named task; without it, the hub")
    parse.add_argument("--text-column", default="text")
    parse.add_argument("--pair-column", default="text_pair")
    parse.add_argument("--label-column", default="label")
    parse.add_argument("--split", help="train, selection, test, validation, .. (default: the one the task reports)")
    parse.add_argument("--rows", type=positive_int, metavar="N", help="a seeded subset of N rows")
    parse.add_argument(
        "--seed",
        type=seed,
        help="of the subset, and of the splits of data without any (default: that "
        "of the run: its test rows are then the ones held out)",
    )
    parse.add_argument("--at-least", type=float, metavar="X", help="exit 1 if the task's metric is below X percent")
    parse.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    return parse


@run_command
def main(arguments=None):
    options = parser().parse_args(arguments)
    result = evaluate(options.model, options)
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
