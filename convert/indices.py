"""The order of a model's tensors.

TFLM's planner places the largest buffer first, and of equal ones that with the higher index
(memory_planner/greedy_memory_planner.cc): indices alone change how much its gaps cost.
"""

import copy
import random

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from convert.arena_builds import Target
from convert.arena_model import allocate
from convert.arena_planner import Buffer, head_bytes, plan_buffers
from convert.diet import renumber

ROUNDS = 200


def permute_tensors(model: schema.ModelT, target: Target, rounds: int = ROUNDS, seed: int = 0) -> schema.ModelT:
    """A model of one graph whose tensors are numbered so that TFLM's planner takes a smaller head.

    Two buffers of equal size change places, and the better numbering stays; the planner is simulated exactly.

    Args:
        model: the model.
        target: the build whose planner it is for.
        rounds: changes to try.
        seed: of the search.

    Returns:
        The model; as it was, where no better numbering is found. Equal arguments give equal models.
    """
    buffers = allocate(model, *target).buffers
    order = _search(buffers, rounds, random.Random(seed))
    moved = {buffers[place].owner[1]: buffers[number].owner[1] for place, number in enumerate(order)
             if buffers[place].owner}
    numbering = [moved.get(index, index) for index in range(len(model.subgraphs[0].tensors))]
    permuted = copy.copy(model)
    permuted.subgraphs = [renumber(model.subgraphs[0], numbering)]
    return permuted


def _search(buffers: list[Buffer], rounds: int, generator: random.Random) -> list[int]:
    """The buffer to have at each place."""
    best = list(range(len(buffers)))
    alike: dict[int, list[int]] = {}
    for place, buffer in enumerate(buffers):
        if buffer.owner:
            alike.setdefault(buffer.size, []).append(place)
    classes = [places for places in alike.values() if len(places) > 1]
    if not classes:
        return best
    least = max(sum(buffer.size for buffer in buffers if buffer.alive(step))
                for step in range(max(buffer.last for buffer in buffers) + 1))
    head = _head(buffers, best)
    for _ in range(rounds):
        if head <= least:
            break
        order = list(best)
        one, other = generator.sample(generator.choice(classes), 2)
        order[one], order[other] = order[other], order[one]
        if (now := _head(buffers, order)) <= head:
            best, head = order, now
    return best


def _head(buffers: list[Buffer], order: list[int]) -> int:
    moved = [buffers[number] for number in order]
    return head_bytes(moved, plan_buffers(moved))
