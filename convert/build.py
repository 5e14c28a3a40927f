"""Folded weights and ranges to the bytes of a model: the whole chain, one step a line."""

from typing import NamedTuple

import numpy as np

from convert.arena_builds import Target, find_build
from convert.flatbuffer import write_model
from convert.graph import Graph
from convert.lower import lower_model
from convert.optimize import CORE, Stage, measure_stage, optimize_model
from convert.search import choose_tilings
from convert.tiling import Tiling, tile_graph, tiling_steps

PLACED = 2  # tilings whose activations are placed, at most


class Built(NamedTuple):
    """A model, what it needed after each step of its making, and how its blocks are cut (None: not at all)."""

    model: bytes
    stages: list[Stage]
    tiling: Tiling | None


def shortest_length(pair: bool) -> int:
    """The fewest tokens that a model takes: [CLS] a, or [CLS] a [SEP] b."""
    return 4 if pair else 2


def build_model(weights: dict[str, np.ndarray], ranges: dict[str, tuple], sequence_length: int,
                core: str = CORE) -> bytes:
    """Makes the int8 .tflite model of a folded EmbBERT for texts of one length.

    Args:
        weights: folded float weights by name, as a run stores them.
        ranges: (minimum, maximum) by tensor name.
        sequence_length: number of token ids the model takes.
        core: the core, with CMSIS-NN kernels, whose arena is made small; the model runs, and answers the same, on all.

    Returns:
        The bytes of the .tflite file; equal arguments give equal bytes.

    Raises:
        ValueError: the length does not fit the model, or a range cannot be quantised.
    """
    return build_stages(weights, ranges, sequence_length, core).model


def build_stages(weights: dict[str, np.ndarray], ranges: dict[str, tuple], sequence_length: int,
                 core: str = CORE) -> Built:
    """As `build_model`, and tells what each step saved: lowering, tiling, operator order, tensor indices, plan."""
    target = find_build(core, "cmsis_nn")
    plain = lower_model(weights, ranges, sequence_length)
    best = None
    for least, tiling in choose_tilings(plain, target)[:PLACED]:
        if best and best[1][-1].total <= least:
            break
        model, stages = optimize_model(write_model(tile_graph(plain, tiling)), target)
        if best is None or stages[-1].total < best[1][-1].total:
            best = model, stages, tiling
    model, stages, tiling = best
    return Built(model, _graph_stages(plain, tiling, target) + stages[1:], tiling)


def _graph_stages(graph: Graph, tiling: Tiling | None, target: Target) -> list[Stage]:
    """What the steps before the flatbuffer leave."""
    stages = [measure_stage("lowering", write_model(graph), target)]
    for name, step in tiling_steps(tiling):
        graph = step(graph)
        stages.append(measure_stage(name, write_model(graph), target))
    return stages
