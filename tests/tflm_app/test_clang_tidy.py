"""clang-tidy finds nothing in our C++, by tflm_app/.clang-tidy and the target `tidy`."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.chain import FolderOf

APP = Path(__file__).resolve().parents[2] / "tflm_app"
pytestmark = pytest.mark.skipif(
    not (shutil.which("cmake") and shutil.which("run-clang-tidy")), reason="needs cmake and clang-tidy"
)


def assert_tidy(folder: Path, project: str, files: Iterable[str], *options: str) -> None:
    """The target `tidy` of a build looks at some files, and finds nothing."""
    commands: list[list[str | Path]] = [
        ["-S", APP / project, "-B", folder, *options],
        ["--build", folder, "--target", "tidy"],
    ]
    for arguments in commands:
        done = subprocess.run(["cmake", *arguments], capture_output=True, text=True)
        found = [line for line in done.stdout.splitlines() if "error" in line]
        assert done.returncode == 0, "\n".join([*found, done.stderr[-500:]])
    assert all(f"tflm_app/{file}" in done.stdout for file in files), done.stdout


@pytest.mark.slow
def test_the_tokenizer_and_its_tests_are_tidy(bundle_of: FolderOf, tmp_path: Path) -> None:
    clang = ["-DCMAKE_C_COMPILER=clang", "-DCMAKE_CXX_COMPILER=clang++"] if shutil.which("clang++") else []
    files = ["embbert/tokenizer.cc", "embbert/line_reader.cc", "tests/sources.cc", *["tests/fuzz.cc"] * bool(clang)]
    assert_tidy(tmp_path, "tests", files, f"-DBUNDLE={bundle_of('classes')}", *clang)


@pytest.mark.skipif(not shutil.which("arm-none-eabi-g++"), reason="needs arm-none-eabi-g++")
@pytest.mark.parametrize(
    "board, source",
    [
        ("mps2-an386", "boards/common/cmsdk_uart.cc"),
        pytest.param("netduinoplus2", "boards/netduinoplus2/stm32f405.cc", marks=pytest.mark.slow),
        pytest.param("nucleo-h743zi2", "boards/nucleo-h743zi2/stm32h743.cc", marks=pytest.mark.slow),
    ],
)
def test_board_ports_are_tidy(board: str, source: str, tmp_path: Path) -> None:
    assert_tidy(tmp_path, "boards/selftest", [source, "boards/common/startup.cc"], f"-DBOARD={board}")


@pytest.mark.slow
@pytest.mark.skipif(
    not (shutil.which("arm-none-eabi-g++") and os.environ.get("TFLM_ROOT")),
    reason="needs arm-none-eabi-g++ and TFLM_ROOT",
)
def test_the_app_is_tidy(bundle_of: FolderOf, tmp_path: Path) -> None:
    options = [f"-DBUNDLE={bundle_of('classes')}", "-DBOARD=mps2-an500", f"-DTFLM_ROOT={os.environ['TFLM_ROOT']}"]
    assert_tidy(tmp_path, ".", ["app/app.cc", "embbert/classifier.cc", "embbert/tokenizer.cc"], *options)


def test_tidy_fails_where_there_is_something_to_find(tmp_path: Path) -> None:
    app = shutil.copytree(APP, tmp_path / "tflm_app")
    with open(app / "boards/host/linux.cc", "a") as source:
        source.write("int* Nothing() { return 0; }\n")
    folder = tmp_path / "build"
    subprocess.run(["cmake", "-S", app / "boards/selftest", "-B", folder], check=True, capture_output=True)
    done = subprocess.run(["cmake", "--build", folder, "--target", "tidy"], capture_output=True, text=True)
    assert done.returncode and "modernize-use-nullptr" in done.stdout
