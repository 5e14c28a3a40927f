"""The manifest of a bundle: what it holds and what was measured, by `manifest.schema.json`."""

import hashlib
import json
import re
from importlib import metadata
from pathlib import Path

import jsonschema
from tflite_micro.python.tflite_micro._version import __version__ as tflm_version

from convert.inspection import count_macs, float_tensors, list_ops, read_model
from tf_embbert.run import Run

FORMAT = 1
SCHEMA_FILE = Path(__file__).with_name("manifest.schema.json")
PACKAGES = ("flatbuffers", "numpy", "tensorflow", "tflite-micro", "tokenizers")


def make_manifest(run: Run, files: dict[str, bytes], sequence_length: int, arena: dict, boards: list[dict],
                  verification: dict) -> dict:
    """Writes down a bundle.

    Args:
        run: the run that was converted.
        files: contents of all other files of the bundle by name.
        sequence_length: number of token ids that the model takes.
        arena: {core: {kernels: figures}}.
        boards: verdicts, as `judge_boards` gives them.
        verification: {rows, equal, golden}.

    Returns:
        The manifest, valid by the schema.

    Raises:
        jsonschema.ValidationError: something in it has the wrong form.
    """
    model = read_model(files["model.tflite"])
    manifest = {
        "format": FORMAT,
        "name": run.name,
        "seed": run.seed,
        "arguments": {**run.arguments, "seq_len": sequence_length},
        "model": {"file": "model.tflite", "bytes": len(files["model.tflite"]), "sha256": sha256(files["model.tflite"]),
                  "sequence_length": sequence_length, "parameters": run.parameters, "macs": count_macs(model),
                  "integer_only": not float_tensors(model)},
        "tokenizer": {"file": "tokenizer.json", "sha256": sha256(files["tokenizer.json"]),
                      "vocab_size": run.tokenizer.vocab_size},
        "labels": run.labels or [],
        "bundle_sha256": bundle_sha256(files),
        "ops": list_ops(model),
        "arena": arena,
        "boards": boards,
        "accuracy": _accuracy(run, sequence_length),
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
    """One hash over all files of a bundle but the manifest: of the sorted lines `sha256  file`."""
    lines = sorted(f"{sha256(data)}  {name}\n" for name, data in files.items() if name != "manifest.json")
    return sha256("".join(lines).encode())


def _accuracy(run: Run, sequence_length: int) -> dict:
    """The figures of the run; those of its int8 model were measured at the run's own length and at no other."""
    known = ("dataset", "split", "rows", "metric", "float", "ptq_tflm", "qat_tflm")
    accuracy = {name: run.metrics.get(name) for name in known}
    at_this_length = sequence_length == run.max_length
    int8 = accuracy[f"{run.chosen}_tflm"] if at_this_length else None
    return {**accuracy, "int8_tflm": int8, "chosen": run.chosen}


def _toolchain() -> dict[str, str]:
    commit = re.search(r"-g([0-9a-f]+)$", tflm_version)
    return {**{name: metadata.version(name) for name in PACKAGES}, "tflm": commit[1] if commit else tflm_version}
