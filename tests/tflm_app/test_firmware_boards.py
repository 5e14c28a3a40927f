"""Every board port, built and run under QEMU without TFLM: start-up, serial line, ticks, stack paint, faults, exit."""

import os
import re
import selectors
import shlex
import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.support.chain import FolderOf

ROOT = Path(__file__).resolve().parents[2]
SELFTEST = ROOT / "tflm_app/boards/selftest"
CORTEX_M = ("mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547", "netduinoplus2")
CLOCKS = {"host": 1_000_000_000, "mps2-an505": 20_000_000, "mps3-an547": 32_000_000, "netduinoplus2": 168_000_000}
TIMEOUT = 30


def require(*tools: str) -> None:
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> FolderOf:
    """The folder in which the self-test of a board is built, once."""
    folders = {}

    def build(board: str) -> Path:
        require("cmake", *([] if board == "host" else ["arm-none-eabi-g++"]))
        if board not in folders:
            folders[board] = tmp_path_factory.mktemp(board)
            cmake("-S", SELFTEST, "-B", folders[board], f"-DBOARD={board}")
            cmake("--build", folders[board])
        return folders[board]

    return build


@pytest.fixture(scope="module")
def program(built: FolderOf) -> Callable[[str], list[Path]]:
    """The command that runs the self-test of a board."""

    def command(board: str) -> list[Path]:
        if board != "host":
            require("qemu-system-arm")
        return [built(board) / "run", built(board) / "selftest"]

    return command


