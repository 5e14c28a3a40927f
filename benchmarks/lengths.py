"""Several lengths in one firmware: bytes, instructions of texts, and whether an answer depends on the length.

    python -m benchmarks.lengths --tflm-root DIR --data-dir DIR [--build DIR]

The run is benchmarks/base256; figures are of a Cortex-M7 with CMSIS-NN under QEMU. Writes results/lengths.json.
"""

import json
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.app import app_bytes, build_app, talk
from benchmarks.common.base import ARENA_BUDGETS, BASE, build_base
from benchmarks.common.logs import find_in
from benchmarks.firmware.runner import AMPLE_ARENA, add_tflm_arguments, build_firmware, describe_tools
from convert.bundle.bundle import Bundle, read_bundle
from convert.bundle.conversion import NONE, convert_run
from convert.bundle.manifest import length_offsets
from convert.tflite.lengths import rows_by_length
from convert.tflm.arena import plan_arena
from convert.tflm.interpreters import predict
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import UserError, run_command
from tf_embbert.common.files import write_atomically
from tf_embbert.data.tasks import load_task
from tf_embbert.run import Run, load_run
from tf_embbert.tokenizer import Tokenizer

HERE = Path(__file__).parent
RESULT = HERE / "results/lengths.json"
LONGEST, SHORTER = 256, (32, 64, 128)
CORE, KERNELS, BOARD = "cortex-m7", "cmsis_nn", "mps2-an500"
TOKENS = (10, 40, 100, 250)  # of the texts typed into the app
TASKS = ("snips", "emotion", "imdb")
COUNTED = ("-icount", "shift=0")  # an instruction takes a nanosecond
NANOSECONDS = 1_000_000_000
TEXT = "the old song of the river goes on and on until the morning comes and all of the town wakes up "


def measure_bytes(shared: Bundle) -> dict:
    """Bytes of flash and arena with one length, with several by a file each, and by one file."""
    alone = dict(zip((*SHORTER, LONGEST), build_base(*SHORTER, LONGEST)))
    arena = {length: plan_arena(model, CORE, KERNELS)["total"] for length, model in shared.models.items()}
    return {
        "files": {length: len(model) for length, model in alone.items()},
        "separately": sum(map(len, alone.values())),
        "shared": len(shared.files["model.tflite"]),
        "arena": shared.manifest["arena"][CORE][KERNELS]["total"],
        "arenas": arena,
    }


def measure_lengths(bundle: Bundle, tflm_root: Path, build: Path) -> dict:
    """What firmware/lengths.cc measures: instructions to prepare each length and of its inference, and the arena when
    one MicroAllocator holds all.
    """
    firmware = build_firmware(CORE, KERNELS, tflm_root, build, "lengths")
    offsets = length_offsets(bundle.manifest)
    words = ",".join(f"arg={word}" for word in ("lengths", "model.tflite", AMPLE_ARENA, *offsets.values()))
    command: list[str | Path] = [firmware.elf.parent / "run", firmware.elf, "-semihosting-config", words, *COUNTED]
    done = subprocess.run(command, cwd=bundle.path, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"{firmware.elf} ended with {done.returncode}: {done.stdout}{done.stderr}")
    figures = [(name, int(number)) for name, number in re.findall(r"^(\w+) (\d+)$", done.stdout, re.M)]
    instructions = NANOSECONDS // dict(figures)["ticks_per_second"]

    def of(wanted: str) -> list[int]:
        return [number for name, number in figures if name == wanted]

    return {
        "prepare": dict(zip(offsets, (ticks * instructions for ticks in of("prepare")))),
        "inference": dict(zip(offsets, (ticks * instructions for ticks in of("inference")))),
        "arena_together": of("used")[-1],
        "prepare_together": of("prepare")[-1] * instructions,
    }


def measure_texts(bundle: Path, tflm_root: Path, build: Path) -> tuple[list[dict], dict]:
    """The app's instructions from text to label, each text right after one of another length and then again; and the
    bytes of its sections.
    """
    elf = build_app(bundle, BOARD, KERNELS, tflm_root, build / f"app-{bundle.name}")
    tokenizer = Tokenizer.load(bundle / "tokenizer.json")
    texts = [text_of(tokenizer, count).encode() for count in (TOKENS[-1], *TOKENS) for _ in range(2)]
    start, answers = talk(elf, texts, *COUNTED)
    instructions = NANOSECONDS // int(find_in(r"ready, (\d+) ticks", start)[1])
    found = [find_in(r"(\d+) of (\d+) tokens\t(\d+) ticks", answer.decode()).groups() for answer in answers[2:]]
    entries = [
        {
            "tokens": int(tokens),
            "length": int(length),
            "switched": int(first) * instructions,
            "instructions": int(again) * instructions,
        }
        for (tokens, length, first), (_, _, again) in zip(found[::2], found[1::2])
    ]
    return entries, app_bytes(elf)


