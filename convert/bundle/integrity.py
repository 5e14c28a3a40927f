"""Whether the files of a bundle are those of its manifest, and fit each other.

The manifest has the hashes of all files but itself: what a hand changes in it shows where it contradicts a file.
"""

import math
from collections.abc import Iterator
from pathlib import Path

from convert.bundle.bundle import MANIFEST, Bundle, read_bundle
from convert.bundle.manifest import bundle_sha256, sha256
from convert.tflite.model import read_model, takes_pairs, type_name
from convert.tflm.support import check_bytes, entry_text
from tf_embbert.common.errors import UserError
from tf_embbert.tokenizer import Tokenizer


def read_own_bundle(path: str | Path) -> Bundle:
    """`read_bundle` of a bundle that is as it was written.

    Raises:
        UserError: as `read_bundle`; or a file was changed, cut, added, or is another bundle's.
    """
    bundle = read_bundle(path)
    require_own_files(bundle)
    return bundle


def require_own_files(bundle: Bundle) -> None:
    """Raises UserError where a bundle is not as it was written: what `verify` tells in full."""
    for failure in failures(bundle):
        raise UserError(f"{bundle.path} is not as it was written: {failure}; convert the run again")


def failures(bundle: Bundle) -> list[str]:
    """A line for all that is not as it was written: hashes, and where these are right, contradictions."""
    try:
        return list(_hash_failures(bundle)) or list(_contradictions(bundle))
    except UserError as error:  # a file that cannot be read at all
        return [str(error)]


def _hash_failures(bundle: Bundle) -> Iterator[str]:
    for part in ("model", "tokenizer"):
        if sha256(bundle.files[bundle.manifest[part]["file"]]) != bundle.manifest[part]["sha256"]:
            yield f"{bundle.manifest[part]['file']} is not the file of its manifest (SHA-256 differs)"
    if bundle_sha256(bundle.files) != bundle.manifest["bundle_sha256"]:
        yield "its files are not those of its manifest (bundle_sha256 differs)"


def _contradictions(bundle: Bundle) -> Iterator[str]:
    """What the manifest says otherwise than a file, or golden.json otherwise than both."""
    labels, vocab_size = bundle.manifest["labels"], bundle.manifest["tokenizer"]["vocab_size"]
    try:
        written = bundle.files["labels.txt"].decode().splitlines()
    except UnicodeDecodeError:
        written = None
    if written != labels:
        yield f"labels.txt does not have the labels of {MANIFEST}"
    if (known := Tokenizer.load(bundle.path / "tokenizer.json").vocab_size) != vocab_size:
        yield f"tokenizer.json has {known} tokens, {MANIFEST} says {vocab_size}"
    reject = bundle.manifest["arguments"].get("reject")
    if reject is not None and (not isinstance(reject, int | float) or not 0 <= reject <= 1):
        yield f"{MANIFEST} rejects answers below a confidence of {str(reject)[:40]!r}"
    refused = [entry for model in bundle.models.values() for entry in check_bytes(model, "it")["refusals"]]
    if refused:
        yield f"TFLM would refuse model.tflite: {entry_text(refused[0])}"
        return
    classes = max(len(labels), 1)
    if any(_logits(model) != classes for model in bundle.models.values()):
        yield f"model.tflite does not give {classes} int8 logits, as many as {MANIFEST} has labels"
    pairs = takes_pairs(bundle.files["model.tflite"])
    for number, row in enumerate(bundle.golden):
        fits = len(row["tokens"]) <= bundle.room and max(row["tokens"]) < vocab_size and len(row["logits"]) == classes
        if not fits or (row["segments"] is not None) != pairs:
            yield f"row {number} of golden.json is of another bundle"


def _logits(model: bytes) -> int | None:
    """How many int8 numbers a model gives; None where it gives anything else."""
    graph = read_model(model).subgraphs[0]
    (kind, shape), *others = [(type_name(graph.tensors[i]), list(graph.tensors[i].shape)) for i in graph.outputs]
    return None if others or kind != "INT8" else math.prod(shape)
