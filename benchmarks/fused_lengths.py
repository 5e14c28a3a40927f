"""What the base preset with blocks of one operator (`--plan fused`) needs at several lengths, of random weights.

    python -m benchmarks.fused_lengths

Computed: the arena as `convert.arena --kernels fast` says it, instructions of a text that fills the length as it
estimates them. Writes results/fused_lengths.json.
"""

import dataclasses
from pathlib import Path
from typing import Any

from benchmarks.firmware.fused import mixed_graph
from benchmarks.firmware.results import to_lines
from convert.export.build import build_fused
from convert.tflm.arena import plan_arena
from convert.tflm.builds import find_build
from convert.tflm.instructions import estimate_instructions
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import run_command
from tf_embbert.common.files import write_atomically
from tf_embbert.model.config import EmbBERTConfig

RESULT = Path(__file__).parent / "results/fused_lengths.json"
LENGTHS, TILE_ROWS = (64, 128, 256, 512), (16, 32)
CORES, KERNELS = ("cortex-m4", "cortex-m55"), "fast"


def measure(length: int) -> list[dict[str, Any]]:
    """A row for each number of a tile's rows and core."""
    plain, found = mixed_graph(dataclasses.replace(EmbBERTConfig.preset("base"), max_length=length)), []
    for tile_rows in TILE_ROWS:
        for core in CORES:
            model, _ = build_fused(plain, tile_rows, find_build(core, KERNELS))
            estimate = estimate_instructions(model, core, KERNELS)
            assert estimate is not None and not estimate["at_least"]
            arena, taken = plan_arena(model, core, KERNELS)["total"], estimate["total"]
            place = {"length": length, "tile_rows": tile_rows, "core": core}
            found.append({**place, "arena": arena, "bytes": len(model), "instructions": taken})
    return found


@run_command
def main(arguments: list[str] | None = None) -> None:
    CommandParser(prog="python -m benchmarks.fused_lengths", description=__doc__.split("\n")[0]).parse_args(arguments)
    write_atomically(RESULT, to_lines({"base": [row for length in LENGTHS for row in measure(length)]}))


if __name__ == "__main__":
    main()
