"""What the app takes of flash, by what it is for: the base preset on a Cortex-M7 with CMSIS-NN.

    python -m benchmarks.flash --tflm-root DIR

Bundles of the committed run benchmarks/base256, of one length each, with our kernels beside TFLM's (KERNELS=fast) and
alone. The firmware answers its golden rows under QEMU before it is counted. Writes results/flash.json.
"""

import json
import re
import tempfile
from pathlib import Path

from benchmarks.app import HERE, build_app, talk
from benchmarks.common.base import ARENA_BUDGETS, BASE
from benchmarks.firmware.elf import bytes_by_part
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
