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
import dataclasses
import json
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from benchmarks.common.base import ARENA_BUDGETS, BASE
from benchmarks.firmware import models
from benchmarks.firmware.inputs import join, seeded_inputs, wheel_outputs
from benchmarks.firmware.runner import Firmware, build_firmware, describe_tools, smallest_arena
from benchmarks.instructions import to_instructions
from convert.export.build import build_model, build_stages
from convert.export.stock_search import choose_stock, stock_graph
from convert.export.tiling_search import choose_tilings
from convert.lowering.graph import Graph
from convert.lowering.lower import lower_model
from convert.lowering.to_tflite import write_model
from convert.passes.gather_rows import gather_rows
from convert.passes.measure import Measure
from convert.passes.optimizer import Stage, optimize_model
from convert.passes.pipeline import FINISH, tile_graph
from convert.passes.scratch import drop_scratch, fit_scratch, optional_scratch
from convert.passes.strip import strip_model
from convert.passes.tiling import Tiling, group_values, tile_queries
from convert.tflite.macs import count_macs
from convert.tflite.view import view_model
from convert.tflite.writer import pack_model
from convert.tflm.allocator import allocate
from convert.tflm.builds import find_build
from convert.tflm.interpreters import predict
from tf_embbert.common.files import write_atomically
from tf_embbert.model.folded import FoldedModel
from tf_embbert.run import Run, load_run

HERE = Path(__file__).parent
RESULT = HERE / "results/optimisation.json"
LENGTHS = (32, 64, 128, 256)
ASKED, ROOMY = ARENA_BUDGETS[LENGTHS[-1]], 140_000  # bytes
M7, M55 = find_build("cortex-m7", "cmsis_nn"), find_build("cortex-m55", "cmsis_nn")

# Ideas that were reckoned and not built: (idea, expected, why).
RECKONED = [
    (
        "attention weights times n by BATCH_MATMUL, projected after",
        "no groups of values",
        "TFLM keeps a transposed copy of n in the tail, 32,768 B for every operator (batch_matmul.cc)",
    ),
    (
        "attention weights times n by DEPTHWISE_CONV_2D, n its filter",
        "no groups of values, 8 operators less a tile",
        "1,024 B of multipliers in the tail for every tile (depthwise_conv_common.cc): 9 kB for what saves 11 kB, on "
        "CMSIS-NN's slow path, and the context is rounded once more",
    ),
    (
        "one tile's operators as a graph that IF calls for every tile",
        "about 6 kB less tail",
        "tiles of one size and no carried group: the values are made 8 times instead of 3, about 130 M instructions "
        "more",
    ),
    (
        "SiLU by GATHER from a table of 256",
        "43 M instructions less",
        "indices must be int32 from 0 on: CAST, ADD and GATHER on 4 B an element, 77 kB for the larger tile",
    ),
    (
        "SiLU of int16, by LOGISTIC's table between two QUANTIZE",
        "30 M instructions less",
        "three times the convolution's tile, 19 kB more than there is, and a requantisation more",
    ),
    (
        "n always written onto x",
        "no other place to find",
        "the place must do for x and n through all blocks: no plan found below 92,608 B of head, 6,848 B more",
    ),
    (
        "a last block without RESHAPE, x in two dimensions for TFLite and four for TFLM",
        "80 B less tail",
        "the tiles stay as they are: three of queries want 1 kB less",
    ),
    (
        "one tile of the convolution, whose multipliers, 1,024 B, each block then has once",
        "4.7 kB less tail",
        "n with its rows of zeros, all contexts and all outputs are 20 kB more than there is, unless the convolution "
        "wrote onto its input, which is safe only if its rows come in order",
    ),
    (
        "scores of half a tile's queries at a time",
        "4.6 kB less where scores are computed",
        "three operators a tile, 1.1 kB of tail for a tile in every block, and the contexts take as much",
    ),
    (
        "softmax from ELU, whose int8 kernel is a table of 256 exponentials",
        "60 M instructions less",
        "its 8 bits span all rows: weights of rows with low peaks round to few levels, and no int8 DIV to normalise by",
    ),
    (
        "convolutions after all of the attention, one with scratch",
        "half of their instructions saved",
        "one of 107 rows does not fit beside n and the finished rows; between two tiles of queries both do",
    ),
    (
        "stock: the convolution in halves of channels",
        "1 kB less tail a block",
        "the halves are joined before the dense: 776 rows of n alive at once, where all else needs 710",
    ),
    (
        "stock: the first rows' convolution before any attention",
        "tiles of 128 rows, 7 kB less beside SiLU",
        "its output waits through the first tiles of attention: 712 rows of n, and a tile of queries more",
    ),
    (
        "softmax of int16, by look-up tables",
        "fewer instructions an element",
        "twice the scores, and 2,052 B of tables in the tail for every operator (softmax_common.cc)",
    ),
]

Rows: TypeAlias = tuple[int, ...]  # of tiles


def planned(data: bytes, share: bool = True) -> bytes:
    """A model with an offline plan for the Cortex-M7; without shared memory on demand."""
    measure = Measure(strip_model(view_model(data)), M7)
    if not share:
        measure.aliasing.may_alias.clear()
    return pack_model(measure.with_plan())


