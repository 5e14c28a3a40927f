"""Builds the device's tokenizer (`tflm_app/tests`) and asks it, on this machine or on a Cortex-M under QEMU."""

import json
import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common.sources import ROOT
from convert.bundle.tokenizer_tables import tokenizer_sources
from tf_embbert.tokenizer import Tokenizer

TESTS = ROOT / "tflm_app/tests"
NO_TEXT = 2**32 - 1  # tflm_app/tests/requests.h


@dataclass(frozen=True)
class Request:
    """One text, or two, as bytes, and the most ids to make of them."""

    text: bytes
    second: bytes | None = None
    max_length: int = 512

    def pack(self) -> bytes:
        """As `tflm_app/tests/requests.h` has it."""
        second_length = NO_TEXT if self.second is None else len(self.second)
        return struct.pack("<III", self.max_length, len(self.text), second_length) + self.text + (self.second or b"")


class DeviceTokenizer:
    """The C++ tokenizer with one tokenizer's tables, built by CMake.

    Args:
        tokenizer: whose tables.
        folder: of the build.
        board: a folder of tflm_app/boards.
        options: more arguments of CMake.
        target: what to build.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        folder: Path,
        board: str = "host",
        options: Iterable[str] = (),
        target: str = "tokenize",
    ) -> None:
        self.folder, self.on_host = folder.absolute(), board == "host"
        for name, data in tokenizer_sources(tokenizer).items():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        _run(["cmake", "-S", TESTS, "-B", folder, f"-DBUNDLE={folder}", f"-DBOARD={board}", *options])
        _run(["cmake", "--build", folder, "--target", target])

    def ids(self, requests: Iterable[Request]) -> list[np.ndarray]:
        """The ids of each request, int32; one process answers all."""
        packed = b"".join(request.pack() for request in requests)
        return _unpack(self._answer(packed) if self.on_host else self._answer_on_board(packed))

    def _answer(self, packed: bytes) -> bytes:
        return _run([self.folder / "tokenize"], input=packed)

    def _answer_on_board(self, packed: bytes) -> bytes:
        (self.folder / "requests").write_bytes(packed)
        output = _run([self.folder / "run", self.folder / "tokenize"], cwd=self.folder)
        self.measured = json.loads(next(line for line in output.decode().splitlines() if line.startswith("{")))
        return (self.folder / "answers").read_bytes()


def expected_ids(tokenizer: Tokenizer, requests: list[Request]) -> list[np.ndarray]:
    """What Python answers to requests that are all single or all pairs, of one length."""

    def text(data: bytes | None) -> str:
        return (data or b"").decode("utf-8", errors="replace")

    second = None if requests[0].second is None else [text(r.second) for r in requests]
    return tokenizer.encode([text(r.text) for r in requests], second, max_length=requests[0].max_length).ids


def _unpack(answers: bytes) -> list[np.ndarray]:
    words, rows, place = np.frombuffer(answers, "<i4"), [], 0
    while place < len(words):
        rows.append(words[place + 1 : place + 1 + words[place]])
        place += 1 + words[place]
    return rows


def _run(command: list, **options: Any) -> bytes:
    """Runs a command; its output, or RuntimeError with what it said."""
    done = subprocess.run(command, capture_output=True, **options)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{(done.stdout + done.stderr).decode(errors='replace')[-4000:]}")
    return done.stdout
