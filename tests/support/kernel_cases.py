"""For every rule of CMSIS-NN a model that breaks it, and that model with the one thing mended that the rule is about.

What firmware makes of both is in benchmarks/results/kernel_agreement.json (`python -m benchmarks.kernel_agreement`).
"""

from typing import Any, TypeAlias

import numpy as np

from convert.tflite import schema
from tests.support.agreement_bases import lstm
from tests.support.agreement_models import Spec, Tensor

SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
Shape: TypeAlias = tuple[int, ...]
LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"


def data(*shape: int, kind: str = "int8", **more: Any) -> Tensor:
    return Tensor(kind, shape, **{"scale": 1 / 32} | more)


def values(*shape: int, low: int = -100, high: int = 101) -> np.ndarray:
    return np.random.default_rng(shape).integers(low, high, shape)


def weights(*shape: int, kind: str = "int8", **more: Any) -> Tensor:
    stored = values(*shape) if kind != "int4" else values(-(-int(np.prod(shape)) // 2))
    settings: dict[str, Any] = {"data": stored, "scale": 1 / 64} | more
    return Tensor(kind, shape, **settings)


def bias(length: int, kind: str = "int32", **more: Any) -> Tensor:
    settings: dict[str, Any] = {"data": values(length), "scale": 1 / 2048, "quantized": True} | more
    return Tensor(kind, (length,), **settings)


def order(*axes: int) -> Tensor:
    return Tensor("int32", (len(axes),), data=list(axes))


def extreme(first: Shape, second: Shape, output: Shape, kind: str = "int8") -> Spec:
    return Spec("MAXIMUM", [data(*first, kind=kind), data(*second, kind=kind)], [data(*output, kind=kind)])


def transpose(shape: Shape, *axes: int) -> Spec:
    return Spec("TRANSPOSE", [data(*shape), order(*axes)], [data(*(shape[i] for i in axes))])


def pad(shape: Shape, axis: int) -> Spec:
    amounts = [[int(i == axis)] * 2 for i in range(len(shape))]
    output = [n + sum(more) for n, more in zip(shape, amounts)]
    return Spec("PAD", [data(*shape), Tensor("int32", (len(shape), 2), data=amounts)], [data(*output)], "PadOptions")


def transpose_conv(
    kernel: Shape, strides: Shape, output: Shape, kind: str = "int8", given: int = 3, **more: Any
) -> Spec:
    height, width = output
    inputs = [order(2, height, width, 3), weights(3, *kernel, 4), data(2, 4, 4, 4, kind=kind)]
    inputs += [bias(3, "int32" if kind == "int8" else "int64")] if given else []
    fields = {"strideH": strides[0], "strideW": strides[1], "padding": SAME} | more
    return Spec("TRANSPOSE_CONV", inputs, [data(2, height, width, 3, kind=kind)], "TransposeConvOptions", fields)


def convolution(
    depth: int,
    of_a_group: int,
    kind: str = "int8",
    weight: str = "int8",
    biased: str = "int32",
    size: tuple[int, int] = (4, 4),
    kernel: tuple[int, int] = (3, 3),
    stride: int = 1,
) -> Spec:
    output: Shape = tuple(-(-(n - k + 1) // stride) for n, k in zip(size, kernel))
    fields = {"strideH": stride, "strideW": stride, "dilationHFactor": 1, "dilationWFactor": 1, "padding": VALID}
    inputs = [data(1, *size, depth, kind=kind), weights(4, *kernel, of_a_group, kind=weight)]
    inputs += [bias(4, biased)] if biased else []
    return Spec("CONV_2D", inputs, [data(1, *output, 4, kind=kind, scale=1 / 8)], "Conv2DOptions", fields)


def depthwise(depth: int, weight: str = "int4", multiplier: int = 2) -> Spec:
    fields = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1, "padding": VALID}
    channels = multiplier * depth
    inputs = [data(1, 5, 5, depth), weights(1, 3, 3, channels, kind=weight), bias(channels)]
    fields |= {"depthMultiplier": multiplier}
    return Spec("DEPTHWISE_CONV_2D", inputs, [data(1, 3, 3, channels, scale=1 / 4)], "DepthwiseConv2DOptions", fields)


def dense(shape: Shape, kind: str = "int8", biased: str = "int32", **more: Any) -> Spec:
    fields = {"keepNumDims": True}
    inputs = [data(*shape, kind=kind), weights(5, shape[-1], **more), bias(5, biased)]
    output = data(*shape[:-1], 5, kind=kind, scale=1 / 4)
    return Spec("FULLY_CONNECTED", inputs, [output], "FullyConnectedOptions", fields)


def matmul(*batches: int) -> Spec:
    inputs = [data(*batches, 3, 4), data(*batches, 5, 4)]
    return Spec("BATCH_MATMUL", inputs, [data(*batches, 3, 5)], "BatchMatMulOptions", {"adjY": True})


def svdf(state: str) -> Spec:
    scale = 2.0**-7 if state == "int8" else 2.0**-15
    inputs = [data(2, 20), weights(5, 20), weights(5, 1, kind=state, scale=scale), bias(5, scale=0.05 * scale)]
    inputs.append(Tensor(state, (2, 5), scale=0.05, variable=True))
    return Spec("SVDF", inputs, [data(2, 5, scale=0.1)], "SVDFOptions", {"rank": 1})


def softmax(kind: str, columns: int) -> Spec:
    scale, zero = (1 / 32768, 0) if kind == "int16" else (1 / 256, -128)
    output = data(3, columns, kind=kind, scale=scale, zero=zero)
    return Spec("SOFTMAX", [data(3, columns, kind=kind)], [output], "SoftmaxOptions", {"beta": 1.0})


def subtraction(kind: str, scale: float, output: float) -> Spec:
    inputs = [data(40, 25, kind=kind), data(40, 25, kind=kind, scale=scale)]
    return Spec("SUB", inputs, [data(40, 25, kind=kind, scale=output)], "SubOptions")


def absolute(scale: float, output: float) -> Spec:
    return Spec("ABS", [data(200, 100, kind="int16", scale=scale)], [data(200, 100, kind="int16", scale=output)])


def division(divisor: int, scale: float) -> Spec:
    inputs = [data(40, 25, scale=scale), data(1, 1, scale=scale, data=[[divisor]])]
    return Spec("DIV", inputs, [data(40, 25, scale=scale)], "DivOptions")


def recurrent(kind: str) -> Spec:
    spec = lstm(kind)
    for i in range(1, 9):
        low, high = (-1, 1) if kind == "float32" else (-100, 101)
        spec.inputs[i].data = values(*spec.inputs[i].shape, low=low, high=high)
    return spec


# rule: (a model that breaks it, the same mended)
PAIRS = {
    "extreme_rank": (
        extreme((2, 1, 2, 3, 2), (2, 1, 2, 3, 2), (2, 1, 2, 3, 2)),
        extreme((2, 2, 3, 2), (2, 2, 3, 2), (2, 2, 3, 2)),
    ),
    "extreme_broadcast": (
        extreme((2, 3, 1, 1), (2, 3, 3, 1), (2, 3, 3, 1)),
        extreme((2, 3, 1, 1), (2, 3, 1, 3), (2, 3, 1, 3)),
    ),
    "transpose_dimensions": (transpose((2, 3, 2, 3, 2), 0, 3, 1, 2, 4), transpose((2, 6, 3, 2), 0, 2, 1, 3)),
    "transpose_moves": (transpose((3, 4), 0, 1), transpose((3, 4), 1, 0)),
    "transpose_moves_mve": (transpose((2, 3, 4, 5), 0, 1, 2, 3), transpose((2, 3, 4, 5), 0, 1, 3, 2)),
    "pad_dimensions": (pad((2, 2, 2, 3, 4), 3), pad((1, 2, 2, 3, 4), 3)),
    "transpose_conv_pad": (transpose_conv((4, 4), (2, 2), (8, 8)), transpose_conv((3, 3), (2, 2), (8, 8))),
    "transpose_conv_scratch": (transpose_conv((3, 1), (1, 3), (4, 12)), transpose_conv((3, 3), (1, 3), (4, 12))),
    "transpose_conv_rows": (transpose_conv((2, 2), (2, 2), (7, 8)), transpose_conv((2, 2), (2, 2), (8, 8))),
    "transpose_conv_bias": (
        transpose_conv((3, 3), (2, 2), (8, 8), "int16", given=0),
        transpose_conv((3, 3), (2, 2), (8, 8), "int16"),
    ),
    "convolution_int16_bias": (
        convolution(4, 4, "int16", biased=None, size=(16, 16)),
        convolution(4, 4, "int16", biased="int64", size=(16, 16)),
    ),
    "subtraction_scales": (subtraction("int8", 0.03, 0.05), subtraction("int8", 1 / 64, 1 / 16)),
    "rescaling_scales": (absolute(0.09089414, 0.01774112), absolute(0.09, 0.045)),
    "quotient_shift": (division(100, 1 / 16), division(30, 1 / 16)),
    "grouped_int16": (convolution(4, 2, "int16", biased="int64"), convolution(4, 4, "int16", biased="int64")),
    "grouped_int4": (convolution(4, 2, weight="int4"), convolution(4, 4, weight="int4")),
    "grouped_bias": (convolution(4, 2, biased=None), convolution(4, 2)),
    "row_convolution_ends": (
        convolution(4, 4, size=(1, 6), kernel=(1, 3), stride=2),
        convolution(4, 4, size=(1, 7), kernel=(1, 3), stride=2),
    ),
    "depthwise_int4_channels": (depthwise(3), depthwise(4)),
    "depthwise_int4_mve": (depthwise(16, multiplier=1), depthwise(16, "int8", multiplier=1)),
    "matmul_dimensions": (matmul(2, 1, 2), matmul(2, 2)),
    "dense_int16_per_tensor": (dense((2, 6), "int16", "int64", scale=[1 / 64] * 5), dense((2, 6), "int16", "int64")),
    "dense_int16_bias": (dense((2, 6), "int16", "int32"), dense((2, 6), "int16", "int64")),
    "dense_zero_point": (dense((1, 2, 8), zero=6), dense((1, 2, 6), zero=6)),
    "svdf_state": (svdf("int8"), svdf("int16")),
    "softmax_one": (softmax("int16", 1), softmax("int16", 2)),
    "lstm_state": (recurrent("int8"), recurrent("float32")),
}
