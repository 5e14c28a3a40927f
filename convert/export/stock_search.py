"""Tilings for TFLM's own planner, which lets nothing share memory, and leaves gaps.

In the form of `gather_rows.py`, with d channels, L rows and D rows finished or waiting, a tile of t queries has alive
    n (L d), the mask (4 L), the rows (D d), and at its worst
    scores and weights (2 t L), or
    weights (t L), a group of g values (L g) and what is made of its context (up to t d);
a tile of c rows of the convolution, m channels wide, has
    n, which after the last tile is not needed any more, the mask, the rows, and
    its window of n and its output, or those of the product of SiLU (3 c m, HARD_SWISH 2 c m).
How much the planner's gaps add depends on the sizes of all tiles, so tilings are judged by what the planner makes of
them with the best tensor order found, and the best are changed row by row.
"""

import random
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import NamedTuple

from convert.export.tiling_search import MASK_BYTES, UNIT_BYTES, Bounds, Sizes, Steps, find_sizes, rank_tilings
from convert.lowering.graph import Graph, Op
from convert.passes.measure import Measure
from convert.passes.pipeline import SHARING_NOTHING, TILING, GraphPass, Settings, run_graph_passes
from convert.passes.scratch import drop_scratch, optional_scratch, optional_steps
from convert.passes.tensor_order import arrange_buffers, number_tensors, planner_queue
from convert.passes.tiling import Tiling
from convert.tflite.writer import pack_model
from convert.tflm.builds import Target
from convert.tflm.instructions import estimate_instructions
from convert.tflm.planner import Buffer, head_bytes, plan_buffers

TRIED, REFINED = 6, 2  # kinds of tilings that the formula likes best; those that are worked on at length
NEAR = 1.1  # of the smallest arena: how much a tiling may take to be changed at all
FEW, MANY = 15, 50  # changes, row by row, to each that is tried, and to each that is worked on
ROUNDS, MORE_ROUNDS = 1500, 300  # of the search for a tensor order: at first, and after a change


class Arranged(NamedTuple):
    """A tiling (None: not tiled) without optional scratch, and the best that TFLM's planner was made to do with it."""

    total: int
    head: int
    persistent: int
    tiling: Tiling | None
    queue: list[int]


class Stock(NamedTuple):
    """A model for TFLM's own planner, instructions of an inference, about, and what it was made of."""

    model: bytes
    instructions: int
    tiling: Tiling | None
    graph: Graph


def stock_passes(tiling: Tiling | None) -> list[GraphPass]:
    """The passes from a plain graph to one for a planner that lets nothing share memory."""
    return [*(TILING if tiling else []), *SHARING_NOTHING]


def stock_graph(plain: Graph, tiling: Tiling | None) -> Graph:
    """A plain graph after all of these passes."""
    return run_graph_passes(stock_passes(tiling), plain, Settings(tiling))


def arrange_tiling(plain: Graph, tiling: Tiling | None, core: str, target: Target, arena: int) -> Stock:
    """As `choose_stock`, of one tiling."""
    return _finish(plain, _arrange(plain, tiling, target), core, target, arena)


def choose_stock(plain: Graph, core: str, target: Target, arena: int | None = None) -> Stock:
    """The best model found of a plain graph for TFLM's own planner, with scratch where that costs nothing.

    Args:
        plain: the graph as `lower_model` gives it.
        core: the core, by whose instructions the target's kernels are judged.
        target: the build of TFLM that the arena is made small for.
        arena: bytes that the arena may have: then it is the fastest found that fits, if any does.
    """
    found = [_arrange(plain, tiling, target) for tiling in [None, *_starts(find_sizes(plain), arena)]]
    limit = NEAR * min(one.total for one in found)
    found = [_refine(plain, one, target, FEW) if one.total <= limit else one for one in found]
    found.sort(key=lambda one: one.total)
    found += [_refine(plain, one, target, MANY) for one in found[:REFINED]]
    fitting = [one for one in found if one.total <= (arena or 0)]
    if fitting:
        return min((_finish(plain, one, core, target, arena) for one in fitting), key=lambda one: one.instructions)
    return _finish(plain, min(found, key=lambda one: one.total), core, target)


def _starts(sizes: Sizes, arena: int | None) -> list[Tiling]:
    """The tilings to begin with, the best by the formula with so many tiles and groups of each kind: those that need
    least, and of those that may fit an arena, those that make values least often.
    """
    kinds: dict[tuple[int, ...], Tiling] = {}
    fitting = []
    for total, tiling in rank_tilings(sizes, Bounds(_attention_bounds, _convolution_bounds)):
        kind = (len(tiling.values), *_tiles_of_convolutions(tiling))
        if kind not in kinds and total <= (arena or 0):
            fitting.append(tiling)
        kinds.setdefault(kind, tiling)
    fitting.sort(key=lambda tiling: len(tiling.queries) if len(tiling.values) > 1 else 1)
    return list(dict.fromkeys([*list(kinds.values())[:TRIED], *fitting[:TRIED]]))


def _arrange(plain: Graph, tiling: Tiling | None, target: Target, like: Arranged | None = None) -> Arranged:
    """Judges a tiling without any scratch that can be done without; `like` is one of as many tiles, to be bettered."""
    graph = stock_graph(plain, tiling)
    needs = Measure.of_graph(drop_scratch(graph, optional_scratch(graph)), target).allocation
    if like is None:
        queue, head = arrange_buffers(needs.buffers, ROUNDS)
    else:
        rounds = MORE_ROUNDS if needs.total_with(needs.lower_bound) <= like.total else 0
        queue, head = arrange_buffers(needs.buffers, rounds, _like(like.queue, needs.buffers))
    return Arranged(needs.total_with(head), head, needs.persistent, tiling, queue)


