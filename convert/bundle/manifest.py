"""The manifest of a bundle: what it holds and what was measured, by `manifest.schema.json`."""

import hashlib
import json
import re
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema

from convert.passes.optimizer import Stage
from convert.tflite.lengths import list_all_ops, split_lengths
from convert.tflite.macs import count_macs
from convert.tflite.model import float_tensors, read_model
from convert.tflite.view import view_model

if TYPE_CHECKING:
    from tf_embbert.run import Run

FORMAT = 1
SCHEMA_FILE = Path(__file__).with_name("manifest.schema.json")
UNHASHED = ("manifest.json", "README.md")  # the second is for whoever publishes the bundle to go on with
PACKAGES = ("flatbuffers", "numpy", "tensorflow", "tflite-micro", "tokenizers")


def make_manifest(
    run: "Run",
    files: dict[str, bytes],
    offsets: dict[int, int],
    stages: list[Stage],
    arena: dict,
    boards: list[dict],
    verification: dict,
    arguments: dict,
    windows: int = 1,
) -> dict:
    """Writes down a bundle.

    Args:
        run: the run that was converted.
        files: contents of all other files of the bundle by name.
        offsets: byte of model.tflite at which the model of each length begins.
        stages: what the model of the longest length needed after each step of its making.
        arena: {core: {kernels: figures}}.
        boards: verdicts, as `judge_boards` gives them.
        verification: {rows, equal, golden}.
        arguments: what the conversion was asked for, without paths.
        windows: of the longest length, in which a text is read at most.

    Returns:
        The manifest, valid by the schema.

    Raises:
        jsonschema.ValidationError: something in it has the wrong form.
    """
    models = split_lengths(files["model.tflite"], offsets)
    sequence_length, model = max(models), models[max(models)]
    manifest = {
        "format": FORMAT,
        "name": run.name,
        "seed": run.seed,
        "arguments": {**run.arguments, "seq_len": sequence_length, **arguments},
        "model": {
            "file": "model.tflite",
            "bytes": len(files["model.tflite"]),
            "sha256": sha256(files["model.tflite"]),
            "sequence_length": sequence_length,
            "parameters": run.parameters,
            "macs": count_macs(view_model(model), sequence_length),
            "integer_only": not float_tensors(read_model(model)),
            **({"windows": windows} if windows > 1 else {}),
            **_lengths(models, offsets),
        },
        "tokenizer": {
            "file": "tokenizer.json",
            "sha256": sha256(files["tokenizer.json"]),
            "vocab_size": run.tokenizer.vocab_size,
        },
        "labels": run.labels or [],
        "bundle_sha256": bundle_sha256(files),
        "ops": list_all_ops(models.values()),
        "export": [asdict(stage) for stage in stages],
        "arena": arena,
        "boards": boards,
        **({"recipe": run.metrics["recipe"]} if "recipe" in run.metrics else {}),
        "accuracy": _accuracy(run, (sequence_length, windows)),
        "verification": verification,
        "toolchain": _toolchain(),
    }
    validate_manifest(manifest)
    return manifest


def validate_manifest(manifest: dict) -> None:
    """Holds a manifest to the schema; raises jsonschema.ValidationError."""
    jsonschema.validate(manifest, json.loads(SCHEMA_FILE.read_text()))


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


def bundle_sha256(files: dict[str, bytes]) -> str:
    """One hash over the files of a bundle, but the manifest and the page for people: of sorted lines `sha256  file`."""
    lines = sorted(f"{sha256(data)}  {name}\n" for name, data in files.items() if name not in UNHASHED)
    return sha256("".join(lines).encode())


def length_offsets(manifest: dict) -> dict[int, int]:
    """{length: byte of model.tflite at which its model begins} of a manifest."""
    model = manifest["model"]
    alone = [{"sequence_length": model["sequence_length"], "offset": 0}]
    return {entry["sequence_length"]: entry["offset"] for entry in model.get("lengths", alone)}


def _lengths(models: dict[int, bytes], offsets: dict[int, int]) -> dict:
    """What the manifest says of a file of several lengths; of a single one, nothing."""
    if len(models) == 1:
        return {}
    return {
        "lengths": [
            {"sequence_length": length, "offset": offsets[length], "macs": count_macs(view_model(model), length)}
            for length, model in models.items()
        ]
    }


def _accuracy(run: "Run", reading: tuple[int, int]) -> dict:
    """The figures of the run; those of its int8 model were measured at the run's own length, by as many windows."""
    known = ("dataset", "split", "rows", "metric", "float", "ptq_tflm", "qat_tflm")
    accuracy = {name: run.metrics.get(name) for name in known}
    int8 = accuracy[f"{run.chosen}_tflm"] if reading == (run.max_length, run.windows) else None
    by_variant = run.metrics.get("coverage") or {}  # a regression and runs of before have none
    coverage = {"coverage": by_variant[run.chosen]} if run.chosen in by_variant else {}
    also = {"also": run.metrics["also"]} if "also" in run.metrics else {}  # the task's further metrics
    return {**accuracy, "int8_tflm": int8, "chosen": run.chosen, **also, **coverage}


def _toolchain() -> dict[str, str]:
    from tflite_micro.python.tflite_micro._version import __version__ as tflm_version

    commit = re.search(r"-g([0-9a-f]+)$", tflm_version)
    return {**{name: metadata.version(name) for name in PACKAGES}, "tflm": commit[1] if commit else tflm_version}
