"""Ideas for a smaller or faster model, each built as a model, and those that were only reckoned."""

import dataclasses
from typing import Any, TypeAlias

from benchmarks.common.base import ARENA_BUDGETS
from convert.export.build import build_model
from convert.export.stock_search import choose_stock, stock_graph
from convert.export.tiling_search import choose_tilings
from convert.lowering.graph import Graph
from convert.lowering.to_tflite import write_model
from convert.passes.gather_rows import gather_rows
from convert.passes.measure import Measure
from convert.passes.optimizer import optimize_model
from convert.passes.pipeline import FINISH, tile_graph
from convert.passes.scratch import drop_scratch, fit_scratch, optional_scratch
from convert.passes.strip import strip_model
from convert.passes.tiling import Tiling, group_values, tile_queries
from convert.tflite.view import view_model
from convert.tflite.writer import pack_model
from convert.tflm.builds import find_build
from tf_embbert.model.folded import FoldedModel
from tf_embbert.run import Run

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
