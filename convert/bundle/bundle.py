"""The bundle: a folder with all that a firmware needs of a model, written whole or not at all.

    model.tflite  manifest.json  tokenizer.json  labels.txt  golden.json  report.html  README.md

No file holds a date or a path: the same run converted twice gives the same bytes.
"""

import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema

from convert.bundle.manifest import length_offsets, validate_manifest
from convert.tflite.lengths import split_lengths
from convert.tflite.model import output_quantization, read_model
from convert.tflite.verifier import DamagedModel
from tf_embbert.common.errors import UserError
from tf_embbert.common.json_text import parse_json
from tf_embbert.windows import room

if TYPE_CHECKING:
    import numpy as np

MANIFEST = "manifest.json"
# The file by which a folder of a kind is known: --force replaces no other folder.
MARKS = {"bundle": MANIFEST, "project": "embbert-export.json", "page": "files.js"}
# What file managers and model hubs leave in any folder, or a folder of theirs in it: no files of a bundle
# (tflm_app/cmake/bundle.cmake ignores the same ones).
STRAY = re.compile(r"(\..*|Thumbs\.db|desktop\.ini)")

ROW = {
    "type": "object",
    "required": ["text", "pair", "tokens", "segments", "logits", "label", "score"],
    "properties": {
        "text": {"type": "string"},
        "pair": {"type": ["string", "null"]},
        "tokens": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}, "minItems": 1},
        "segments": {"type": ["array", "null"], "items": {"type": "integer", "minimum": 0, "maximum": 2}},
        "logits": {"type": "array", "items": {"type": "integer", "minimum": -128, "maximum": 127}, "minItems": 1},
    },
}
GOLDEN = {"type": "object", "required": ["rows"], "properties": {"rows": {"type": "array", "items": ROW}}}


@dataclass
class Bundle:
    """A bundle read back: its manifest and the bytes of its other files."""

    path: Path
    manifest: dict
    files: dict[str, bytes]

    @property
    def windows(self) -> int:
        """In which a text is read at most."""
        return self.manifest["model"].get("windows", 1)

    @property
    def room(self) -> int:
        """Tokens that a text may have, over all its windows."""
        return room(self.manifest["model"]["sequence_length"], self.windows)

    @property
    def golden(self) -> list[dict]:
        """The rows of golden.json: {text, pair, tokens, segments, logits, label, score}."""
        golden = parse_json(self.files["golden.json"], self.path / "golden.json")
        try:
            jsonschema.validate(golden, GOLDEN)
        except jsonschema.ValidationError as error:
            raise UserError(f"{self.path / 'golden.json'} holds no golden rows: {_first_line(error)}") from None
        return golden["rows"]

    @property
    def models(self) -> dict[int, bytes]:
        """The model of each length, the shortest first; UserError where they are not where the manifest says."""
        try:
            return split_lengths(self.files["model.tflite"], length_offsets(self.manifest))
        except DamagedModel as error:
            raise UserError(f"{self.path}: model.tflite is not as {MANIFEST} says: {error}; convert again") from None


def write_folder(path: str | Path, files: dict[str, bytes], force: bool = False, kind: str = "bundle") -> None:
    """Writes the files of a bundle, or of another kind of MARKS, aside, then moves the folder into place.

    Args:
        path: the folder to make.
        files: contents by name.
        force: replace the one that is there.
        kind: of MARKS.

    Raises:
        UserError: the folder exists (see `require_free`) or cannot be made.
    """
    path = Path(path).absolute()
    require_free(path, force, kind)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise UserError(f"cannot make {path}: {error.strerror}") from None
    try:
        new = aside / "new"
        new.mkdir()
        for name, data in files.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_bytes(data)
        _replace(path, new, aside / "old", force)
    finally:
        shutil.rmtree(aside)


def _replace(path: Path, new: Path, old: Path, force: bool) -> None:
    """Moves `new` to `path`, and with `force` what was there to `old`; on failure it is there again. Without it, what
    another command has put there meanwhile stays, and the system refuses.
    """
    had_one = force and path.exists()
    if had_one:
        path.rename(old)
    try:
        new.rename(path)
    except BaseException:
        if had_one:
            old.rename(path)
        raise