def cmake(*arguments: object, path: str | Path = "", fails: bool = False) -> str:
    """Calls CMake, with `path` before PATH; what it says."""
    environment = os.environ | {"PATH": f"{path}:{os.environ['PATH']}"} if path else None
    done = subprocess.run(["cmake", *map(str, arguments)], capture_output=True, text=True, env=environment)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def talk(command: Sequence[str | Path], *lines: str) -> tuple[int, str]:
    """Exit status and output of a program that is given lines, each once it has answered the one before."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            output = wait_for(process, b"stack")
            for line in lines:
                process.stdin.write(line.encode() + b"\n")
                process.stdin.flush()
                if len(line) > 1:
                    output += wait_for(process, line.encode())
            output += process.communicate(timeout=TIMEOUT)[0]
            return process.returncode, output.decode()
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[bytes], text: bytes) -> bytes:
    """What a process prints, up to the end of a line with the text in it."""
    output, end = b"", time.monotonic() + TIMEOUT
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not re.search(re.escape(text) + b".*\n", output):
            assert selector.select(end - time.monotonic()), f"no {text!r} in {output!r}"
            read = os.read(process.stdout.fileno(), 4096)
            assert read, f"ended without {text!r}: {output!r}"
            output += read
    return output


@pytest.mark.parametrize("board", [*CORTEX_M, "host"])
def test_a_port_starts_prints_reads_counts_and_exits(board: str, program: Callable[[str], list[Path]]) -> None:
    command = program(board)
    lines = ["hello", "a longer line, of words"]
    status, output = talk(command, *lines, "")
    assert status == 0
    assert "constructed 42 initialised 7 cleared 0 float 100" in output
    assert output.endswith("".join(f"{len(line)}:{line}\n" for line in lines))
    elapsed, per_second = map(int, re.search(r"ticks forward 1 elapsed (\d+) per second (\d+)", output).groups())
    assert elapsed >= 1000 and per_second == CLOCKS.get(board, 25_000_000)
    dug, stack = map(int, re.search(r"dug (\d+) stack (\d+)", output).groups())
    assert dug == 20
    assert stack == 0 if board == "host" else 0 < stack < 4096

    assert talk(command, "e")[0] == 3
    if board != "host":
        for letter, reason in (("f", "fault: status 0x"), ("s", "fault: stack overflow"), ("m", "fault: status 0x")):
            status, output = talk(command, letter)
            assert status == 70 and reason in output


@pytest.mark.parametrize("board", ["mps3-an547"])
def test_ticks_count_instructions(board: str, program: Callable[[str], list[Path]]) -> None:
    """With -icount an instruction takes a nanosecond: two runs agree to the tick."""
    command: list[str | Path] = [*program(board), "-icount", "shift=0"]
    ticks = [re.search(r"elapsed (\d+)", talk(command, "")[1]).group(1) for _ in range(2)]
    assert ticks[0] == ticks[1] and int(ticks[0]) > 0


def test_a_wrong_board_is_one_clear_message(tmp_path: Path) -> None:
    require("cmake")
    done = subprocess.run(["cmake", "-S", SELFTEST, "-B", tmp_path, "-DBOARD=nothing"], capture_output=True, text=True)
    assert done.returncode and "there is no board nothing" in done.stderr


def test_the_nucleo_starts_where_an_stm32h743_does(built: FolderOf) -> None:
    """From flash at 0x08000000, with its data in the AXI SRAM at 0x24000000 (RM0433, memory map)."""
    elf = built("nucleo-h743zi2") / "selftest"
    symbols = subprocess.run(["arm-none-eabi-nm", elf], capture_output=True, text=True, check=True).stdout
    address = {name: int(value, 16) for value, _, name in re.findall(r"^(\w+) (\w) (\S+)$", symbols, re.M)}
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", elf, elf.with_suffix(".bin")], check=True)
    stack_top, reset = struct.unpack("<II", elf.with_suffix(".bin").read_bytes()[:8])
    assert (stack_top, reset) == (address["board_stack_top"], address["ResetHandler"] | 1)  # an address of Thumb code
    assert 0x24000000 < stack_top <= 0x24000000 + (512 << 10) and 0x08000000 < reset < 0x08000000 + (2 << 20)
    assert address["board_bss_end"] <= 0x24000000 + (512 << 10)


@pytest.mark.parametrize(
    "board, tools",
    [("nucleo-h743zi2", ("STM32_Programmer_CLI", "st-flash", "openocd")), ("netduinoplus2", ("dfu-util", "st-flash"))],
)
def test_flash_runs_a_tool_that_is_there_or_says_how(
    built: FolderOf, board: str, tools: tuple[str, ...], tmp_path: Path
) -> None:
    if any(map(shutil.which, tools)):
        pytest.skip("a tool for flashing is installed")
    elf = built(board) / "selftest"
    said = cmake("--build", elf.parent, "--target", "flash", fails=True)
    commands = [line for line in said.splitlines() if line.startswith(tools)]
    assert "installed" in said and len(commands) == len(tools) and all(f"{elf}." in line for line in commands)

    tool = tmp_path / tools[-1]
    tool.write_text(f'#!/bin/sh\nfor word; do echo "$word"; done > {tmp_path}/arguments\n')
    tool.chmod(0o755)
    cmake("--build", elf.parent, "--target", "flash", path=tmp_path)
    words = (tmp_path / "arguments").read_text().splitlines()
    assert [tool.name, *words] == shlex.split(commands[-1])
    assert elf.with_suffix(".hex").read_text().startswith(":")


@pytest.mark.parametrize("board", ["host", "mps2-an386"])
def test_what_has_no_flash_says_so_in_one_line(built: FolderOf, board: str) -> None:
    said = cmake("--build", built(board), "--target", "flash", fails=True)
    assert said.count("has no flash to write: the target run starts the program") == 1


def test_what_no_emulator_has_is_not_run_and_says_so_in_one_line(built: FolderOf, tmp_path: Path) -> None:
    said = cmake("--build", built("nucleo-h743zi2"), "--target", "run", fails=True)
    assert said.count("QEMU has no nucleo-h743zi2; the target flash takes the program to the board") == 1


def test_a_missing_emulator_is_one_line(built: FolderOf, tmp_path: Path) -> None:
    folder = built("mps2-an386")
    done = subprocess.run(
        ["/bin/sh", folder / "run", folder / "selftest"], capture_output=True, text=True, env={"PATH": str(tmp_path)}
    )
    assert (
        done.returncode and done.stderr.startswith("qemu-system-arm is not installed") and done.stderr.count("\n") == 1
    )


def test_the_target_run_counts_instructions(tmp_path: Path) -> None:
    """Two runs agree to the tick; and a path may have blanks in it."""
    require("cmake", "arm-none-eabi-g++", "qemu-system-arm")
    folder = tmp_path / "a build"
    cmake("-S", SELFTEST, "-B", folder, "-DBOARD=mps2-an500")
    cmake("--build", folder)
    command: list[str | Path] = ["cmake", "--build", folder, "--target", "run"]
    ticks = [re.search(r"elapsed (\d+)", talk(command, "")[1]).group(1) for _ in range(2)]
    assert ticks[0] == ticks[1] and int(ticks[0]) > 0


def test_flash_takes_a_path_with_blanks(tmp_path: Path) -> None:
    require("cmake", "arm-none-eabi-g++")
    folder, tool = tmp_path / "a build", tmp_path / "dfu-util"
    cmake("-S", SELFTEST, "-B", folder, "-DBOARD=netduinoplus2")
    tool.write_text(f'#!/bin/sh\nfor word; do echo "$word"; done > {tmp_path}/arguments\n')
    tool.chmod(0o755)
    cmake("--build", folder, "--target", "flash", path=tmp_path)
    assert f"{folder / 'selftest'}.bin" in (tmp_path / "arguments").read_text().splitlines()
