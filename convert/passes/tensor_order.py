"""The order of a model's tensors.

TFLM's planner places the largest buffer first, and of equal ones that with the higher index
(memory_planner/greedy_memory_planner.cc): indices alone change how much its gaps cost. The search is annealing on
the planner itself, simulated exactly: it looks at a buffer that lies too high, and lets one of those that are alive
with it change places with another of its size.
"""

import math
import random

from convert.passes.measure import Measure
from convert.tflite.editing import set_tensors
from convert.tflite.view import Model
from convert.tflm.planner import Buffer, bytes_alive, lowest_gap

ROUNDS, SEED = 200, 0  # of the search
MOST_BESIDE = 2_000_000  # pairs of buffers alive together, times rounds: what a search may cost
HEAT = 2000.0  # bytes above the least head that a change may cost at first


def permute_tensors(measure: Measure, rounds: int = ROUNDS) -> Model:
    """A model of one graph whose tensors are numbered so that TFLM's planner takes a smaller head.

    Args:
        measure: the model, without an offline plan, on the build whose planner it is for.
        rounds: changes to try.

    Returns:
        The model; as it was, where no better numbering is found. Equal arguments give equal models.
    """
    queue, _ = arrange_buffers(measure.buffers, rounds)
    return number_tensors(measure.model, measure.buffers, queue)


def number_tensors(model: Model, buffers: list[Buffer], queue: list[int]) -> Model:
    """A model of one graph, with these buffers, whose tensors are numbered so that they come in a queue's order."""
    pairs = ((buffers[place].owner, buffers[number].owner) for place, number in zip(planner_queue(buffers), queue))
    moved = {old[1]: new[1] for old, new in pairs if old and new}
    permuted = model.copy()
    tensors = permuted.graphs[0].tensors
    set_tensors(permuted.graphs[0], [tensors[moved.get(index, index)] for index in range(len(tensors))])
    return permuted


def arrange_buffers(
    buffers: list[Buffer], rounds: int = ROUNDS, start: list[int] | None = None
) -> tuple[list[int], int]:
    """The queue of buffers, by their numbers, from which TFLM's planner makes the smallest head found, and that head.

    Only activations of equal size change places, which indices can bring about.

    Args:
        buffers: of the head, none of an offline plan.
        rounds: changes to try.
        start: the queue to begin with; by default that of the indices as they are.
    """
    search = _Search(buffers, start or planner_queue(buffers), random.Random(SEED))
    beside = sum(map(len, search.together))
    search.run(min(rounds, MOST_BESIDE // max(beside, 1)))
    return search.best_queue, search.best


def planner_queue(buffers: list[Buffer], ranks: list[int] | None = None) -> list[int]:
    """Numbers of buffers in the order in which the planner takes them, activations of equal size by `ranks`, if any."""

    def place(i: int) -> tuple[int, bool, int]:
        rank = ranks[i] if ranks and buffers[i].owner else -i
        return -buffers[i].size, buffers[i].owner is not None, rank

    return sorted(range(len(buffers)), key=place)


class _Search:
    """Annealing on the order in which the planner places buffers."""

    def __init__(self, buffers: list[Buffer], queue: list[int], generator: random.Random) -> None:
        self.generator = generator
        self.sizes = [buffer.size for buffer in buffers]
        self.together = [
            [
                j
                for j, other in enumerate(buffers)
                if j != i and other.first <= buffer.last and buffer.first <= other.last
            ]
            for i, buffer in enumerate(buffers)
        ]
        self.queue = list(queue)
        self.place = [queue.index(number) for number in range(len(queue))]
        self.alike: dict[int, list[int]] = {}
        for i, buffer in enumerate(buffers):
            if buffer.owner:
                self.alike.setdefault(buffer.size, []).append(i)
        self.least = max(bytes_alive(buffers))
        self.ends = [0] * len(buffers)
        for number in queue:
            self.ends[number] = self._lowest_end(number, self.ends)
        self.best, self.best_queue = max(self.ends, default=0), list(queue)

    def run(self, rounds: int) -> None:
        """Tries changes until none can help."""
        for number in range(rounds):
            if self.best <= self.least:
                return
            self._try_change(HEAT * (1 - number / rounds))

    def _try_change(self, heat: float) -> None:
        high = [i for i, end in enumerate(self.ends) if end > self.least]
        worst = self.generator.choice(high)
        one = self.generator.choice([worst, *self.together[worst]])
        alike = self.alike.get(self.sizes[one], [])
        other = self.generator.choice(alike) if one in alike else one
        if one == other:
            return
        self._swap(one, other)
        ends = self._ends_after(one, other)
        if max(ends) < self.best:
            self.best, self.best_queue = max(ends), list(self.queue)
        worse = self._excess(ends) - self._excess(self.ends)
        if worse <= 0 or self.generator.random() < math.exp(-worse / heat):
            self.ends = ends
        else:
            self._swap(one, other)

    def _swap(self, one: int, other: int) -> None:
        place = self.place
        place[one], place[other] = place[other], place[one]
        self.queue[place[one]], self.queue[place[other]] = one, other

    def _excess(self, ends: list[int]) -> int:
        """How far the buffers lie above the least head, together: parts of a model get better one by one."""
        return sum(end - self.least for end in ends if end > self.least)

    def _ends_after(self, one: int, other: int) -> list[int]:
        """Where buffers end now that two have changed places: only what lives beside one that moved can move."""
        ends, moved = list(self.ends), {one, other}
        for buffer in self.queue[min(self.place[one], self.place[other]) :]:
            if buffer in moved or not moved.isdisjoint(self.together[buffer]):
                end = self._lowest_end(buffer, ends)
                if end != ends[buffer]:
                    ends[buffer] = end
                    moved.add(buffer)
        return ends

    def _lowest_end(self, buffer: int, ends: list[int]) -> int:
        """Where a buffer ends in the lowest gap that those before it in the queue leave (`plan_buffers`)."""
        place, sizes, before = self.place, self.sizes, self.place[buffer]
        taken = sorted([(ends[i] - sizes[i], ends[i]) for i in self.together[buffer] if place[i] < before])
        return lowest_gap(taken, sizes[buffer]) + sizes[buffer]