def _refine(plain: Graph, best: Arranged, target: Target, changes: int) -> Arranged:
    """A tiling after changes that are none for the worse."""
    generator = random.Random(changes)
    for _ in range(changes):
        if best.tiling is None:
            break
        changed = _arrange(plain, _change(best.tiling, generator), target, best)
        best = min(changed, best, key=lambda one: one.total)
    return best


def _finish(plain: Graph, bare: Arranged, core: str, target: Target, arena: int | None = None) -> Stock:
    """The model of a tiling with as much scratch as an arena has room for; without it, what lies in the head's gaps."""
    graph = stock_graph(plain, bare.tiling)
    optional = optional_scratch(graph)
    handles = len(optional) * target.build.size("ScratchBufferHandle")
    kept = _fill(graph, bare.queue, target, arena - bare.persistent - handles if arena else bare.head)
    chosen = drop_scratch(graph, [op for op in optional if op not in kept])
    measure = Measure.of_graph(chosen, target)
    queue = _like(bare.queue, measure.buffers)
    estimate = estimate_instructions(measure.model, core, target.name)
    data = pack_model(number_tensors(measure.model, measure.buffers, queue))
    return Stock(data, estimate["total"] if estimate else 0, bare.tiling, chosen)


def _fill(graph: Graph, queue: list[int], target: Target, room: int) -> list[Op]:
    """The operators that keep scratch they could do without in a head of so many bytes, those with most work first.

    Example: without any such scratch the planner makes a head of 900 B, and there is room for 1,000. Of a dense with
    50,000 multiply-accumulates and one with 30,000 the first is asked first: with its scratch among the buffers, in
    the same queue, the planner makes 980, so it keeps it. With the second's as well the planner makes 1,060, though
    the first alone would leave a gap that is large enough: the second does without. What is kept is [the first].
    """
    needs = Measure.of_graph(graph, target).allocation
    optional = optional_steps(graph, needs)
    taken = [b for b in needs.buffers if b.owner or b.first not in optional.values()]
    kept: list[Op] = []
    for op in sorted(optional, key=_work, reverse=True):
        more = taken + [b for b in needs.buffers if b.owner is None and b.first == optional[op]]
        moved = [more[number] for number in reversed(_like(queue, more))]
        if head_bytes(moved, plan_buffers(moved)) <= room:
            taken, kept = more, [*kept, op]
    return kept


def _like(queue: list[int], buffers: list[Buffer]) -> list[int]:
    """A queue of buffers in which activations come as in another, of a graph with as many of them."""
    ranks = {number: rank for rank, number in enumerate(queue)}
    return planner_queue(buffers, [ranks.get(number, 0) for number in range(len(buffers))])


def _work(op: Op) -> int:
    """Multiply-accumulates; a convolution loses half of its speed without scratch, a dense a quarter."""
    weights = op.inputs[1]
    if op.kind == "DEPTHWISE_CONV_2D":
        return 10 * weights.shape[2] * op.outputs[0].size
    return weights.shape[-1] * op.outputs[0].size


def _change(tiling: Tiling, generator: random.Random) -> Tiling:
    """Some rows from one tile of queries to another, or channels from one group of values to another."""
    if len(tiling.values) > 1 and generator.random() < 0.25:
        return replace(tiling, values=_moved(tiling.values, generator))
    queries, held = _moved(tiling.queries, generator), _tiles_of_convolutions(tiling)
    edges = [0, *accumulate(held)]
    return replace(tiling, queries=queries, convolution=tuple(sum(queries[a:b]) for a, b in pairwise(edges)))


def _tiles_of_convolutions(tiling: Tiling) -> tuple[int, ...]:
    """How many tiles of queries each tile of the convolution holds."""
    ends = list(accumulate(tiling.queries))
    last = [ends.index(end) + 1 for end in accumulate(tiling.convolution)]
    return tuple(b - a for a, b in zip([0, *last], last))


def _moved(parts: tuple[int, ...], generator: random.Random) -> tuple[int, ...]:
    """Parts of the same sum, of which one gives some to another: an even number, as CMSIS-NN takes two at a time."""
    if len(parts) == 1:
        return parts
    giver, taker = generator.sample(range(len(parts)), 2)
    amount = min(2 * generator.randint(1, 4), (parts[giver] - 1) // 2 * 2)
    changed = list(parts)
    changed[giver] -= amount
    changed[taker] += amount
    return tuple(changed)


def _attention_bounds(sizes: Sizes, order: tuple[int, ...], _: int) -> Steps:
    """(bytes, bytes a row) that are alive at the steps of a tile of queries, beside the finished rows."""
    length, hidden = sizes.length, sizes.hidden
    base = length * (hidden + MASK_BYTES)
    bounds = [(base, 2 * hidden), (base, hidden + length), (base, 2 * length)]
    for group, made in zip(order, accumulate(order)):
        bounds.append((base + (length + UNIT_BYTES) * group, length + made))
    return bounds


def _convolution_bounds(sizes: Sizes, _: int, done: int, begun: int, is_last: bool) -> Steps:
    """(bytes, bytes a row) that are alive when a tile of the convolution ends with a tile of queries; `begun` rows are
    in tiles before.
    """
    length, hidden, channels = sizes.length, sizes.hidden, sizes.channels
    base, waiting = length * MASK_BYTES + done * hidden, done - begun
    n, window = length * hidden, (waiting + sizes.taps) * hidden
    later = base if is_last else base + n
    return [
        (base + n + window, 2 * hidden),
        (later + window + waiting * channels, 2 * hidden + channels),
        (later + (sizes.activations + 1) * waiting * channels, hidden + (sizes.activations + 1) * channels),
        (later + waiting * (channels + hidden), 2 * hidden + channels),
    ]
