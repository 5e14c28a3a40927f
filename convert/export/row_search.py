"""The choice of tiles of rows for a program: even ones, few of which are tried, each measured exactly."""

from itertools import pairwise

from convert.export.tiling_search import Candidate
from convert.lowering.graph import Graph
from convert.passes.measure import Measure
from convert.passes.pipeline import ROWS, SCRATCH, Settings, run_graph_passes
from convert.passes.tiling import Tiling
from convert.tflm.builds import Target
from convert.tflm.instructions import estimate_instructions

TILES = (1, 2, 3, 4, 6, 8)
FEWEST_ROWS = 8  # of a tile


def choose_rows(graph: Graph, core: str, target: Target, arena: int | None = None) -> list[Candidate]:
    """Tilings of a plain graph worth placing, as `choose_tilings` gives them.

    Args:
        graph: of a program.
        core: the core, by whose instructions the target's kernels are judged.
        target: the build of TFLM that the arena is made small for.
        arena: bytes that the arena may have; then the fastest that may fit comes first, if there is one.

    Returns:
        Candidates by what no plan can go below, or with `arena` by instructions; of a loop over tokens the graph alone.
    """
    if graph.subgraphs:
        measure = Measure.of_graph(graph, target)
        return [Candidate(measure.total, 0, None, graph)]
    length = graph.inputs[0].shape[1]
    counts = [count for count in TILES if count == 1 or length >= count * FEWEST_ROWS]
    found = sorted((_candidate(graph, _even(length, count), core, target) for count in counts), key=lambda one: one[:2])
    fitting = [one for one in found if one.least <= (arena or 0)]
    return sorted(fitting, key=lambda one: one.instructions) or found


def _even(length: int, count: int) -> tuple[int, ...]:
    """Rows of so many tiles, even numbers of them but for the last."""
    edges = [2 * round(length * number / count / 2) for number in range(count)] + [length]
    return tuple(stop - start for start, stop in pairwise(edges))


def _candidate(graph: Graph, rows: tuple[int, ...], core: str, target: Target) -> Candidate:
    tiling = Tiling(rows, (), ()) if len(rows) > 1 else None
    passes = [ROWS, SCRATCH] if tiling else [SCRATCH]
    cut = run_graph_passes(passes, graph, Settings(tiling, target))
    measure = Measure.of_graph(cut, target)
    estimate = estimate_instructions(measure.model, core, target.name)
    return Candidate(measure.least, estimate["total"] if estimate else 0, tiling, cut)
