"""Multiply-accumulates of a model: those of dense and convolution operators, where all but a percent are."""

from convert.tflite.view import Model, Operator


def count_macs(model: Model) -> int:
    """Multiply-accumulates of one inference: those of dense and convolution operators, where all but a percent are."""
    return sum(list_macs(model))


def list_macs(model: Model) -> list[int]:
    """Multiply-accumulates of each operator of the first graph."""
    return [_macs(op) for op in model.graphs[0].operators]


def _macs(op: Operator) -> int:
    if op.name not in ("FULLY_CONNECTED", "DEPTHWISE_CONV_2D"):
        return 0
    weights = op.inputs[1].shape
    terms = weights[-1] if op.name == "FULLY_CONNECTED" else weights[1] * weights[2]
    return op.output.elements * terms
