"""Cutting the blocks into tiles: the same integers from tensors that are smaller or live shorter.

    tile_queries       attention in tiles of queries, so that the scores [L, L] never exist whole
    group_values       the transposed values [d, L] in groups of channels, made again for each tile of queries
    tile_convolution   the convolution, its SiLU and its dense in tiles of rows; after a tile no one needs the rows of n
                       that only it has read
    drop_scratch       the convolution by a kernel that needs no scratch

Every integer is computed by the same kernel from the same inputs, so the outputs are equal byte for byte. The last
block, which is one row long, stays as it is. Each step takes a Graph of `lower.py` and gives a Graph; tiles are
taken out and put together by SPLIT_V, SLICE and CONCATENATION, for which `placement.py` needs no memory.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from convert.graph import Graph, Op, Tensor


@dataclass(frozen=True)
class Tiling:
    """How the blocks are cut.

    Attributes:
        queries: rows of each tile of queries, in the order they run.
        values: channels of each group of values.
        convolution: rows of each tile of the convolution, in the order they run.
    """

    queries: tuple[int, ...]
    values: tuple[int, ...]
    convolution: tuple[int, ...]


def tile_graph(graph: Graph, tiling: Tiling | None) -> Graph:
    """All steps of this file on a plain graph; without a tiling, only the last."""
    for _, step in tiling_steps(tiling):
        graph = step(graph)
    return graph


def tiling_steps(tiling: Tiling | None) -> list[tuple[str, Callable[[Graph], Graph]]]:
    """The steps of this file by name, in the order they run."""
    cuts = [("tiles of queries", lambda graph: tile_queries(graph, tiling.queries)),
            ("groups of values", lambda graph: group_values(graph, tiling.values)),
            ("tiles of the convolution", lambda graph: tile_convolution(graph, tiling.convolution))]
    return [*(cuts if tiling else []), ("convolution without scratch", drop_scratch)]


def drop_scratch(graph: Graph) -> Graph:
    """Depthwise convolutions that CMSIS-NN computes without scratch.

    A dilation across rows changes nothing where the kernel has one row, but arm_depthwise_conv_wrapper_s8 then takes
    arm_depthwise_conv_s8.c instead of arm_depthwise_conv_s8_opt.c, which copies the kernel's window into scratch: 2
    bytes a tap and channel with DSP instructions, 496 a tap with Helium. It takes about twice as many instructions.
    """
    ops = [Op(op.kind, op.inputs, op.outputs, op.options | {"dilation": 2})
           if op.kind == "DEPTHWISE_CONV_2D" else op for op in graph.ops]
    return Graph(graph.tensors, ops, graph.inputs, graph.outputs)


def tile_queries(graph: Graph, rows: tuple[int, ...]) -> Graph:
    """Attention of every block but the last in tiles of queries.

    Args:
        graph: the plain graph.
        rows: rows of each tile, in the order they run; they add up to L.

    Returns:
        The graph, in which a block's context is a concatenation of tiles `block0.context@0`.
    """
    if len(rows) == 1:
        return graph
    for index, name in enumerate(_blocks(graph)):
        query, scores, probabilities, context = (
            graph.producer(f"{name}.{part}") for part in ("query", "scores", "probabilities", "context"))
        pieces = _Pieces(upwards=_runs_upwards(index))
        tiles = []
        for number, n in enumerate(pieces.split(query.inputs[0], rows)):
            q = pieces.tile(query, number, rows[number], n)
            p = pieces.tile(probabilities, number, rows[number], pieces.tile(scores, number, rows[number], q))
            tiles.append(pieces.tile(context, number, rows[number], p))
        pieces.join_rows(tiles, context.outputs[0])
        values = graph.producer(f"{name}.values")
        graph = graph.replaced([query, scores, probabilities, values, context], [values] + pieces.ops)
    return graph


def group_values(graph: Graph, channels: tuple[int, ...]) -> Graph:
    """The transposed values of every block but the last in groups of channels.

    Only one group is alive at a time, and each tile of queries makes them anew, in snake order: it begins with the
    group that the tile before it ended with.

    Args:
        graph: a graph whose attention may be tiled.
        channels: channels of each group; they add up to d.

    Returns:
        The graph, in which the context of a tile is a concatenation of groups of channels.
    """
    if len(channels) == 1:
        return graph
    for name in _blocks(graph):
        values = graph.producer(f"{name}.values")
        contexts = graph.consumers(values.outputs[0])
        parts = _cut_dense(values.inputs[0], contexts[0].inputs[2], channels)
        carried = {}
        for number, context in enumerate(contexts):
            order = range(len(channels))[::-1 if number % 2 else 1]
            ops, carried = _context_by_groups(values, context, parts, order, carried)
            graph = graph.replaced([context], ops)
        graph = graph.replaced([values], [])
    return graph


def _context_by_groups(values: Op, context: Op, parts: list[tuple[Tensor, Tensor]], order: range,
                       carried: dict[int, Tensor]) -> tuple[list[Op], dict[int, Tensor]]:
    """A tile's context, group after group; `carried` is the group {number: values} that is there before and after."""
    pieces, done = _Pieces(), {}
    p, number = context.inputs[0], context.outputs[0].name.rpartition("@")[2]
    for index in order:
        kernel, bias = parts[index]
        if index not in carried:
            shape = (kernel.shape[0], values.outputs[0].shape[1])
            carried = {index: pieces.like(values, [kernel, values.inputs[1], None], shape, f"@{number}.{index}")}
        shape = (context.outputs[0].shape[0], kernel.shape[0])
        done[index] = pieces.like(context, [p, carried[index], bias], shape, f".{index}")
    pieces.join([done[index] for index in sorted(done)], context.outputs[0], axis=1)
    return pieces.ops, carried


