"""Sketches for TFLM's Arduino library and with a tree of TFLM: their files, and what they answer under QEMU.

ARDUINO_TFLM_ROOT is a checkout of tensorflow/tflite-micro-arduino-examples (7948b85e), TFLM_TREE what TFLM's
create_tflm_tree.py wrote for a Cortex-M4 with CMSIS-NN; each takes some minutes to compile, which ARDUINO_TFLM_ARCHIVE
spares the first: the library as `python -m benchmarks.arduino_arena --archive FILE` leaves it.
"""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from convert.arduino import main
from convert.bundle.bundle import read_bundle
from convert.bundle.tflm_tree import NEEDED
from convert.tflm.arena import plan_arena
from tests.support.arduino_core import compile_files, library_sources, link, sketch_sources, write_core
from tests.support.chain import FolderOf, refused
from tests.support.mps2 import talk

NEEDS = ("arm-none-eabi-g++", "qemu-system-arm")
THIRD_PARTY = ("flatbuffers/include", "gemmlowp", "ruy")


@pytest.fixture(scope="module")
def sketch_for(bundle_of: FolderOf, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A sketch of the model of classes, by the options."""

    def make(*options: str) -> Path:
        out = tmp_path_factory.mktemp("sketch") / "texts"
        assert main([str(bundle_of("classes")), "--out", str(out), *options]) == 0
        return out

    return make


def root_of(variable: str) -> Path:
    if missing := [tool for tool in NEEDS if not shutil.which(tool)]:
        pytest.skip(f"needs {missing[0]}")
    return Path(os.environ.get(variable) or pytest.skip(f"{variable} is not set"))


def answers(
    sketch: Path, folder: Path, *more: Path, options: tuple[str, ...] = (), archives: tuple[Path, ...] = ()
) -> str:
    """What a sketch says under QEMU when it is asked for a text."""
    write_core(folder / "core")
    named = [f"-I{folder / 'core'}", *options]
    files = [*sketch_sources(sketch), folder / "core/core.cpp", *more]
    return talk(link(compile_files(files, folder / "objects", *named), folder / "sketch.elf", *archives), "a text\n")


def golden_arena(said: str) -> tuple[int, int]:
    """The bytes of arena that a sketch used, and those that it reserves; it answered its golden rows and the text."""
    assert re.search(r"^golden (\d+) of \1 rows equal", said, re.M), said
    assert re.search(r"^> a text\r?\n\w+\t", said, re.M), said
    used, reserved = map(int, re.findall(r"^arena (\d+) bytes used of (\d+)", said, re.M)[0])
    return used, reserved


def test_a_sketch_for_the_arduino_library_has_its_model_and_arena(
    sketch_for: Callable[..., Path], bundle_of: FolderOf
) -> None:
    sketch, bundle = sketch_for(), read_bundle(bundle_of("classes"))
    names = {path.name for path in (sketch / "src").iterdir()}
    resolver, facts = ((sketch / "src" / name).read_text() for name in ("op_resolver.h", "bundle.h"))
    assert "kernels::" not in resolver and "AddSub()" not in resolver and "softmax.cpp" not in names
    total = int(re.findall(r'\{"cortex-m4", "cmsis_nn", (\d+)\}', facts)[0])
    before = bundle.files["model.tflite"]
    assert total > plan_arena(before, "cortex-m4", "cmsis_nn")["total"] and facts.count("cortex-") == 1
    golden = (sketch / "src/golden_data.cpp").read_bytes()
    assert golden == bundle.files["golden_data.cc"]


def test_the_sketch_answers_with_the_arduino_library(sketch_for: Callable[..., Path], tmp_path: Path) -> None:
    library = root_of("ARDUINO_TFLM_ROOT")
    sketch, source = sketch_for(), library / "src"
    folders = ["-I", str(source)] + [
        part for name in THIRD_PARTY for part in ("-I", str(source / "third_party" / name))
    ]
    archives = (Path(os.environ["ARDUINO_TFLM_ARCHIVE"]),) if os.environ.get("ARDUINO_TFLM_ARCHIVE") else ()
    sources = () if archives else library_sources(library, sketch)
    said = answers(sketch, tmp_path, *sources, options=tuple(folders), archives=archives)
    used, reserved = golden_arena(said)
    assert used <= reserved < used + 16


def test_the_sketch_answers_with_a_tree(sketch_for: Callable[..., Path], bundle_of: FolderOf, tmp_path: Path) -> None:
    """With our kernels, in an arena that TFLM's alone would fit in too."""
    sketch = sketch_for("--tflm-tree", str(root_of("TFLM_TREE")))
    model = read_bundle(bundle_of("classes")).files["model.tflite"]
    plans = {kernels: plan_arena(model, "cortex-m4", kernels) for kernels in ("cmsis_nn", "fast")}
    reserved = max(plan["total"] for plan in plans.values())
    assert golden_arena(answers(sketch, tmp_path)) == (plans["fast"]["used"], reserved)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with one file of each kind."""
    files = {
        NEEDED: '#include "flatbuffers/flatbuffers.h"\n#include "helper.h"\n#include <cstdint>\n',
        "tensorflow/lite/micro/helper.h": "",
        "tensorflow/lite/micro/micro_interpreter.cc": '#include "tensorflow/lite/micro/micro_interpreter.h"\n',
        "tensorflow/lite/micro/micro_interpreter_test.cc": "",
        "tensorflow/lite/micro/kernels/cmsis_nn/add.cc": '#include "Include/arm_nnfunctions.h"\n',
        "third_party/cmsis_nn/Include/arm_nnfunctions.h": "",
        "third_party/cmsis_nn/LICENSE": "its licence\n",
        "third_party/flatbuffers/include/flatbuffers/flatbuffers.h": "",
        "LICENSE": "the licence\n",
        "README.pdf": "",
    }
    for name, text in files.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "tree"


def test_a_tree_goes_along_with_its_licences(sketch_for: Callable[..., Path], tree: Path) -> None:
    sketch = sketch_for("--tflm-tree", str(tree))
    copied = {path.relative_to(sketch / "src/tflm").as_posix() for path in (sketch / "src/tflm").rglob("*.*")}
    assert "tensorflow/lite/micro/micro_interpreter.cpp" in copied and "README.pdf" not in copied
    assert not any(name.endswith((".cc", "_test.cpp")) for name in copied)
    for name in ("LICENSE", "third_party/cmsis_nn/LICENSE"):
        assert (sketch / "src/tflm" / name).read_bytes() == (tree / name).read_bytes()
    header = (sketch / "src/tflm" / NEEDED).read_text().splitlines()
    assert header[0] == '#include "../../../third_party/flatbuffers/include/flatbuffers/flatbuffers.h"'
    assert header[1:] == ['#include "helper.h"', "#include <cstdint>"]
    kernel = (sketch / "src/tflm/tensorflow/lite/micro/kernels/cmsis_nn/add.cpp").read_text().splitlines()
    assert kernel[0].endswith('settings.h"') and "third_party/cmsis_nn/Include/arm_nnfunctions.h" in kernel[1]
    settings = (sketch / "src/tflm/settings.h").read_text()
    assert "TF_LITE_STATIC_MEMORY" in settings and "CMSIS_NN" in settings
    assert '"tflm/tensorflow/lite/micro/micro_interpreter.h"' in (sketch / "src/classifier.h").read_text()
    assert "TensorFlowLite.h" not in (sketch / f"{sketch.name}.ino").read_text()


def test_bad_input_is_one_line(
    bundle_of: FolderOf, tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, out = bundle_of("classes"), tmp_path / "sketch"
    refused(capsys, main, [bundle, "--out", out, "--tflm-tree", tmp_path], "is no tree of TFLM")
    refused(capsys, main, [bundle, "--out", out, "--tflm-tree", tree, "--kernels", "reference"], "has cmsis_nn kernels")
    refused(capsys, main, [bundle, "--out", out, "--tflm-tree", tree, "--tflm", "arduino"], "leave --tflm out")
    refused(capsys, main, [bundle, "--out", out, "--core", "cortex-m55"], "no figures of tflite-micro-arduino-examples")
    refused(capsys, main, [bundle, "--out", out, "--kernels", "reference"], "has cmsis_nn kernels alone")
    assert not out.exists()
