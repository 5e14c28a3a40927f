"""Our kernels beside TFLM's in one run under QEMU: instructions, arena, stack, code, and whether the bytes are equal.

    python -m benchmarks.kernels --tflm-root DIR [--core ID] [--others] [MODEL.tflite ...]

Without models: the base preset at 256 tokens, in firmware with the operators of EmbBERT. With --others also those of
benchmarks/firmware/models that have an operator of ours, in firmware with all operators. Writes results/kernels.json
after every measurement.
"""

import hashlib
from collections import Counter
from pathlib import Path

from benchmarks.common.base import build_base
from benchmarks.firmware import models
from benchmarks.firmware.elf import flash_bytes
from benchmarks.firmware.inputs import join, seeded_inputs
from benchmarks.firmware.results import Results
from benchmarks.firmware.runner import (
    BOARDS,
    BORROWED_BOARDS,
    Firmware,
    Run,
    add_tflm_arguments,
    build_firmware,
    describe_tools,
    smallest_arena,
)
from convert.bundle.sources import WITH_KERNELS
from convert.tflite.model import operator_name, read_model
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import UserError, run_command

RESULT = Path(__file__).parent / "results/kernels.json"
CHOICES = ("stock", "fast")
BASE = "embbert-base-256"
NANOSECONDS = 1_000_000_000  # in a second; QEMU's -icount shift=0 runs an instruction in each


def parser() -> CommandParser:
    parse = CommandParser(prog="python -m benchmarks.kernels", description=__doc__.split("\n")[0])
    parse.add_argument("models", nargs="*", type=Path, metavar="MODEL.tflite")
    add_tflm_arguments(parse)
    cores = [*BOARDS, *BORROWED_BOARDS]
    parse.add_argument("--core", action="append", choices=cores, help="may be repeated; default: all but cortex-m0plus")
    parse.add_argument("--others", action="store_true", help="also the committed models with an operator of ours")
    parse.add_argument("--build", type=Path, default=Path("build/firmware"), metavar="DIR", help="default: %(default)s")
    return parse


def other_models() -> dict[str, bytes]:
    """The committed models that have an operator of ours, by name."""
    found = models.read_models()
    return {name: model for name, model in found.items() if has_kernel(model)}


def has_kernel(data: bytes) -> bool:
    model = read_model(data)
    return any(operator_name(model, op) in WITH_KERNELS for graph in model.subgraphs for op in graph.operators)


def instructions_by_kind(run: Run) -> dict[str, int]:
    """Of one inference, for each kind of operator, the dearest first."""
    ticks: Counter[str] = Counter()
    for kind, count in run.ops:
        ticks[kind] += count
    return {kind: to_instructions(count, run) for kind, count in ticks.most_common()}


def to_instructions(ticks: int | None, run: Run) -> int:
    if ticks is None or not run.ticks_per_second:
        raise UserError(f"the firmware says no ticks: {run.log}")
    return round(ticks * NANOSECONDS / run.ticks_per_second)


def measure(firmware: Firmware, model: bytes) -> tuple[dict, bytes | None]:
    """What a model takes with one of both, and the bytes it answers on a seeded input."""
    run = firmware.run(model, inputs=join(seeded_inputs(model)), count=True)
    if run.status:
        raise UserError(f"{firmware.core} does not run the model: {' '.join(run.log.split())}")
    entry = {
        "instructions": to_instructions(run.ticks, run),
        "arena": smallest_arena(firmware, model)[1],
        "stack": run.stack,
        "program_bytes": flash_bytes(firmware.elf),
        "kernels_bytes": flash_bytes(firmware.elf.parent / "kernels/libembbert_kernels.a"),  # linked or not
        "by_kind": instructions_by_kind(run),
    }
    return entry, run.output


def compare(core: str, name: str, model: bytes, target: str, tflm_root: Path, build: Path) -> dict:
    """One entry of the results: both measurements, and `equal` where every byte of the outputs is."""
    firmware = {ours: build_firmware(core, "cmsis_nn", tflm_root, build, target, ours) for ours in CHOICES}
    measured = {ours: measure(firmware[ours], model) for ours in CHOICES}
    answers = [output for _, output in measured.values()]
    return {
        "model": name,
        "model_sha256": hashlib.sha256(model).hexdigest(),
        "core": core,
        **{ours: entry for ours, (entry, _) in measured.items()},
        "equal": answers[0] is not None and answers[0] == answers[1],
    }


@run_command
def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    given = {path.stem: path.read_bytes() for path in options.models} or {BASE: build_base(256)[0]}
    chosen = [(name, model, "measure_embbert") for name, model in given.items()]
    if options.others:
        chosen += [(name, model, "measure") for name, model in other_models().items()]
    results = Results(RESULT, describe_tools(options.tflm_root, options.tflm_commit))
    for core in options.core or BOARDS:
        for name, model, target in chosen:
            entry = compare(core, name, model, target, options.tflm_root, options.build)
            results.add("measured", ("model", "core"), entry)
            stock, fast = (entry[ours]["instructions"] for ours in CHOICES)
            print(f"{core} {name}: {stock:,} stock, {fast:,} fast, {fast / stock:.3f}, equal {entry['equal']}")


if __name__ == "__main__":
    raise SystemExit(main())
