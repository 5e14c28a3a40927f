"""What each idea for a smaller or faster model brought, on benchmarks/base256; and `convert.optimize` on other models.

    python -m benchmarks.optimisation [--tflm-root DIR [--tflm-commit ID]] [--rows N]
    python -m benchmarks.optimisation --other-models

Writes results/optimisation.json: what every step of the export leaves at each length, with an offline plan and for
TFLM's own planner (stock), a line for every idea (expected, measured, kept or not) at 256 tokens, and foreign models
before and after; with --other-models these alone are made anew.

Arena in all, of the Cortex-M builds with CMSIS-NN kernels, computed as `convert.arena` does; with
--tflm-root (see firmware/README.md) the Cortex-M7's is also measured under QEMU, with instructions. `equal_rows` counts
the answers of TFLM that are those of the plain graph.
"""

import argparse
import json
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common.base import ARENA_BUDGETS, BASE
from benchmarks.firmware import models
from benchmarks.firmware.inputs import join, seeded_inputs, wheel_outputs
from benchmarks.firmware.runner import Firmware, build_firmware, describe_tools, smallest_arena
from benchmarks.instructions import to_instructions
from benchmarks.optimisation_ideas import LENGTHS, M7, M55, RECKONED, build_hard_swish, make_ideas, make_stock_ideas
from convert.export.build import build_stages
from convert.lowering.lower import lower_model
from convert.lowering.to_tflite import write_model
from convert.passes.optimizer import Stage, optimize_model
from convert.passes.tiling import Tiling
from convert.tflite.macs import count_macs
from convert.tflite.view import view_model
from convert.tflm.allocator import allocate
from convert.tflm.interpreters import predict
from tf_embbert.common.files import write_atomically
from tf_embbert.run import Run, load_run

HERE = Path(__file__).parent
RESULT = HERE / "results/optimisation.json"


def measure(data: bytes, plain_answers: np.ndarray, ids: list, firmware: Firmware | None) -> dict:
    """Figures of a model; `firmware` is None where QEMU is not asked."""
    equal = (predict(data, ids, processes=1) == plain_answers).all(axis=1)
    figures = {
        "file": len(data),
        "macs": count_macs(view_model(data)),
        "arena": {
            name: allocate(view_model(data), *target).total for name, target in (("cortex-m7", M7), ("cortex-m55", M55))
        },
        "equal_rows": int(equal.sum()),
        "rows": len(ids),
    }
    if firmware:
        figures["qemu"] = measure_firmware(data, firmware)
    return figures


def measure_firmware(data: bytes, firmware: Firmware) -> dict:
    """What a Cortex-M7 takes and answers: arena, instructions in all and by kind of operator, equal bytes or not."""
    inputs = seeded_inputs(data)
    run = firmware.run(data, inputs=join(inputs), count=True)
    by_op: Counter[str] = Counter()
    for kind, ticks in run.ops:
        by_op[kind] += to_instructions(ticks, run)
    return {
        "arena": smallest_arena(firmware, data)[1],
        "instructions": to_instructions(run.ticks, run),
        "by_op": dict(by_op.most_common()),
        "equal": run.output == wheel_outputs(data, inputs),
    }


def measure_foreign(path: Path) -> dict:
    """A committed model of another kind, before and after `convert.optimize`."""
    data = path.read_bytes()
    smaller, stages = optimize_model(data, M7)
    inputs = seeded_inputs(data)

    def figures(stage: Stage) -> dict[str, int]:
        return {"file": stage.file, "arena": stage.total}

    return {
        "model": path.stem,
        "before": figures(stages[0]),
        "after": figures(stages[-1]),
        "outputs_equal": wheel_outputs(smaller, inputs) == wheel_outputs(data, inputs),
    }


def measure_other_models() -> list[dict]:
    """`measure_foreign` of all of them."""
    return [measure_foreign(path) for path in sorted(models.FOLDER.glob("*.tflite"))]


def write_result(document: dict) -> None:
    write_atomically(RESULT, json.dumps(document, indent=1) + "\n")


def measure_exports(run: Run, plan: str) -> tuple[dict, Tiling | None]:
    """What every step leaves at each length, with the seconds of this processor; and the tiling of the longest."""
    budgets = ARENA_BUDGETS if plan == "offline" else {}
    exports: dict[int, dict[str, Any]] = {}
    built = None
    for length in LENGTHS:
        start = time.process_time()
        built = build_stages(run.weights, run.ranges, length, arena=budgets.get(length), plan=plan)
        exports[length] = {
            "seconds": round(time.process_time() - start, 1),
            "tiling": built.tiling and asdict(built.tiling),
            "stages": [asdict(stage) for stage in built.stages],
        }
        print(length, exports[length]["stages"][-1], flush=True)
    return exports, built and built.tiling


def measure_ideas(run: Run, tiling: Tiling, rows: int, firmware: Firmware | None) -> list[dict]:
    """A line for every idea."""
    texts = [text for text, _ in run.sample_texts[:rows]]
    ids = run.tokenizer.encode(texts, max_length=LENGTHS[-1]).ids
    plain = lower_model(run.weights, run.ranges, LENGTHS[-1])
    answers = predict(write_model(plain), ids, processes=1)
    lines = []
    ideas = [
        *make_ideas(plain, tiling),
        *make_stock_ideas(plain, tiling),
        (
            "HARD_SWISH in place of SiLU, within 114,688 B: another function, for training to choose",
            "43 M instructions less",
            False,
            build_hard_swish(run),
        ),
    ]
    for idea, expected, kept, data in ideas:
        measured = measure(data, answers, ids, firmware)
        lines.append({"idea": idea, "expected": expected, "measured": measured, "kept": kept})
        print(idea, measured, flush=True)
    return lines + [
        {"idea": idea, "expected": expected, "measured": None, "kept": False, "why": why}
        for idea, expected, why in RECKONED
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tflm-root", type=Path, metavar="DIR", help="measure under QEMU, with this TFLM")
    parser.add_argument("--tflm-commit", help="its commit, when it has no git history")
    parser.add_argument("--build", type=Path, default=Path("build/firmware"), metavar="DIR")
    parser.add_argument("--rows", type=int, default=8, metavar="N", help="texts to compare (default: %(default)s)")
    parser.add_argument("--other-models", action="store_true", help="make that part anew, and keep the rest")
    options = parser.parse_args()
    if options.other_models:
        write_result(json.loads(RESULT.read_text()) | {"foreign": measure_other_models()})
        return
    root = options.tflm_root
    firmware = root and build_firmware("cortex-m7", "cmsis_nn", root, options.build)
    run = load_run(BASE)
    exports, tiling = measure_exports(run, "offline")
    assert tiling is not None  # base at 256 tokens is cut
    document = {
        "tools": root and describe_tools(root, options.tflm_commit),
        "exports": exports,
        "stock_exports": measure_exports(run, "stock")[0],
        "ideas": measure_ideas(run, tiling, options.rows, firmware),
        "foreign": measure_other_models(),
    }
    write_result(document)


if __name__ == "__main__":
    main()
