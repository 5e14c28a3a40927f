"""Seeded random models of one operator each, for every operator that CMSIS-NN serves: shapes, attributes, types and
quantisation, often at their ends. What TFLM's reference kernels refuse is left to the caller to drop.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.firmware.random_others import OTHERS
from benchmarks.firmware.random_parts import (
    ACTIVATIONS,
    Rng,
    Shape,
    activation,
    any_scale,
    any_shape,
    any_values,
    pick,
    zero_point,
)
from convert.tflite import schema
from tests.support.agreement_models import Spec, Tensor

SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
CHANNELS = (1, 2, 3, 4, 5, 7, 8, 11, 12, 16, 17, 20, 32)


def random_model(op: str, seed: int) -> bytes:
    """The bytes of a random model of an operator; equal arguments give equal bytes."""
    makers = MAKERS | OTHERS
    rng = np.random.default_rng([list(makers).index(op), seed])
    spec = makers[op](rng)
    spec.op = op
    return spec.build()


def _weights(rng: Rng, kind: str, shape: Shape, axis: int, per_channel: bool) -> Tensor:
    scales = [any_scale(rng) for _ in range(shape[axis])] if per_channel else any_scale(rng)
    zero = int(pick(rng, 0, 0, 0, 6, -128 if kind == "int8" else -8)) if not per_channel else 0
    data = any_values(rng, kind, shape)
    if kind == "int4":
        flat = np.pad(data.reshape(-1), (0, data.size % 2)) & 15
        data = (flat[::2] | flat[1::2] << 4).astype(np.uint8).view(np.int8)
    return Tensor(kind, shape, data=data, scale=scales, zero=zero, axis=axis)


def _bias(rng: Rng, kind: str, weights: Tensor, scale: float, length: int) -> Tensor:
    largest = 2**14 if kind != "int16" else 2**12
    scales = (np.atleast_1d(np.float32(weights.scale)) * np.float32(scale)).tolist()
    return Tensor(
        kind, (length,), data=rng.integers(-largest, largest, length), scale=scales, zero=0, axis=0, quantized=True
    )


def _output_scale(rng: Rng, data: Tensor, weights: Tensor, depth: int) -> float:
    """Such that sums of products fill the output's range, more or less."""
    largest = {"int8": 127 * 127 / 127, "int16": 32767 * 127 / 32767}[data.type]
    weight = float(np.max(weights.scale))
    return float(np.float32(data.scale * weight * largest * np.sqrt(depth) * 2.0 ** rng.uniform(-2, 1)))


