"""A model tried out in TFLM's interpreter, in a child process: a malformed model can crash TFLM instead of failing.

The child (`python -m convert.tflm.probe NUMBER`) reads the model from standard input and invokes it with every input
filled with a number: zeros first, and where they do not run, others (a divisor or a root may not take zeros).
"""

import subprocess
import sys
from typing import NamedTuple

from convert.tflm.interpreters import ARENA_BYTES, require_tflm
from convert.tflm.workers import start_python

TIMEOUT_SECONDS = 300
FILLS = (0, 1, 127)


class Probe(NamedTuple):
    """Whether TFLM's interpreter allocated and invoked a model, and what it said last, or how it ended."""

    runs: bool
    said: str


def probe_model(model: bytes) -> Probe:
    """Allocates and invokes a model, which need not be trusted, in TFLM's interpreter.

    Raises:
        ModuleNotFoundError: there is none, for the tflite-micro package is not installed.
    """
    require_tflm()
    probes = []
    for fill in FILLS:
        probes.append(_probe_with(model, fill))
        if probes[-1].runs:
            return probes[-1]
    return probes[0]


def _probe_with(model: bytes, fill: int) -> Probe:
    try:
        done = start_python(["convert.tflm.probe", str(fill)], model, TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        return Probe(False, f"did not finish in {TIMEOUT_SECONDS} seconds")
    if done.returncode < 0:
        return Probe(False, f"crashed with signal {-done.returncode}")
    lines = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return Probe(done.returncode == 0, "; ".join(lines[-3:]))


def _child(fill: int) -> None:
    import numpy as np
    from tflite_micro import runtime

    from convert.lowering.expand import expand_model

    data = expand_model(sys.stdin.buffer.read())
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=ARENA_BYTES)
    for index in range(runtime.schema_fb.Model.GetRootAs(data).Subgraphs(0).InputsLength()):
        detail = interpreter.get_input_details(index)
        interpreter.set_input(np.full(detail["shape"], fill, detail["dtype"]), index)
    interpreter.invoke()


if __name__ == "__main__":
    try:
        _child(int(sys.argv[1]))
    except Exception as error:  # a damaged model can make its reader raise anything
        sys.exit(f"{type(error).__name__}: {error}")