def tile_convolution(graph: Graph, rows: tuple[int, ...]) -> Graph:
    """Convolution, SiLU, dense and sum of every block but the last in tiles of rows.

    Args:
        graph: a graph whose attention may be tiled.
        rows: rows of each tile, in the order they run; they add up to L.

    Returns:
        The graph, in which a block's output is a concatenation of tiles `x1@0`.
    """
    if len(rows) == 1:
        return graph
    for index, name in enumerate(_blocks(graph)):
        conv, gate, silu, contract = (
            graph.producer(f"{name}.{part}") for part in ("conv", "gate", "silu", "contract"))
        total = graph.consumers(contract.outputs[0])[0]
        pad = graph.find(f"{name}.padded")
        pieces = _Pieces(upwards=_runs_upwards(index))
        windows = _windows(pieces, conv, pad, rows)
        contexts, join = pieces.split_again(graph, total.inputs[0], rows)
        tiles = []
        for number, ((window, zeros), context) in enumerate(zip(windows, contexts)):
            c = pieces.tile(conv, number, rows[number], pieces.pad(window, zeros))
            s = pieces.tile(silu, number, rows[number], c, pieces.tile(gate, number, rows[number], c))
            y = pieces.tile(contract, number, rows[number], s)
            tiles.append(pieces.tile(total, number, rows[number], context, y))
        pieces.join_rows(tiles, total.outputs[0])
        removed = [op for op in (join, pad, conv, gate, silu, contract, total) if op]
        graph = graph.replaced(removed, pieces.ops)
    return graph


def _windows(pieces: "_Pieces", conv: Op, pad: Op | None, rows: tuple[int, ...]) -> list[tuple[Tensor, int]]:
    """The rows [1, 1, n, d] that each tile of a convolution reads, and how many zero rows it needs in front."""
    whole = pad.inputs[0] if pad else conv.inputs[0]
    before = conv.inputs[1].shape[2] - 1
    edges = np.cumsum([0, *pieces.from_the_top(rows)]).tolist()
    return [(pieces.slice_rows(whole, max(start - before, 0), stop), max(before - start, 0))
            for start, stop in pieces.from_the_top(list(zip(edges, edges[1:])))]


def _runs_upwards(block: int) -> bool:
    """Whether the tiles of a block run from the first rows to the last.

    Blocks take turns: n lies at one end of the arena and the finished rows grow from the other end, so that the free
    bytes between them stay in one piece; in the next block the ends change places.
    """
    return block % 2 == 1


def _blocks(graph: Graph) -> list[str]:
    """Names of the blocks that are computed for all rows: all but the last, which has its dense in the head."""
    names = [op.outputs[0].name for op in graph.ops]
    return [name.removesuffix(".contract") for name in names if name.endswith(".contract")]


def _cut_dense(kernel: Tensor, bias: Tensor, channels: tuple[int, ...]) -> list[tuple[Tensor, Tensor]]:
    """Kernel of the values and bias of the context by groups of channels."""
    edges = np.cumsum(channels)[:-1]
    cut = lambda tensor: [replace(tensor, name=f"{tensor.name}.{index}", shape=part.shape, data=part)
                          for index, part in enumerate(np.split(tensor.data, edges))]
    return list(zip(cut(kernel), cut(bias)))


