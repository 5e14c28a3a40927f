"""A run: everything a training leaves behind, in one folder, checked whole when it is read.

config.json       sizes of the model, the task, the arguments without paths, and the SHA-256 of the other files
tokenizer.json    loads in Hugging Face `tokenizers`
labels.json       class names in id order; null for regression
weights.npz       float weights of the Keras model, by variable name; float16 in shipped encoders
ptq.npz, qat.npz  folded weights (`folded.py`) and their ranges (`range:NAME`), after calibration and after QAT
metrics.json      scores on the selection rows and on the reported split, float and through TFLM
history.csv       one line an epoch, of the float training and of both phases of QAT
verification.jsonl  texts that a conversion is verified on
"""

import csv
import hashlib
import json
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import jsonschema
import numpy as np

from tf_embbert.baselines.config import read_config
from tf_embbert.common.console import quiet_import
from tf_embbert.common.errors import UserError
from tf_embbert.common.json_text import parse_json
from tf_embbert.common.json_text import read_json as read_json
from tf_embbert.model.config import EmbBERTConfig, ModelConfig
from tf_embbert.model.folded import Array as Array
from tf_embbert.model.folded import FoldedModel as FoldedModel
from tf_embbert.model.folded import Ranges as Ranges
from tf_embbert.model.program import Folded as Folded
from tf_embbert.model.program import read_folded
from tf_embbert.tokenizer import Tokenizer
from tf_embbert.windows import room

