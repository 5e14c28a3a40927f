"""Attention computed some rows at a time: the scores of all rows are then never alive together."""

from convert.tflite.editing import (
    add_integers,
    add_like,
    is_output,
    maker,
    new_operator,
    readers,
    remove_operators,
    repeat_operator,
    set_operators,
)
from convert.tflite.view import Graph, Operator, Tensor

TILES = 4
# Operators of which a row of the output needs one row of the first input.
PRODUCTS = ("FULLY_CONNECTED", "BATCH_MATMUL")
BROADCASTING = ("ADD", "MUL", "SUB")


def rows_at_once(graph: Graph, op: Operator) -> bool:
    """computes all rows at once: slice the rows into four parts before the operators around it (STRIDED_SLICE), run
    these once for each part, and join what comes out (CONCATENATION)
    """
    if op.name != "SOFTMAX":
        return False
    chain = _chain(graph, op)
    source, result = chain[0].input, chain[-1].output
    rows = source.shape[-2:-1]
    if rows != result.shape[-2:-1] or not rows or rows[0] < 2 * TILES or len(chain) == 1:
        return False
    parts, added = [], []
    for tile in range(TILES):
        first, last = rows[0] * tile // TILES, rows[0] * (tile + 1) // TILES
        added.append(_slice(graph, source, first, last))
        for old in chain:
            added.append(_repeat(graph, old, added[-1].output, last - first))
        parts.append(added[-1].output)
    added.append(new_operator(graph, "CONCATENATION", parts, [result], "ConcatenationOptions", axis=result.rank - 2))
    place = graph.operators.index(chain[-1])  # there everything that the chain reads is made
    set_operators(graph, [*graph.operators[:place], *added, *graph.operators[place:]])
    remove_operators(graph, chain)
    return True


def _chain(graph: Graph, op: Operator) -> list[Operator]:
    """The operators before a SOFTMAX that work row by row, and the product after it."""
    chain = [op]
    while (before := maker(graph, chain[0].input)) and _by_rows(before) and _alone(graph, before):
        chain.insert(0, before)
    after = readers(graph, op.output)
    if _alone(graph, op) and after[0].name in PRODUCTS and after[0].input is op.output:
        chain += after if _by_rows(after[0]) else []
    return chain


def _by_rows(op: Operator) -> bool:
    """Whether a row of the output needs one row of the first input, and the other inputs whole."""
    source, result = op.input.shape, op.output.shape
    if op.name in BROADCASTING:
        return source == result and all(tensor.shape[-2:-1] in ((), (1,)) for tensor in op.inputs[1:])
    if op.name == "BATCH_MATMUL":
        return not op.option("adjX") and source[:-1] == result[:-1]
    return op.name == "FULLY_CONNECTED" and source[:-1] == result[:-1]


def _alone(graph: Graph, op: Operator) -> bool:
    """Whether nothing but one operator wants what an operator makes."""
    return len(readers(graph, op.output)) == 1 and not is_output(graph, op.output)


def _slice(graph: Graph, source: Tensor, first: int, last: int) -> Operator:
    begin, end = [0] * source.rank, list(source.shape)
    begin[-2], end[-2] = first, last
    bounds = [add_integers(graph, values) for values in (begin, end, [1] * source.rank)]
    part = add_like(graph, source, [*source.shape[:-2], last - first, source.shape[-1]])
    return new_operator(graph, "STRIDED_SLICE", [source, *bounds], [part], "StridedSliceOptions")


def _repeat(graph: Graph, old: Operator, source: Tensor, rows: int) -> Operator:
    """An operator once more, for some rows."""
    shape = old.output.shape
    part = add_like(graph, old.output, [*shape[:-2], rows, shape[-1]])
    return repeat_operator(old, [source, *old.inputs[1:]], [part])