def require_free(path: str | Path, force: bool = False, kind: str = "bundle") -> None:
    """Raises UserError where a folder cannot go: something is there, of another kind or without `force`."""
    path = Path(path)
    if not os.path.lexists(path):
        return
    if not force:
        raise UserError(f"{path} exists; --force replaces it")
    if not path.is_dir() or (any(path.iterdir()) and not (path / MARKS[kind]).is_file()):
        raise UserError(f"{path} is not a {kind}, so --force does not replace it")


def read_bundle(path: str | Path) -> Bundle:
    """Reads a bundle and holds its manifest to the schema; hashes are the business of `verify`.

    Raises:
        UserError: the folder, its manifest or a file that every bundle has is missing, or the manifest is not valid.
    """
    path = Path(path)
    if not (path / MANIFEST).is_file():
        raise UserError(f"{path} is not a bundle: it has no {MANIFEST}")
    files = {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file() and not is_stray(file.relative_to(path))
    }
    for name in ("model.tflite", "tokenizer.json", "labels.txt", "golden.json"):
        if name not in files:
            raise UserError(f"{path} is not a whole bundle: {name} is missing")
    try:
        manifest = parse_json(files.pop(MANIFEST), f"{path / MANIFEST} is not a bundle manifest")
        validate_manifest(manifest)
    except jsonschema.ValidationError as error:
        raise UserError(f"{path / MANIFEST} is not a bundle manifest: {_first_line(error)}") from None
    return Bundle(path, manifest, files)


def _first_line(error: jsonschema.ValidationError) -> str:
    """What a schema misses, and where; a value in it may be very long."""
    place = "/".join(map(str, error.absolute_path))
    line = error.message.splitlines()[0]
    return (f"{place}: " if place else "") + (line if len(line) <= 200 else f"{line[:200]}..")


def is_stray(place: Path) -> bool:
    """Whether a file, by its path in the folder, is no file of a bundle."""
    return any(STRAY.fullmatch(part) for part in place.parts)


def list_strays(path: str | Path) -> list[str]:
    """What others left in a bundle's folder; `read_bundle` does without it."""
    places = [file.relative_to(path) for file in Path(path).rglob("*") if file.is_file()]
    return sorted(place.as_posix() for place in places if is_stray(place))


def json_bytes(document: Any) -> bytes:
    """A JSON document as every file of a bundle writes it."""
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def labels_text(labels: list[str] | None) -> bytes:
    """labels.txt: one label a line by index of the logit; empty for regression.

    Raises:
        UserError: a label has a line break in it.
    """
    for label in labels or []:
        if label.splitlines() not in ([], [label]):
            raise UserError(f"label {label!r} has a line break, and labels.txt holds one label a line")
    return "".join(f"{label}\n" for label in labels or []).encode()


def golden_rows(
    model: bytes,
    texts: list[tuple[str, str | None]],
    ids: "list[np.ndarray]",
    segments: "list[np.ndarray] | None",
    logits: "np.ndarray",
    labels: list[str] | None,
) -> list[dict]:
    """Texts with what TFLM answers, for firmware and `verify` to reproduce byte for byte.

    Args:
        model: bytes of the model.
        texts: (text, second text or None) a row.
        ids: unpadded token ids of the texts.
        segments: segment ids likewise, for models of pairs.
        logits: int8 [rows, C].
        labels: names of the classes; None for regression, where `score` is the real value of the logit.

    Returns:
        Rows {text, pair, tokens, segments, logits, label, score}.
    """
    scale, zero_point = output_quantization(read_model(model))
    return [
        {
            "text": text,
            "pair": pair,
            "tokens": ids[row].tolist(),
            "segments": segments[row].tolist() if segments else None,
            "logits": logits[row].tolist(),
            "label": labels[int(logits[row].argmax())] if labels else None,
            "score": None if labels else scale * (int(logits[row][0]) - zero_point),
        }
        for row, (text, pair) in enumerate(texts)
    ]
