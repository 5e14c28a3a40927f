"""The arena that firmware needs, measured under QEMU: models x cores x kernels.

    python -m benchmarks.arena_firmware --tflm-root DIR [--core ID] [--kernels NAME] [--check] [MODEL.tflite ...]

Without models: those of benchmarks/firmware/models and the base preset at 256 and 64 tokens. Writes
results/arena_firmware.json after every measurement and skips what is there of the same bytes and tools.
firmware/README.md says what DIR must hold.
"""

import argparse
import hashlib
import subprocess
from pathlib import Path

from benchmarks.common.base import build_base
from benchmarks.firmware import models
from benchmarks.firmware.inputs import join, seeded_inputs, wheel_outputs
from benchmarks.firmware.results import Results
from benchmarks.firmware.runner import (
    BOARDS,
    KERNELS,
    Firmware,
    add_tflm_arguments,
    build_firmware,
    describe_tools,
    smallest_arena,
)
from convert.tflite.model import float_tensors, read_model
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import UserError, run_command

RESULT = Path(__file__).parent / "results/arena_firmware.json"
BASE_LENGTHS = (256, 64)
CHECKED_CORES = ("cortex-m4", "cortex-m7", "cortex-m55")


def parser() -> CommandParser:
    parse = CommandParser(prog="python -m benchmarks.arena_firmware", description=__doc__.split("\n")[0])
    add_firmware_arguments(parse)
    parse.add_argument(
        "--check",
        action="store_true",
        help="only compare what Cortex-M4, M7 and M55 answer with the"
        " tflite-micro package, integer models only; exit 1 on any difference",
    )
    return parse


def add_firmware_arguments(parse: argparse.ArgumentParser, kernels: tuple[str, ...] = KERNELS) -> None:
    parse.add_argument("models", nargs="*", type=Path, metavar="MODEL.tflite")
    add_tflm_arguments(parse)
    parse.add_argument("--core", action="append", choices=list(BOARDS), help="may be repeated; default: all")
    parse.add_argument("--kernels", action="append", choices=kernels, help="may be repeated; default: all")
    parse.add_argument("--build", type=Path, default=Path("build/firmware"), metavar="DIR", help="default: %(default)s")


def named_models(paths: list[Path]) -> dict[str, bytes]:
    """Bytes of models by the name of their file; of the default ones when no path is given."""
    if paths:
        missing = [str(path) for path in paths if not path.is_file()]
        if missing:
            raise UserError(f"{missing[0]}: there is no such model")
        return {path.stem: path.read_bytes() for path in paths}
    return base_models() | models.read_models()


def base_models() -> dict[str, bytes]:
    """The base preset at both lengths."""
    return {f"embbert-base-{length}": model for length, model in zip(BASE_LENGTHS, build_base(*BASE_LENGTHS))}


def measure(firmware: Firmware, name: str, model: bytes) -> dict:
    """One entry of the results: used and total bytes of arena, the stack of an inference, equal outputs or not."""
    used, total = smallest_arena(firmware, model)
    inputs = seeded_inputs(model)
    run = firmware.run(model, total, join(inputs))
    if run.status:
        raise UserError(f"{firmware.core} with {firmware.kernels} does not run {name}: {' '.join(run.log.split())}")
    return {
        "model": name,
        "model_sha256": hashlib.sha256(model).hexdigest(),
        "core": firmware.core,
        "board": BOARDS[firmware.core],
        "kernels": firmware.kernels,
        "used": used,
        "total": total,
        "stack": run.stack,
        "outputs_equal": run.output == wheel_outputs(model, inputs),
    }


def measure_runtime(firmware: Firmware) -> dict:
    """Bytes of a linked firmware without its model, arena and stack: {core, kernels, text, data, bss}."""
    listing = subprocess.run(["arm-none-eabi-size", "-A", firmware.elf], capture_output=True, text=True, check=True)
    sections = {
        words[0]: int(words[1])
        for words in map(str.split, listing.stdout.splitlines())
        if len(words) == 3 and words[1].isdigit()
    }
    text = sum(
        size
        for name, size in sections.items()
        if name in (".vectors", ".text", ".init_array") or name.startswith(".ARM.ex")
    )
    return {
        "core": firmware.core,
        "kernels": firmware.kernels,
        "text": text,
        "data": sections.get(".data", 0),
        "bss": sections.get(".bss", 0),
    }


def measure_all(options: argparse.Namespace, chosen: dict[str, bytes]) -> None:
    results = Results(RESULT, describe_tools(options.tflm_root, options.tflm_commit))
    for core in options.core or BOARDS:
        for kernels in options.kernels or KERNELS:
            runtime = build_firmware(core, kernels, options.tflm_root, options.build, "runtime")
            results.add("runtime_code_bytes", ("core", "kernels"), measure_runtime(runtime))
            firmware = build_firmware(core, kernels, options.tflm_root, options.build)
            for name, model in chosen.items():
                sha256 = hashlib.sha256(model).hexdigest()
                if not results.has(model=name, model_sha256=sha256, core=core, kernels=kernels):
                    entry = measure(firmware, name, model)
                    results.add("measured", ("model", "core", "kernels"), entry)
                    print(
                        f"{name} {core} {kernels}: used {entry['used']:,} total {entry['total']:,} stack "
                        f"{entry['stack']:,} outputs {'equal' if entry['outputs_equal'] else 'DIFFER'}"
                    )


def check_outputs(options: argparse.Namespace, chosen: dict[str, bytes]) -> int:
    """Whether some core answers an integer model otherwise than the wheel: the exit status."""
    differ = False
    chosen = {name: model for name, model in chosen.items() if not float_tensors(read_model(model))}
    for core in options.core or CHECKED_CORES:
        for kernels in options.kernels or KERNELS:
            firmware = build_firmware(core, kernels, options.tflm_root, options.build)
            for name, model in chosen.items():
                inputs = seeded_inputs(model)
                run = firmware.run(model, inputs=join(inputs))
                equal = run.output == wheel_outputs(model, inputs)
                differ |= not equal
                print(f"{name} {core} {kernels}: {'equal' if equal else 'DIFFERENT'}", run.log if run.status else "")
    return int(differ)


@run_command
def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    chosen = named_models(options.models)
    if options.check:
        return check_outputs(options, chosen)
    measure_all(options, chosen)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