SCHEMA = json.loads(Path(__file__).with_name("run_schema.json").read_text())
# What NumPy and zipfile raise about an archive that is none, or says that it holds more than there is.
UNREADABLE = (
    OSError,
    EOFError,
    MemoryError,
    NotImplementedError,
    OverflowError,
    SyntaxError,
    ValueError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
History: TypeAlias = list[dict[str, Any]]  # what history.csv says, a row an epoch

VARIANTS = ("ptq", "qat")
FORMAT = 1
# What config.json tells of a run beside its model's sizes and its files, in this order.
ABOUT = ("name", "seed", "arguments", "is_pair", "max_length", "longest", "parameters", "chosen")


class Quantised(NamedTuple):
    """An integer variant of a model: what `convert` lowers."""

    weights: Folded
    ranges: Ranges


@dataclass
class Run:
    """A run in memory.

    Args:
        config: sizes of the model.
        tokenizer: its Tokenizer.
        labels: class names, or None for regression.
        float_weights: arrays by the Keras variable's name.
        variants: the integer ones by "ptq" and "qat"; none in a run that is pretrained only.
        metrics: what `metrics.json` holds.
        sample_texts: (text, second text or None) to verify a conversion on.
        name: of the task.
        seed: of the training.
        arguments: of the command that made the run, without paths.
        is_pair: whether texts are pairs.
        max_length: tokens that the model takes at most.
        longest: tokens of the longest text seen in training.
        parameters: of the train graph, head included.
        chosen: the variant that answered the selection rows better; None where there is none.
        notices: what was assumed in reading its data, a line each.
        windows: in which a text is read at most, each of at most `max_length` tokens (`windows.py`).
    """

    config: ModelConfig
    tokenizer: Tokenizer
    labels: list[str] | None
    float_weights: dict[str, Array]
    variants: dict[str, Quantised]
    metrics: dict[str, Any]
    sample_texts: list[tuple[str, str | None]]
    name: str
    seed: int
    arguments: dict[str, Any]
    is_pair: bool
    max_length: int
    longest: int
    parameters: int
    chosen: str | None
    notices: list[str] = field(default_factory=list)
    windows: int = 1

    @property
    def room(self) -> int:
        """Tokens of a text at most, over all its windows."""
        return room(self.max_length, self.windows)

    @property
    def is_regression(self) -> bool:
        """Whether the model answers with a number, not with a class."""
        return self.labels is None

    @property
    def encoder(self) -> EmbBERTConfig:
        """The sizes of its EmbBERT, to start from.

        Raises:
            UserError: it is the run of another model.
        """
        if not isinstance(self.config, EmbBERTConfig):
            raise UserError("the run to start from is of another model: only EmbBERT's encoder can be taken over")
        return self.config

    @property
    def quantised(self) -> Quantised:
        """The chosen variant.

        Raises:
            UserError: the run is pretrained only and has none.
        """
        if self.chosen is None:
            raise UserError("this run is pretrained only: fine-tune from it first (`tf_embbert.finetune --init RUN`)")
        return self.variants[self.chosen]

    @property
    def weights(self) -> Folded:
        """The folded weights of the chosen variant."""
        return self.quantised.weights

    @property
    def ranges(self) -> Ranges:
        """The ranges of the chosen variant."""
        return self.quantised.ranges

    @cached_property
    def model(self) -> Any:
        """The float Keras model with its trained weights."""
        with quiet_import():  # TensorFlow takes seconds to import; converting needs none
            model = self.config.build(len(self.labels or [None]))
        try:
            model.set_weights([self.float_weights[name] for name in weight_names(model)])
        except (KeyError, ValueError) as error:
            raise UserError(f"weights.npz does not hold the weights of this run's model: {error}") from None
        return model


def weight_names(model: Any) -> list[str]:
    """Names of a Keras model's variables, in the order of `get_weights`."""
    return [weight.name.split(":")[0] for weight in model.weights]


def save_run(run: Run, folder: Path, history: History) -> None:
    """Writes a run into a folder that exists; config.json comes last, with the hashes of the others.

    Args:
        run: the run.
        folder: where to.
        history: rows for history.csv, one an epoch.
    """
    run.tokenizer.save(folder / "tokenizer.json")
    write_json(folder / "labels.json", run.labels)
    write_json(folder / "metrics.json", run.metrics)
    np.savez(folder / "weights.npz", **run.float_weights)
    for variant, (weights, ranges) in run.variants.items():
        archived = {f"range:{name}": value for name, value in ranges.items()}
        np.savez(folder / f"{variant}.npz", **weights.to_archive(), **archived)
    lines = [json.dumps(row, ensure_ascii=False) for row in run.sample_texts]
    (folder / "verification.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_history(folder / "history.csv", history)
    about = {name: getattr(run, name) for name in (*ABOUT, "notices", "windows")}
    files = {name: sha256(folder / name) for name in file_names(run.variants)}
    write_json(folder / "config.json", {"format": FORMAT, "model": run.config.to_dict(), **about, "files": files})


def write_history(path: Path, history: History) -> None:
    """Writes history.csv; the first row names the columns."""
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, history[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)


def file_names(variants: Iterable[str]) -> list[str]:
    """The files whose hashes config.json holds."""
    always = ["tokenizer.json", "labels.json", "weights.npz", "metrics.json", "verification.jsonl"]
    return always + [f"{variant}.npz" for variant in variants]


def load_run(folder: str | Path) -> Run:
    """Reads a run and checks that its files belong together.

    Args:
        folder: where `finetune --out` wrote it.

    Returns:
        The run; its Keras model is built when it is asked for.

    Raises:
        UserError: no run there, or a file of it is missing, foreign or damaged.

    Examples:
        >>> from tf_embbert import load_run
        >>> run = load_run("benchmarks/base256")
        >>> run.labels, run.max_length, run.chosen
        (['encyclopedia', 'news', 'novel'], 256, 'qat')
    """
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder} is not a run: it has no config.json (`python -m tf_embbert.finetune` makes one)")
    about = read_json(folder / "config.json")
    try:
        jsonschema.validate(about, SCHEMA)
    except jsonschema.ValidationError as error:
        place, wrong = "/".join(map(str, error.absolute_path)) or "it", error.message.splitlines()[0][:200]
        what = f"{folder}/config.json is not that of a run of format {FORMAT} ({place}: {wrong})"
        raise UserError(f"{what}: copy it anew, or train again") from None
    check_files(folder, about["files"])
    return _whole(
        folder,
        Run(
            config=read_config(about["model"]),
            tokenizer=Tokenizer.load(folder / "tokenizer.json"),
            labels=read_json(folder / "labels.json"),
            float_weights=read_float32(folder / "weights.npz"),
            variants={name: read_variant(path) for name in VARIANTS if (path := folder / f"{name}.npz").exists()},
            metrics=read_json(folder / "metrics.json"),
            sample_texts=read_texts(folder / "verification.jsonl"),
            **{name: about[name] for name in ABOUT},
            notices=about.get("notices", []),  # runs of before have none
            windows=about.get("windows", 1),
        ),
    )


def _whole(folder: Path, run: Run) -> Run:
    """A run whose parts belong together; a UserError about those that do not."""
    labels = run.labels
    names = isinstance(labels, list) and all(isinstance(label, str) for label in labels)
    if labels is not None and (not names or len(labels) < 2 or len(set(labels)) < len(labels)):
        raise UserError(f"{folder}/labels.json must be null, or a list of two class names or more, each there once")
    if run.chosen is not None and run.chosen not in run.variants:
        raise UserError(f"{folder} is not a whole run: {run.chosen}.npz, which config.json chose, is missing")
    if not isinstance(run.metrics, dict):
        raise UserError(f"{folder}/metrics.json must be an object")
    if run.max_length > run.config.max_length:
        raise UserError(
            f"{folder}/config.json: max_length {run.max_length} is beyond the model's {run.config.max_length}"
        )
    return run


def check_files(folder: Path, hashes: Mapping[str, str]) -> None:
    """Raises a UserError unless all files are there and are those that were written together."""
    for name, expected in hashes.items():
        if not (folder / name).is_file():
            raise UserError(f"{folder} is not a whole run: {name} is missing")
        if sha256(folder / name) != expected:
            raise UserError(f"{folder}/{name} does not belong to this run: it is not the file that was written with it")


def read_variant(path: Path) -> Quantised:
    """The folded weights and the ranges out of one archive; a UserError where it does not hold a model's."""
    arrays = read_arrays(path)
    ranges = {name.removeprefix("range:"): value for name, value in arrays.items() if name.startswith("range:")}
    try:
        weights = {name: value for name, value in arrays.items() if not name.startswith("range:")}
        return Quantised(read_folded(weights), ranges)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def read_arrays(path: Path) -> dict[str, Array]:
    """All arrays of an .npz file; a UserError where it is none."""
    try:
        with path.open("rb") as file:  # NumPy leaves it open where it raises
            archive = np.load(file, allow_pickle=False)
            arrays: dict[str, Any] = dict(archive) if isinstance(archive, np.lib.npyio.NpzFile) else {path.name: None}
    except UNREADABLE as error:
        raise UserError(f"{path} is not an archive of arrays ({error})") from None
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise UserError(f"{path} is not an archive of arrays ({name} is none)")
    return arrays


def read_float32(path: Path) -> dict[str, Array]:
    """All arrays of an .npz file, those of a shipped encoder, which are float16, in float32."""
    arrays = read_arrays(path).items()
    return {name: value.astype(np.float32) if value.dtype == np.float16 else value for name, value in arrays}


def read_texts(path: Path) -> list[tuple[str, str | None]]:
    """The rows of verification.jsonl."""
    lines = read_utf8(path).split("\n")  # a text may hold other line ends, U+2028 for one
    rows = [parse_json(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1) if line]
    for number, row in enumerate(rows, start=1):
        pair = isinstance(row, list) and len(row) == 2 and isinstance(row[0], str)
        if not pair or not isinstance(row[1], str | None):
            raise UserError(f"{path}, row {number}: a text and a second text, or null, are wanted")
    return [(first, second) for first, second in rows]


def read_utf8(path: Path) -> str:
    """A file's text; a UserError where it is none."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 ({error.reason} at byte {error.start})") from None


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
