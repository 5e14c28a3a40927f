"""The hash of what a result was measured on: a test fails when it has changed since.

Contents are hashed, not places: a file that moves, or a generator that is written anew and makes the same C++, turns no
result red.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from benchmarks.common.base import BASE
from convert.bundle.manifest import sha256
from convert.bundle.sources import firmware_sources
from convert.export.build import build_model
from tf_embbert.run import load_run

ROOT = Path(__file__).parents[2]
LENGTH = 8  # of the model whose generated sources are hashed: it is built in a second


def hash_sources(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the sorted lines "sha256  name" of files."""
    return sha256("".join(sorted(f"{sha256(data)}  {name}\n" for name, data in files.items())).encode())


def read_files(folder: Path) -> dict[str, bytes]:
    """The files below a folder by their paths in it, but for tests, pages and what is hidden: settings of tools."""
    paths = [path for path in folder.rglob("[!.]*") if path.is_file() and path.suffix != ".md"]
    named = {path.relative_to(folder): path.read_bytes() for path in paths}
    return {path.as_posix(): data for path, data in named.items() if "tests" not in path.parts}


@cache
def generated_sources() -> dict[str, bytes]:
    """The C++ that the generators make of the committed run's tokenizer, labels and a short model, by file name."""
    run = load_run(BASE)
    model = build_model(run.weights, run.ranges, LENGTH)
    golden = [{"text": "a\u00e9\n", "pair": None, "tokens": [2, 7], "logits": [-1, 0, 1], "label": "news"}]
    arena = {"cortex-m7": {"cmsis_nn": {"total": 1024}}}
    return firmware_sources("base", model, {LENGTH: 0}, run.tokenizer, run.labels, golden, arena)
