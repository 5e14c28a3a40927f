"""Multiply-accumulates of a model: those of dense and convolution operators, where all but a percent are."""

from convert.tflite.block_options import BLOCK, INPUTS
from convert.tflite.view import Model, Operator


def count_macs(model: Model, turns: int = 1) -> int:
    """Multiply-accumulates of one inference: those of dense and convolution operators, where all but a percent are.

    Args:
        model: the model.
        turns: how often the other graphs than the first run: a loop over the tokens does for each of them.
    """
    others = sum(_macs(op) for graph in model.graphs[1:] for op in graph.operators)
    return sum(list_macs(model)) + turns * others


def list_macs(model: Model) -> list[int]:
    """Multiply-accumulates of each operator of the first graph."""
    return [_macs(op) for op in model.graphs[0].operators]


def _macs(op: Operator) -> int:
    if op.name == BLOCK:
        return _block_macs(op)
    if op.name not in ("FULLY_CONNECTED", "DEPTHWISE_CONV_2D"):
        return 0
    weights = op.inputs[1].shape
    terms = weights[-1] if op.name == "FULLY_CONNECTED" else weights[1] * weights[2]
    return op.output.elements * terms


def _block_macs(op: Operator) -> int:
    """Of each row three dense layers, its scores, what it mixes, and its convolution."""
    shapes = dict(zip(INPUTS, (tensor.shape for tensor in op.inputs)))
    width, taps = shapes["x"][-1], shapes["conv.kernel"][-2]
    rows = op.output.elements // width
    return rows * width * (3 * width + 2 * rows + taps)
