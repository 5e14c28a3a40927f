"""A graph for a planner that lets nothing share memory, as TFLM's own: the same integers from fewer copies.

`tiling.py` takes n apart by SPLIT_V, SLICE and CONCATENATION and sees it through RESHAPE. With a plan that costs
nothing; without one every piece is a copy, there from where it is made to its last reader. So here

    gather_rows      a reader of rows of n gets them by a GATHER of its own, right before it: from n in two dimensions,
                     as the dense operators have it for weights, to the four of all else
    remake_values    no group of values is kept from one tile of queries to the next, whose scores need the room

GATHER copies row by row with memcpy (micro/kernels/gather.cc).
"""

from dataclasses import replace
from typing import NamedTuple

from convert.lowering.graph import Graph, Op, Tensor
from convert.passes.tiling import VALUE_GROUP

VIEWS = ("RESHAPE", "SPLIT_V", "SLICE")


class Rows(NamedTuple):
    """Rows start..stop of a matrix, which someone reads in four dimensions: [1, 1, stop - start, d]."""

    matrix: Tensor
    start: int
    stop: int


def gather_rows(graph: Graph) -> Graph:
    """A graph of `lower.py`, tiled or not, whose readers of rows of n each gather their own."""
    views = _find_views(graph)
    ops = []
    for op in graph.ops:
        if op.kind not in VIEWS:
            ops += _with_own_rows(op, views)
        elif op.outputs[0] not in views:
            ops.append(op)  # the RESHAPE to two dimensions
    return graph.with_ops(ops)


def remake_values(graph: Graph) -> Graph:
    """A graph in which each tile of queries makes all its groups of values."""
    makers = {op.outputs[0]: op for op in graph.ops if op.role and op.role.part == VALUE_GROUP}
    ops, read = [], set()
    for op in graph.ops:
        values = next((tensor for tensor in op.inputs if tensor in read), None)
        if values:
            again = replace(values, name=f"{values.name}'")
            ops.append(replace(makers[values], outputs=[again]))
            op = replace(op, inputs=[again if tensor is values else tensor for tensor in op.inputs])
        read |= makers.keys() & set(op.inputs)
        ops.append(op)
    return graph.with_ops(ops)


def _find_views(graph: Graph) -> dict[Tensor, Rows]:
    """The tensors of four dimensions that hold rows of a matrix, and which."""
    views = {}
    for op in graph.ops:
        source = op.inputs[0]
        if op.kind == "RESHAPE":
            matrix, rows = sorted([source, op.outputs[0]], key=lambda tensor: len(tensor.shape))
            views[rows] = Rows(matrix, 0, matrix.shape[0])
        elif op.kind in VIEWS and source in views:
            start = views[source].start + (int(op.inputs[1].data[2]) if op.kind == "SLICE" else 0)
            for part in op.outputs:
                views[part] = Rows(views[source].matrix, start, start + part.shape[2])
                start += part.shape[2]
    return views


def _with_own_rows(op: Op, views: dict[Tensor, Rows]) -> list[Op]:
    """An operator, and before it what gathers the rows it reads; neighbours in a concatenation come together."""
    pieces = [views.get(tensor, tensor) for tensor in op.inputs]
    for index in reversed(range(1, len(pieces) if op.kind == "CONCATENATION" else 0)):
        piece, before = pieces[index], pieces[index - 1]
        if isinstance(piece, Rows) and isinstance(before, Rows) and _follows(piece, before):
            pieces[index - 1 : index + 1] = [before._replace(stop=piece.stop)]
    gathers = [_gather(piece) if isinstance(piece, Rows) else None for piece in pieces]
    inputs = [gather.outputs[0] if gather else piece for gather, piece in zip(gathers, pieces)]
    return [*filter(None, gathers), replace(op, inputs=inputs)]


def _follows(piece: Rows, before: Rows) -> bool:
    """Whether one piece holds the rows right after those of another."""
    return piece.matrix is before.matrix and piece.start == before.stop


def _gather(rows: Rows) -> Op:
    import numpy as np

    matrix, start, stop = rows
    numbers = np.arange(start, stop, dtype=np.int32)[None, None]
    indices = Tensor(f"rows[{start}:{stop}]", numbers.shape, numbers.dtype, None, numbers)
    gathered = replace(matrix, name=f"{matrix.name}[{start}:{stop}]", shape=(*numbers.shape, matrix.shape[1]))
    return Op("GATHER", [matrix, indices], [gathered], {"axis": 0})
