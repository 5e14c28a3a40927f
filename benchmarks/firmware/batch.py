"""Many models through one firmware (agree.cc): what each answers, which never end or crash."""

import re
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.firmware.runner import Firmware

ROUNDS = 2  # inferences of a model: the second shows what the first left over
PATIENCE_SECONDS = 10  # without a line of the firmware, a model is taken for endless
NEVER_ENDS, CRASHES = -1, 70
STATUS_TEXT = {0: "answers", 1: "AllocateTensors fails", 2: "Invoke fails", 3: "too large", NEVER_ENDS: "never ends"}


class Answer(NamedTuple):
    """What the firmware made of a model: status 0 and the outputs' bytes, a round each, or another status."""

    status: int
    outputs: tuple[bytes, ...] = ()


class Job(NamedTuple):
    """A model and the bytes of its inputs, a round each."""

    model: bytes
    inputs: tuple[bytes, ...]


def run_batch(firmware: Firmware, jobs: list[Job]) -> list[Answer]:
    """The answers of models, run one after the other in one program that is started again behind one that ends it."""
    statuses: dict[int, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, job in enumerate(jobs):
            Path(folder, f"{number}.tflite").write_bytes(job.model)
            for turn, inputs in enumerate(job.inputs):
                Path(folder, f"{number}.in{turn}").write_bytes(inputs)
        while len(statuses) < len(jobs):
            first = len(statuses)
            found, ended = _run_from(firmware, folder, first, len(jobs) - 1)
            statuses |= found
            if len(statuses) < len(jobs):
                statuses[len(statuses)] = ended
        return [_answer(folder, number, statuses[number]) for number in range(len(jobs))]


def _answer(folder: str, number: int, status: int) -> Answer:
    if status:
        return Answer(status)
    return Answer(0, tuple(Path(folder, f"{number}.out{turn}").read_bytes() for turn in range(ROUNDS)))


def _run_from(firmware: Firmware, folder: str, first: int, last: int) -> tuple[dict[int, int], int]:
    """{model: status} of those that came to an end, and what became of the one behind them."""
    arguments = ",".join(f"arg={word}" for word in ("agree", first, last, ROUNDS))
    command: list[str | Path] = [firmware.elf.parent / "run", firmware.elf, "-semihosting-config", arguments]
    log = Path(folder, "log")
    with log.open("wb") as lines:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=lines, stderr=lines)
        ended = _wait(process, log)
    found = re.findall(r"^model (\d+) (\d+)\n", log.read_bytes().decode("utf-8", "replace"), re.M)
    return {int(number): int(status) for number, status in found}, ended


def _wait(process: subprocess.Popen, log: Path) -> int:
    """CRASHES when the program ended, NEVER_ENDS when it was ended because it said nothing for long."""
    while True:
        size = log.stat().st_size
        try:
            process.wait(PATIENCE_SECONDS)
            return CRASHES
        except subprocess.TimeoutExpired:
            if log.stat().st_size == size:
                process.kill()
                process.wait()
                return NEVER_ENDS
