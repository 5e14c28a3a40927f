"""Every board port, built and run under QEMU without TFLM: start-up, serial line, ticks, stack paint, faults, exit."""

import os
import re
import selectors
import shutil
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SELFTEST = ROOT / "tflm_app/boards/selftest"
CORTEX_M = ("mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547", "netduinoplus2")
CLOCKS = {"host": 1_000_000_000, "mps2-an505": 20_000_000, "mps3-an547": 32_000_000, "netduinoplus2": 168_000_000}
TIMEOUT = 30


def require(*tools):
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The self-test of a board: the command that runs it."""
    def build(board):
        require("cmake", *([] if board == "host" else ["arm-none-eabi-g++", "qemu-system-arm"]))
        folder = tmp_path_factory.mktemp(board)
        for arguments in (["-S", SELFTEST, "-B", folder, f"-DBOARD={board}"], ["--build", folder]):
            done = subprocess.run(["cmake", *map(str, arguments)], capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
        if board == "host":
            return [folder / "selftest"]
        return ["qemu-system-arm", "-M", board, "-display", "none", "-monitor", "none", "-serial", "stdio",
                "-semihosting-config", "enable=on,target=native", "-kernel", folder / "selftest"]
    return build


def talk(command, *lines):
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


def wait_for(process, text):
    """What a process prints, up to the end of a line with the text in it."""
    output, end = b"", time.monotonic() + TIMEOUT
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not re.search(re.escape(text) + b".*\n", output):
            assert selector.select(end - time.monotonic()), f"no {text} in {output}"
            read = os.read(process.stdout.fileno(), 4096)
            assert read, f"ended without {text}: {output}"
            output += read
    return output


@pytest.mark.parametrize("board", [*CORTEX_M, "host"])
def test_a_port_starts_prints_reads_counts_and_exits(board, program):
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
        for letter, reason in (("f", "fault: status 0x"), ("s", "fault: stack overflow")):
            status, output = talk(command, letter)
            assert status == 70 and reason in output


@pytest.mark.parametrize("board", ["mps3-an547"])
def test_ticks_count_instructions(board, program):
    """With -icount an instruction takes a nanosecond: two runs agree to the tick."""
    command = [*program(board), "-icount", "shift=0"]
    ticks = [re.search(r"elapsed (\d+)", talk(command, "")[1]).group(1) for _ in range(2)]
    assert ticks[0] == ticks[1] and int(ticks[0]) > 0


def test_a_wrong_board_is_one_clear_message(tmp_path):
    require("cmake")
    done = subprocess.run(["cmake", "-S", SELFTEST, "-B", tmp_path, "-DBOARD=nothing"], capture_output=True, text=True)
    assert done.returncode and "there is no board nothing" in done.stderr
