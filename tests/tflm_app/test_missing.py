"""What a build of the app needs and is not there: the app's CMake names all of it before a file compiles."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[2] / "tflm_app"
DOWNLOADS = "tensorflow/lite/micro/tools/make/downloads"
FOLDERS = {  # by folder: where from
    "flatbuffers": "google/flatbuffers v25.9.23",
    "gemmlowp": "google/gemmlowp 719139ce",
    "ruy": "google/ruy d3712831",
    "kissfft": "mborgerding/kissfft v130",
    "cmsis": "ARM-software/CMSIS_6 5782d6f8",
    "cmsis/Cortex_DFP": "ARM-software/Cortex_DFP c2c70a97",
    "cmsis_nn": "ARM-software/CMSIS-NN 4ab83cc3",
}
MAKE = (
    "make -f tensorflow/lite/micro/tools/make/Makefile TARGET=cortex_m_generic TARGET_ARCH=cortex-m7+fp "
    "OPTIMIZED_KERNEL_DIR=cmsis_nn TARGET_TOOLCHAIN_ROOT=/usr/bin/ BUILD_TYPE=release_with_logs microlite"
)
pytestmark = pytest.mark.skipif(not shutil.which("cmake"), reason="needs cmake")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """As little of a bundle as CMake takes for one."""
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/bundle.h").touch()
    line = f"{hashlib.sha256(b'').hexdigest()}  bundle.h\n"
    manifest = {"bundle_sha256": hashlib.sha256(line.encode()).hexdigest()}
    (tmp_path / "bundle/manifest.json").write_text(json.dumps(manifest))
    return tmp_path / "bundle"


@pytest.fixture
def tflm(tmp_path: Path) -> Path:
    """A checkout with the third-party folders, without its library."""
    root = tmp_path / "tflm"
    for folder in FOLDERS:
        (root / DOWNLOADS / folder).mkdir(parents=True)
    header = root / "tensorflow/lite/micro/micro_interpreter.h"
    header.touch()
    return root


def said(bundle: Path, root: Path, build: Path, *options: str) -> str:
    """What CMake says; it stops before it looks at a compiler."""
    named = [f"-DBUNDLE={bundle}", "-DBOARD=mps2-an500", f"-DTFLM_ROOT={root}", *options]
    done = subprocess.run(["cmake", "-S", APP, "-B", build, *named], capture_output=True, text=True)
    assert done.returncode and "compiler identification" not in done.stdout, done.stdout
    return " ".join(done.stderr.split())


def toolchain(folder: Path, prints: str) -> str:
    """The prefix of a compiler that finds no library, or every one."""
    folder.mkdir()
    compiler = folder / "arm-none-eabi-g++"
    compiler.write_text(f"#!/bin/sh\n{prints}\n")
    compiler.chmod(0o755)
    return f"-DARM_TOOLCHAIN_PREFIX={folder}/arm-none-eabi-"


@pytest.fixture
def whole(tmp_path: Path) -> str:
    return toolchain(tmp_path / "whole", "echo /")


def test_the_library_is_named_with_the_line_that_builds_it(
    bundle: Path, tflm: Path, tmp_path: Path, whole: str
) -> None:
    message = said(bundle, tflm, tmp_path / "build", whole)
    assert "libtensorflow-microlite.a" in message and MAKE in message and "downloads" not in message


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_third_party_folder_is_named_with_where_it_comes_from(
    folder: str, bundle: Path, tflm: Path, tmp_path: Path, whole: str
) -> None:
    shutil.rmtree(tflm / DOWNLOADS / folder)
    message = said(bundle, tflm, tmp_path / "build", whole)
    assert f"there is no {tflm / DOWNLOADS / folder}, from https://github.com/{FOLDERS[folder]}" in message
    assert message.count("there is no") == (3 if folder == "cmsis" else 2)  # with the library


def test_of_a_built_library_headers_alone_are_needed(bundle: Path, tflm: Path, tmp_path: Path, whole: str) -> None:
    shutil.rmtree(tflm / DOWNLOADS)
    (tmp_path / "library.a").touch()
    message = said(bundle, tflm, tmp_path / "build", whole, f"-DTFLM_LIB={tmp_path / 'library.a'}")
    assert re.findall(r"there is no \S+/downloads/(\w+)", message) == ["flatbuffers", "gemmlowp"]


def test_the_reference_kernels_need_no_cmsis_nn(bundle: Path, tflm: Path, tmp_path: Path, whole: str) -> None:
    shutil.rmtree(tflm / DOWNLOADS / "cmsis_nn")
    message = said(bundle, tflm, tmp_path / "build", whole, "-DTFLM_KERNELS=reference")
    assert message.count("there is no") == 1 and "OPTIMIZED_KERNEL_DIR" not in message


def test_the_compiler_is_named_with_its_packages(bundle: Path, tflm: Path, tmp_path: Path) -> None:
    nowhere = f"-DARM_TOOLCHAIN_PREFIX={tmp_path}/nowhere/arm-none-eabi-"
    message = said(bundle, tflm, tmp_path / "build", nowhere)
    assert "nowhere/arm-none-eabi-g++, from PATH or -DARM_TOOLCHAIN_PREFIX=" in message
    assert "sudo apt install gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib" in message


def test_the_libraries_of_the_compiler_are_named_with_their_packages(bundle: Path, tflm: Path, tmp_path: Path) -> None:
    bare = toolchain(tmp_path / "bare", 'for last; do :; done; echo "${last#-print-file-name=}"')
    message = said(bundle, tflm, tmp_path / "build", bare)
    assert "nano.specs of " in message and "sudo apt install libnewlib-arm-none-eabi" in message
    assert "libstdc++_nano.a of " in message and "sudo apt install libstdc++-arm-none-eabi-newlib" in message


def test_all_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    message = said(tmp_path, tmp_path, tmp_path / "build", f"-DARM_TOOLCHAIN_PREFIX={tmp_path}/nowhere-")
    for part in ("nowhere-g++", "no TFLM in TFLM_ROOT=", "https://github.com/tensorflow/tflite-micro", "no bundle in"):
        assert part in message


def test_the_page_has_the_folders_and_versions_that_cmake_names() -> None:
    cmake, page = ((APP / name).read_text() for name in ("cmake/tflm.cmake", "README.md"))
    named = [tuple(entry.split()) for entry in re.findall(r'^    "(\S+ https\S+ \w\S+)"', cmake, re.M)]
    table = re.findall(r"^\| `(\S+)` \| (https\S+) \| (\S+) \|", page, re.M)
    assert named == table and [folder for folder, *_ in named] == list(FOLDERS)