def make_ideas(plain: Graph, kept: Tiling) -> list[tuple[str, str, bool, bytes]]:
    """(idea, expected, kept, model) of every idea that was built."""

    def tiled(queries: Rows = kept.queries, values: Rows = kept.values, rows: Rows = kept.convolution) -> Graph:
        return tile_graph(plain, Tiling(queries, values, rows))

    def fit(graph: Graph) -> Graph:
        return fit_scratch(graph, M7, ASKED)

    def cut(**tiling: Any) -> bytes:
        return planned(write_model(fit(tiled(**tiling))))

    whole, exported = tiled(), fit(tiled())
    optional = optional_scratch(whole)
    no_dense = drop_scratch(whole, [op for op in optional if op.kind == "FULLY_CONNECTED"])
    smallest = choose_tilings(plain, "cortex-m7", M7)[0]
    odd = Tiling((109, 70, 45, 32), (41, 49, 38), (109, 147))
    alone = tile_queries(plain, kept.queries)
    return [
        ("the plain graph, TFLM's planner", "the start", False, write_model(plain)),
        ("the plain graph, offline plan", "scores and weights in one place", False, planned(write_model(plain))),
        ("tiles of queries alone", "no [L, L] tensor", False, planned(write_model(fit(alone)))),
        (
            "tiles of queries, groups of values",
            "a third of the values at a time",
            False,
            planned(write_model(fit(group_values(alone, kept.values)))),
        ),
        ("as exported: the fastest within 114,688 B", "400 M instructions", True, planned(write_model(exported))),
        (
            "the smallest arena, the default",
            "scores of two tiles without scratch",
            True,
            planned(write_model(smallest.graph)),
        ),
        (
            "tiles and groups of odd sizes, that fill the arena",
            "the same",
            False,
            planned(write_model(fit(tile_graph(plain, odd)))),
        ),
        (
            "as exported, scores and values without scratch",
            "a third more instructions each",
            False,
            planned(write_model(no_dense)),
        ),
        (
            "as exported, no convolution with scratch either",
            "25 M instructions more",
            False,
            planned(write_model(drop_scratch(whole, optional))),
        ),
        (
            "as exported, nothing in place",
            "copies of n, context and output",
            False,
            planned(write_model(exported), share=False),
        ),
        (
            "as exported, no metadata: TFLM's planner, tensors in another order",
            "gaps of its greedy planner, and copies",
            False,
            optimize_model(write_model(exported), M7, FINISH[:-1])[0],
        ),
        ("two groups of values", "fewer operators, 6 kB more values", False, cut(values=(64, 64))),
        ("four groups of values", "more operators, 2 kB less values", False, cut(values=(32, 32, 32, 32))),
        ("three equal groups of values", "a little more where the context is whole", False, cut(values=(44, 44, 40))),
        ("three tiles of queries", "fewer operators, larger tiles", False, cut(queries=(122, 80, 54), rows=(122, 134))),
        (
            "five tiles of queries",
            "more operators, smaller tiles",
            False,
            cut(queries=(98, 66, 44, 28, 20), rows=(98, 158)),
        ),
        (
            "four tiles of 64",
            "the last, with all rows finished, decides",
            False,
            cut(queries=(64,) * 4, rows=(128, 128)),
        ),
        (
            "three tiles of the convolution",
            "smaller tiles, 1.5 kB of operator a block",
            False,
            cut(rows=(kept.queries[0], kept.queries[1], sum(kept.queries[2:]))),
        ),
    ]


def make_stock_ideas(plain: Graph, offline: Tiling) -> list[tuple[str, str, bool, bytes]]:
    """The same for TFLM's own planner, with no metadata in the file; `offline` is the tiling of the offline plan."""
    stock, roomy = choose_stock(plain, "cortex-m7", M7), choose_stock(plain, "cortex-m7", M7, ROOMY)
    whole = stock_graph(plain, stock.tiling)

    def permuted(graph: Graph) -> bytes:
        return optimize_model(write_model(graph), M7, FINISH[:-1])[0]

    return [
        (
            "stock: the plain graph, each reader gathers its rows of n",
            "one n less",
            False,
            permuted(stock_graph(plain, None)),
        ),
        (
            "stock: tiles of the offline plan, rows gathered, values made anew",
            "no copy of n that waits",
            False,
            permuted(stock_graph(plain, offline)),
        ),
        (
            "stock: tiles by lifetimes that share nothing, rows gathered, values carried",
            "126,976 B",
            False,
            permuted(gather_rows(tile_graph(plain, stock.tiling))),
        ),
        (
            "stock: the same, values made anew, tensors in order of use",
            "11 kB less beside scores",
            False,
            write_model(whole),
        ),
        ("stock: the same, 200 rounds of permuting tensors", "fewer gaps", False, permuted(whole)),
        (
            "stock, as exported: tensor order annealed, tiles changed by rows, scratch in the gaps",
            "126,976 B",
            True,
            stock.model,
        ),
        ("stock: the fastest within 140,000 B", "values made once", True, roomy.model),
    ]


def build_hard_swish(run: Run) -> bytes:
    """The run's model as if it had been trained with the other activation: its answers mean nothing, its figures do."""
    ranges = dict(run.ranges)
    assert isinstance(run.weights, FoldedModel)
    for name in [name for name in ranges if name.endswith(".silu")]:
        ranges[name.replace(".silu", ".hard_swish")] = ranges[name]
    return build_model(dataclasses.replace(run.weights, activation="hard_swish"), ranges, LENGTHS[-1], arena=ASKED)


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
