"""Builds the measuring firmware with the user's TFLM, and runs it under QEMU."""

import argparse
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tf_embbert.common.errors import UserError

SOURCE = Path(__file__).parent
BOARDS = {
    "cortex-m3": "mps2-an385",
    "cortex-m4": "mps2-an386",
    "cortex-m7": "mps2-an500",
    "cortex-m33": "mps2-an505",
    "cortex-m55": "mps3-an547",
}
BORROWED_BOARDS = {"cortex-m0plus": "mps2-an385"}  # a Cortex-M3 runs its code; QEMU has no board of it with room
KERNELS = ("cmsis_nn", "reference")
AMPLE_ARENA, STEP = 8 << 20, 16
TIMEOUT_SECONDS = 300
TOOLS = ("cmake", "arm-none-eabi-g++", "qemu-system-arm")


def add_tflm_arguments(parse: argparse.ArgumentParser) -> None:
    """Gives a parser the options that name the user's TFLM."""
    root = os.environ.get("TFLM_ROOT")
    parse.add_argument(
        "--tflm-root",
        type=Path,
        default=root,
        required=not root,
        metavar="DIR",
        help="checkout of tflite-micro with its libraries built (default: $TFLM_ROOT)",
    )
    parse.add_argument("--tflm-commit", help="its commit, when it has no git history")


@dataclass
class Run:
    """What the firmware said of a model: bytes of arena `used` and of `stack`, `ticks` of one inference and of each
    operator in the order of execution, the output tensors' bytes. `status` is 0 when all went well; a figure that was
    not printed is 0.
    """

    status: int
    log: str
    used: int = 0
    stack: int = 0
    ticks: int = 0
    ticks_per_second: int = 0
    ops: list[tuple[str, int]] = field(default_factory=list)
    output: bytes | None = None


