"""One file for texts of several lengths: a graph for each, the weights once.

The longest length decides on the arena, and is built to need little of it. A shorter one has the same arena to
itself, so it is cut into as few tiles as fit in there, and its kernels may take the scratch with which they are faster.
It has the groups of values of the longest, for these are pieces of weights, each a constant of its own. What differs
between lengths stays theirs: operators, tensors, the memory plan, the rows of the position table (TFLite holds a
constant to the bytes of its shape, so that a shorter table cannot be the beginning of a longer one).
"""

from collections.abc import Iterator

import numpy as np

from convert.export.build import TILE_ROWS, Built, build_fused, build_model, build_stages
from convert.export.stock_search import arrange_tiling
from convert.lowering.graph import Graph
from convert.lowering.lower import lower_mixed, lower_model
from convert.lowering.to_tflite import write_model
from convert.passes.optimizer import measure_stage, optimize_model
from convert.passes.pipeline import FINISH, SCRATCH, Settings, run_graph_pass, tile_graph
from convert.passes.tiling import Tiling
from convert.tflite.model import read_model
from convert.tflite.writer import pack_models
from convert.tflm.arena import plan_arenas
from convert.tflm.builds import BUILDS, WITH_OURS, Target, find_build
from convert.tflm.targets import CORE, FUSED, KERNELS, PLANS
from tf_embbert.run import Folded, FoldedModel, Ranges

MOST_TILES = 4  # of a shorter length; where that is not enough, it is built as if it were alone
ALL_TOGETHER = (1,)  # `group_values` with one group


def build_lengths(
    weights: Folded,
    ranges: Ranges,
    lengths: list[int],
    core: str = CORE,
    arena: int | None = None,
    plan: str = PLANS[0],
    kernels: str = KERNELS[0],
) -> tuple[Built, dict[int, int]]:
    """Makes the int8 .tflite model of a folded EmbBERT for texts of several lengths.

    Args:
        weights: folded float weights, as a run has them.
        ranges: (minimum, maximum) by tensor name.
        lengths: numbers of token ids; one alone gives the file that `build_stages` gives.
        core, plan, kernels: as for `build_stages`.
        arena: as for `build_stages`, of the longest length.

    Returns:
        What `build_stages` gives of the longest length, with the bytes of the file of all; and the byte at which the
        model of each length begins, the shortest length first. From there on the file is that model's .tflite file.
        It answers as the one that is built for its length alone.

    Raises:
        ValueError: a length does not fit the model, or a range cannot be quantised.
    """
    *shorter, longest = sorted(set(lengths))
    built = build_stages(weights, ranges, longest, core, arena, plan, kernels)
    if not shorter:
        return built, {longest: 0}
    limits = _arenas(built.model)
    models = [built.model]
    models += [_build_shorter(weights, ranges, length, built, limits, core, plan, kernels) for length in shorter]
    data, offsets = pack_models([read_model(model) for model in models])
    return built._replace(model=data), dict(sorted(zip([longest, *shorter], offsets)))


def _build_shorter(
    weights: Folded,
    ranges: Ranges,
    length: int,
    longest: Built,
    limits: dict[tuple[str, str], int],
    core: str,
    plan: str,
    kernels: str,
) -> bytes:
    """The fastest of the models of a length that need no more arena than the longest, on any core."""
    if plan in FUSED and isinstance(weights, FoldedModel):
        mixed, target = lower_mixed(weights, ranges, length, FUSED[plan]), find_build(core, kernels)
        fused = (build_fused(mixed, rows, target)[0] for rows in TILE_ROWS)
        return next((model for model in fused if _fits(model, limits)), None) or build_fused(mixed, 1, target)[0]
    if not isinstance(weights, FoldedModel):
        return build_model(weights, ranges, length, core, plan=plan, kernels=kernels)
    plain = lower_model(weights, ranges, length)
    groups = longest.tiling.values if longest.tiling else ALL_TOGETHER
    limit = limits[core, kernels]
    for tiles in range(1, min(MOST_TILES, length) + 1):
        rows = tuple(len(part) for part in np.array_split(range(length), tiles))
        for model in _cut(plain, Tiling(rows, groups, rows), core, find_build(core, kernels), limit, plan):
            if _fits(model, limits):
                return model
    return build_model(weights, ranges, length, core, plan=plan, kernels=kernels)


def _cut(plain: Graph, tiling: Tiling, core: str, target: Target, limit: int, plan: str) -> Iterator[bytes]:
    """Models of a tiling: with as much scratch as fits, which is faster, then with little."""
    if plan == "stock":
        yield arrange_tiling(plain, tiling, core, target, limit).model
        return
    for filled in (limit, None):
        graph = run_graph_pass(SCRATCH, tile_graph(plain, tiling), Settings(tiling, target, filled))
        model = write_model(graph)
        if measure_stage("cut", model, target).least <= limit:  # else no plan can help
            yield optimize_model(model, target, FINISH)[0]


def _fits(model: bytes, limits: dict[tuple[str, str], int]) -> bool:
    return all(arena <= limits[build] for build, arena in _arenas(model).items())


def _arenas(model: bytes) -> dict[tuple[str, str], int]:
    """Bytes of arena by core and kernels, of every build of TFLM that there are figures of."""
    return {(plan["core"], plan["kernels"]): plan["total"] for plan in plan_arenas(model, list(BUILDS | WITH_OURS))}
