"""The arena a model needs in TFLM's interpreter on this machine: 64-bit structs and reference kernels.

`total` is measured: the smallest arena, a multiple of 16, in which AllocateTensors succeeds. The tflite-micro package
always records allocations, which takes about 100 bytes of `used` and `total` that a firmware's interpreter does not.

An arena that is too small can crash TFLM, so a child process (`python -m convert.host_arena`) tries each size in a
fork of its own.
"""

import os
import sys

from convert.inspection import live_bytes, read_model
from convert.interpreters import ARENA_BYTES, InterpreterError, TFLMRunner, start_python
from convert.probe import probe_model

STEP = 16


def measure_host_arena(model: bytes) -> dict[str, int | None]:
    """Arena bytes of a model on the host.

    Args:
        model: bytes of the .tflite file.

    Returns:
        total; used (head and tail after AllocateTensors); planned (the head: what the greedy planner gave the
        activations); lower_bound (what no planner without overlaps can go below); persistent (the tail); scratch is
        None, the package does not tell it apart.

    Raises:
        InterpreterError: TFLM refuses the model.
    """
    probe = probe_model(model)
    if not probe.invoked:
        raise InterpreterError(f"TFLM cannot run the model: {probe.ending}", "\n".join(probe.log))
    arena = probe.arena
    return {"total": int(start_python(["convert.host_arena"], model).stdout), "used": arena["total"],
            "planned": arena["head"], "lower_bound": max(live_bytes(read_model(model))), "persistent": arena["tail"],
            "scratch": None}


def _smallest_arena(model: bytes) -> int:
    """Bisects between an arena of nothing and one that is surely enough."""
    too_small, enough = 0, ARENA_BYTES // STEP
    while enough - too_small > 1:
        middle = (too_small + enough) // 2
        if _allocates(model, middle * STEP):
            enough = middle
        else:
            too_small = middle
    return enough * STEP


def _allocates(model: bytes, arena_bytes: int) -> bool:
    child = os.fork()
    if child == 0:
        try:
            TFLMRunner(model, arena_bytes)
        except RuntimeError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    print(_smallest_arena(sys.stdin.buffer.read()))
