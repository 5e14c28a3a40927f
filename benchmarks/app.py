"""The app as firmware under QEMU: golden rows, 200 texts as Python answers them, arena, stack, bytes.

    python -m benchmarks.app --tflm-root DIR [--board ID] [--kernels NAME] [--seq-len N]

The bundle is that of the committed run benchmarks/base256. Writes results/app.json after every board, with the hash of
the sources that ran: a test fails when they have changed since.
"""

import json
import re
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import IO, cast

from benchmarks.common.base import ARENA_BUDGETS, BASE
from benchmarks.common.logs import find_in
from benchmarks.common.sources import ROOT, generated_sources, hash_sources, read_files
from benchmarks.firmware.elf import OUR_APP, OUR_KERNELS, bytes_by_part, section_bytes
from benchmarks.firmware.results import Results
from benchmarks.firmware.runner import KERNELS, add_tflm_arguments, describe_tools, run_cmake
from convert.bundle.bundle import read_bundle
from convert.bundle.conversion import NONE, convert_run
from convert.tflm.interpreters import predict
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import UserError, run_command
from tf_embbert.run import Run, load_run

HERE = Path(__file__).parent
RESULT = HERE / "results/app.json"
BOARDS = {
    "mps2-an386": "cortex-m4",
    "mps2-an500": "cortex-m7",
    "mps3-an547": "cortex-m55",
    "netduinoplus2": "cortex-m4",
}
PROMPT, END = b"> ", b"\x04"  # Ctrl-D ends the app
SECONDS = 3600
LINE_BYTES, STACK_BYTES = 1024, 8192


def sources_sha256() -> str:
    """One hash over all that the app is compiled of, but for its bundle and TFLM."""
    return hash_sources(read_files(ROOT / "tflm_app") | generated_sources())


def build_app(bundle: Path, board: str, kernels: str, tflm_root: str | Path, folder: Path, *options: str) -> Path:
    """Compiles the app of a bundle; returns the ELF. Raises UserError with what CMake or the compiler said."""
    run_cmake(
        "-S",
        ROOT / "tflm_app",
        "-B",
        folder,
        f"-DBUNDLE={Path(bundle).absolute()}",
        f"-DBOARD={board}",
        f"-DTFLM_KERNELS={kernels}",
        f"-DTFLM_ROOT={Path(tflm_root).absolute()}",
        *options,
    )
    run_cmake("--build", folder)
    return folder.absolute() / "firmware"


def talk(elf: Path, lines: list[bytes], *options: str) -> tuple[str, list[bytes]]:
    """Starts the app, with options of QEMU's, and types lines: what it says first, and each answer without its echo."""
    start, output = talk_raw(elf, b"".join(line + b"\n" for line in lines), *options)
    answers = []
    for line in lines:
        shown = bytes(byte for byte in line if byte >= 32 or byte == 9) + b"\r\n"
        answer, prompt, output = output.removeprefix(shown).partition(b"\r\n" + PROMPT)
        if not prompt:
            raise UserError(f"{elf} answered {answer[-300:]!r} to {line!r}")
        answers.append(answer)
    return start, answers


