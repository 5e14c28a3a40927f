"""Cutting the blocks into tiles: the same integers from tensors that are smaller or live shorter.

    tile_queries       attention in tiles of queries, so that the scores [L, L] never exist whole
    tile_convolution   the convolution, its activation and its dense in tiles of rows, each between two tiles of queries
    group_values       the transposed values [d, L] in groups of channels, made again for each tile of queries

Every integer is computed by the same kernel from the same inputs, so the outputs are equal byte for byte. The last
block, which is one row long, stays as it is. Tiles run from the last rows to the first: only the last tile of the
convolution reaches beyond the first row, when n has no other reader left. Each step takes a Graph of `lower.py` and
gives a Graph; tiles are taken out and put together by SPLIT_V, SLICE and CONCATENATION, for which `placement.py` needs
no memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from convert.lowering.graph import Graph, Op, OptionalTensor, Tensor

VALUE_GROUP = "value group"  # role of values that are some of the channels


@dataclass(frozen=True)
class Tiling:
    """How the blocks are cut.

    Attributes:
        queries: rows of each tile of queries, in the order they run.
        values: channels of each group of values.
        convolution: rows of each tile of the convolution, in the order they run; they end where tiles of queries end.
    """

    queries: tuple[int, ...]
    values: tuple[int, ...]
    convolution: tuple[int, ...]


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
    for block in _blocks(graph):
        query, scores, probabilities, context = (
            graph.part(block, part) for part in ("query", "scores", "probabilities", "context")
        )
        pieces, tiles = Pieces(), []
        for number, n in enumerate(pieces.split(query.inputs[0], rows)):
            q = pieces.tile(query, number, rows[number], n)
            p = pieces.tile(probabilities, number, rows[number], pieces.tile(scores, number, rows[number], q))
            tiles.append(pieces.tile(context, number, rows[number], p))
        pieces.join_rows(tiles, context.outputs[0])
        values = graph.part(block, "values")
        graph = graph.replaced([query, scores, probabilities, values, context], [values, *pieces.ops])
    return graph


def tile_convolution(graph: Graph, rows: tuple[int, ...]) -> Graph:
    """Convolution, activation, dense and sum of every block but the last in tiles of rows.

    A tile runs as soon as the tiles of queries that it adds to are there: the convolution then has the room that their
    scores took.

    Example, with L = 24, a kernel of 9 taps, tiles of 11, 8 and 5 queries (rows 13..24, 5..13 and 0..5, the last rows
    first) and tiles of 11 and 13 rows of the convolution: x1@0, rows 13..24, reads rows 5..24 of n and comes right
    after the first tile of queries, whose context it adds. x1@1, rows 0..13, comes after the third: it reads 8 rows
    of zeros and the tiles 0..5 and 5..13 of n, and adds the contexts of both, joined. x1 is x1@1 and x1@0 in a row.

    Args:
        graph: a graph whose attention is in tiles of queries.
        rows: rows of each tile, in the order they run; they end where tiles of queries end.

    Returns:
        The graph, in which a block's output is a concatenation of tiles `x1@0`.
    """
    if len(rows) == 1:
        return graph
    for block in _blocks(graph):
        conv, contract = graph.part(block, "conv"), graph.part(block, "contract")
        activation = [op for part in ("gate", "silu", "hard_swish") if (op := graph.find(block, part))]
        total, pad = graph.consumers(contract.outputs[0])[0], graph.find(block, "padded")
        join = graph.maker(total.inputs[0])
        n = (pad or conv).inputs[0]
        split = next(op for op in graph.consumers(n) if op.kind == "SPLIT_V")
        tiles = []
        for number, ((start, stop), made) in enumerate(zip(_edges(rows), _made_by(join, rows))):
            pieces = Pieces()
            c = pieces.tile(conv, number, rows[number], pieces.window(n, split, start, stop, conv.inputs[1].shape[2]))
            y = pieces.tile(contract, number, rows[number], pieces.chain(activation, number, rows[number], c))
            context = made[0] if len(made) == 1 else pieces.joined_rows(made, join.outputs[0], number)
            tiles.append(pieces.tile(total, number, rows[number], context, y))
            graph = graph.inserted(graph.maker(made[-1]), pieces.ops)
        pieces = Pieces()
        pieces.join_rows(tiles, total.outputs[0])
        removed = [op for op in (join, pad, conv, *activation, contract, total) if op]
        graph = graph.replaced(removed, pieces.ops)
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
    for block in _blocks(graph):
        values = graph.part(block, "values")
        contexts = graph.consumers(values.outputs[0])
        parts = _cut_dense(values.inputs[0], contexts[0].inputs[2], channels)
        carried: dict[int, Tensor] = {}
        for number, context in enumerate(contexts):
            order = range(len(channels))[:: -1 if number % 2 else 1]
            ops, carried = _context_by_groups(values, context, number, parts, order, carried)
            graph = graph.replaced([context], ops)
        graph = graph.replaced([values], [])
    return graph


def _context_by_groups(
    values: Op, context: Op, number: int, parts: list[tuple[Tensor, Tensor]], order: range, carried: dict[int, Tensor]
) -> tuple[list[Op], dict[int, Tensor]]:
    """The context of a tile of some number, group after group; `carried` is the group {number: values} that is there
    before and after.
    """
    pieces, done = Pieces(), {}
    p, group = context.inputs[0], replace(values, role=values.role and values.role._replace(part=VALUE_GROUP))
    for index in order:
        kernel, bias = parts[index]
        if index not in carried:
            transposed = (1, kernel.shape[0], values.outputs[0].shape[2])
            inputs = [kernel, values.inputs[1], None]
            carried = {index: pieces.like(group, inputs, transposed, f"@{number}.{index}")}
        shape = (*context.outputs[0].shape[:-1], kernel.shape[0])
        done[index] = pieces.like(context, [p, carried[index], bias], shape, f".{index}")
    pieces.join([done[index] for index in sorted(done)], context.outputs[0], axis=3)
    return pieces.ops, carried


def _edges(rows: tuple[int, ...]) -> list[tuple[int, int]]:
    """First row and the one after the last of each tile, in the order they run: the last rows first."""
    stops = [sum(rows[number:]) for number in range(len(rows))]
    return list(zip([*stops[1:], 0], stops))


def _made_by(join: Op, rows: tuple[int, ...]) -> list[list[Tensor]]:
    """The tiles of a concatenation that each of fewer tiles holds, in the order they run."""
    parts = join.inputs[::-1]
    ends = list(accumulate(part.shape[2] for part in parts))
    return [
        [part for part, end in zip(parts, ends) if stop - count < end <= stop]
        for stop, count in zip(accumulate(rows), rows)
    ]


def _blocks(graph: Graph) -> list[int]:
    """The blocks that are computed for all rows: all but the last, whose dense is in the head."""
    return list(dict.fromkeys(op.role.block for op in graph.ops if op.role and op.role.part == "contract"))


def _cut_dense(kernel: Tensor, bias: Tensor, channels: tuple[int, ...]) -> list[tuple[Tensor, Tensor]]:
    """Kernel of the values and bias of the context by groups of channels."""
    edges = list(accumulate(channels, initial=0))

    def cut(tensor: Tensor) -> list[Tensor]:
        parts = [tensor.data[start:stop] for start, stop in pairwise(edges)]
        return [
            replace(tensor, name=f"{tensor.name}.{index}", shape=part.shape, data=part)
            for index, part in enumerate(parts)
        ]

    return list(zip(cut(kernel), cut(bias)))


class Pieces:
    """Operators that take the place of others, in execution order."""

    def __init__(self) -> None:
        self.ops: list[Op] = []

    def like(self, op: Op, inputs: list[OptionalTensor], shape: tuple[int, ...], suffix: str) -> Tensor:
        """The operator on other inputs, with an output of another shape."""
        output = replace(op.outputs[0], name=op.outputs[0].name + suffix, shape=shape)
        self.ops.append(Op(op.kind, inputs, [output], op.options, op.role))
        return output

    def tile(self, op: Op, number: int, rows: int, *activations: Tensor) -> Tensor:
        """The operator on some rows: `activations` take the place of its first inputs."""
        shape = _with_rows(op.outputs[0], rows)
        return self.like(op, [*activations, *op.inputs[len(activations) :]], shape, f"@{number}")

    def chain(self, ops: list[Op], number: int, rows: int, x: Tensor) -> Tensor:
        """Operators on some rows of x, each of which takes x and the output of the one before."""
        made: list[Tensor] = []
        for op in ops:
            made = [self.tile(op, number, rows, x, *made)]
        return made[0]

    def split(self, tensor: Tensor, rows: tuple[int, ...]) -> list[Tensor]:
        """The rows of a matrix in tiles, in the order they run."""
        tiles = [
            replace(tensor, name=f"{tensor.name}@{number}", shape=_with_rows(tensor, count))
            for number, count in enumerate(rows)
        ]
        inputs = [tensor, _integers("splits", rows[::-1]), _integers("axis", [2])]
        self.ops.append(Op("SPLIT_V", inputs, tiles[::-1], {"splits": len(rows)}))
        return tiles

    def window(self, n: Tensor, split: Op, start: int, stop: int, taps: int) -> Tensor:
        """The rows of n that a convolution reads for the rows start..stop of its output: a slice, or where they reach
        beyond the first row, rows of zeros and the tiles of n from there on.
        """
        first = start - taps + 1
        if first >= 0:
            return self.slice_rows(n, first, stop)
        import numpy as np

        ends = accumulate(tile.shape[2] for tile in split.outputs)
        tiles = [tile for tile, end in zip(split.outputs, ends) if end <= stop]
        shape = _with_rows(n, -first)
        zeros = replace(n, name="zeros", shape=shape, data=np.full(shape, n.quantization.zero_point, np.int8))
        padded = replace(n, name=f"{n.name}[{first}:{stop}]", shape=_with_rows(n, stop - first))
        self.join([zeros, *tiles], padded, axis=2)
        return padded

    def slice_rows(self, tensor: Tensor, start: int, stop: int) -> Tensor:
        """Rows start..stop of a tensor [1, 1, n, d]."""
        shape = _with_rows(tensor, stop - start)
        if shape == tensor.shape:
            return tensor
        rows = replace(tensor, name=f"{tensor.name}[{start}:{stop}]", shape=shape)
        self.ops.append(Op("SLICE", [tensor, _integers("begin", [0, 0, start, 0]), _integers("size", shape)], [rows]))
        return rows

    def join_rows(self, tiles: list[Tensor], output: Tensor) -> None:
        """Makes an existing matrix the concatenation of tiles, given in the order they run."""
        self.join(tiles[::-1], output, axis=2)

    def joined_rows(self, tiles: list[Tensor], whole: Tensor, number: int) -> Tensor:
        """Tiles, given in the order they run, as one."""
        rows = sum(tile.shape[2] for tile in tiles)
        joined = replace(whole, name=f"{whole.name}={number}", shape=_with_rows(whole, rows))
        self.join_rows(tiles, joined)
        return joined

    def join(self, tensors: list[Tensor], output: Tensor, axis: int) -> None:
        """Makes an existing tensor the concatenation of tensors."""
        self.ops.append(Op("CONCATENATION", tensors, [output], {"axis": axis}))


def _with_rows(tensor: Tensor, rows: int) -> tuple[int, ...]:
    """The shape of a tensor [1, 1, n, d] with another number of rows."""
    return (*tensor.shape[:2], rows, tensor.shape[3])


def _integers(name: str, values: Sequence[int]) -> Tensor:
    import numpy as np

    data = np.array(values, np.int32)
    return Tensor(name, data.shape, data.dtype, None, data)