@dataclass(frozen=True)
class Firmware:
    """One ELF: any model on one core with one set of kernels."""

    core: str
    kernels: str
    elf: Path

    def run(
        self, model: bytes, arena_bytes: int = AMPLE_ARENA, inputs: bytes | None = None, count: bool = False
    ) -> Run:
        """Allocates a model, and with `inputs` runs one inference.

        Args:
            model: bytes of a .tflite file.
            arena_bytes: size of the arena.
            inputs: bytes of all input tensors, one after another.
            count: the clock counts instructions, one a nanosecond.

        Returns:
            What the firmware said; a model that does not allocate or run has another `status` than 0.
        """
        with tempfile.TemporaryDirectory() as folder:
            names = ["model.tflite", str(arena_bytes)]
            Path(folder, "model.tflite").write_bytes(model)
            if inputs is not None:
                Path(folder, "input").write_bytes(inputs)
                names += ["input", "output"]
            run = self._start(names, folder, count)
            if inputs is not None and run.status == 0:
                run.output = Path(folder, "output").read_bytes()
        return run

    def loop(self, rounds: int) -> Run:
        """Counts the ticks of a loop of 2 * `rounds` instructions."""
        return self._start(["loop", str(rounds)], self.elf.parent, count=True)

    def _start(self, words: list[str], folder: str | Path, count: bool) -> Run:
        arguments = ",".join(f"arg={word}" for word in ["measure", *words])
        command: list[str | Path] = [self.elf.parent / "run", self.elf, "-semihosting-config", arguments]
        try:
            done = subprocess.run(
                command + ["-icount", "shift=0"] * count,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return Run(status=-1, log=f"did not end in {TIMEOUT_SECONDS} seconds")
        return parse_log(done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace"))


def parse_log(status: int, log: str) -> Run:
    """Reads the lines that the firmware prints: `NAME NUMBER`, and `op NAME TICKS` for each operator."""
    figures: dict[str, Any] = {
        name: int(value) for name, value in re.findall(r"^(used|stack|ticks\w*) (\d+)$", log, re.M)
    }
    ops = [(name, int(ticks)) for name, ticks in re.findall(r"^op (\S+) (\d+)$", log, re.M)]
    return Run(status=status, log=log, ops=ops, **figures)


def missing_tools() -> list[str]:
    """The programs needed here that PATH does not have."""
    return [tool for tool in TOOLS if not shutil.which(tool)]


def build_firmware(
    core: str, kernels: str, tflm_root: str | Path, build: Path, target: str = "measure", ours: str = "stock"
) -> Firmware:
    """Builds the firmware, or what changed of it.

    Args:
        core: 'cortex-m3', ... as in BOARDS or BORROWED_BOARDS.
        kernels: 'cmsis_nn' or 'reference'.
        tflm_root: checkout of TFLM with its static libraries built.
        build: folder of all builds.
        target: program of CMakeLists.txt.
        ours: 'fast' for kernels of tflm_app/kernels where there are such, or 'stock'.

    Raises:
        UserError: a tool or TFLM's library is missing.
    """
    if missing_tools():
        raise UserError(f"not installed: {', '.join(missing_tools())}; see benchmarks/firmware/README.md")
    folder = Path(build).absolute() / (f"{core}-{kernels}" + "-fast" * (ours == "fast"))  # QEMU runs in another folder
    run_cmake(
        "-S",
        SOURCE,
        "-B",
        folder,
        *board_options(core),
        f"-DTFLM_KERNELS={kernels}",
        f"-DKERNELS={ours}",
        f"-DTFLM_ROOT={Path(tflm_root).absolute()}",
    )
    run_cmake("--build", folder, "--target", target)
    return Firmware(core, kernels, folder / target)


def board_options(core: str) -> list[str]:
    """What CMake is told of the board that runs the code of a core."""
    if core in BOARDS:
        return [f"-DBOARD={BOARDS[core]}"]
    return [f"-DBOARD={BORROWED_BOARDS[core]}", f"-DBOARD_ARCH={core}"]


def run_cmake(*arguments: object) -> None:
    """Calls CMake; raises UserError with what it or the compiler said."""
    done = subprocess.run(["cmake", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        log = done.stderr + done.stdout
        ours = re.search(r"\(message\):(.*?)(Call Stack|--|\Z)", log, re.S)  # a message of our own CMake files
        compilers = re.search(r"error: .*|undefined reference.*", log)
        reason = ours.group(1) if ours else compilers.group() if compilers else log[-300:]
        raise UserError(f"the firmware cannot be built: {' '.join(reason.split())}")


def smallest_arena(firmware: Firmware, model: bytes) -> tuple[int, int]:
    """The (used, total) bytes of a model's arena: total is the smallest multiple of 16 in which it allocates.

    Every size has a run of its own, for TFLM may crash in one that is too small. The search begins at what is used in
    the end; the temporaries of Prepare may need more.

    Raises:
        UserError: the model does not allocate in an ample arena either.
    """

    def fails(size: int) -> bool:
        return firmware.run(model, size).status != 0

    ample = firmware.run(model)
    if ample.status:
        reason = " ".join(ample.log.split())
        raise UserError(f"{firmware.core} with {firmware.kernels} kernels cannot allocate the model: {reason}")
    low = (ample.used - 1) // STEP * STEP
    high, stride = low + STEP, STEP
    if not fails(low):
        low, high = 0, low
    while fails(high):
        low, high, stride = high, high + 2 * stride, 2 * stride
    while high - low > STEP:
        middle = (low + high) // (2 * STEP) * STEP
        low, high = (middle, high) if fails(middle) else (low, middle)
    return ample.used, high


def describe_tools(tflm_root: Path, commit: str | None = None) -> dict[str, str]:
    """What a measurement depends on: {tflm_commit, compiler, flags, qemu}."""

    def first_line(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]

    found = subprocess.run(["git", "-C", tflm_root, "rev-parse", "HEAD"], capture_output=True, text=True)
    if not commit and found.returncode:
        raise UserError(f"{tflm_root} has no git history; name its commit with --tflm-commit")
    return {
        "tflm_commit": commit or found.stdout.strip(),
        "compiler": first_line("arm-none-eabi-g++", "--version"),
        "qemu": first_line("qemu-system-arm", "--version"),
        "flags": "TARGET=cortex_m_generic BUILD_TYPE=release_with_logs, kernels at -O2",
    }
