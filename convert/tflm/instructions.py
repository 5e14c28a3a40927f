"""Instructions of one inference, estimated from what each kernel was measured to take.

An operator costs a sum of units (calls, elements, multiply-accumulates) times the cost of each on a core with a set of
kernels, by a compiler. The costs in `instructions.yaml`, and in `instructions-gcc-14.yaml` for another compiler, are
fitted to counts under QEMU by `python -m benchmarks.instructions`, which also tells how far off the estimates are on
models that it did not see.
"""

import functools
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import yaml

from convert.tflite import schema
from convert.tflite.block_options import BLOCK
from convert.tflite.view import Model, Operator, OptionalTensor, Tensor, view_model
from convert.tflm.builds import find_build
from convert.tflm.compilers import COMPILERS, name_by_compiler
from convert.tflm.instructions_fast import fast_units

OURS = " (ours)"
BLOCK_KIND = f"{BLOCK}{OURS}"
NARROW_TYPES = ("INT8", "INT4")  # the usual; other types have kernels of their own, and a name with the type in it
RECTIFIERS = (schema.ActivationFunctionType.RELU, schema.ActivationFunctionType.RELU6)
Tensors: TypeAlias = Sequence[OptionalTensor]


def estimate_instructions(
    model: Model | bytes, core: str, kernels: str, compiler: str = COMPILERS[0], costs: dict | None = None
) -> dict | None:
    """What one inference takes, inputs filled: a text as long as the model takes.

    Args:
        model: a model that TFLM runs; its first graph counts.
        core: 'cortex-m4' or another core of `instructions.yaml`.
        kernels: 'cmsis_nn', 'reference', or 'fast' for our own over CMSIS-NN's.
        compiler: one of COMPILERS.
        costs: others than those of `load_costs`.

    Returns:
        {total, at_least, by_op: [{name, count, instructions}] from the most expensive kind on, unknown: [names]}.
        Operators without a measured cost are in `unknown` and not in `total`, which is then a lower bound (`at_least`),
        and None where no operator has a cost. An operator that does what none of its kind was measured at (a unit
        without a cost) has none either, and nothing costs 0. None for a core that was not measured
        with that compiler.
    """
    of_core = (load_costs(compiler) if costs is None else costs).get(core, {})
    if kernels not in of_core:
        return None
    ours = of_core.get("fast", {})
    block = {BLOCK_KIND: ours.get(BLOCK_KIND, {})}
    known = of_core["cmsis_nn"] | ours if kernels == "fast" else of_core[kernels] | block
    counts: Counter[str] = Counter()
    instructions: defaultdict[str, float] = defaultdict(float)
    unknown = set()
    for kind, units in operator_units(view_model(model) if isinstance(model, bytes) else model, core, kernels):
        price = _price(units, known.get(kind, {}))
        if price:
            counts[kind] += 1
            instructions[kind] += price
        else:
            unknown.add(kind)
    by_op = [
        {"name": kind, "count": counts[kind], "instructions": round(taken)}
        for kind, taken in sorted(instructions.items(), key=lambda item: -item[1])
    ]
    total = sum(map(round, instructions.values())) if by_op or not unknown else None
    return {"total": total, "at_least": bool(unknown), "by_op": by_op, "unknown": sorted(unknown)}


def _price(units: dict[str, float], costs: dict[str, float]) -> float:
    """Instructions of an operator; 0 where a unit of it has no cost."""
    used = {unit: amount for unit, amount in units.items() if amount}
    return sum(costs[unit] * amount for unit, amount in used.items()) if used.keys() <= costs.keys() else 0


@functools.cache
def load_costs(compiler: str = COMPILERS[0]) -> dict:
    """Instructions {core: {kernels: {kind of operator: {unit: instructions}}}}."""
    return yaml.safe_load(costs_file(compiler).read_text())


def costs_file(compiler: str) -> Path:
    return Path(__file__).with_name(f"{name_by_compiler('instructions', compiler)}.yaml")


def operator_units(
    model: Model, core: str = "cortex-m7", kernels: str = "cmsis_nn"
) -> list[tuple[str, dict[str, float]]]:
    """Kind and amount of each unit of every operator, in the order of execution.

    The kind is the operator's name, with the type of its output when that is not int8 (SUB INT32), and (ours) where a
    kernel of our own computes it, which but for EMBBERT_BLOCK is so with the kernels 'fast' alone, and may depend on
    the core.
    """
    found = []
    for op in model.graphs[0].operators:
        ours = fast_units(op, find_build(core, "fast").build) if kernels == "fast" or op.name == BLOCK else None
        found.append((f"{op.name}{OURS}", ours) if ours else _units(op.name, op, op.inputs, op.outputs))
    return found


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


VECTOR, LANES = 16, 4  # bytes that a vector core multiplies at once, 32-bit sums that it keeps in a register


