"""The generated C++ compiled and read back."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from convert.bundle.bundle import Bundle
from convert.bundle.manifest import length_offsets
from convert.bundle.sources import firmware_sources
from tf_embbert.tokenizer import Tokenizer

TESTS = Path(__file__).parents[2] / "tflm_app/tests"
needs_compiler = pytest.mark.skipif(not (shutil.which("cmake") and shutil.which("g++")), reason="needs cmake and g++")
ARENA = {"cortex-m7": {"cmsis_nn": {"total": 4096}, "reference": {"total": 4080}}}


def make_sources(bundle: Bundle, labels: list[str] | None = None) -> dict[str, bytes]:
    """The sources of a bundle, from what is in it."""
    arena = bundle.manifest["arena"] if "cortex-m7" in bundle.manifest["arena"] else ARENA
    tokenizer = Tokenizer.load(bundle.path / "tokenizer.json")
    labels = labels or bundle.manifest["labels"] or None
    name, model = bundle.manifest["name"], bundle.files["model.tflite"]
    return firmware_sources(name, model, length_offsets(bundle.manifest), tokenizer, labels, bundle.golden, arena)


def build(sources: dict[str, bytes], folder: Path, target: str) -> Path:
    """Compiles them into a program of tflm_app/tests, every warning an error; the folder of the build."""
    for name, data in sources.items():
        (folder / name).write_bytes(data)
    commands: list[list[str | Path]] = [
        ["-S", TESTS, "-B", folder, f"-DBUNDLE={folder}"],
        ["--build", folder, "--target", target],
    ]
    for arguments in commands:
        done = subprocess.run(["cmake", *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return folder


def read_back(sources: dict[str, bytes], folder: Path) -> tuple[dict[str, Any], list[str | None], list[dict], bytes]:
    """What the compiled sources say: facts (`offsets` is that of each length), labels, golden rows, the model."""
    output = subprocess.run([build(sources, folder, "sources") / "sources"], capture_output=True, check=True).stdout
    line, rest = output.split(b"\n", 1)
    facts = json.loads(line, object_pairs_hook=list)  # `label` is there for each class

    def every(wanted: str) -> list:
        return [value for name, value in facts if name == wanted]

    labels, offsets = list(map(text_of, every("label"))), dict(zip(every("length"), every("offset")))
    *rows, model = rest.split(b"\n", int(dict(facts)["golden"]))
    return {**dict(facts), "offsets": offsets}, labels, list(map(json.loads, rows)), model


def text_of(hexadecimal: str | None) -> str | None:
    return None if hexadecimal is None else bytes.fromhex(hexadecimal).decode()
