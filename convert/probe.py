"""A model tried out in TFLM's interpreter, in a child process: a model that is malformed, or an arena too small, can
crash TFLM instead of failing.

The child (`python -m convert.probe`) reads the model from standard input and prints one JSON line after each stage it
gets through, so the last line says how far it came.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field

from convert import inspection
from convert.interpreters import ARENA_BYTES, start_python

TIMEOUT_SECONDS = 300


@dataclass
class Probe:
    """What a model did in TFLM's interpreter.

    `ops` and `float_tensors` are those of `inspection`, None when the file cannot be read; `log` is all that TFLM
    printed, without its prefixes; `ending` says how the child ended when it did not get to the end.
    """

    ops: list[dict] | None = None
    float_tensors: list[dict] | None = None
    allocated: bool = False
    invoked: bool = False
    ending: str = ""
    log: list[str] = field(default_factory=list)

    @property
    def arena(self) -> dict[str, int]:
        """The recording allocator's figures in bytes: {total, head, tail}."""
        found = re.findall(r"Arena allocation (total|head|tail) (\d+) bytes", "\n".join(self.log))
        return {name: int(value) for name, value in found}


def probe_model(model: bytes, arena_bytes: int = ARENA_BYTES) -> Probe:
    """Reads, allocates and invokes a model (on zeros) in TFLM's interpreter.

    Args:
        model: bytes of a file that need not be a model.
        arena_bytes: size of the arena.

    Returns:
        How far it came, and what TFLM said.
    """
    try:
        done = start_python(["convert.probe", str(arena_bytes)], model, TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        return Probe(ending=f"did not finish in {TIMEOUT_SECONDS} seconds")
    stages = {}
    for line in done.stdout.splitlines():
        stages.update(json.loads(line))
    log = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return Probe(**stages, ending=_ending(done.returncode), log=log)


def _ending(status: int) -> str:
    if status < 0:
        return f"TFLM crashed with signal {-status}"
    return f"ended with status {status}" if status else ""


def _child(arena_bytes: int) -> None:
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(**stage):
        print(json.dumps(stage), file=output, flush=True)

    data = sys.stdin.buffer.read()
    model = inspection.read_model(data)
    say(ops=inspection.list_ops(model), float_tensors=inspection.float_tensors(model))
    interpreter = _allocate(data, arena_bytes)
    say(allocated=True)
    _invoke_on_zeros(interpreter, len(model.subgraphs[0].inputs))
    say(invoked=True)
    interpreter.print_allocations()


def _allocate(data: bytes, arena_bytes: int):
    from tflite_micro import runtime
    return runtime.Interpreter.from_bytes(data, arena_size=arena_bytes)


def _invoke_on_zeros(interpreter, inputs: int) -> None:
    import numpy as np
    for index in range(inputs):
        detail = interpreter.get_input_details(index)
        interpreter.set_input(np.zeros(detail["shape"], detail["dtype"]), index)
    interpreter.invoke()


if __name__ == "__main__":
    try:
        _child(int(sys.argv[1]))
    except Exception as error:  # a damaged model can make its reader raise anything
        sys.exit(f"{type(error).__name__}: {error}")
