"""Child processes that run models, so that a crash of an interpreter is an error message here, several cores can work,
and neither a notebook nor a training process is forked.

A worker stays for the next model of its process: to import TensorFlow takes longer than most models do. A message to it
or from it is its number of bytes, 8 of them, little-endian, and the bytes.
"""

import atexit
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
HEAD = 8  # bytes
END_SECONDS = 5  # for a worker that is told to end


class InterpreterError(RuntimeError):
    """An interpreter refused or crashed on a model; `log` is all it printed."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


class Worker:
    """A process that answers messages, one after another, until its input ends or a message is too much for it.

    Args:
        arguments: what follows `python -m`.
    """

    def __init__(self, arguments: list[str]) -> None:
        self._name = arguments[-1]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (a pipe that nobody reads would fill and block the worker)
        self._process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=_environment(),
            cwd=ROOT,
        )

    def ask(self, message: bytes) -> bytes:
        """The answer to a message; raises InterpreterError where the worker ends instead."""
        assert self._process.stdin and self._process.stdout
        self._log.seek(0)
        self._log.truncate()
        try:
            write_message(self._process.stdin, message)
            answer = read_message(self._process.stdout)
        except BrokenPipeError:
            answer = None
        if answer is None:
            raise self._failure()
        return answer

    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin and self._process.stdout
        self._process.stdout.close()
        try:
            self._process.stdin.close()
            self._process.wait(END_SECONDS)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _failure(self) -> InterpreterError:
        status = self._process.wait()
        self._log.seek(0)
        log = self._log.read().decode("utf-8", "replace")
        lines = [line.strip() for line in log.splitlines() if line.strip()]
        reason = f"crashed with signal {-status}" if status < 0 else lines[-1] if lines else f"exit status {status}"
        return InterpreterError(f"{self._name} failed: {reason}", log)


_idle: dict[tuple[str, ...], list[Worker]] = {}
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_idle.clear)  # a fork's messages would mix with those of its parent


@contextmanager
def borrow_worker(arguments: list[str]) -> Iterator[Worker]:
    """A worker of `python -m arguments`, that of before where one is free; one that failed is not used again."""
    idle = _idle.setdefault(tuple(arguments), [])
    worker = _take(idle) or Worker(arguments)
    try:
        yield worker
    except BaseException:
        worker.close()
        raise
    idle.append(worker)


def _take(idle: list[Worker]) -> Worker | None:
    """A worker that is free and lives: one may have been killed while nobody asked it, for want of memory."""
    while idle:
        worker = idle.pop()
        if worker.is_alive():
            return worker
        worker.close()
    return None


@atexit.register
def close_workers() -> None:
    """Ends all workers that are free."""
    for workers in _idle.values():
        while workers:
            workers.pop().close()


def write_message(stream: IO[bytes], message: bytes) -> None:
    stream.write(len(message).to_bytes(HEAD, "little") + message)
    stream.flush()


def read_message(stream: IO[bytes]) -> bytes | None:
    """The next message; None at the end of the stream, in the middle of one too."""
    head = stream.read(HEAD)
    if len(head) < HEAD:
        return None
    size = int.from_bytes(head, "little")
    message = stream.read(size)
    return message if len(message) == size else None


def start_python(arguments: list[str], data: bytes, timeout: float | None = None) -> subprocess.CompletedProcess:
    """Runs `python -m ...` of this package once in a child process, whatever the current folder is called.

    Args:
        arguments: the module and its arguments.
        data: what the child reads on standard input.
        timeout: seconds after which the child is killed (`subprocess.TimeoutExpired`).

    Returns:
        The finished process with its output as bytes.
    """
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, input=data, env=_environment(), cwd=ROOT, timeout=timeout, capture_output=True)


def _environment() -> dict[str, str]:
    """Of an interpreter's process: no GPU, and no Keras 3, which is a third of what importing TensorFlow takes."""
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "TF_USE_LEGACY_KERAS": "1"}