def _window(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    reach = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == SAME else -(-(size - reach + 1) // stride)


def _convolution(rng: Rng) -> tuple[dict, Shape, Shape]:
    """Options, filter height and width, and input height and width of a convolution that gives something."""
    while True:
        padding = pick(rng, SAME, VALID)
        kernel = tuple(int(pick(rng, 1, 1, 2, 3, 3, 4, 5)) for _ in range(2))
        size = tuple(int(pick(rng, 1, 2, 4, 5, 6, 7, 9)) for _ in range(2))
        stride = tuple(int(pick(rng, 1, 1, 1, 2, 2, 3)) for _ in range(2))
        dilation = tuple(int(pick(rng, 1, 1, 1, 1, 2)) for _ in range(2))
        output = [_window(*things, padding) for things in zip(size, kernel, stride, dilation)]
        if min(output) > 0:
            break
    fields = {"strideH": stride[0], "strideW": stride[1], "padding": padding}
    fields |= {"dilationHFactor": dilation[0], "dilationWFactor": dilation[1]}
    return fields | {"fusedActivationFunction": pick(rng, *ACTIVATIONS)}, kernel, (*size, *output)


def _types(rng: Rng) -> tuple[str, str]:
    return pick(rng, ("int8", "int8"), ("int8", "int8"), ("int8", "int8"), ("int8", "int4"), ("int16", "int8"))


def conv_2d(rng: Rng) -> Spec:
    fields, kernel, (height, width, out_height, out_width) = _convolution(rng)
    if rng.random() < 0.15:  # along a row
        kernel, fields["dilationHFactor"], fields["dilationWFactor"] = (1, kernel[1]), 1, 1
        height, out_height, fields["strideH"] = 1, 1, 1
        out_width = _window(width, kernel[1], fields["strideW"], 1, fields["padding"])
        if out_width <= 0:
            return conv_2d(rng)
    groups = int(pick(rng, 1, 1, 1, 2, 3, 4))
    depth, filters = groups * int(pick(rng, *CHANNELS[:9])), groups * int(pick(rng, *CHANNELS[:9]))
    if rng.random() < 0.3:
        filters = depth
    kind, weight = _types(rng)
    batch = int(pick(rng, 1, 1, 2))
    data = activation(rng, kind, (batch, height, width, depth))
    shape = (filters, *kernel, depth // groups)
    weights = _weights(rng, weight, shape, 0, per_channel=rng.random() < 0.6)
    scale = _output_scale(rng, data, weights, int(np.prod(shape[1:])))
    output = activation(rng, kind, (batch, out_height, out_width, filters), scale=scale)
    bias = pick(rng, None, "int32", "int32" if kind == "int8" else "int64")
    inputs = [data, weights] + ([_bias(rng, bias, weights, data.scale, filters)] if bias else pick(rng, [], [None]))
    return Spec("", inputs, [output], "Conv2DOptions", fields)


def depthwise_conv_2d(rng: Rng) -> Spec:
    fields, kernel, (height, width, out_height, out_width) = _convolution(rng)
    multiplier, depth = int(pick(rng, 1, 1, 1, 2, 3, 4, 8)), int(pick(rng, *CHANNELS[:12]))
    channels = depth * multiplier
    kind, weight = _types(rng)
    batch = int(pick(rng, 1, 1, 2))
    data = activation(rng, kind, (batch, height, width, depth))
    weights = _weights(rng, weight, (1, *kernel, channels), 3, per_channel=rng.random() < 0.7)
    scale = _output_scale(rng, data, weights, int(np.prod(kernel)))
    output = activation(rng, kind, (batch, out_height, out_width, channels), scale=scale)
    bias = pick(rng, None, "int32", "int32") if kind == "int8" else pick(rng, None, "int64", "int64")
    inputs = [data, weights] + ([_bias(rng, bias, weights, data.scale, channels)] if bias else [])
    return Spec("", inputs, [output], "DepthwiseConv2DOptions", fields | {"depthMultiplier": multiplier})


def transpose_conv(rng: Rng) -> Spec:
    padding = pick(rng, SAME, VALID)
    kernel = [int(pick(rng, 1, 2, 3, 4, 5)) for _ in range(2)]
    stride = [int(pick(rng, 1, 2, 2, 3)) for _ in range(2)]
    size = [int(pick(rng, 1, 2, 4, 5)) for _ in range(2)]
    less = [int(rng.integers(0, s)) if rng.random() < 0.3 else 0 for s in stride]  # sizes that a stride rounds up
    output = [n * s - x for n, s, x in zip(size, stride, less)]
    if padding == VALID:
        output = [(n - 1) * s + max(k, s) - (x if k <= s else 0) for n, s, k, x in zip(size, stride, kernel, less)]
        output = [max(o, k) for o, k in zip(output, kernel)]
    depth, filters = int(pick(rng, *CHANNELS)), int(pick(rng, *CHANNELS[:9]))
    kind = pick(rng, "int8", "int8", "int8", "int16")
    batch = int(pick(rng, 1, 1, 2))
    data = activation(rng, kind, (batch, *size, depth))
    weights = _weights(rng, "int8", (filters, *kernel, depth), 0, per_channel=rng.random() < 0.7)
    scale = _output_scale(rng, data, weights, depth * int(np.prod(kernel)))
    result = activation(rng, kind, (batch, *output, filters), scale=scale)
    shape = Tensor("int32", (4,), data=[batch, *output, filters])
    bias = pick(rng, None, "int32", "int32") if kind == "int8" else pick(rng, None, "int64", "int16")
    inputs = [shape, weights, data] + ([_bias(rng, bias, weights, data.scale, filters)] if bias else [])
    fields = {"strideH": stride[0], "strideW": stride[1], "padding": padding}
    return Spec("", inputs, [result], "TransposeConvOptions", fields)


def fully_connected(rng: Rng) -> Spec:
    kind, weight = _types(rng)
    depth, units = int(pick(rng, *CHANNELS, 64)), int(pick(rng, *CHANNELS))
    rows = any_shape(rng, 0, 3, 60)
    data = activation(rng, kind, (*rows, depth))
    per_channel = kind == "int8" and weight == "int8" and rng.random() < 0.4
    weights = _weights(rng, weight, (units, depth), 0, per_channel)
    if rng.random() < 0.15 and weight == "int8":
        weights.data = None  # computed, as in a product of two activations
    scale = _output_scale(rng, data, weights, depth)
    keep = rng.random() < 0.8
    output = activation(rng, kind, (*rows, units) if keep or not rows else (int(np.prod(rows)), units), scale=scale)
    bias = pick(rng, None, "int32", "int32" if kind == "int8" else "int64")
    inputs = [data, weights] + ([_bias(rng, bias, weights, data.scale, units)] if bias else pick(rng, [], [None]))
    fields = {"fusedActivationFunction": pick(rng, *ACTIVATIONS), "keepNumDims": keep}
    return Spec("", inputs, [output], "FullyConnectedOptions", fields)


def batch_matmul(rng: Rng) -> Spec:
    kind = pick(rng, "int8", "int8", "int16")
    batches = any_shape(rng, 0, 3, 12)
    other = tuple(int(pick(rng, n, n, 1)) for n in batches)[int(rng.integers(0, len(batches) + 1)) :]
    rows, depth, columns = (int(pick(rng, *CHANNELS[:11])) for _ in range(3))
    flips = bool(rng.random() < 0.4), bool(rng.random() < 0.5)
    shapes = [(*batches, rows, depth), (*other, depth, columns)]
    if rng.random() < 0.3:
        shapes = [(*other, rows, depth), (*batches, depth, columns)]
    shapes = [(*shape[:-2], shape[-1], shape[-2]) if flip else shape for shape, flip in zip(shapes, flips)]
    left, right = (activation(rng, kind, shape) for shape in shapes)
    if rng.random() < 0.3:
        constant = pick(rng, left, right)
        constant.data = any_values(rng, kind, constant.shape)
    scale = _output_scale(rng, left, right, depth) * (256 if kind == "int16" else 1)
    output = activation(rng, kind, (*batches, rows, columns), scale=scale)
    return Spec("", [left, right], [output], "BatchMatMulOptions", {"adjX": flips[0], "adjY": flips[1]})


def pooling(rng: Rng) -> Spec:
    fields, kernel, (height, width, out_height, out_width) = _convolution(rng)
    for name in ("dilationHFactor", "dilationWFactor"):
        fields.pop(name)
    out_height = _window(height, kernel[0], fields["strideH"], 1, fields["padding"])
    out_width = _window(width, kernel[1], fields["strideW"], 1, fields["padding"])
    kind, depth, batch = pick(rng, "int8", "int8", "int16"), int(pick(rng, *CHANNELS)), int(pick(rng, 1, 1, 2))
    data = activation(rng, kind, (batch, height, width, depth))
    output = activation(rng, kind, (batch, out_height, out_width, depth), scale=data.scale, zero=data.zero)
    return Spec("", [data], [output], "Pool2DOptions", fields | {"filterHeight": kernel[0], "filterWidth": kernel[1]})


def _broadcast(rng: Rng, most: int) -> tuple[Shape, Shape, Shape]:
    whole = any_shape(rng, 0 if rng.random() < 0.05 else 1, most)
    choice = rng.random()
    if choice < 0.3:
        return whole, whole, whole
    if choice < 0.4:
        return pick(rng, (whole, (), whole), ((1,), whole, whole))
    shapes = [tuple(1 if rng.random() < 0.4 else n for n in whole) for _ in range(2)]
    if rng.random() < 0.3:
        shapes[1] = shapes[1][int(rng.integers(0, len(whole) + 1)) :]
    if rng.random() < 0.5:
        shapes = shapes[::-1]
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    return shapes[0], shapes[1], tuple(max(pair) for pair in zip(*padded))


def _binary(rng: Rng, options: str | None, most: int, one_grid: bool = False) -> Spec:
    kind = pick(rng, "int8", "int8", "int16")
    first, second, whole = _broadcast(rng, most)
    left, right = activation(rng, kind, first), activation(rng, kind, second)
    product = options == "MulOptions"
    scale = (
        left.scale * right.scale * 100
        if product
        else max(left.scale, right.scale) * float(pick(rng, 1, 2, 2.0 ** rng.uniform(-1, 1.5)))
    )
    output = activation(rng, kind, whole, scale=float(np.float32(scale * (100 if product and kind == "int16" else 1))))
    if one_grid:
        right.scale = output.scale = left.scale
        right.zero = output.zero = left.zero
    if rng.random() < 0.3:
        constant = pick(rng, left, right)
        constant.data = any_values(rng, kind, constant.shape)
    fields = {"fusedActivationFunction": pick(rng, *ACTIVATIONS)} if options else {}
    return Spec("", [left, right], [output], options or "", fields)


def softmax(rng: Rng) -> Spec:
    kind, to = pick(rng, ("int8", "int8"), ("int8", "int8"), ("int8", "int16"), ("int16", "int16"))
    data = activation(rng, kind, any_shape(rng, 1, 5))
    data.scale = float(np.float32(2.0 ** rng.uniform(-8, 1))) if kind == "int8" else float(2.0 ** rng.uniform(-13, -8))
    output = Tensor(to, data.shape, scale=1 / 256 if to == "int8" else 1 / 32768, zero=-128 if to == "int8" else 0)
    if (kind, to) == ("int8", "int16"):
        output = Tensor(to, data.shape, scale=1 / 65536, zero=-32768)
    return Spec("", [data], [output], "SoftmaxOptions", {"beta": float(pick(rng, 1.0, 1.0, 0.5, 3.0))})


def transpose(rng: Rng) -> Spec:
    kind = pick(rng, "int8", "int8", "int8", "int16")
    data = activation(rng, kind, any_shape(rng, 1, 6))
    order = rng.permutation(len(data.shape))
    if rng.random() < 0.1:
        order = np.arange(len(data.shape))
    if rng.random() < 0.2:
        order[-2:] = sorted(range(len(data.shape)))[-2:][::-1]
        order[:-2] = range(len(data.shape) - 2)
    result = Tensor(kind, tuple(data.shape[i] for i in order), scale=data.scale, zero=data.zero)
    return Spec("", [data, Tensor("int32", (len(order),), data=order)], [result])


def pad(rng: Rng, constant: bool = False) -> Spec:
    kind = pick(rng, "int8", "int8", "int16")
    data = activation(rng, kind, any_shape(rng, 1, 5, 600))
    amounts = rng.integers(0, 3, (len(data.shape), 2)) * (rng.random((len(data.shape), 1)) < 0.6)
    shape = tuple(int(n + sum(more)) for n, more in zip(data.shape, amounts))
    inputs = [data, Tensor("int32", amounts.shape, data=amounts)]
    if constant:
        inputs.append(Tensor(kind, (1,), data=any_values(rng, kind, (1,)), scale=data.scale, zero=data.zero))
    result = Tensor(kind, shape, scale=data.scale, zero=data.zero)
    return Spec("", inputs, [result], "PadV2Options" if constant else "PadOptions")


def svdf(rng: Rng) -> Spec:
    units, rank, memory = int(pick(rng, 1, 2, 3, 5, 8)), int(pick(rng, 1, 2, 3)), int(pick(rng, 1, 2, 3, 4, 8, 9))
    depth, batch, state = int(pick(rng, *CHANNELS)), int(pick(rng, 1, 1, 2)), pick(rng, "int8", "int16")
    filters = units * rank
    data = activation(rng, "int8", (batch, depth))
    feature = _weights(rng, "int8", (filters, depth), 0, False)
    feature.zero = 0
    time = _weights(rng, state, (filters, memory), 0, False)
    time.zero, time.scale = 0, float(np.float32(2.0 ** (-7 if state == "int8" else -15)))
    full = {"int8": 1, "int16": 256}[state]
    kept = float(np.float32(data.scale * feature.scale * 127 * np.sqrt(depth) / full))
    bias = pick(rng, Tensor("int32", (units,), data=rng.integers(-500, 500, units), quantized=True, scale=1.0))
    bias.scale = float(np.float32(kept * time.scale))
    variable = Tensor(state, (batch, filters * memory), scale=kept, zero=0, variable=True)
    scale = kept * time.scale * {"int8": 127, "int16": 32767 * 256}[state] * np.sqrt(memory * rank) * 2
    output = activation(rng, "int8", (batch, units), scale=float(np.float32(scale)))
    relu = schema.ActivationFunctionType.RELU
    fields = {"rank": rank, "fusedActivationFunction": pick(rng, ACTIVATIONS[0], relu, relu)}
    return Spec("", [data, feature, time, bias, variable], [output], "SVDFOptions", fields)


def lstm(rng: Rng) -> Spec:
    kind = pick(rng, "int8", "int8", "int16")
    units, depth, steps, batch = (
        int(pick(rng, *some)) for some in ((1, 2, 3, 4, 8, 9), (1, 2, 4, 5, 16), (1, 2, 3, 5), (1, 1, 2))
    )
    time_major = bool(rng.random() < 0.2)
    biases, zero = ("int32" if kind == "int8" else "int64"), zero_point(rng, kind)
    shape = (steps, batch) if time_major else (batch, steps)
    inputs: list[Any] = [None] * 24
    inputs[0] = activation(rng, kind, (*shape, depth), scale=1 / 128 if kind == "int8" else 1 / 32768)
    for i in range(1, 9):
        columns = depth if i < 5 else units
        inputs[i] = Tensor("int8", (units, columns), data=any_values(rng, "int8", (units, columns)), scale=1 / 128)
    for i in range(12, 16):
        limit = 1 << (13 if kind == "int8" else 20)
        inputs[i] = Tensor(biases, (units,), data=rng.integers(-limit, limit, units), quantized=True)
        inputs[i].scale = float(np.float32(inputs[0].scale / 128))
    hidden = 1 / 128 if kind == "int8" else 1 / 32768
    inputs[18] = Tensor(kind, (batch, units), variable=True, scale=hidden, zero=zero)
    inputs[19] = Tensor("int16", (batch, units), variable=True, scale=float(2.0 ** -int(rng.integers(11, 14))), zero=0)
    fields: dict[str, Any] = {"fusedActivationFunction": schema.ActivationFunctionType.TANH, "timeMajor": time_major}
    fields["cellClip"] = float(pick(rng, 0.0, 0.0, 0.5))
    output = Tensor(kind, (*shape, units), scale=hidden, zero=zero)
    return Spec("", inputs, [output], "UnidirectionalSequenceLSTMOptions", fields)


MAKERS: dict[str, Callable[[Rng], Spec]] = {
    "ADD": lambda rng: _binary(rng, "AddOptions", 5),
    "SUB": lambda rng: _binary(rng, "SubOptions", 5),
    "MUL": lambda rng: _binary(rng, "MulOptions", 5),
    "MAXIMUM": lambda rng: _binary(rng, None, 5, one_grid=True),
    "MINIMUM": lambda rng: _binary(rng, None, 5, one_grid=True),
    "FULLY_CONNECTED": fully_connected,
    "BATCH_MATMUL": batch_matmul,
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "TRANSPOSE_CONV": transpose_conv,
    "AVERAGE_POOL_2D": pooling,
    "MAX_POOL_2D": pooling,
    "SOFTMAX": softmax,
    "TRANSPOSE": transpose,
    "PAD": pad,
    "PADV2": lambda rng: pad(rng, constant=True),
    "SVDF": svdf,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm,
}