def talk_raw(elf: Path, typed: bytes, *options: str) -> tuple[str, bytes]:
    """Starts the app, with options of QEMU's, and types bytes: what it says up to the first prompt, and behind it."""
    with subprocess.Popen(
        [elf.parent / "run", elf, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        watchdog = threading.Timer(SECONDS, process.kill)
        watchdog.start()
        start = read_start(cast(IO[bytes], process.stdout))  # a UART that is not enabled yet loses what is typed
        output, errors = process.communicate(typed + END)
        watchdog.cancel()
    if process.returncode:
        raise UserError(f"{elf} ended with {process.returncode}: {start!r}{output[-300:]!r}{errors[-300:]!r}")
    return start.decode(), output


def read_start(stream: IO[bytes]) -> bytes:
    """What is said up to the first prompt, or to the end."""
    said = b""
    while not said.endswith(PROMPT) and (byte := stream.read(1)):
        said += byte
    return said


def app_bytes(elf: Path) -> dict[str, int]:
    """Bytes of the ELF's sections, and of the code in it that is ours: the kernels', and with the app's all of it."""
    parts = bytes_by_part(elf)
    return {**section_bytes(elf), "own_kernels": parts[OUR_KERNELS], "own_code": parts[OUR_KERNELS] + parts[OUR_APP]}


def measure(
    bundle: Path, texts: list[str], expected: list[str], board: str, kernels: str, tflm_root: Path, build: Path
) -> dict:
    """One entry of the results."""
    manifest = read_bundle(bundle).manifest
    length = manifest["model"]["sequence_length"]
    ours = "fast" if kernels == "cmsis_nn" else kernels  # what the app links, by its name in the manifest
    elf = build_app(
        bundle,
        board,
        kernels,
        tflm_root,
        build / f"app-{board}-{kernels}-{length}",
        f"-DLINE_BYTES={LINE_BYTES}",
        f"-DBOARD_STACK_BYTES={STACK_BYTES}",
    )
    start, answers = talk(elf, [text.encode() for text in texts])
    figures = [
        int(number)
        for number in find_in(
            r"arena (\d+) bytes used of (\d+).*?golden (\d+) of (\d+) rows equal.*?stack (\d+)", start, re.S
        ).groups()
    ]
    return {
        "board": board,
        "kernels": kernels,
        "length": length,
        "bundle_sha256": manifest["bundle_sha256"],
        "model_bytes": manifest["model"]["bytes"],
        "line_bytes": LINE_BYTES,
        "stack_bytes": STACK_BYTES,
        "arena_of_manifest": manifest["arena"][BOARDS[board]][ours]["total"],
        **dict(zip(("arena_used", "arena", "golden_equal", "golden", "stack"), figures)),
        "texts": len(texts),
        "texts_equal": sum(answer.decode().startswith(f"{line}\t") for answer, line in zip(answers, expected)),
        **app_bytes(elf),
    }


def expected_lines(run: Run, bundle: Path, texts: list[str]) -> list[str]:
    """What the app prints of texts before its token count, from the wheel's interpreter."""
    model = (bundle / "model.tflite").read_bytes()
    length = read_bundle(bundle).manifest["model"]["sequence_length"]
    ids = run.tokenizer.encode(texts, None, max_length=length).ids
    logits = predict(model, ids)
    labels = run.labels or []
    return [
        f"{labels[row.argmax()]}\t{' '.join(map(str, row))}\t{len(tokens)} of {length} tokens"
        for row, tokens in zip(logits, ids)
    ]


def one_line(text: str) -> str:
    """A text as it can be typed: its control characters are blanks, and it fits the line."""
    return "".join(c if c.isprintable() else " " for c in text).encode()[:1000].decode("utf-8", "ignore")


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = CommandParser(prog="python -m benchmarks.app", description=__doc__.split("\n")[0])
    add_tflm_arguments(parse)
    parse.add_argument("--board", action="append", choices=BOARDS)
    parse.add_argument("--kernels", action="append", choices=KERNELS)
    parse.add_argument("--seq-len", type=int, default=64, metavar="N")
    parse.add_argument("--texts", type=int, default=200, metavar="N", help="texts typed (default: 200)")
    parse.add_argument("--build", type=Path, default=Path("build"), metavar="DIR")
    options = parse.parse_args(arguments)
    run = load_run(BASE)
    results = Results(RESULT, describe_tools(options.tflm_root, options.tflm_commit))
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder, "bundle")
        convert_run(run, bundle, options.seq_len, shorter=NONE, arena_budget=ARENA_BUDGETS.get(options.seq_len))
        texts = [one_line(text) for text, _ in run.sample_texts][: options.texts]
        expected = expected_lines(run, bundle, texts)
        for board in options.board or list(BOARDS)[:3]:
            for kernels in options.kernels or KERNELS:
                entry = measure(bundle, texts, expected, board, kernels, options.tflm_root, options.build)
                results.add("runs", ("board", "kernels", "length"), {"sources_sha256": sources_sha256(), **entry})
                print(json.dumps(entry))


if __name__ == "__main__":
    raise SystemExit(main())
