"""Operators that could overwrite their input, if an offline plan gave both tensors one place; TFLM's planner never
does that."""

from collections.abc import Iterable
from dataclasses import replace

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from convert.passes.aliasing import IN_PLACE
from convert.tflite.model import indices, operator_name, operators
from convert.tflm.planner import Buffer, head_bytes, plan_buffers


def find_overwriting(model: schema.ModelT, buffers: list[Buffer]) -> dict[int, tuple[int, int]]:
    """Operators of the first graph that had better overwrite an input which nobody reads afterwards: all that can, or
    all but those of one kind where the head gets smaller without these, as joined buffers live longer.

    Args:
        model: the model.
        buffers: its buffers in the head.

    Returns:
        {operator: (input, output)}, by index.
    """
    found = _possible(model, buffers)
    kinds = {number: operator_name(model, model.subgraphs[0].operators[number]) for number in found}
    choices = [
        {number: pair for number, pair in found.items() if kinds[number] != left_out}
        for left_out in (None, *sorted(set(kinds.values())))
    ]
    return min(choices, key=lambda pairs: head_bytes(buffers, share_places(buffers, pairs.values())))


def _possible(model: schema.ModelT, buffers: list[Buffer]) -> dict[int, tuple[int, int]]:
    lives = {buffer.owner[1]: buffer for buffer in buffers if buffer.owner and buffer.owner[0] == 0}
    found = {}
    for number, op in enumerate(operators(model.subgraphs[0])):
        output = (indices(op.outputs) or [-1])[0]
        free = [
            index
            for index in indices(op.inputs)
            if {index, output} <= lives.keys()
            and lives[index].last == lives[output].first
            and _may_overwrite(model, operator_name(model, op), index, output)
        ]
        if free:
            found[number] = (free[0], output)
    return found


def _may_overwrite(model: schema.ModelT, name: str, source: int, result: int) -> bool:
    """Whether a kernel gives the right answer when its output lies on an input (sharing.py)."""
    one, other = (model.subgraphs[0].tensors[index] for index in (source, result))
    if name == "RESHAPE":  # it finds that there is nothing to copy
        return True
    same = indices(one.shape) == indices(other.shape) and one.type == other.type == schema.TensorType.INT8
    return name in IN_PLACE and same


def share_places(buffers: list[Buffer], pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Plans buffers anew, each pair of tensors at one offset.

    Args:
        buffers: the buffers in the head.
        pairs: (input, output) tensors of the first graph, in the order of their operators.

    Returns:
        One offset per buffer.
    """
    place = {}  # the owner whose place another one takes
    for source, result in pairs:
        place[0, result] = place.get((0, source), (0, source))
    groups: dict = {}
    for number, buffer in enumerate(buffers):
        key = number if buffer.owner is None else place.get(buffer.owner, buffer.owner)
        groups.setdefault(key, []).append(number)
    offsets = [0] * len(buffers)
    for members, offset in zip(groups.values(), plan_buffers([_joined(buffers, m) for m in groups.values()])):
        for number in members:
            offsets[number] = offset
    return offsets


def _joined(buffers: list[Buffer], members: list[int]) -> Buffer:
    """A buffer that lives as long as any of some."""
    return replace(
        buffers[members[0]], first=min(buffers[i].first for i in members), last=max(buffers[i].last for i in members)
    )
