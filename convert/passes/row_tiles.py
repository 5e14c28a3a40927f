"""Blocks in tiles of rows, for graphs of programs: what a row needs of the others are keys and values, which stay.

Every operator between two that need all rows is run for some rows at a time: no tensor of theirs, the scores [L, L] of
each head first of all, exists whole. The integers are the same. `tiling.py` does more, for EmbBERT alone.
"""

from convert.lowering.graph import Graph, Op, Tensor
from convert.passes.tiling import Pieces

BY_ROW = {"FULLY_CONNECTED", "SOFTMAX", "ADD", "MUL", "LOGISTIC", "L2_NORMALIZATION", "CONCATENATION"}


def tile_rows(graph: Graph, rows: tuple[int, ...]) -> Graph:
    """Cuts attention, and what belongs to the same rows, into tiles.

    Args:
        graph: of `convert/lowering/steps.py`.
        rows: of each tile, in the order they run; they add up to L.

    Returns:
        The graph, in which operators that need no other rows run tile after tile.
    """
    if len(rows) == 1:
        return graph
    ops: list[Op] = []
    region: list[Op] = []
    for op in graph.ops:
        if _is_by_row(op, sum(rows)):
            region.append(op)
            continue
        if _reads(op, region):
            ops += _tiled(graph, region, rows)
            region = []
        ops.append(op)
    return graph.with_ops([*ops, *_tiled(graph, region, rows)])


def _is_by_row(op: Op, length: int) -> bool:
    """Whether each row of the output comes from the same row of the inputs."""
    read = op.inputs[:1] if op.kind == "FULLY_CONNECTED" else op.inputs
    return op.kind in BY_ROW and all(
        tensor.data is None and len(tensor.shape) == 4 and tensor.shape[:3] == (1, 1, length)
        for tensor in [*read, *op.outputs]
    )


def _reads(op: Op, region: list[Op]) -> bool:
    made = {id(tensor) for other in region for tensor in other.outputs}
    return any(id(tensor) in made for tensor in op.inputs)


def _tiled(graph: Graph, region: list[Op], rows: tuple[int, ...]) -> list[Op]:
    """The operators of a region tile by tile; as they are where no softmax is among them, which is what takes room."""
    if not any(op.kind == "SOFTMAX" for op in region):
        return region
    made = {tensor for op in region for tensor in op.outputs}
    read = {tensor: None for op in region for tensor in _rows_of(op) if tensor not in made}
    kept = [t for t in made if t in graph.outputs or any(reader not in region for reader in graph.consumers(t))]
    pieces = Pieces()
    split = {tensor: pieces.split(tensor, rows) for tensor in read}
    tiles: dict[Tensor, list[Tensor]] = {tensor: [] for tensor in made}
    for number, count in enumerate(rows):
        for op in region:
            inputs = [(split.get(t) or tiles[t])[number] for t in _rows_of(op)]
            tiles[op.outputs[0]].append(pieces.tile(op, number, count, *inputs))
    for tensor in sorted(kept, key=lambda one: one.name):
        pieces.join_rows(tiles[tensor], tensor)
    return pieces.ops


def _rows_of(op: Op) -> list[Tensor]:
    """The inputs that are cut: of a dense the first."""
    return op.inputs[:1] if op.kind == "FULLY_CONNECTED" else op.inputs
