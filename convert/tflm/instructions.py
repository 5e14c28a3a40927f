"""Instructions of one inference, estimated from what each kernel was measured to take.

An operator costs a sum of units (calls, elements, multiply-accumulates) times the cost of each on a core with a set of
kernels. The costs in `instructions.yaml` are fitted to counts under QEMU by `python -m benchmarks.instructions`, which
also tells how far off the estimates are on models that it did not see.
"""

import functools
import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from convert.tflite import schema
from convert.tflite.model import TYPE_NAMES, operator_name, read_model

COSTS = Path(__file__).with_name("instructions.yaml")
NARROW_TYPES = ("INT8", "INT4")  # the usual; other types have kernels of their own, and a name with the type in it
Tensors: TypeAlias = list[schema.TensorT | Any]  # of an operator; None for one left out


def estimate_instructions(model: schema.ModelT | bytes, core: str, kernels: str) -> dict | None:
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
    for kind, units in operator_units(read_model(model) if isinstance(model, bytes) else model):
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


def operator_units(model: schema.ModelT) -> list[tuple[str, dict[str, float]]]:
    """Kind and amount of each unit of every operator, in the order of execution.

    The kind is the operator's name, with the type of its output when that is not int8: SUB INT32.
    """
    graph = model.subgraphs[0]
    return [
        _units(operator_name(model, op), op, _tensors(graph, op.inputs), _tensors(graph, op.outputs))
        for op in ([] if graph.operators is None else graph.operators)
    ]


def _tensors(graph: schema.SubGraphT, indices: Iterable[int] | None) -> Tensors:
    """The tensors of an operator, None for an input left out."""
    return [graph.tensors[i] if i >= 0 else None for i in ([] if indices is None else indices)]


def _units(name: str, op: schema.OperatorT, inputs: Tensors, outputs: Tensors) -> tuple[str, dict[str, float]]:
    if not outputs:  # it moves what others computed: ASSIGN_VARIABLE, CALL_ONCE
        return name, {"calls": 1}
    kind = TYPE_NAMES[outputs[0].type]
    amounts = UNITS.get(name, _elements)(op, inputs, outputs)
    return name if kind in NARROW_TYPES else f"{name} {kind}", {"calls": 1} | amounts


def _shape(tensor: schema.TensorT) -> list[int]:
    return [] if tensor.shape is None else [int(n) for n in tensor.shape]


def _size(tensor: schema.TensorT) -> int:
    return math.prod(_shape(tensor))


def _elements(op: schema.OperatorT, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """Of the larger side: reductions and slices read more than they write, paddings write more."""
    read = sum(_size(tensor) for tensor in inputs[:1] if tensor is not None)
    return {"elements": max(read, sum(map(_size, outputs)))}


def _written(op: schema.OperatorT, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    return {"elements": sum(map(_size, outputs)), "outputs": len(outputs)}


def _rows(op: schema.OperatorT, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """Along the last axis."""
    return {"rows": math.prod(_shape(outputs[0])[:-1]), "elements": _size(outputs[0])}


def _binary(op: schema.OperatorT, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """Unequal shapes take the slow loop over four dimensions."""
    broadcast = _shape(inputs[0]) != _shape(inputs[1])
    return {"broadcast elements" if broadcast else "elements": _size(outputs[0])}


def _dense(op: schema.OperatorT, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """Of more than two dimensions, CMSIS-NN takes it for a convolution (cmsis_nn/fully_connected.cc)."""
    size, depth = _size(outputs[0]), int(inputs[1].shape[-1])
    if len(outputs[0].shape) > 2:
        return {"1x1 outputs": size, "1x1 macs": size * depth}
    return {"rows": size // int(inputs[1].shape[0]), "outputs": size, "macs": size * depth}


def _matmul(op: schema.OperatorT, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    depth = int(inputs[0].shape[-2 if op.builtinOptions.adjX else -1])
    return {
        "rows": math.prod(_shape(outputs[0])[:-1]),
        "outputs": _size(outputs[0]),
        "macs": _size(outputs[0]) * depth,
        "operands": _size(inputs[0]) + _size(inputs[1]),
    }


def _convolution(op: schema.OperatorT, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """A loop over the taps of the filter around one over the depth; CMSIS-NN first copies what a position sees."""
    filters, height, width, depth = (int(n) for n in inputs[1].shape)
    size, taps = _size(outputs[0]), height * width
    if taps == 1:
        return {"1x1 outputs": size, "1x1 macs": size * depth}
    return {"outputs": size, "taps": size * taps, "macs": size * taps * depth, "copied": size // filters * taps * depth}


def _depthwise(op: schema.OperatorT, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """CMSIS-NN has four kernels for it (arm_depthwise_conv_wrapper_s8.c, arm_depthwise_conv_s8.c)."""
    options, size = op.builtinOptions, _size(outputs[0])
    _, height, width, channels = (int(n) for n in inputs[1].shape)
    positions, taps = size // channels, height * width
    if max(options.dilationHFactor, options.dilationWFactor) > 1 or (
        options.depthMultiplier > 1 and options.depthMultiplier % 4
    ):
        return {"slow outputs": size, "slow macs": size * taps}
    if options.depthMultiplier > 1:
        return {"multiplied outputs": size, "multiplied macs": size * taps}
    if (height, width) == (3, 3):
        return {"3x3 outputs": size, "3x3 positions": positions}
    return {"outputs": size, "macs": size * taps, "positions": positions * taps}


def _pool(op: schema.OperatorT, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    window = op.builtinOptions.filterHeight * op.builtinOptions.filterWidth
    return {"outputs": _size(outputs[0]), "elements": _size(outputs[0]) * window}


def _recurrent(op: schema.OperatorT, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """Four gates over the input and the state, at every step."""
    steps = math.prod(_shape(inputs[0])[:-1])
    weights = sum(_size(tensor) for tensor in inputs[1:9] if tensor is not None)
    return {"rows": steps, "outputs": _size(outputs[0]), "macs": steps * weights}


def _svdf(op: schema.OperatorT, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    return {"macs": _size(inputs[1]) + _size(inputs[2]), "outputs": int(inputs[1].shape[0])}


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
