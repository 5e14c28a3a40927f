"""The choice of a tiling: sizes by formula from the memory that each step of a block takes, the best of them exactly.

With d channels, L rows and D rows finished before it, a tile of t queries has alive at its worst
    n (L d), the mask (4 L), finished rows (D d) and
    a group of values from the tile before, queries (t d) and scores (t L), or
    scores, what is made of its context (up to t d) and a group of g values (L g);
a tile of c rows of the convolution, m channels wide, has
    n or what is still needed of it, the mask, finished rows and contexts, a group of values, and its output once (c m),
    twice before the product of SiLU, and with that of the dense after it (c m + c d).
For a given ceiling the largest tile that fits is the best, so the lowest ceiling follows by bisection. Tiles are of
even rows and groups of even channels: CMSIS-NN multiplies two rows by two.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, combinations, product, takewhile
from typing import NamedTuple, TypeAlias

from convert.lowering.graph import Graph
from convert.passes.measure import Measure
from convert.passes.pipeline import SCRATCH, Settings, run_graph_pass, tile_graph
from convert.passes.tiling import Tiling
from convert.tflm.builds import Target
from convert.tflm.instructions import estimate_instructions

TRIED = 4  # tilings of which the arena is computed
TRIED_FOR_SPEED = 16  # with scratch, and as many without
NEAR = 1.001  # of a given arena: how far above it the formula may say that a tiling is
# What operators add to the arena's tail on Arm with CMSIS-NN, about; it only serves to rank tilings.
DENSE_BYTES, SOFTMAX_BYTES, JOIN_BYTES, SPLIT_BYTES, SLICE_BYTES = 133, 112, 84, 70, 68
CONVOLUTION_BYTES = 136 + 60 + 93 + 133 + 110  # with LOGISTIC, MUL, dense, ADD
CHANNEL_BYTES = 8  # and for each channel of a convolution
MOST_TILES = 8
MOST_CONVOLUTIONS = 3
MOST_GROUPS = 4
GROUP_STEP, GROUP_STEPS = 2, range(-4, 3)  # how the first and last group of values may differ from equal ones
MASK_BYTES = 4
UNIT_BYTES = 8  # of scratch, for each output of a dense
Steps: TypeAlias = list[tuple[int, int]]  # (bytes, bytes a row) that are alive at each


@dataclass(frozen=True)
class Sizes:
    """What a model's blocks are like: L, d, d*m of the convolution, its taps, tensors of its size that are alive before
    the activation's output is (SiLU: 2, HARD_SWISH: 1), and how many blocks there are to tile.
    """

    length: int
    hidden: int
    channels: int
    taps: int
    activations: int
    blocks: int


class Bounds(NamedTuple):
    """What is alive at the steps of a tile of queries before any row is finished, and of one of the convolution:
    (bytes, bytes a row) of each.
    """

    attention: Callable[..., Steps]
    convolution: Callable[..., Steps]


class Candidate(NamedTuple):
    """A graph worth placing: the arena that no plan can go below, and instructions of an inference, about."""

    least: int
    instructions: int
    tiling: Tiling | None
    graph: Graph


def choose_tilings(graph: Graph, core: str, target: Target, arena: int | None = None) -> list[Candidate]:
    """Tilings of a plain graph worth placing, with scratch where it fits; the first is the best.

    Args:
        graph: the graph as `lower_model` gives it.
        core: the core, by whose instructions the target's kernels are judged.
        target: the build of TFLM that the arena is made small for.
        arena: bytes that the arena may have; then the fastest that may fit come first, if there are any.

    Returns:
        Candidates by what no plan can go below, or with `arena` by instructions. A tiling of None is no tiling.
    """
    sizes = find_sizes(graph)
    plain = Tiling((sizes.length,), (sizes.hidden,), (sizes.length,))
    ranked = rank_tilings(sizes)
    better = [tiling for _, tiling in takewhile(lambda entry: entry[1] != plain, ranked)]
    found = [_candidate(graph, tiling, core, target) for tiling in [None, *better[:TRIED]]]
    found.sort(key=lambda one: one[:2])
    if arena is None or found[0].least > arena:
        return found
    fast = _fast_tilings(sizes, ranked, found, arena) if better else []
    tilings = dict.fromkeys([None, *fast, found[0].tiling])
    found = [_candidate(graph, tiling, core, target, arena) for tiling in tilings]
    return sorted((one for one in found if one.least <= arena), key=lambda one: one.instructions)


def _fast_tilings(
    sizes: Sizes, small: Sequence[tuple[int, Tiling]], found: list[Candidate], arena: int
) -> list[Tiling]:
    """Tilings that may fit an arena, with scratch for scores and values or, ranked already, as small as they get: of
    each number of tiles and groups the smallest, first those that remake few values. What the formula leaves out is
    taken from candidates whose arena is known.

    Example: an arena of 100,000 B is given, and a candidate is known to need 98,000 where the formula says 95,000, so
    the formula leaves out 3,000. A tiling of four tiles, two groups and one tile of the convolution for which it says
    96,900 may fit (99,900), one for which it says 97,500 will not (NEAR allows 100 B). Of all that may and have those
    three numbers, the TRIED smallest stay; of all that stay, the TRIED_FOR_SPEED that compute the fewest channels of
    values (`_remade`) come back.
    """
    totals = {tiling: total for total, tiling in small}
    above = min(one.least - totals[one.tiling] for one in found if one.tiling)
    fast = []
    for ranked in (rank_tilings(sizes, Bounds(_scratch_bounds, _convolution_bounds)), small):
        alike = defaultdict(list)
        for total, tiling in ranked:
            if total + above <= arena * NEAR and len(tiling.queries) > 1:
                alike[len(tiling.queries), len(tiling.values), len(tiling.convolution)].append(tiling)
        near = [tiling for tilings in alike.values() for tiling in tilings[:TRIED]]
        fast += sorted(near, key=_remade)[:TRIED_FOR_SPEED]
    return fast


def _candidate(graph: Graph, tiling: Tiling | None, core: str, target: Target, arena: int | None = None) -> Candidate:
    cut = run_graph_pass(SCRATCH, tile_graph(graph, tiling), Settings(tiling, target, arena))
    measure = Measure.of_graph(cut, target)
    estimate = estimate_instructions(measure.model, core, target.name)
    least = measure.least_head + measure.allocation.persistent
    return Candidate(least, estimate["total"] if estimate else 0, tiling, cut)


def find_sizes(graph: Graph) -> Sizes:
    """The sizes of a plain graph."""
    conv = graph.part(0, "conv")
    _, _, taps, channels = conv.inputs[1].shape
    blocks = sum(op.role is not None and op.role.part == "contract" for op in graph.ops)
    activations = 2 if graph.find(0, "gate") else 1
    return Sizes(graph.inputs[0].shape[1], conv.inputs[0].shape[3], channels, taps, activations, blocks)


@lru_cache(maxsize=32)  # every core and every length asks again
def rank_tilings(sizes: Sizes, bounds: Bounds | None = None) -> tuple[tuple[int, Tiling], ...]:
    """Tilings by what the arena will about be with them: (bytes, tiling), the smallest first. The bounds are by default
    those of a plan in which activations share memory.
    """
    bounds = bounds or Bounds(_attention_bounds, _convolution_bounds)
    found: dict[Tiling, int] = {}
    limit = sizes.length * (8 * sizes.hidden + 2 * sizes.channels + 2 * sizes.length)
    for values in _value_cuts(sizes.hidden):
        search = Search(sizes, bounds, values)
        for tiles in range(1, MOST_TILES + 1):
            for ends in _convolution_ends(tiles if sizes.blocks else 0):
                ceiling, tiling = search.least_ceiling(tiles, ends, limit)
                if tiling:
                    found[tiling] = ceiling + sizes.blocks * _tail_bytes(sizes, tiling)
                    limit = min(limit, int(found[tiling] * 1.1))
    return tuple(sorted(((total, tiling) for tiling, total in found.items()), key=lambda entry: entry[0]))


def _value_cuts(hidden: int) -> list[tuple[int, ...]]:
    """Groups of values: equal ones, and with the first and the last larger or smaller than the others."""
    cuts = [_parts(hidden, count) for count in range(1, MOST_GROUPS + 1)]
    for count in range(3, MOST_GROUPS + 1):
        equal = _parts(hidden, count)[-1]
        for first, last in product((equal + GROUP_STEP * step for step in GROUP_STEPS), repeat=2):
            if min(first, last) > 0 and hidden - first - last >= count - 2:
                cuts.append((first, *_parts(hidden - first - last, count - 2), last))
    return list(dict.fromkeys(cuts))


def _convolution_ends(tiles: int) -> Iterator[tuple[int, ...]]:
    """After which tiles of queries a tile of the convolution ends."""
    for count in range(min(tiles, MOST_CONVOLUTIONS)):
        for inner in combinations(range(tiles - 1), count):
            yield *inner, tiles - 1


class Search:
    """The search for the largest tiles of queries and of the convolution, with given groups of values.

    Args:
        sizes: of the model.
        bounds: what is alive at the steps of a tile.
        values: channels of each group.
    """

    def __init__(self, sizes: Sizes, bounds: Bounds, values: tuple[int, ...]) -> None:
        self.sizes, self.values, self.convolution = sizes, values, bounds.convolution
        self.kept = [sizes.length * group if len(values) > 1 else 0 for group in (values[0], values[-1])]
        turns = [(values, 0), (values[::-1], self.kept[1]), (values, self.kept[0])]
        first, odd, even = (_highest(bounds.attention(sizes, order, carried)) for order, carried in turns)
        self.attention = [first, *[odd, even] * (MOST_TILES // 2)]  # of each tile

    def least_ceiling(self, tiles: int, ends: tuple[int, ...], limit: int) -> tuple[int, Tiling | None]:
        """The lowest ceiling below the limit, to 32 bytes, under which tiles fit, and those."""
        low, high = 0, limit
        best = self.tiling_under(tiles, ends, high)
        while best and high - low > 32:
            middle = (low + high) // 2
            found = self.tiling_under(tiles, ends, middle)
            low, high, best = (low, middle, found) if found else (middle, high, best)
        return high, best

    def tiling_under(self, tiles: int, ends: tuple[int, ...], ceiling: int) -> Tiling | None:
        """Tiles as large as they may be under a ceiling, if they make up all rows.

        Example, with L = 64, d = m = 16 channels, two tiles, one group of values, the convolution after the second
        tile and a ceiling of 5,312 B: a first tile of t rows has at its worst 2,432 + 80 t bytes alive (scores and
        context), so it gets 36 rows. The second has its 36 rows beside it, 3,008 + 80 t, and gets the even number below
        28.8: 28, in which the convolution, 2,112 + 48 t, fits too. 36 + 28 = 64 rows: the tiling is ((36, 28), (16,),
        (64,)). Under 5,280 B the tiles are 34 and 28, two rows are left, and there is none.
        """
        queries, convolution, done, begun = [], [], 0, 0
        for number in range(tiles):
            left = ceiling - done * self.sizes.hidden
            fits = min([(left - fixed) // each for fixed, each in self.attention[number]])
            if number in ends:
                is_last = number == tiles - 1
                next_group = 0 if is_last else self.kept[(number + 1) % 2]
                steps = self.convolution(self.sizes, next_group, done, begun, is_last)
                fits = min(fits, *[(ceiling - fixed) // each for fixed, each in steps])
            rows = min(fits - fits % 2, self.sizes.length - done - 2 * (tiles - number - 1))
            if rows < 1:
                return None
            queries.append(rows)
            done += rows
            if number in ends:
                convolution.append(done - begun)
                begun = done
        return Tiling(tuple(queries), self.values, tuple(convolution)) if done == self.sizes.length else None


def _highest(steps: Steps) -> Steps:
    """The steps at which no other has more bytes, and more a row: where they fit, all do."""
    return [one for one in steps if not any(_above(other, one) for other in steps)]


def _above(other: tuple[int, int], one: tuple[int, int]) -> bool:
    return other != one and other[0] >= one[0] and other[1] >= one[1]


def _attention_bounds(sizes: Sizes, order: tuple[int, ...], carried: int) -> Steps:
    """(bytes, bytes a row) that are alive at the steps of a tile of queries, beside the finished rows."""
    length, hidden = sizes.length, sizes.hidden
    base = length * (hidden + MASK_BYTES)
    bounds = [(base + carried + UNIT_BYTES * hidden, hidden), (base + carried, hidden + length)]
    for group, made in zip(order, accumulate(order)):
        bounds.append((base + (length + UNIT_BYTES) * group, length + made))
    return bounds


def _scratch_bounds(sizes: Sizes, order: tuple[int, ...], carried: int) -> Steps:
    """`_attention_bounds`, with the scratch that makes the scores and the values faster."""
    length, scratch = sizes.length, UNIT_BYTES * sizes.length
    query, scores, *contexts = _attention_bounds(sizes, order, carried)
    base = contexts[0][0] - (length + UNIT_BYTES) * order[0]
    values = [(base + length * group + scratch, length + made - group) for group, made in zip(order, accumulate(order))]
    return [query, (scores[0] + scratch, scores[1]), *contexts, *values[carried > 0 :]]


def _convolution_bounds(sizes: Sizes, group: int, done: int, begun: int, is_last: bool) -> Steps:
    """(bytes, bytes a row) that are alive when a tile of the convolution ends with a tile of queries; `begun` rows are
    in tiles before, `group` is the values' that stays. After the last tile only its window of n is needed.
    """
    length, hidden, channels = sizes.length, sizes.hidden, sizes.channels
    base, waiting = length * MASK_BYTES + done * hidden + group, done - begun
    whole = 0 if is_last else length * hidden
    window = (waiting + 2 * sizes.taps) * hidden if is_last else whole
    return [
        (base + window + waiting * channels, hidden * (1 + is_last) + channels),
        (base + whole + sizes.activations * waiting * channels, hidden + sizes.activations * channels),
        (base + whole + waiting * (channels + hidden) + UNIT_BYTES * hidden, 2 * hidden + channels),
    ]


def _parts(total: int, count: int) -> tuple[int, ...]:
    """A number in parts as equal as multiples of four allow."""
    unit = 4 if total % 4 == 0 and total // 4 >= count else 1
    whole, more = divmod(total // unit, count)
    return tuple(unit * (whole + (number < more)) for number in range(count))


def _remade(tiling: Tiling) -> int:
    """Channels of values that a block computes, those of every tile of queries together."""
    ends = (tiling.values[-1], tiling.values[0])
    kept = sum(ends[number % 2] for number in range(len(tiling.queries) - 1)) if len(tiling.values) > 1 else 0
    return sum(tiling.values) * (len(tiling.queries) if len(tiling.values) > 1 else 1) - kept


def _tail_bytes(sizes: Sizes, tiling: Tiling) -> int:
    """What a block of a tiling takes of the tail."""
    tiles, convolutions = len(tiling.queries), len(tiling.convolution)
    total = tiles * (2 * DENSE_BYTES + SOFTMAX_BYTES) + (tiles > 1) * SPLIT_BYTES
    groups = len(tiling.values)
    values = 1 if groups == 1 else tiles * (groups - 1) + 1  # in snake order
    total += (values + tiles * groups) * DENSE_BYTES + (groups > 1) * tiles * JOIN_BYTES
    total += convolutions * (CONVOLUTION_BYTES + sizes.channels * CHANNEL_BYTES + JOIN_BYTES)
    return total + (convolutions > 1) * ((convolutions - 1) * SLICE_BYTES + 2 * JOIN_BYTES)
