"""The order of a model's operators: the same graph with less alive at its worst."""

import copy

from convert.passes.strip import is_plain
from convert.tflite import schema
from convert.tflite.model import indices, is_constant, operators, tensor_bytes


def order_operators(model: schema.ModelT) -> schema.ModelT:
    """A model whose operators run in the order that has the fewest bytes alive at once, of those tried.

    Tried are the order it has and, operator by operator, the one that leaves the fewest bytes alive, or that needs the
    fewest while it runs; an order must be better to be taken. Models with variables or several graphs stay as they are.
    """
    if not is_plain(model) or not operators(model.subgraphs[0]):
        return model
    lives = _Lives(model)
    orders = [list(range(len(lives.inputs))), lives.greedy(after=True), lives.greedy(after=False)]
    best = min(orders, key=lives.peak)
    ordered = copy.copy(model)
    graph = copy.copy(model.subgraphs[0])
    graph.operators = [model.subgraphs[0].operators[number] for number in best]
    ordered.subgraphs = [graph]
    return ordered


class _Lives:
    """Bytes of activations, and which operator makes and reads them."""

    def __init__(self, model: schema.ModelT):
        graph = model.subgraphs[0]
        ops = operators(graph)
        self.nbytes = {
            index: tensor_bytes(tensor) for index, tensor in enumerate(graph.tensors) if not is_constant(model, tensor)
        }
        self.inputs = [{i for i in indices(op.inputs) if i in self.nbytes} for op in ops]
        self.outputs = [{i for i in indices(op.outputs) if i in self.nbytes} for op in ops]
        self.kept = set(indices(graph.outputs))
        self.given = set(indices(graph.inputs))
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
        order, left = [], list(range(len(self.inputs)))
        while left:
            done = set(order)
            ready = [n for n in left if all(i not in self.makers or self.makers[i] in done for i in self.inputs[n])]
            grown = lambda n: self._bytes(self.outputs[n])
            freed = lambda n: self._bytes({i for i in self.inputs[n] if readers[i] == 1 and i not in self.kept})
            chosen = min(ready, key=lambda n: (grown(n) - freed(n), grown(n)) if after else (grown(n), -freed(n)))
            order.append(chosen)
            left.remove(chosen)
            for i in self.inputs[chosen]:
                readers[i] -= 1
        return order

    def _bytes(self, tensors: set[int]) -> int:
        return sum(self.nbytes[i] for i in tensors)