def _dense(op: Operator, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """Of more than two dimensions, CMSIS-NN takes it for a convolution (cmsis_nn/fully_connected.cc)."""
    size, columns, depth = outputs[0].elements, int(outputs[0].shape[-1]), int(inputs[1].shape[-1])
    if len(outputs[0].shape) > 2:
        return dense_units(size, columns, depth)
    vectors, scaled = size * math.ceil(depth / VECTOR), size if len(inputs[1].scales) > 1 else 0
    macs = "rectified macs" if outputs[0].type == "FLOAT32" and _is_rectified(op) else "macs"
    return {"rows": size // columns, "outputs": size, macs: size * depth, "vectors": vectors, "scaled": scaled}


def _is_rectified(op: Operator) -> bool:
    """Whether half of what it reads may be zeros, by which a core without an FPU multiplies in fewer instructions."""
    maker = next((other for other in op.graph.operators[: op.index] if op.input in other.outputs), None)
    if maker and maker.name in ("RESHAPE", "MAX_POOL_2D"):
        return _is_rectified(maker)
    return maker is not None and maker.option("fusedActivationFunction") in RECTIFIERS


def dense_units(size: int, columns: int, depth: int) -> dict[str, float]:
    """Rows by columns, on a vector core by four rows at a time; on the others the weights are summed up first, once for
    all rows (arm_nn_mat_mult_nt_t_s8.c).
    """
    vectors = _in_fours(size // columns) * columns * math.ceil(depth / VECTOR)
    return {"1x1 outputs": size, "1x1 macs": size * depth, "1x1 vectors": vectors, "1x1 weights": columns * depth}


def _in_fours(count: int) -> int:
    """What is computed four at a time, and one by one at twice the cost where fewer are left."""
    return count + count % LANES


def _matmul(op: Operator, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    depth = int(inputs[0].shape[-2 if op.option("adjX") else -1])
    return {
        "rows": math.prod(outputs[0].shape[:-1]),
        "outputs": outputs[0].elements,
        "macs": outputs[0].elements * depth,
        "operands": inputs[0].elements + inputs[1].elements,
    }


def _convolution(op: Operator, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """A loop over the taps of the filter around one over the depth; CMSIS-NN first copies what a position sees, but for
    most convolutions along a line on a vector core (arm_convolve_1_x_n_s8.c).
    """
    filters, height, width, depth = (int(n) for n in inputs[1].shape)
    size, taps = outputs[0].elements, height * width
    if taps == 1:
        return dense_units(size, filters, depth)
    positions = size // filters
    vectors = _in_fours(positions) * filters * math.ceil(taps * depth / VECTOR)
    line = "line " * (int(inputs[0].shape[1]) == height == 1 and op.option("strideW") * depth % LANES == 0)
    return {
        "outputs": size,
        "taps": size * taps,
        "macs": size * taps * depth,
        "vectors": vectors,
        f"{line}copied": positions * taps * depth,
        f"{line}tap copies": positions * taps,
    }


def _depthwise(op: Operator, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """CMSIS-NN has four kernels for it (arm_depthwise_conv_wrapper_s8.c, arm_depthwise_conv_s8.c); on a vector core
    one channel that becomes many is a CONV_2D (TFLM's depthwise_conv.cc), and 3 x 3 taps are as any other
    (arm_depthwise_conv_s8_opt.c, arm_nn_depthwise_conv_nt_t_s8.c).
    """
    size, multiplier = outputs[0].elements, op.option("depthMultiplier")
    _, height, width, channels = (int(n) for n in inputs[1].shape)
    positions, taps = size // channels, height * width
    dilation = max(op.option("dilationHFactor"), op.option("dilationWFactor"))
    if channels > 1 == int(inputs[0].shape[3]):
        return {"single outputs": size, "single macs": size * taps}
    if dilation > 1 or (multiplier > 1 and multiplier % 4):
        return {"slow outputs": size, "slow macs": size * taps}
    if multiplier > 1:
        return {"multiplied outputs": size, "multiplied macs": size * taps}
    within = math.prod(_taps_within(op, inputs[0], inputs[1], outputs[0], axis) for axis in (1, 2)) * channels
    name = "3x3 " if (height, width) == (3, 3) else ""
    lanes = _in_fours(positions) * math.ceil(channels / LANES)
    return {
        f"{name}outputs": size,
        f"{name}macs": size * taps,
        f"{name}within": within,
        f"{name}positions": positions * (1 if name else taps),
        f"{name}lanes": lanes,
        f"{name}lane taps": lanes * taps,
    }


def _taps_within(op: Operator, data: Tensor, weights: Tensor, output: Tensor, axis: int) -> int:
    """Of all outputs along an axis, the taps that lie within the input; the others cost less."""
    size, taps, outputs, stride = (
        data.shape[axis],
        weights.shape[axis],
        output.shape[axis],
        op.option(f"stride{' HW'[axis]}"),
    )
    before = max(0, (outputs - 1) * stride + taps - size) // 2
    return sum(0 <= place * stride + tap - before < size for place in range(outputs) for tap in range(taps))


def _pool(op: Operator, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    window = op.option("filterHeight") * op.option("filterWidth")
    return {"outputs": outputs[0].elements, "elements": outputs[0].elements * window}


def _recurrent(op: Operator, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """Four gates over the input and the state, at every step."""
    steps = math.prod(inputs[0].shape[:-1])
    weights = [(int(tensor.shape[0]), int(tensor.shape[1])) for tensor in inputs[1:9] if tensor is not None]
    return {
        "rows": steps,
        "outputs": outputs[0].elements,
        "macs": steps * sum(columns * depth for columns, depth in weights),
        "vectors": steps * sum(columns * math.ceil(depth / VECTOR) for columns, depth in weights),
    }


def _reduction(op: Operator, inputs: Tensors, outputs: Tensors) -> dict[str, float]:
    """Each element's place is reckoned from its index in every dimension (reference/reduce.h)."""
    size = inputs[0].elements
    return {"elements": size, "indices": size * inputs[0].rank, "outputs": outputs[0].elements}


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
    "MEAN": _reduction,
    "SUM": _reduction,
}