def text_of(tokenizer: Tokenizer, count: int) -> str:
    """A text of `count` tokens."""
    words = (TEXT * count).split()
    return next(
        text
        for text in (" ".join(words[:n]) for n in range(1, len(words)))
        if len(tokenizer.encode([text], max_length=2 * count).ids[0]) >= count
    )


def count_tasks(data_dir: Path, costs: dict) -> dict:
    """Mean instructions of a text of real tasks, the test rows in their order, with one length and with all."""
    tokenizer, lengths = Tokenizer.load(HERE.parent / "tf_embbert/encoders/words/tokenizer.json"), (*SHORTER, LONGEST)
    tasks = {}
    for name in TASKS:
        ids = tokenizer.encode(load_task(name, data_dir).rows("test").texts, max_length=LONGEST).ids
        by_length = rows_by_length(lengths, ids)
        used = [length for _, length in sorted((row, length) for length, rows in by_length.items() for row in rows)]
        switches = [after for before, after in zip([None, *used], used) if before != after]
        total = sum(map(costs["inference"].get, used)) + sum(map(costs["prepare"].get, switches))
        tasks[name] = {
            "texts": len(ids),
            "mean_tokens": round(statistics.mean(map(len, ids)), 1),
            "texts_by_length": {length: len(rows) for length, rows in by_length.items()},
            "switches": len(switches),
            "one_length": costs["inference"][LONGEST],
            "all_lengths": round(total / len(ids)),
        }
    return tasks


def compare_answers(run: Run, bundle: Bundle) -> dict:
    """Texts of up to the shortest length at every length, in TFLM: how many answer otherwise than at the longest."""
    ids = run.tokenizer.encode([text for text, _ in run.sample_texts], max_length=SHORTER[0]).ids[:200]
    logits = {length: predict(model, ids).astype(int) for length, model in bundle.models.items()}
    return {
        "texts": len(ids),
        "mean_tokens": round(statistics.mean(map(len, ids)), 1),
        "against_the_longest": {
            length: {
                "other_logits": int((logits[length] != logits[LONGEST]).any(axis=1).sum()),
                "largest_difference": int(np.abs(logits[length] - logits[LONGEST]).max()),
                "other_labels": int((logits[length].argmax(axis=1) != logits[LONGEST].argmax(axis=1)).sum()),
            }
            for length in SHORTER
        },
    }


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = CommandParser(prog="python -m benchmarks.lengths", description=__doc__.split("\n")[0])
    add_tflm_arguments(parse)
    parse.add_argument("--data-dir", type=Path, required=True, metavar="DIR", help=f"holds {', '.join(TASKS)}")
    parse.add_argument("--build", type=Path, default=Path("build/lengths"), metavar="DIR")
    options = parse.parse_args(arguments)
    run = load_run(BASE)
    with tempfile.TemporaryDirectory() as folder:
        one, shared = Path(folder, "one"), Path(folder, "shared")
        convert_run(run, one, LONGEST, shorter=NONE, arena_budget=ARENA_BUDGETS[LONGEST])
        convert_run(run, shared, LONGEST, shorter=SHORTER, arena_budget=ARENA_BUDGETS[LONGEST])
        bundle = read_bundle(shared)
        costs = measure_lengths(bundle, options.tflm_root, options.build)
        texts = {path.name: measure_texts(path, options.tflm_root, options.build) for path in (one, shared)}
        content = {
            "run": "base256",
            "core": CORE,
            "kernels": KERNELS,
            "lengths": [*SHORTER, LONGEST],
            "model_sha256": bundle.manifest["model"]["sha256"],
            "bytes": measure_bytes(bundle),
            "firmware": {name: sections for name, (_, sections) in texts.items()},
            **costs,
            "texts": {name: entries for name, (entries, _) in texts.items()},
            "tasks": count_tasks(options.data_dir, costs),
            "answers": compare_answers(run, bundle),
            **describe_tools(options.tflm_root, options.tflm_commit),
        }
    write_atomically(RESULT, json.dumps(content, indent=1) + "\n")
    print(json.dumps(content, indent=1))


if __name__ == "__main__":
    raise SystemExit(main())
