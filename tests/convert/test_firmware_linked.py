"""Exports of a bundle, each linked and run where an emulator has its core, and held to the bundle's golden rows.

TFLM_ROOT is a checkout of TFLM with its library built for cortex-m4+fp; TFLM_TREE is what create_tflm_tree.py of TFLM
wrote, of which the operators of the bundle are compiled: some minutes each. Of Zephyr, and of board and platform of
PlatformIO, there are stand-ins (tests/support/zephyr_base.py, platformio_core.py), which run on a Cortex-M4 under QEMU.
The Pico's SDK is PICO_SDK_PATH, its TFLM PICO_TFLMICRO_PATH; RP2040JS is a built checkout of wokwi/rp2040js, an
emulator of one core: the kernels of pico-tflmicro take both, and with those it comes as far as the arena.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.app import read_start
from convert.bundle.bundle import read_bundle, write_folder
from convert.bundle.exports import choose_tflm, list_layouts
from convert.bundle.for_library import bundle_for
from convert.tflm.arena import plan_arena
from tests.support import rp2040
from tests.support.bundles import converted
from tests.support.exports import DOWNLOADS, LIBRARY, assert_answers, export, require, run
from tests.support.mps2 import talk
from tests.support.platformio_core import find_scons, run_platformio
from tests.support.tflm_sources import leave_needed
from tests.support.zephyr_base import build_sample

TEXT = "play a song\n"
QEMU = "qemu-system-arm"
COMPILER = "arm-none-eabi-g++"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    write_folder(folder, converted())
    return folder


def with_tree(bundle: Path, layout: str, tmp_path: Path, *options: str, place: str = ".") -> Path:
    """An export that takes TFLM_TREE along, and of it the operators of the bundle."""
    tree = require(COMPILER, variable="TFLM_TREE")
    out = export(bundle, layout, tmp_path / "commands", "--tflm-tree", str(tree), *options)
    leave_needed(out / ("lib/tflm" if layout == "platformio" else "tflm"), out / place / "bundle/op_resolver.h")
    return out


def test_the_folder_answers_its_golden_rows_under_qemu(bundle: Path, tmp_path: Path) -> None:
    """Its Makefile links it with the user's TFLM; the serial line answers as the app's does."""
    root = require("make", COMPILER, QEMU, variable="TFLM_ROOT")
    out = export(bundle, "folder", tmp_path / "commands")
    run("make", "-C", out, f"TFLM_ROOT={root}")
    with subprocess.Popen(
        ["make", "-s", "-C", out, "run", f"TFLM_ROOT={root}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        start = read_start(process.stdout).decode()
        answer, _ = process.communicate(f"{TEXT}\x04".encode(), timeout=300)
    assert_answers(start + answer.decode(), bundle)


def test_a_folder_with_a_tree_answers_its_golden_rows_under_qemu(bundle: Path, tmp_path: Path) -> None:
    require("make", QEMU, variable="TFLM_TREE")
    out = with_tree(bundle, "folder", tmp_path)
    run("make", "-C", out)
    started = ["make", "-s", "-C", str(out), "run"]
    said = subprocess.run(started, input=f"{TEXT}\x04".encode(), capture_output=True, timeout=300).stdout.decode()
    assert_answers(said, bundle)


@pytest.mark.parametrize("tflm", ["library", "tree"])
def test_a_zephyr_module_answers_its_golden_rows_with_a_stand_in(tflm: str, bundle: Path, tmp_path: Path) -> None:
    """Its module.yml, CMake, prj.conf and sample make the program; kernel and headers are stubs."""
    root = require("cmake", "ninja", COMPILER, QEMU, variable="TFLM_ROOT" if tflm == "library" else "TFLM_TREE")
    if tflm == "library":
        out = export(bundle, "zephyr", tmp_path / "commands")
    else:
        out = with_tree(bundle, "zephyr", tmp_path, place="src")
    known = [f"-DTFLM_ROOT={root}", f"-DTFLM_LIB={root / LIBRARY}"] if tflm == "library" else []
    assert_answers(talk(build_sample(out / "samples/serial", tmp_path, *known), TEXT), bundle)


@pytest.mark.parametrize("tflm", ["library", "tree"])
def test_platformio_builds_its_project_which_answers_its_golden_rows(tflm: str, bundle: Path, tmp_path: Path) -> None:
    """PlatformIO itself reads project and libraries, compiles and links; its platform and board are stubs."""
    root = require("pio", COMPILER, QEMU, variable="TFLM_ROOT" if tflm == "library" else "TFLM_TREE")
    scons = find_scons() or pytest.skip("needs SCons beside pio: pip install scons")
    if tflm == "library":  # a library of today, which is the user's to name
        out = export(bundle, "platformio", tmp_path / "commands", "--tflm", "main")
        folders = [root, root / DOWNLOADS / "flatbuffers/include", root / DOWNLOADS / "gemmlowp"]
        flags = [f"-I{folder}" for folder in folders]
        flags += [f"-L{(root / LIBRARY).parent}", "-ltensorflow-microlite"]
    else:
        out, flags = with_tree(bundle, "platformio", tmp_path, place="lib/embbert"), []
    assert_answers(talk(run_platformio(out, tmp_path / "platformio", scons, *flags), TEXT), bundle)


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m33"])
@pytest.mark.parametrize("tflm", ["library", "tree"])
def test_a_pico_project_links_with_its_sdk(core: str, tflm: str, bundle: Path, tmp_path: Path) -> None:
    """With the SDK's own CMake; what an RP2040 of one core runs answers its golden rows."""
    require("cmake", "ninja", COMPILER, variable="PICO_SDK_PATH")
    few = tmp_path / "few"
    if tflm == "library":
        library = require(variable="PICO_TFLMICRO_PATH")
        out = export(bundle, "pico", tmp_path / "commands", "--core", core)
        shutil.copytree(library, few, ignore=shutil.ignore_patterns(".git", "tests", "examples"))
        leave_needed(few / "src", out / "bundle/op_resolver.h")
    else:
        out = with_tree(bundle, "pico", tmp_path, "--core", core)
    environment = {"PICO_TFLMICRO_PATH": str(few)}
    build = tmp_path / "build"
    run("cmake", "-G", "Ninja", "-S", out, "-B", build, "-DPICO_NO_PICOTOOL=1", environment=environment)
    run("cmake", "--build", build, "-j2", environment=environment)
    program = build / "commands.bin"
    assert json.loads((bundle / "manifest.json").read_text())["bundle_sha256"].encode() in program.read_bytes()
    if core == "cortex-m0plus" and rp2040.has_emulator():
        answer_on_an_rp2040(program, tflm, bundle)


def answer_on_an_rp2040(program: Path, tflm: str, bundle: Path) -> None:
    """A program with pico-tflmicro comes as far as the first inference, whose kernels start the second core."""
    if tflm == "tree":
        assert_answers(rp2040.talk(program, TEXT.strip()), bundle)
        return
    pico = choose_tflm(list_layouts()["pico"])
    assert pico.library
    model = bundle_for(read_bundle(bundle), pico.library, pico.core).files["model.tflite"]
    plan = plan_arena(model, pico.core, pico.library.id)
    said = rp2040.talk(program, TEXT.strip(), last=r"^arena \d+ bytes used")
    assert f"arena {plan['used']} bytes used of {plan['total']}" in said, said
