"""The choice of a tiling: sizes by formula from the memory that each step of a block takes, the best of them exactly.

With d channels, L rows and R rows finished before it, a tile of t queries has alive at its worst
    n (L d), the mask (4 L), finished rows (R d), weights (t L), what is made of its context (up to t d) and a group of
    g values (L g)
and a tile of c rows of the convolution, after D others, of m channels
    finished rows and contexts (L d), the mask, n that is still needed ((L - D) d), its output (c m).
For a given ceiling the largest tile that fits is the best, so the lowest ceiling follows by bisection.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, product, takewhile

from convert.arena_builds import Target
from convert.arena_model import allocate
from convert.diet import slim_model
from convert.flatbuffer import make_model, pack_model
from convert.graph import Graph
from convert.inspection import read_model
from convert.placement import least_head
from convert.sharing import Sharing
from convert.tiling import Tiling, tile_graph

TRIED = 4  # tilings of which the arena is computed
# What operators add to the arena's tail on Arm with CMSIS-NN, about; it only serves to rank tilings.
DENSE_BYTES, SOFTMAX_BYTES, JOIN_BYTES, SPLIT_BYTES, SLICE_BYTES = 129, 112, 84, 70, 68
CONVOLUTION_BYTES = 136 + 60 + 93 + 129 + 110  # with LOGISTIC, MUL, dense, ADD
CHANNEL_BYTES = 8  # and for each channel of a convolution
MOST_TILES = 8
MOST_GROUPS = 4
MASK_BYTES = 4


@dataclass(frozen=True)
class Sizes:
    """What a model's blocks are like: L, d, d*m of the convolution, its taps, and how many there are to tile."""

    length: int
    hidden: int
    channels: int
    taps: int
    blocks: int


def choose_tilings(graph: Graph, target: Target) -> list[tuple[int, Tiling | None]]:
    """Tilings of a plain graph worth placing.

    Args:
        graph: the graph as `lower_model` gives it.
        target: the build of TFLM that the arena is made small for.

    Returns:
        (bytes, tiling), the fewest first: what arena no plan with that tiling can go below. None stands for no tiling.
    """
    sizes = _sizes(graph)
    plain = Tiling((sizes.length,), (sizes.hidden,), (sizes.length,))
    ranked = [tiling for _, tiling in rank_tilings(sizes)] if sizes.blocks else [plain]
    better = list(takewhile(lambda tiling: tiling != plain, ranked))[:TRIED]  # very short texts have no plain one
    return sorted(((_least_arena(graph, tiling, target), tiling) for tiling in [None, *better]), key=lambda e: e[0])


def _least_arena(graph: Graph, tiling: Tiling | None, target: Target) -> int:
    model = read_model(pack_model(slim_model(make_model(tile_graph(graph, tiling)))))
    needs = allocate(model, *target)
    return least_head(needs.buffers, Sharing(model, needs.buffers)) + needs.persistent


def _sizes(graph: Graph) -> Sizes:
    conv = graph.producer("block0.conv")
    _, _, taps, channels = conv.inputs[1].shape
    blocks = sum(op.outputs[0].name.endswith(".contract") for op in graph.ops)
    return Sizes(graph.inputs[0].shape[1], conv.inputs[0].shape[3], channels, taps, blocks)


def rank_tilings(sizes: Sizes) -> list[tuple[int, Tiling]]:
    """Tilings by what the arena will about be with them: (bytes, tiling), the smallest first."""
    found = {}
    for tiles, values in product(range(1, MOST_TILES + 1), _value_cuts(sizes.hidden)):
        queries, attention = _least_ceiling(sizes, lambda ceiling: _query_rows(sizes, tiles, values, ceiling))
        for convolutions in range(1, MOST_TILES if queries else 0):
            rows, conv = _least_ceiling(sizes, lambda ceiling: _convolution_rows(sizes, convolutions, ceiling))
            for cut in dict.fromkeys((rows, _snapped(rows, queries))) if rows else ():
                tiling = Tiling(queries, values, cut)
                moved = max(abs(a - b) for a, b in zip(rows, cut)) * sizes.channels
                found[tiling] = max(attention, conv + moved) + sizes.blocks * _tail_bytes(sizes, tiling)
    return sorted(((total, tiling) for tiling, total in found.items()), key=lambda entry: entry[0])


