"""Our kernels beside TFLM's: the same bytes on this machine with sanitizers, and on six cores under QEMU."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.firmware.models import read_models
from benchmarks.firmware.runner import BOARDS, BORROWED_BOARDS, board_options, missing_tools, run_cmake
from benchmarks.kernels import RESULT
from convert.bundle.sources import WITH_KERNELS
from tf_embbert.common.errors import UserError

SOURCE = Path(__file__).parents[2] / "tflm_app/kernels/tests"
CASES = 1000  # of each operator


def build(board: list[str], folder: Path, *options: str) -> list[Path]:
    """The command that runs `same_bytes` on the board of these options; skips where TFLM is not there for it."""
    if not os.environ.get("TFLM_ROOT"):
        pytest.skip("TFLM_ROOT is not set")
    try:
        run_cmake("-S", SOURCE, "-B", folder, *board, f"-DCASES={CASES}", *options)
    except UserError as error:
        if "there is no" in str(error) and "libtensorflow-microlite.a" in str(error):
            pytest.skip(f"TFLM has no library for {board[-1]}")
        raise
    run_cmake("--build", folder)
    return [folder / "run", folder / "same_bytes"]


def require_same_bytes(command: list[Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    said = re.findall(r"^(\w+) (\d+) cases (\d+) wrong$", done.stdout, re.M)
    assert said == [(name, str(CASES), "0") for name in sorted((*WITH_KERNELS, "EMBBERT_BLOCK"))]


MOST = 1.005  # of the instructions with TFLM's own kernels


def test_no_model_takes_more_instructions_and_all_answer_the_same_bytes() -> None:
    """What was measured of models that are not ours."""
    models = read_models()
    entries = [entry for entry in json.loads(RESULT.read_text())["measured"] if entry["model"] in models]
    assert models.keys() - {"svdf"} == {entry["model"] for entry in entries if entry["core"] == "cortex-m7"}
    for entry in entries:
        ratio = entry["fast"]["instructions"] / entry["stock"]["instructions"]
        assert entry["equal"] and ratio <= MOST, f"{entry['model']} on {entry['core']}: {ratio:.3f}"


@pytest.mark.skipif(not (shutil.which("cmake") and shutil.which("g++")), reason="needs cmake and g++")
def test_the_bytes_are_those_of_the_reference_kernels_and_nothing_else_is_read_or_written(tmp_path: Path) -> None:
    require_same_bytes(build(["-DBOARD=host"], tmp_path, "-DSANITIZE=ON"))


@pytest.mark.skipif(bool(missing_tools()), reason=f"needs {', '.join(missing_tools())}")
@pytest.mark.parametrize("core", [*BOARDS, *BORROWED_BOARDS])
def test_the_bytes_are_those_of_cmsis_nn(core: str, tmp_path: Path) -> None:
    require_same_bytes(build(board_options(core), tmp_path))
