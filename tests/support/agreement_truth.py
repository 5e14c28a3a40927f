"""Does TFLM's own interpreter run a model? In child processes, for a model may crash it.

Models are tried one after the other in a child; one that ends the child is tried again in a child of its own. Model and
arena end just below memory that nobody may touch, so that going far beyond them is a crash and not luck.

Run as a program it reads a JSON list of models in base64 and prints a JSON list of {runs, said, log}.
"""

import base64
import ctypes
import gc
import json
import mmap
import os
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

ARENA_BYTES = 1 << 18
LEAST_MAPPED = 132 << 10  # allocations from here on are mapped, not taken from the heap, and stay so when one is freed
GUARD_BYTES = 1 << 32
GAP_BYTES = 1 << 20  # from 2 MiB on the kernel aligns, and leaves a gap above
SECONDS = 5
FILLS = (0, 1, 127)  # what inputs are filled with, until one runs: a divisor or a root may not take all
UNKNOWN_TO_NUMPY = (18, 21, 22)  # types of the schema: bfloat16 and two of 8 bits
ROOT = Path(__file__).resolve().parents[2]


def measure(models: list[bytes], arena_bytes: int = ARENA_BYTES) -> list[dict]:
    """[{runs, said, log}] of models: whether AllocateTensors and Invoke succeed, on inputs of zeros, or of ones, or of
    127; what TFLM printed last, or the signal that ended it; the last lines that it printed.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MALLOC_MMAP_THRESHOLD_": str(LEAST_MAPPED)}
    coded = json.dumps([base64.b64encode(model).decode() for model in models]).encode()
    done = subprocess.run(
        [sys.executable, __file__, str(arena_bytes)],
        input=coded,
        env=environment,
        capture_output=True,
        check=True,
        timeout=3600,
    )
    return json.loads(done.stdout)


def guard(size: int = GUARD_BYTES) -> int:
    """Maps memory that may not be touched; what is mapped next lies right below it. Gives its address."""
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000  # MAP_NORESERVE
    return libc.mmap(None, ctypes.c_size_t(size), 0, flags, -1, ctypes.c_long(0))


def fill_holes() -> None:
    """Guards the gaps between what is mapped, so that nothing else is put there."""
    lowest, size = guard(), GUARD_BYTES
    while size >= mmap.PAGESIZE:
        address = guard(size)
        if address < lowest:
            lowest, size = address, size // 2


def use_up_heap() -> list[bytes]:
    """What fills the heap's gaps, as long as it is held: an allocation is mapped only where none of them takes it."""
    sbrk = ctypes.CDLL(None).sbrk
    sbrk.restype, sbrk.argtypes = ctypes.c_void_p, [ctypes.c_ssize_t]
    held = [bytes(LEAST_MAPPED)]
    while id(held[-1]) < sbrk(0):
        held.append(bytes(LEAST_MAPPED))
    return held


def try_all(models: list[bytes], arena_bytes: int) -> list[dict]:
    results: list[dict] = []
    while len(results) < len(models):
        found, _ = in_child(models[len(results) :], arena_bytes)
        results += found
        if len(results) < len(models):
            results.append(try_alone(models[len(results)], arena_bytes))
    return results


def try_alone(model: bytes, arena_bytes: int) -> dict:
    """A model in a child of its own, and if zeros end the child, with the other numbers in another."""
    for fills in (FILLS, FILLS[1:]):
        found, status = in_child([model], arena_bytes, fills)
        if found:
            return found[0]
    return {"runs": False, "said": f"ended with {status}", "log": []}


def in_child(models: list[bytes], arena_bytes: int, fills: tuple[int, ...] = FILLS) -> tuple[list[dict], int]:
    """What became of models until one ended the child, and the child's status."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with os.fdopen(writer, "w") as output, tempfile.TemporaryFile() as log:
            os.dup2(log.fileno(), 2)
            for model in models:
                signal.alarm(SECONDS)
                print(json.dumps(attempt(model, arena_bytes, fills, log)), file=output, flush=True)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as lines:
        results = [json.loads(line) for line in lines if line.endswith("\n")]
    return results, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def attempt(model: bytes, arena_bytes: int, fills: tuple[int, ...], log: IO[bytes]) -> dict:
    """A model in this process."""
    log.seek(0)
    log.truncate()
    runs = any(invoke(model, arena_bytes, fill) for fill in fills)
    log.seek(0)
    lines = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return {"runs": runs, "said": lines[-1] if lines else "", "log": lines[-4:]}


def invoke(model: bytes, arena_bytes: int, fill: int) -> bool:
    from tflite_micro import runtime

    try:
        guard(GAP_BYTES)
        padded = model + bytes(max(1, LEAST_MAPPED - len(model)))  # a copy
        guard(GAP_BYTES)
        interpreter = runtime.Interpreter.from_bytes(padded, arena_size=arena_bytes)
        graph = runtime.schema_fb.Model.GetRootAs(model).Subgraphs(0)
        for index in range(graph.InputsLength()):
            fill_input(interpreter, graph, index, fill)
        interpreter.invoke()
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return False
    return True


def fill_input(interpreter: Any, graph: Any, index: int, fill: int) -> None:
    import numpy as np

    try:
        if graph.Tensors(graph.Inputs(index)).Type() in UNKNOWN_TO_NUMPY:
            return  # Python's side ends the process: the input keeps what is in the arena
        detail = interpreter.get_input_details(index)
        interpreter.set_input(np.full(detail["shape"], fill, detail["dtype"]), index)
    except ValueError:  # Python's side has no such type: the input keeps what is in the arena
        pass


if __name__ == "__main__":
    from tflite_micro import runtime  # noqa: F401 (before the forks)

    jobs = [base64.b64decode(model) for model in json.load(sys.stdin)]
    fill_holes()
    held = use_up_heap()
    gc.freeze()
    json.dump(try_all(jobs, int(sys.argv[1])), sys.stdout)