def _value_cuts(hidden: int) -> list[tuple[int, ...]]:
    """Groups of values: equal ones, and with the first and last, where all of a tile's context is alive, smaller."""
    cuts = [_parts(hidden, count) for count in range(1, MOST_GROUPS + 1)]
    for count in range(3, MOST_GROUPS + 1):
        for end in range(4, hidden // count, 4):
            cuts.append((end, *_parts(hidden - 2 * end, count - 2), end))
    return cuts


def _least_ceiling(sizes: Sizes, rows_under: Callable[[int], tuple | None]) -> tuple[tuple[int, ...] | None, int]:
    """The lowest ceiling, to 64 bytes, under which `rows_under` finds rows, and those."""
    low, high = 0, sizes.length * (8 * sizes.hidden + 2 * sizes.channels + sizes.length)
    if rows_under(high) is None:
        return None, high
    while high - low > 64:
        middle = (low + high) // 2
        low, high = (low, middle) if rows_under(middle) else (middle, high)
    return rows_under(high), high


def _query_rows(sizes: Sizes, tiles: int, values: tuple[int, ...], ceiling: int) -> tuple[int, ...] | None:
    rows, done = [], 0
    for number in range(tiles):
        room = ceiling - sizes.length * (sizes.hidden + MASK_BYTES) - done * sizes.hidden
        order = values[::-1 if number % 2 else 1]
        carried = sizes.length * order[0] if number and len(values) > 1 else 0  # while queries and scores are made
        fits = [(room - carried) // (sizes.length + sizes.hidden)]
        fits += [(room - sizes.length * group) // (sizes.length + made)
                 for group, made in zip(order, accumulate(order))]
        rows.append(min(*fits, sizes.length - done - (tiles - number - 1)))
        if rows[-1] < 1:
            return None
        done += rows[-1]
    return tuple(rows) if done == sizes.length else None


def _convolution_rows(sizes: Sizes, tiles: int, ceiling: int) -> tuple[int, ...] | None:
    rows, done = [], 0
    fixed = sizes.length * (sizes.hidden + MASK_BYTES)
    for number in range(tiles):
        left = sizes.length - done
        pad = (sizes.taps - 1) * sizes.hidden if number in (0, tiles - 1) else 0  # blocks run both ways
        room = ceiling - fixed - left * sizes.hidden - pad
        fits = min(room // sizes.channels, left - (tiles - number - 1))
        rows.append(fits)
        if fits < 1:
            return None
        done += fits
    return tuple(rows) if done == sizes.length else None


def _snapped(rows: tuple[int, ...], queries: tuple[int, ...]) -> tuple[int, ...]:
    """Tiles of the convolution that end where tiles of queries end, as near as they are to the given ones."""
    edges, wanted = [*accumulate(queries)], [*accumulate(rows)]
    near = sorted({min(edges, key=lambda edge: abs(edge - want)) for want in wanted})
    snapped = tuple(b - a for a, b in zip([0, *near], near))
    return snapped if len(snapped) == len(rows) else rows


def _parts(total: int, count: int) -> tuple[int, ...]:
    """A number in parts as equal as multiples of four allow."""
    unit = 4 if total % 4 == 0 and total // 4 >= count else 1
    whole, more = divmod(total // unit, count)
    return tuple(unit * (whole + (number < more)) for number in range(count))


def _tail_bytes(sizes: Sizes, tiling: Tiling) -> int:
    """What a block of a tiling takes of the tail."""
    tiles, convolutions = len(tiling.queries), len(tiling.convolution)
    total = tiles * (2 * DENSE_BYTES + SOFTMAX_BYTES) + (tiles > 1) * (SPLIT_BYTES + JOIN_BYTES)
    groups = len(tiling.values)
    values = 1 if groups == 1 else tiles * (groups - 1) + 1  # in snake order
    total += (values + tiles * groups) * DENSE_BYTES + (groups > 1) * tiles * JOIN_BYTES
    total += convolutions * (CONVOLUTION_BYTES + sizes.channels * CHANNEL_BYTES)
    if convolutions > 1:
        total += convolutions * SLICE_BYTES + JOIN_BYTES + SPLIT_BYTES
    if tiles > 1 and set(accumulate(tiling.convolution)) <= set(accumulate(tiling.queries)):
        total -= JOIN_BYTES + SPLIT_BYTES
    return total
