"""Another order of a graph's operators, in which less is alive at once."""

from collections import Counter

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from convert.tflite.editing import Draft
from convert.tflite.model import CALLED_GRAPHS, tensor_bytes

STATEFUL = {*CALLED_GRAPHS, "VAR_HANDLE", "ASSIGN_VARIABLE", "READ_VARIABLE"}  # what they do depends on when


def reorder(draft: Draft) -> list[int]:
    """Orders the operators of a draft so that at every step the one comes next that adds the fewest bytes.

    Args:
        draft: a graph; one with operators that call graphs or have variables stays as it is.

    Returns:
        For each place the number that its operator had.
    """
    waiting = dict(enumerate(draft.operators))
    if STATEFUL & {draft.name(op) for op in draft.operators}:
        return list(waiting)
    readers = Counter(index for op in draft.operators for index in op.inputs)
    missing = {index for op in draft.operators for index in op.outputs}
    order = []
    while waiting:
        ready = [number for number, op in waiting.items() if missing.isdisjoint(op.inputs)]
        order.append(min(ready, key=lambda number: _growth(draft, readers, waiting[number])))
        op = waiting.pop(order[-1])
        missing.difference_update(op.outputs)
        readers.subtract(op.inputs)
    draft.operators[:] = [draft.operators[number] for number in order]
    return order


def _growth(draft: Draft, readers: Counter, op: schema.OperatorT) -> int:
    """Bytes that are alive after an operator and were not before it."""
    freed = [
        index
        for index in set(op.inputs)
        if index >= 0
        and readers[index] == op.inputs.count(index)
        and not draft.is_output(index)
        and not draft.is_constant(index)
    ]
    return sum(tensor_bytes(draft.tensors[i]) for i in op.outputs) - sum(tensor_bytes(draft.tensors[i]) for i in freed)
