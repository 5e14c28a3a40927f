"""The bundle as CMake sees it: replaced in place, with strays beside it, in folders with blanks in their names."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from convert.bundle.bundle import write_folder
from tests.support.bundles import converted

APP = Path(__file__).resolve().parents[2] / "tflm_app"
BUNDLE, BUILD = "a bundle", "a build"
PROJECT = f"""
cmake_minimum_required(VERSION 3.20)
project(show LANGUAGES CXX)
include({APP}/cmake/bundle.cmake)
add_executable(show show.cc ${{BUNDLE}}/golden_data.cc)
add_dependencies(show bundle_is_current)
target_compile_features(show PRIVATE cxx_std_17)
target_include_directories(show PRIVATE {APP} ${{BUNDLE}})
target_compile_definitions(show PRIVATE BUNDLE_SHA256="${{BUNDLE_SHA256}}")
"""
SHOW = """
#include <cstdio>
#include "bundle.h"
#include "golden_data.h"
int main() {
  namespace bundle = embbert::bundle;
  std::printf("%s %s %d", BUNDLE_SHA256, bundle::kModelSha256, static_cast<int>(bundle::kGolden.data[0].ids.size));
}
"""
pytestmark = pytest.mark.skipif(not (shutil.which("cmake") and shutil.which("g++")), reason="needs cmake and g++")


def cmake(*arguments: str | Path) -> tuple[int, str]:
    """Calls CMake; its status and all that it says, blanks and line ends made one."""
    done = subprocess.run(["cmake", *arguments], capture_output=True, text=True)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that says which bundle it was built of, configured with that of single texts."""
    (tmp_path / "CMakeLists.txt").write_text(PROJECT)
    (tmp_path / "show.cc").write_text(SHOW)
    write_folder(tmp_path / BUNDLE, converted())
    status, said = cmake("-S", tmp_path, "-B", tmp_path / BUILD, f"-DBUNDLE={tmp_path / BUNDLE}")
    assert status == 0, said
    return tmp_path


def built_of(project: Path) -> str:
    """Builds what is to be built; what the program says."""
    status, said = cmake("--build", project / BUILD)
    assert status == 0, said
    return subprocess.run([project / BUILD / "show"], capture_output=True, text=True, check=True).stdout


def facts(project: Path) -> str:
    """What the program says that is built of the bundle that is there."""
    from convert.bundle.bundle import read_bundle

    bundle = read_bundle(project / BUNDLE)
    model = bundle.manifest["model"]["sha256"]
    return f"{bundle.manifest['bundle_sha256']} {model} {len(bundle.golden[0]['tokens'])}"


def test_a_bundle_replaced_in_place_is_built_anew(project: Path) -> None:
    assert built_of(project) == facts(project)
    write_folder(project / BUNDLE, converted(pair=True), force=True)
    assert built_of(project) == facts(project)


def test_a_bundle_whose_files_are_older_than_the_build_is_built_anew(project: Path) -> None:
    built_of(project)
    write_folder(project / BUNDLE, converted(pair=True), force=True)
    for path in (project / BUNDLE).iterdir():
        os.utime(path, (1e9, 1e9))
    status, said = cmake("--build", project / BUILD)
    assert status and "is another bundle than the app was configured with: build again" in said
    assert built_of(project) == facts(project)


def test_a_file_that_changed_fails_the_build(project: Path) -> None:
    built_of(project)
    (project / BUNDLE / "labels.txt").write_text("others\n")
    status, said = cmake("--build", project / BUILD)
    assert status and "are not those of its manifest; convert the run again" in said


@pytest.mark.parametrize("name", [".DS_Store", "._model.tflite", "Thumbs.db", "desktop.ini"])
def test_what_a_file_manager_leaves_is_named_and_ignored(project: Path, name: str) -> None:
    (project / BUNDLE / name).write_bytes(b"\0")
    status, said = cmake(project / BUILD)
    assert status == 0 and f"of no bundle, ignored: {name}" in said
    assert built_of(project) == facts(project)
