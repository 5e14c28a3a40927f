"""What the app takes of flash, by what it is for: the base preset on a Cortex-M7 with CMSIS-NN.

    python -m benchmarks.flash --tflm-root DIR

Bundles of the committed run benchmarks/base256, of one length each, with our kernels beside TFLM's (KERNELS=fast) and
alone. The firmware answers its golden rows under QEMU before it is counted. Writes results/flash.json.
"""

import json
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.app import HERE, build_app, section_bytes, talk
from benchmarks.common.base import ARENA_BUDGETS, BASE
from benchmarks.firmware.results import Results
from benchmarks.firmware.runner import add_tflm_arguments, describe_tools
from convert.bundle.conversion import NONE, convert_run
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import UserError, run_command
from tf_embbert.run import load_run

RESULT = HERE / "results/flash.json"
BOARD, KERNELS = "mps2-an500", "cmsis_nn"
FORMS = ((64, "offline"), (256, "offline"), (256, "fused"), (256, "fused-int4"))
LINKED = ("fast", "alone")
# What a symbol is for, by its name; the first that matches.
PARTS = {
    "the model": r"embbert::bundle::kModel$",
    "tables of tokenizer and golden rows": r"embbert::bundle::",
    "app and kernels of ours": r"embbert::|app::|board::|^main$",
    "TFLM": r"tflite|gemmlowp|TfLite",
    "CMSIS-NN": r"^arm_",
    "C library and what has no name": r"",
}
SYMBOL = re.compile(r"^\w+ (\w+) [tTrRwWvV] (.+)$", re.MULTILINE)


def part_of(name: str) -> str:
    """Which of `PARTS` a symbol belongs to."""
    return next(part for part, pattern in PARTS.items() if re.search(pattern, name))


def bytes_by_part(elf: Path) -> dict[str, int]:
    """Bytes of flash of each part; what no symbol names is in the last one, so that they are all there is."""
    text, data, _ = section_bytes(elf)[0]
    listing = subprocess.run(["arm-none-eabi-nm", "-S", "-C", elf], capture_output=True, text=True, check=True).stdout
    found: Counter[str] = Counter()
    for size, name in SYMBOL.findall(listing):
        found[part_of(name)] += int(size, 16)
    *named, last = PARTS
    counted = {part: found[part] for part in named}
    return counted | {last: text + data - sum(counted.values())}


def measure(bundle: Path, own: str, tflm_root: Path, folder: Path) -> dict[str, int]:
    """Flash of the app of a bundle, with our kernels linked one way."""
    elf = build_app(bundle, BOARD, KERNELS, tflm_root, folder, f"-DKERNELS={own}")
    start, _ = talk(elf, [])
    if not re.search(r"golden (\d+) of \1 rows equal", start):
        raise UserError(f"{elf} does not answer its golden rows: {start[-300:]}")
    by_part = bytes_by_part(elf)
    return {"flash": sum(by_part.values()), **by_part}


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = CommandParser(prog="python -m benchmarks.flash", description=__doc__.split("\n")[0])
    add_tflm_arguments(parse)
    parse.add_argument("--build", type=Path, default=Path("build"), metavar="DIR")
    options = parse.parse_args(arguments)
    results = Results(RESULT, describe_tools(options.tflm_root, options.tflm_commit))
    with tempfile.TemporaryDirectory() as made:
        for length, plan in FORMS:
            bundle = Path(made, f"{plan}-{length}")
            budget = ARENA_BUDGETS.get(length) if plan == "offline" else None
            convert_run(load_run(BASE), bundle, length, shorter=NONE, arena_budget=budget, plan=plan)
            for own in LINKED:
                folder = options.build / f"flash-{length}-{plan}-{own}"
                entry = {"length": length, "plan": plan, "own": own}
                entry["bytes"] = measure(bundle, own, options.tflm_root, folder)
                results.add("measured", ("length", "plan", "own"), entry)
                print(json.dumps(entry))


if __name__ == "__main__":
    raise SystemExit(main())