class _Pieces:
    """Operators that take the place of others, in execution order; tiles of rows run upwards or downwards."""

    def __init__(self, upwards: bool = True):
        self.ops: list[Op] = []
        self.upwards = upwards

    def from_the_top(self, tiles: list | tuple) -> list:
        """Tiles in the order they run, in the order of their rows; and the other way round."""
        return list(tiles if self.upwards else tiles[::-1])

    def like(self, op: Op, inputs: list[Tensor | None], shape: tuple[int, ...], suffix: str) -> Tensor:
        """The operator on other inputs, with an output of another shape."""
        output = replace(op.outputs[0], name=op.outputs[0].name + suffix, shape=shape)
        self.ops.append(Op(op.kind, inputs, [output], op.options))
        return output

    def tile(self, op: Op, number: int, rows: int, *activations: Tensor) -> Tensor:
        """The operator on some rows: `activations` take the place of its first inputs."""
        shape = op.outputs[0].shape[:-2] + (rows, op.outputs[0].shape[-1])
        return self.like(op, [*activations, *op.inputs[len(activations):]], shape, f"@{number}")

    def split(self, tensor: Tensor, rows: tuple[int, ...]) -> list[Tensor]:
        """The rows of a matrix in tiles, in the order they run."""
        tiles = [replace(tensor, name=f"{tensor.name}@{number}", shape=(count, tensor.shape[1]))
                 for number, count in enumerate(rows)]
        inputs = [tensor, _integers("splits", self.from_the_top(rows)), _integers("axis", [0])]
        self.ops.append(Op("SPLIT_V", inputs, self.from_the_top(tiles), {"splits": len(rows)}))
        return tiles

    def split_again(self, graph: Graph, tensor: Tensor, rows: tuple[int, ...]) -> tuple[list[Tensor], Op | None]:
        """The rows of a matrix in tiles; if it is a concatenation of smaller ones, these are put together instead, and
        the concatenation is given too, for it can go."""
        join = graph.find(tensor.name)
        parts = self.from_the_top(join.inputs) if join.options.get("axis") == 0 else []
        ends = list(accumulate(part.shape[0] for part in parts))
        if not set(accumulate(rows)) <= set(ends):
            return self.split(tensor, rows), None
        tiles = []
        for number, (end, count) in enumerate(zip(accumulate(rows), rows)):
            tile = [part for part, last in zip(parts, ends) if end - count < last <= end]
            if len(tile) > 1:
                joined = replace(tensor, name=f"{tensor.name}={number}", shape=(count, tensor.shape[1]))
                self.join_rows(tile, joined)
                tile = [joined]
            tiles += tile
        return tiles, join

    def slice_rows(self, tensor: Tensor, start: int, stop: int) -> Tensor:
        """Rows start..stop of a tensor [1, 1, n, d]."""
        shape = tensor.shape[:2] + (stop - start, tensor.shape[3])
        if shape == tensor.shape:
            return tensor
        rows = replace(tensor, name=f"{tensor.name}[{start}:{stop}]", shape=shape)
        self.ops.append(Op("SLICE", [tensor, _integers("begin", [0, 0, start, 0]), _integers("size", shape)], [rows]))
        return rows

    def pad(self, x: Tensor, zeros: int) -> Tensor:
        """Rows of real zero in front of x [1, 1, n, d]: a copy, or upwards, where there is room in front of x, a
        concatenation, which can leave x where it is."""
        if not zeros:
            return x
        padded = replace(x, name=f"{x.name}+{zeros}", shape=x.shape[:2] + (zeros + x.shape[2], x.shape[3]))
        if self.upwards:
            front = x.shape[:2] + (zeros, x.shape[3])
            constant = replace(x, name="zeros", shape=front, data=np.full(front, x.quantization.zero_point, np.int8))
            self.ops.append(Op("CONCATENATION", [constant, x], [padded], {"axis": 2}))
        else:
            paddings = _integers("paddings", [[0, 0], [0, 0], [zeros, 0], [0, 0]])
            self.ops.append(Op("PAD", [x, paddings], [padded]))
        return padded

    def join_rows(self, tiles: list[Tensor], output: Tensor) -> None:
        """Makes an existing matrix the concatenation of tiles, given in the order they run."""
        self.join(self.from_the_top(tiles), output, axis=0)

    def join(self, tensors: list[Tensor], output: Tensor, axis: int) -> None:
        """Makes an existing tensor the concatenation of tensors."""
        self.ops.append(Op("CONCATENATION", tensors, [output], {"axis": axis}))


def _integers(name: str, values) -> Tensor:
    data = np.array(values, np.int32)
    return Tensor(name, data.shape, data.dtype, None, data)
