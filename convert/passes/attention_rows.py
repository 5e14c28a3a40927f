"""Attention computed some rows at a time: the scores of all rows are then never alive together."""

from copy import copy

from convert.tflite import schema
from convert.tflite.editing import Draft

TILES = 4
# Operators of which a row of the output needs one row of the first input.
PRODUCTS = ("FULLY_CONNECTED", "BATCH_MATMUL")
BROADCASTING = ("ADD", "MUL", "SUB")


def rows_at_once(draft: Draft, op: schema.OperatorT) -> bool:
    """computes all rows at once: slice the rows into four parts before the operators around it (STRIDED_SLICE), run
    these once for each part, and join what comes out (CONCATENATION)"""
    if draft.name(op) != "SOFTMAX":
        return False
    chain = _chain(draft, op)
    source, result = chain[0].inputs[0], chain[-1].outputs[0]
    rows = draft.shape(source)[-2:-1]
    if rows != draft.shape(result)[-2:-1] or not rows or rows[0] < 2 * TILES or len(chain) == 1:
        return False
    place = draft.operators.index(chain[-1])  # there everything that the chain reads is made
    parts, added = [], []
    for tile in range(TILES):
        first, last = rows[0] * tile // TILES, rows[0] * (tile + 1) // TILES
        added.append(_slice(draft, source, first, last))
        for old in chain:
            added.append(_repeat(draft, old, added[-1].outputs[0], last - first))
        parts.append(added[-1].outputs[0])
    options = schema.ConcatenationOptionsT(axis=len(draft.shape(result)) - 2)
    added.append(draft.new_operator("CONCATENATION", parts, [result], options))
    draft.operators[place:place] = added
    for old in chain:
        draft.remove(old)
    return True


def _chain(draft: Draft, op: schema.OperatorT) -> list[schema.OperatorT]:
    """The operators before a SOFTMAX that work row by row, and the product after it."""
    chain = [op]
    while (before := draft.maker(chain[0].inputs[0])) and _by_rows(draft, before) and _alone(draft, before):
        chain.insert(0, before)
    after = draft.readers(op.outputs[0])
    if _alone(draft, op) and draft.name(after[0]) in PRODUCTS and after[0].inputs[0] == op.outputs[0]:
        chain += after if _by_rows(draft, after[0]) else []
    return chain


def _by_rows(draft: Draft, op: schema.OperatorT) -> bool:
    """Whether a row of the output needs one row of the first input, and the other inputs whole."""
    shapes = [draft.shape(index) for index in (op.inputs[0], op.outputs[0])]
    if draft.name(op) in BROADCASTING:
        return shapes[0] == shapes[1] and all(draft.shape(i)[-2:-1] in ([], [1]) for i in op.inputs[1:])
    if draft.name(op) == "BATCH_MATMUL":
        return not getattr(op.builtinOptions, "adjX", False) and shapes[0][:-1] == shapes[1][:-1]
    return draft.name(op) == "FULLY_CONNECTED" and shapes[0][:-1] == shapes[1][:-1]


def _alone(draft: Draft, op: schema.OperatorT) -> bool:
    """Whether nothing but one operator wants what an operator makes."""
    return len(draft.readers(op.outputs[0])) == 1 and not draft.is_output(op.outputs[0])


def _slice(draft: Draft, source: int, first: int, last: int) -> schema.OperatorT:
    shape = draft.shape(source)
    begin, end = [0] * len(shape), list(shape)
    begin[-2], end[-2] = first, last
    bounds = [
        draft.add_integers(values, name)
        for values, name in ((begin, "begin"), (end, "end"), ([1] * len(shape), "strides"))
    ]
    part = draft.add_tensor(source, [*shape[:-2], last - first, shape[-1]], "rows")
    return draft.new_operator("STRIDED_SLICE", [source, *bounds], [part], schema.StridedSliceOptionsT())


def _repeat(draft: Draft, old: schema.OperatorT, source: int, rows: int) -> schema.OperatorT:
    """An operator once more, for some rows."""
    op, shape = copy(old), draft.shape(old.outputs[0])
    op.inputs = [source, *old.inputs[1:]]
    op.outputs = [draft.add_tensor(old.outputs[0], [*shape[:-2], rows, shape[-1]], "part")]
    return op
