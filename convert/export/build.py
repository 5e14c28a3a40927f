"""Folded weights and ranges to the bytes of a model: the whole chain, one step a line."""

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

from convert.export.row_search import choose_rows
from convert.export.stock_search import choose_stock, stock_passes
from convert.export.tiling_search import Candidate, choose_tilings
from convert.lowering.graph import Graph
from convert.lowering.lower import lower_mixed, lower_model
from convert.lowering.to_tflite import make_model, write_model
from convert.passes.fuse import fuse_blocks
from convert.passes.optimizer import Stage, measure_stage, optimize_model
from convert.passes.pipeline import FINISH, ROWS, SCRATCH, TILING, GraphPass, Settings, run_graph_pass, select
from convert.passes.strip import strip_model
from convert.passes.tiling import Tiling
from convert.tflite.writer import pack_model
from convert.tflm.builds import Target, find_build
from convert.tflm.targets import CORE, FUSED, KERNELS, PLANS
from tf_embbert.run import Folded, FoldedModel, Ranges

TILE_ROWS, USUAL_ROWS = (32, 16, 8, 4), 16  # of fused blocks: in a given arena, and without
FUSED_STEP = "blocks of one operator"
PLACED, PLACED_FOR_SPEED = 2, 8  # tilings whose activations are placed, at most: for a small arena, in a given one


class Built(NamedTuple):
    """A model, what it needed after each step of its making, and how its blocks are cut (None: not at all)."""

    model: bytes
    stages: list[Stage]
    tiling: Tiling | None


def shortest_length(pair: bool) -> int:
    """The fewest tokens that a model takes: [CLS] a, or [CLS] a [SEP] b."""
    return 4 if pair else 2


def build_model(
    weights: Folded,
    ranges: Ranges,
    sequence_length: int,
    core: str = CORE,
    arena: int | None = None,
    plan: str = PLANS[0],
    kernels: str = KERNELS[0],
) -> bytes:
    """Makes the int8 .tflite model of a folded model for texts of one length.

    Args:
        weights: folded float weights or a program, as a run has them.
        ranges: (minimum, maximum) by tensor name.
        sequence_length: number of token ids the model takes.
        core: the core whose arena is made small; the model runs, and answers the same, on all.
        arena: bytes that the arena may have on that core: of the models that fit, the one of the fewest instructions
            is made. Without it, or where none fits, the one with the smallest arena.
        plan: one of `PLANS`: "stock" makes a model for TFLM's own planner, without an OfflineMemoryAllocation;
            those in `FUSED` one of EMBBERT_BLOCKs, of an EmbBERT's weights and the ranges of `with_mixtures`.
        kernels: one of `KERNELS`, those that the arena and the instructions are of.

    Returns:
        The bytes of the .tflite file; equal arguments give equal bytes.

    Raises:
        ValueError: the length does not fit the model, or a range cannot be quantised.
    """
    if plan in FUSED and isinstance(weights, FoldedModel):
        return _fuse(lower_mixed(weights, ranges, sequence_length, FUSED[plan]), core, arena, kernels)[0]
    plain = lower_model(weights, ranges, sequence_length)
    if plan == "stock" and isinstance(weights, FoldedModel):
        return choose_stock(plain, core, find_build(core, kernels), arena).model
    return _place_best(plain, core, arena, kernels, plan)[0]


def build_stages(
    weights: Folded,
    ranges: Ranges,
    sequence_length: int,
    core: str = CORE,
    arena: int | None = None,
    plan: str = PLANS[0],
    kernels: str = KERNELS[0],
) -> Built:
    """As `build_model`, and tells what each pass saved, from the lowering to the plan."""
    target = find_build(core, kernels)
    if plan in FUSED and isinstance(weights, FoldedModel):
        plain = lower_mixed(weights, ranges, sequence_length, FUSED[plan])
        model, stages = _fuse(plain, core, arena, kernels)
        fused = dataclasses.replace(stages[0], step=FUSED_STEP)
        return Built(model, [measure_stage("lowering", write_model(plain), target), fused, *stages[1:]], None)
    plain = lower_model(weights, ranges, sequence_length)
    if plan == "stock" and isinstance(weights, FoldedModel):
        stock = choose_stock(plain, core, target, arena)
        stages = _graph_stages(plain, stock_passes(stock.tiling), stock.tiling, stock.graph, target)
        strip, order = select("strip", "tensor order")
        stripped = pack_model(strip_model(make_model(stock.graph)))
        stages += [measure_stage(strip.name, stripped, target), measure_stage(order.name, stock.model, target)]
        return Built(stock.model, stages, stock.tiling)
    model, stages, chosen = _place_best(plain, core, arena, kernels, plan)
    passes = (TILING if _is_embbert(plain) else [ROWS]) if chosen.tiling else []
    return Built(model, _graph_stages(plain, passes, chosen.tiling, chosen.graph, target) + stages[1:], chosen.tiling)


def _fuse(plain: Graph, core: str, arena: int | None, kernels: str) -> tuple[bytes, list[Stage]]:
    """The model of fused blocks, and what the last steps left: of the tiles that fit, those of the most rows."""
    target = find_build(core, kernels)
    for rows in TILE_ROWS if arena else (USUAL_ROWS,):
        model, stages = build_fused(plain, rows, target)
        if arena is None or stages[-1].total <= arena:
            break
    return model, stages


def build_fused(plain: Graph, tile_rows: int, target: Target) -> tuple[bytes, list[Stage]]:
    """The model of a graph of `lower_mixed` with blocks of one operator each, and what the last steps left."""
    return optimize_model(write_model(fuse_blocks(plain, tile_rows)), target, FINISH[:-1])


def _is_embbert(plain: Graph) -> bool:
    """Whether its operators have roles, by which the passes for EmbBERT find them."""
    return any(op.role for op in plain.ops)


def _place_best(
    plain: Graph, core: str, arena: int | None, kernels: str, plan: str
) -> tuple[bytes, list[Stage], Candidate]:
    """The model whose activations are placed, what the last steps left, and what it was made of."""
    target = find_build(core, kernels)
    choose, finish = choose_tilings if _is_embbert(plain) else choose_rows, FINISH[:-1] if plan == "stock" else FINISH
    best: tuple[bytes, list[Stage], Candidate] | None = None
    for candidate in choose(plain, core, target, arena)[: PLACED_FOR_SPEED if arena else PLACED]:
        if best and best[1][-1].total <= max(candidate.least, arena or 0):
            break
        model, stages = optimize_model(write_model(candidate.graph), target, finish)
        if best is None or stages[-1].total < best[1][-1].total:
            best = model, stages, candidate
    assert best is not None  # there is always a tiling
    return _place_best(plain, core, None, kernels, plan) if arena and best[1][-1].total > arena else best


def _graph_stages(
    graph: Graph, passes: Iterable[GraphPass], tiling: Tiling | None, last: Graph, target: Target
) -> list[Stage]:
    """What the passes before the flatbuffer leave; the last one fits the scratch."""
    stages = [measure_stage("lowering", write_model(graph), target)]
    for one in passes:
        graph = run_graph_pass(one, graph, Settings(tiling, target))
        stages.append(measure_stage(one.name, write_model(graph), target))
    return [*stages, measure_stage(SCRATCH.name, write_model(last), target)]
