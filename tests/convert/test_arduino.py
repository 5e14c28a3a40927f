"""The Arduino sketch of a bundle: its files, and that a compiler takes them with stubs of what Arduino gives."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from convert.arduino import main
from convert.bundle.bundle import read_bundle
from tests.support.arduino_core import HEADERS
from tests.support.chain import FolderOf, refused

needs_compiler = pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")
NEED_TFLM = {
    "add_and_mul.cpp",
    "app.cpp",
    "classifier.cpp",
    "conv_2d.cpp",
    "depthwise_conv_2d.cpp",
    "embbert_block.cpp",
    "fixed_point.cpp",
    "fully_connected.cpp",
    "int32.cpp",
    "l2_normalization.cpp",
    "lookup.cpp",
    "softmax.cpp",
}
DOWNLOADS = "tensorflow/lite/micro/tools/make/downloads"


@pytest.fixture(scope="module")
def sketch(bundle_of: FolderOf, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sketch of a model of pairs, beside a folder of stubs."""
    folder = tmp_path_factory.mktemp("arduino")
    named = ["--core", "cortex-m7", "--tflm", "main"]
    assert main([str(bundle_of("pairs")), "--out", str(folder / "same"), *named]) == 0
    (folder / "stubs").mkdir()
    for name, text in HEADERS.items():
        (folder / "stubs" / name).write_text(text)
    return folder / "same"


def compile_all(files: Iterable[Path], sketch: Path, *options: str) -> None:
    for file in files:
        command: list[str | Path] = [
            "g++",
            "-std=c++17",
            "-fsyntax-only",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-I",
            sketch.parent / "stubs",
            *options,
            "-x",
            "c++",
            file,
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_a_sketch_has_the_layout_that_arduino_compiles(sketch: Path) -> None:
    files = {path.relative_to(sketch).as_posix() for path in sketch.rglob("*") if path.is_file()}
    about = {"README.md", "embbert-export.json"}
    assert "same.ino" in files and files > about
    assert all(re.fullmatch(r"same\.ino|src/\w+\.(cpp|h)", name) for name in files - about)
    for name in files - about:
        included = re.findall(r'#include "([^"]+)"', (sketch / name).read_text())
        ours = {header for header in included if not header.startswith("tensorflow/")}
        assert {f"src/{Path(header).name}" for header in ours} <= files
        assert all(("/" in header) == name.endswith(".ino") for header in ours)


def test_a_sketch_says_what_it_is(sketch: Path, bundle_of: FolderOf) -> None:
    manifest = read_bundle(bundle_of("pairs")).manifest
    config = (sketch / "src/app_config.h").read_text()
    assert manifest["bundle_sha256"] in config and "@" not in config
    assert re.search(r'"cortex-m7", "(cmsis_nn|fast)"', config)
    assert "Not built here" in (sketch / "same.ino").read_text() and "not built here" in config


def test_the_bytes_of_the_bundle_and_of_the_app_are_in_it(sketch: Path, bundle_of: FolderOf) -> None:
    app = Path(__file__).resolve().parents[2] / "tflm_app"
    for original in (bundle_of("pairs") / "model_data.cc", app / "embbert/tokenizer.cc", app / "app/app.cc"):
        copied = (sketch / "src" / original.name).with_suffix(".cpp").read_text()
        assert copied == re.sub(r'"(app|boards|embbert|kernels)/', '"', original.read_text())


@needs_compiler
def test_a_compiler_takes_what_needs_no_tflm(sketch: Path) -> None:
    compile_all([path for path in (sketch / "src").glob("*.cpp") if path.name not in NEED_TFLM], sketch)
    compile_all([sketch / "same.ino"], sketch, "-include", "Arduino.h")


@needs_compiler
def test_a_compiler_takes_the_rest_with_the_headers_of_tflm(sketch: Path) -> None:
    root = os.environ.get("TFLM_ROOT") or pytest.skip("TFLM_ROOT is not set")
    folders = [root, *(f"{root}/{DOWNLOADS}/{name}" for name in ("flatbuffers/include", "gemmlowp"))]
    options = ["-DARDUINO=10800", *(f"-isystem{folder}" for folder in folders)]
    compile_all([sketch / "src" / name for name in NEED_TFLM], sketch, *options)


def test_the_same_bundle_gives_the_same_sketch(sketch: Path, bundle_of: FolderOf, tmp_path: Path) -> None:
    again = ["--out", str(tmp_path / "same"), "--core", "cortex-m7", "--tflm", "main"]
    assert main([str(bundle_of("pairs")), *again]) == main([str(bundle_of("pairs")), *again, "--force"]) == 0
    for path in sketch.rglob("*.*"):
        assert (tmp_path / "same" / path.relative_to(sketch)).read_bytes() == path.read_bytes()


def test_bad_input_is_one_line(
    sketch: Path, bundle_of: FolderOf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, out = bundle_of("pairs"), tmp_path / "sketch"
    refused(capsys, main, [tmp_path, "--out", out], "is not a bundle")
    refused(capsys, main, [bundle, "--out", tmp_path / "my sketch!"], "names no Arduino sketch")
    refused(capsys, main, [bundle, "--out", sketch], "exists; --force replaces it")
    refused(capsys, main, [bundle, "--out", bundle, "--force"], "is not a project")
    refused(capsys, main, [bundle, "--out", out, "--core", "esp32"], "esp32")
    changed = shutil.copytree(bundle, tmp_path / "changed")
    (changed / "labels.txt").write_text("others\n")
    refused(capsys, main, [changed, "--out", out], "are not those of its manifest")
    (changed / "bundle.h").unlink()
    refused(capsys, main, [changed, "--out", out], "has no C++ sources")
    assert not out.exists()
