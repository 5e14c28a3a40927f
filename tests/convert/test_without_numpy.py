"""The model tools without NumPy, TensorFlow and the tflite-micro package: equal answers, equal files."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.agreement_bases import bias, i8
from tests.support.agreement_models import Spec

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "benchmarks/firmware/models"
HIDDEN = '("numpy", "tensorflow", "tflite_micro")'
# Hides packages from Python's own finder, so that importing them fails as where they are not installed.
HIDING = f"""
import importlib.machinery as machinery, runpy, sys
find = machinery.PathFinder.find_spec
hidden = {HIDDEN}
machinery.PathFinder.find_spec = lambda name, *rest: None if name.partition(".")[0] in hidden else find(name, *rest)
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


# Prints the most memory that a process had, in KiB (getrusage counts what its parent had, too).
PEAK = """
import atexit, re, sys
hwm = lambda: re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]
atexit.register(lambda: print(hwm(), file=sys.stderr))
"""


def run(*command: str | Path, hidden: bool) -> subprocess.CompletedProcess[str]:
    """A command of the tools in a process of its own."""
    how = ["-c", HIDING] if hidden else ["-m"]
    return subprocess.run([sys.executable, *how, *command], cwd=ROOT, capture_output=True, text=True)


def test_the_packages_are_hidden() -> None:
    """What needs them says so in one line."""
    done = run("convert.check", MODELS / "dense-float.tflite", "--run", hidden=True)
    assert done.returncode == 2 and "pip install" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "command",
    [
        ("convert.check", MODELS / "attention.tflite", "--json"),
        ("convert.check", MODELS / "gru.tflite", "--resolver"),
        ("convert.check", "--supported-ops"),
        ("convert.arena", MODELS / "attention.tflite", "--json", "--core", "cortex-m4"),
        ("convert.arena", MODELS / "lstm.tflite"),
        ("convert.boards", MODELS / "embbert-64.tflite", "--json"),
        ("convert.boards", "--json"),
        ("convert.optimize", "--print-passes"),
    ],
    ids=lambda command: " ".join(Path(word).name for word in command),
)
def test_answers_are_the_same(command: tuple) -> None:
    without, with_them = (run(*command, hidden=hidden) for hidden in (True, False))
    assert without.stderr == with_them.stderr and "Traceback" not in without.stderr
    assert without.stdout == with_them.stdout and without.returncode == with_them.returncode == 0


def test_the_same_file_is_written(tmp_path: Path) -> None:
    files = [tmp_path / "without.tflite", tmp_path / "with.tflite"]
    for path, hidden in zip(files, (True, False)):
        done = run("convert.optimize", MODELS / "attention-per-channel.tflite", "--out", path, hidden=hidden)
        assert done.returncode == 0, done.stderr
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("how", [HIDING, HIDING.replace(HIDDEN, "()")], ids=["without NumPy", "with NumPy"])
@pytest.mark.parametrize("command", [("convert.check",), ("convert.arena",), ("convert.arena", "--core", "cortex-m7")])
def test_the_memory_of_a_file_of_five_megabytes(command: tuple[str, ...], how: str, tmp_path: Path) -> None:
    """Less than ten times the file, Python itself included."""
    weights = np.random.default_rng(0).integers(-127, 128, (2300, 2300))
    inputs = [i8(1, 2300), i8(2300, 2300, data=weights), bias(2300)]
    model = Spec("FULLY_CONNECTED", inputs, [i8(1, 2300)], "FullyConnectedOptions").build()
    (tmp_path / "model.tflite").write_bytes(model)
    words: list[str | Path] = [command[0], tmp_path / "model.tflite", *command[1:]]
    done = subprocess.run([sys.executable, "-c", PEAK + how, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and len(model) > 5_000_000
    assert int(done.stderr.splitlines()[-1]) * 1024 < 10 * len(model)
