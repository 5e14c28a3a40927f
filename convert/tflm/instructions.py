"""Instructions of one inference, estimated from what each kernel was measured to take.

An operator costs a sum of units (calls, elements, multiply-accumulates) times the cost of each on a core with a set of
kernels. The costs in `instructions.yaml` are fitted to counts under QEMU by `python -m benchmarks.instructions`, which
also tells how far off the estimates are on models that it did not see.
"""

import functools
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import yaml

from convert.tflite.view import Model, Operator, OptionalTensor, view_model

COSTS = Path(__file__).with_name("instructions.yaml")
NARROW_TYPES = ("INT8", "INT4")  # the usual; other types have kernels of their own, and a name with the type in it
Tensors: TypeAlias = Sequence[OptionalTensor]


def estimate_instructions(model: Model | bytes, core: str, kernels: str) -> dict | None:
    """What one inference takes, inputs filled: a text as long as the model takes.

    Args:
        model: a model that TFLM runs; its first graph counts.
        core: 'cortex-m4' or another core of `instructions.yaml`.
        kernels: 'cmsis_nn' or 'reference'.

    Returns:
        {total, at_least, by_op: [{name, count, instructions}] from the most expensive kind on, unknown: [names]}.
        Operators without a measured cost are in `unknown` and not in `total`, which is then a lower bound (`at_least`),
        and None where no operator has a cost. None for a core that was not measured.
    """
    costs = load_costs().get(core, {}).get(kernels)
    if costs is None:
        return None
    counts: Counter[str] = Counter()
    instructions: Counter[str] = Counter()  # halves and all
    unknown = set()
    for kind, units in operator_units(view_model(model) if isinstance(model, bytes) else model):
        if units.keys() <= costs.get(kind, {}).keys():
            counts[kind] += 1
            instructions[kind] += sum(costs[kind][unit] * amount for unit, amount in units.items())
        else:
            unknown.add(kind)
    by_op = [
        {"name": kind, "count": counts[kind], "instructions": round(taken)}
        for kind, taken in instructions.most_common()
    ]
    total = sum(map(round, instructions.values())) if by_op or not unknown else None
    return {"total": total, "at_least": bool(unknown), "by_op": by_op, "unknown": sorted(unknown)}


@functools.cache
def load_costs() -> dict:
    """Instructions {core: {kernels: {kind of operator: {unit: instructions}}}}."""
    return yaml.safe_load(COSTS.read_text())


def operator_units(model: Model) -> list[tuple[str, dict[str, float]]]:
    """Kind and amount of each unit of every operator, in the order of execution.

    The kind is the operator's name, with the type of its output when that is not int8: SUB INT32.
    """
    return [_units(op.name, op, op.inputs, op.outputs) for op in model.graphs[0].operators]


def _units(name: str, op: Operator, inputs: Tensors, outputs: Tensors) -> tuple[str, dict[str, float]]:
    if not outputs:  # it moves what others computed: ASSIGN_VARIABLE, CALL_ONCE
        return name, {"calls": 1}
    amounts = UNITS.get(name, _elements)(op, inputs, outputs)
    kind = outputs[0].type
    return name if kind in NARROW_TYPES else f"{name} {kind}", {"calls": 1} | amounts


def _elements(op: Operator, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """Of the larger side: reductions and slices read more than they write, paddings write more."""
    read = sum(tensor.elements for tensor in inputs[:1] if tensor is not None)
    return {"elements": max(read, sum(tensor.elements for tensor in outputs))}


def _written(op: Operator, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    return {"elements": sum(tensor.elements for tensor in outputs), "outputs": len(outputs)}


def _rows(op: Operator, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """Along the last axis."""
    return {"rows": math.prod(outputs[0].shape[:-1]), "elements": outputs[0].elements}


def _binary(op: Operator, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """Unequal shapes take the slow loop over four dimensions."""
    broadcast = inputs[0].shape != inputs[1].shape
    return {"broadcast elements" if broadcast else "elements": outputs[0].elements}


def _dense(op: Operator, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """Of more than two dimensions, CMSIS-NN takes it for a convolution (cmsis_nn/fully_connected.cc)."""
    size, depth = outputs[0].elements, int(inputs[1].shape[-1])
    if len(outputs[0].shape) > 2:
        return {"1x1 outputs": size, "1x1 macs": size * depth}
    return {"rows": size // int(inputs[1].shape[0]), "outputs": size, "macs": size * depth}


def _matmul(op: Operator, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    depth = int(inputs[0].shape[-2 if op.option("adjX") else -1])
    return {
        "rows": math.prod(outputs[0].shape[:-1]),
        "outputs": outputs[0].elements,
        "macs": outputs[0].elements * depth,
        "operands": inputs[0].elements + inputs[1].elements,
    }


def _convolution(op: Operator, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """A loop over the taps of the filter around one over the depth; CMSIS-NN first copies what a position sees."""
    filters, height, width, depth = (int(n) for n in inputs[1].shape)
    size, taps = outputs[0].elements, height * width
    if taps == 1:
        return {"1x1 outputs": size, "1x1 macs": size * depth}
    return {"outputs": size, "taps": size * taps, "macs": size * taps * depth, "copied": size // filters * taps * depth}


def _depthwise(op: Operator, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """CMSIS-NN has four kernels for it (arm_depthwise_conv_wrapper_s8.c, arm_depthwise_conv_s8.c)."""
    size, multiplier = outputs[0].elements, op.option("depthMultiplier")
    _, height, width, channels = (int(n) for n in inputs[1].shape)
    positions, taps = size // channels, height * width
    dilation = max(op.option("dilationHFactor"), op.option("dilationWFactor"))
    if dilation > 1 or (multiplier > 1 and multiplier % 4):
        return {"slow outputs": size, "slow macs": size * taps}
    if multiplier > 1:
        return {"multiplied outputs": size, "multiplied macs": size * taps}
    if (height, width) == (3, 3):
        return {"3x3 outputs": size, "3x3 positions": positions}
    return {"outputs": size, "macs": size * taps, "positions": positions * taps}


def _pool(op: Operator, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    window = op.option("filterHeight") * op.option("filterWidth")
    return {"outputs": outputs[0].elements, "elements": outputs[0].elements * window}


def _recurrent(op: Operator, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """Four gates over the input and the state, at every step."""
    steps = math.prod(inputs[0].shape[:-1])
    weights = sum(tensor.elements for tensor in inputs[1:9] if tensor is not None)
    return {"rows": steps, "outputs": outputs[0].elements, "macs": steps * weights}


def _svdf(op: Operator, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    return {"macs": inputs[1].elements + inputs[2].elements, "outputs": int(inputs[1].shape[0])}


UNITS = {
    "FULLY_CONNECTED": _dense,
    "BATCH_MATMUL": _matmul,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "AVERAGE_POOL_2D": _pool,
    "MAX_POOL_2D": _pool,
    "SOFTMAX": _rows,
    "L2_NORMALIZATION": _rows,
    "GATHER": _rows,
    "CONCATENATION": _rows,
    "ADD": _binary,
    "SUB": _binary,
    "MUL": _binary,
    "MAXIMUM": _binary,
    "MINIMUM": _binary,
    "SPLIT": _written,
    "SPLIT_V": _written,
    "UNPACK": _written,
    "STRIDED_SLICE": _written,
    "SLICE": _written,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _recurrent,
    "SVDF": _svdf,
}
