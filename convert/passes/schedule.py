"""The order of a model's operators: the same graph with less alive at its worst."""

from collections.abc import Iterable

from convert.passes.strip import is_plain
from convert.tflite.editing import set_operators
from convert.tflite.view import Model


def order_operators(model: Model) -> Model:
    """A model whose operators run in the order that has the fewest bytes alive at once, of those tried.

    Tried are the order it has and, operator by operator, the one that leaves the fewest bytes alive, or that needs the
    fewest while it runs; an order must be better to be taken. Models with variables or several graphs stay as they are.
    """
    if not is_plain(model) or not model.operators:
        return model
    lives = _Lives(model)
    orders = [list(range(len(lives.inputs))), lives.greedy(after=True), lives.greedy(after=False)]
    best = min(orders, key=lives.peak)
    ordered = model.copy()
    graph = ordered.graphs[0]
    set_operators(graph, [graph.operators[number] for number in best])
    return ordered


class _Lives:
    """Bytes of activations by their indices, and which operator makes and reads them."""

    def __init__(self, model: Model) -> None:
        graph = model.graphs[0]
        self.nbytes = {tensor.index: tensor.nbytes for tensor in graph.tensors if not tensor.constant}
        self.inputs = [{t.index for t in op.inputs if t and not t.constant} for op in graph.operators]
        self.outputs = [{t.index for t in op.outputs if t and not t.constant} for op in graph.operators]
        self.kept = set(graph.outputs)
        self.given = set(graph.inputs) & self.nbytes.keys()
        self.makers = {i: number for number, made in enumerate(self.outputs) for i in made}

    def peak(self, order: list[int]) -> int:
        """The most bytes alive at once in an order."""
        last = {i: step for step, number in enumerate(order) for i in self.inputs[number] | self.outputs[number]}
        alive, worst = set(self.given), 0
        for step, number in enumerate(order):
            alive |= self.outputs[number]
            worst = max(worst, self._bytes(alive))
            alive = {i for i in alive if i in self.kept or last.get(i, step) > step}
        return worst

    def greedy(self, after: bool) -> list[int]:
        """Always the operator that leaves the fewest bytes alive after it, or that needs the fewest while it runs."""
        readers = {i: sum(i in read for read in self.inputs) for i in self.nbytes}
        order: list[int] = []
        left = list(range(len(self.inputs)))
        while left:
            done = set(order)
            ready = [n for n in left if all(i not in self.makers or self.makers[i] in done for i in self.inputs[n])]
            chosen = min(ready, key=lambda n: self._growth(n, readers, after))
            order.append(chosen)
            left.remove(chosen)
            for i in self.inputs[chosen]:
                readers[i] -= 1
        return order

    def _growth(self, number: int, readers: dict[int, int], after: bool) -> tuple[int, int]:
        """What an operator adds: (after it, while it runs), or while it runs and less what it frees."""
        grown = self._bytes(self.outputs[number])
        freed = self._bytes(i for i in self.inputs[number] if readers[i] == 1 and i not in self.kept)
        return (grown - freed, grown) if after else (grown, -freed)

    def _bytes(self, tensors: Iterable[int]) -> int:
        return sum(self.nbytes[i] for i in tensors)
