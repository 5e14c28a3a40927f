"""Exports of a bundle, and what of them is compiled and linked here."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from convert.firmware import main

DOWNLOADS = "tensorflow/lite/micro/tools/make/downloads"
LIBRARY = "gen/cortex_m_generic_cortex-m4+fp_release_with_logs_cmsis_nn_gcc/lib/libtensorflow-microlite.a"


def export(bundle: Path, layout: str, out: Path, *options: str) -> Path:
    """The folder of an export, written by the command."""
    assert main([str(bundle), "--as", layout, "--out", str(out), *options]) == 0
    return out


def run(*command: str | Path, environment: Mapping[str, str] | None = None) -> None:
    """Runs a command; AssertionError with the end of what it says where it fails.

    Args:
        command: program and arguments.
        environment: variables beside those that there are.
    """
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


def require(*programs: str, variable: str) -> Path:
    """The folder that an environment variable names; the test is skipped where it or a program is missing."""
    if missing := [program for program in programs if not shutil.which(program)]:
        pytest.skip(f"needs {missing[0]}")
    return Path(os.environ.get(variable) or pytest.skip(f"{variable} is not set"))


def assert_answers(said: str, bundle: Path) -> None:
    """A firmware with this bundle says that it answers the golden rows, and answered `play a song`."""
    files = {name: (bundle / name).read_text() for name in ("manifest.json", "golden.json")}
    rows = files["golden.json"].count('"logits"')
    sha256 = re.findall(r'"bundle_sha256": "(\w+)"', files["manifest.json"])[0]
    assert sha256 in said and f"golden {rows} of {rows} rows equal" in said, said
    answer = r"play a song\r?\n\w+\t[-\d ]+\t\d+ of 16 tokens\tconfidence \d\.\d{3}\t\d+ ticks"
    assert re.search(answer, said), said
