"""What TFLM's own interpreter allocates, for the tests of the arena's figures.

Run as a program it reads JSON, [[model in base64, [arena bytes]]], and prints one JSON list: what the interpreter
recorded in ample memory, {total, head, tail}, and for each size whether AllocateTensors succeeds in it. Each try has a
process of its own, for an arena that is too small can crash TFLM.
"""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

AMPLE = 1 << 24
ROOT = Path(__file__).resolve().parents[2]


def measure(jobs: list[tuple[bytes, list[int]]]) -> list[tuple[dict[str, int], list[bool]]]:
    """[(recorded, [succeeds])] of [(model, [arena bytes])]."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    lines = json.dumps([[base64.b64encode(model).decode(), sizes] for model, sizes in jobs])
    done = subprocess.run(
        [sys.executable, __file__], input=lines.encode(), env=environment, capture_output=True, check=True, timeout=120
    )
    return [(recorded, succeeds) for recorded, succeeds in json.loads(done.stdout)]


def attempt(model: bytes, arena_bytes: int) -> str | None:
    """Allocates a model in a child process; what TFLM printed of it, None when it fails."""
    from tflite_micro import runtime

    with tempfile.TemporaryFile() as log:
        child = os.fork()
        if child == 0:
            os.dup2(log.fileno(), 2)
            try:
                runtime.Interpreter.from_bytes(model, arena_size=arena_bytes).print_allocations()
            except RuntimeError:
                os._exit(1)
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            return None
        log.seek(0)
        return log.read().decode()


def recorded(log: str | None) -> dict[str, int]:
    found = re.findall(r"Arena allocation (total|head|tail) (\d+) bytes", log or "")
    return {name: int(value) for name, value in found}


if __name__ == "__main__":
    jobs = [(base64.b64decode(model), sizes) for model, sizes in json.load(sys.stdin)]
    json.dump(
        [
            (recorded(attempt(model, AMPLE)), [attempt(model, size) is not None for size in sizes])
            for model, sizes in jobs
        ],
        sys.stdout,
    )
