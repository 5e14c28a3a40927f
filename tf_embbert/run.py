"""A run: everything a training leaves behind, in one folder, checked whole when it is read.

config.json       sizes of the model, the task, the arguments without paths, and the SHA-256 of the other files
tokenizer.json    loads in Hugging Face `tokenizers`
labels.json       class names in id order; null for regression
weights.npz       float weights of the Keras model, by variable name
ptq.npz, qat.npz  folded weights (`fold.py`) and their ranges (`range:NAME`), after calibration and after QAT
metrics.json      scores on the selection rows and on the reported split, float and through TFLM
history.csv       one line an epoch, of the float training and of both phases of QAT
verification.jsonl  texts that a conversion is verified on
"""

import csv
import dataclasses
import hashlib
import json
import zipfile
from functools import cached_property
from pathlib import Path

import numpy as np

from tf_embbert.common.console import quiet_import
from tf_embbert.common.errors import UserError
from tf_embbert.model.config import EmbBERTConfig
from tf_embbert.tokenizer import Tokenizer

VARIANTS = ("ptq", "qat")
FORMAT = 1
# What config.json must hold.
ABOUT = {"model", "files", "name", "seed", "arguments", "is_pair", "max_length", "longest", "parameters", "chosen"}


@dataclasses.dataclass
class Run:
    """A run in memory.

    Args:
        config: EmbBERTConfig of the model.
        tokenizer: its Tokenizer.
        labels: class names, or None for regression.
        float_weights: {variable name: array}.
        variants: {"ptq" or "qat": (folded weights, ranges)}.
        metrics: what `metrics.json` holds.
        sample_texts: list of (text, second text or None) to verify a conversion on.
        about: the rest of config.json: name, seed, arguments, is_pair, max_length, longest, parameters, chosen (None
            in a run that is pretrained only, which has no variants).
    """

    config: EmbBERTConfig
    tokenizer: Tokenizer
    labels: list | None
    float_weights: dict
    variants: dict
    metrics: dict
    sample_texts: list
    about: dict

    name = property(lambda self: self.about["name"])
    seed = property(lambda self: self.about["seed"])
    arguments = property(lambda self: self.about["arguments"])
    is_pair = property(lambda self: self.about["is_pair"])
    max_length = property(lambda self: self.about["max_length"])
    longest = property(lambda self: self.about["longest"])
    parameters = property(lambda self: self.about["parameters"])
    chosen = property(lambda self: self.about["chosen"])
    weights = property(lambda self: self.quantised[0])
    ranges = property(lambda self: self.quantised[1])
    is_regression = property(lambda self: self.labels is None)

    @property
    def quantised(self):
        """(folded weights, ranges) of the chosen variant; a UserError where there is none."""
        if self.chosen is None:
            raise UserError("this run is pretrained only: fine-tune from it first (`tf_embbert.finetune --init RUN`)")
        return self.variants[self.chosen]

    @cached_property
    def model(self):
        """The float Keras model with its trained weights."""
        with quiet_import():  # TensorFlow takes seconds to import; converting needs none
            from tf_embbert.model.classifier import build_classifier

        model = build_classifier(self.config, len(self.labels or [None]))
        model.set_weights([self.float_weights[name] for name in weight_names(model)])
        return model


def weight_names(model):
    """Names of a Keras model's variables, in the order of `get_weights`."""
    return [weight.name.split(":")[0] for weight in model.weights]


def save_run(run, folder, history):
    """Writes a run into a folder that exists; config.json comes last, with the hashes of the others.

    Args:
        run: Run.
        folder: pathlib.Path.
        history: rows for history.csv, one dict an epoch.
    """
    run.tokenizer.save(folder / "tokenizer.json")
    write_json(folder / "labels.json", run.labels)
    write_json(folder / "metrics.json", run.metrics)
    np.savez(folder / "weights.npz", **run.float_weights)
    for variant, (weights, ranges) in run.variants.items():
        np.savez(folder / f"{variant}.npz", **weights, **{f"range:{name}": value for name, value in ranges.items()})
    lines = [json.dumps(row, ensure_ascii=False) for row in run.sample_texts]
    (folder / "verification.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_history(folder / "history.csv", history)
    files = {name: sha256(folder / name) for name in file_names(run.variants)}
    write_json(folder / "config.json", {"format": FORMAT, "model": run.config.to_dict(), **run.about, "files": files})


def write_history(path, history):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, history[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)


def file_names(variants):
    return ["tokenizer.json", "labels.json", "weights.npz", "metrics.json", "verification.jsonl"] + [
        f"{variant}.npz" for variant in variants
    ]


def load_run(folder):
    """Reads a run and checks that its files belong together.

    Args:
        folder: where `finetune --out` wrote it.
    Returns:
        Run.
    Raises:
        UserError: no run there, or a file of it is missing, foreign or damaged.
    """
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder} is not a run: it has no config.json (`python -m tf_embbert.finetune` makes one)")
    about = read_json(folder / "config.json")
    if not isinstance(about, dict) or about.pop("format", None) != FORMAT or not set(about) >= ABOUT:
        raise UserError(f"{folder}/config.json is not that of a run of format {FORMAT}: copy it anew, or train again")
    check_files(folder, about.pop("files"))
    config = EmbBERTConfig.from_dict(about.pop("model"))
    return Run(
        config=config,
        tokenizer=Tokenizer.load(folder / "tokenizer.json"),
        labels=read_json(folder / "labels.json"),
        float_weights=read_arrays(folder / "weights.npz"),
        variants={
            v: split_ranges(read_arrays(folder / f"{v}.npz")) for v in VARIANTS if (folder / f"{v}.npz").exists()
        },
        metrics=read_json(folder / "metrics.json"),
        sample_texts=read_texts(folder / "verification.jsonl"),
        about=about,
    )


def check_files(folder, hashes):
    for name, expected in hashes.items():
        if not (folder / name).is_file():
            raise UserError(f"{folder} is not a whole run: {name} is missing")
        if sha256(folder / name) != expected:
            raise UserError(f"{folder}/{name} does not belong to this run: it is not the file that was written with it")


def split_ranges(arrays):
    """The folded weights and the ranges out of one archive."""
    weights = {name: value for name, value in arrays.items() if not name.startswith("range:")}
    ranges = {name.removeprefix("range:"): value for name, value in arrays.items() if name.startswith("range:")}
    return weights, ranges


def read_arrays(path):
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is not an archive of arrays ({error})") from None


def read_json(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is not readable JSON ({error})") from None


def read_texts(path):
    lines = path.read_text(encoding="utf-8").split("\n")  # a text may hold other line ends, U+2028 for one
    return [tuple(json.loads(line)) for line in lines if line]


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
