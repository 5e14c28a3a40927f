"""What CMSIS-NN's kernels take from TFLM's arena, where they differ from the reference kernels.

Sources are tensorflow/lite/micro/kernels/cmsis_nn/*.cc and, for scratch buffers, the functions *_get_buffer_size* of
the CMSIS-NN that TFLM downloads, as GCC compiles them. A core runs their plain C (`scalar`), the variant for its DSP
instructions (`dsp`) or the one for Helium (`mve`).
"""

import math
from collections.abc import Callable
from typing import Any

from convert.tflm.kernels_reference import REFERENCE_KERNELS, Kernel
from convert.tflm.prepare import Node
from convert.tflm.structs import align_up

SAME_PADDING = 0  # schema, enum Padding
MVE_CHANNELS = 124  # CH_IN_BLOCK_MVE, arm_nnsupportfunctions.h
REVERSED_ABOVE = 16  # REVERSE_TCOL_EFFICIENT_THRESHOLD, arm_nnsupportfunctions.h
QUANTIZED = ("INT8", "INT16")


def _average_pool(node: Node) -> None:
    node.temporaries("i0 o0 i0 o0")
    if node.build.simd == "dsp" and node.type("i0") in QUANTIZED:
        node.scratch(4 * node.dims("i0")[3])


def _batch_matmul(node: Node) -> None:
    REFERENCE_KERNELS["BATCH_MATMUL"].run_prepare(node)
    if node.build.simd == "mve" and node.type("i0") == "INT8":
        node.scratch(4 * node.dims("o0")[-1])


def _convolution(channel_axis: int, buffer_bytes: Callable[[Node], int]) -> Callable[[Node], None]:
    """Multipliers and shifts per channel, though not in float, and one scratch buffer."""

    def prepare(node: Node) -> None:
        node.temporaries("i0 i1 o0")
        if node.type("i0") in QUANTIZED:
            node.persistent_multipliers(node.dims("i1")[channel_axis])
        node.temporaries("i0 i1 i2 o0")
        if nbytes := buffer_bytes(node):
            node.scratch(nbytes)

    return prepare


def _conv_2d_bytes(node: Node) -> int:
    """arm_convolve_wrapper_s8_get_buffer_size and its s16."""
    _, height, width, channels = node.dims("i0")
    _, rows, columns, depth = node.dims("i1")
    if node.type("i0") == "INT16":
        return _columns_bytes_s16(node, rows * columns * channels)
    if node.type("i0") == "FLOAT32" or (rows == columns == 1 and not _dilated(node) and channels == depth):
        return 0
    one_by_n = height == rows == 1 and node.option("dilationWFactor") == 1 and channels == depth
    if node.build.simd == "mve" and one_by_n and node.option("strideW") * channels % 4 == 0:
        return _one_by_n_bytes(node, width, columns, channels)
    return _columns_bytes(node, rows * columns * channels)


def _depthwise_bytes(node: Node) -> int:
    """arm_depthwise_conv_wrapper_s8_get_buffer_size and its s4; int16 runs without."""
    batch, _, _, channels = node.dims("i0")
    _, rows, columns, outputs = node.dims("i1")
    int4 = node.type("i1") == "INT4"
    if node.type("i0") != "INT8":
        return 0
    if node.build.simd == "mve" and channels == 1 and outputs > 1 and not int4:  # computed as a CONV_2D
        plain = rows == columns == 1 and not _dilated(node)
        return outputs * rows * columns + (0 if plain else _columns_bytes(node, rows * columns))
    if channels != outputs or batch > 1 or _dilated(node):
        return 0
    if node.build.simd == "mve":
        return 4 * MVE_CHANNELS * rows * columns
    if int4:
        return 2 * rows * columns * channels
    three_by_three = rows == columns == 3 and max(_padding(node, axis) for axis in (1, 2)) <= 1
    return 0 if node.build.simd == "scalar" or three_by_three else 2 * rows * columns * channels


def _fully_connected(node: Node) -> None:
    """int8 outputs of rank 3 and 4 are computed as 1x1 convolutions, which want multipliers and shifts per channel."""
    node.temporaries("i0 i1 i2 o0")
    per_channel = node.type("i0") != "FLOAT32" and node.scales("i1") > 1
    if per_channel:
        node.persistent_multipliers(node.scales("i1"))
    if node.type("i0") != "INT8" or node.type("i1") == "INT4":
        return
    outputs = node.dims("o0")[-1]
    if len(node.dims("o0")) > 2 and node.dims("i1")[-1] % 4 == 0:
        if not per_channel:
            node.scratch(8 * outputs)
    elif node.build.simd == "mve":
        _sums(node, outputs, node.constant("i1") and (node.index("i2") < 0 or node.constant("i2")))


def _sums(node: Node, outputs: int, known: bool) -> None:
    """Sums of weights: in the tail if they are known beforehand and TFLM is built for speed."""
    (node.persistent if known and node.build.keeps_sums else node.scratch)(4 * outputs)


def _lstm(node: Node) -> None:
    """Eight arrays of sums of weights, as wide as the biases, and three buffers of the cell state's shape and type."""
    if node.type("i0") == "FLOAT32":
        REFERENCE_KERNELS["UNIDIRECTIONAL_SEQUENCE_LSTM"].run_prepare(node)
        return
    node.temporaries(" ".join(f"i{i}" for i in range(24)) + " o0")
    for _ in range(8):
        node.persistent((4 if node.type("i0") == "INT8" else 8) * node.dims("i18")[1])
    for _ in range(3):
        node.scratch(node.nbytes("i19"))


def _svdf(node: Node) -> None:
    REFERENCE_KERNELS["SVDF"].run_prepare(node)
    if node.build.simd == "mve" and node.type("i0") == "INT8":
        _sums(node, node.dims("i1")[0], known=True)


def _transpose_conv(node: Node) -> None:
    """In int8, two scratch buffers, the second of which may have no bytes; otherwise as the reference kernel."""
    if node.type("i2") != "INT8":
        REFERENCE_KERNELS["TRANSPOSE_CONV"].run_prepare(node)
        return
    node.temporaries("o0 i2 i1")
    node.persistent_multipliers(node.dims("i1")[0])
    for nbytes in _transpose_conv_bytes(node):
        node.scratch(nbytes)
    node.temporaries("i2 i1 i3 o0")


def _transpose_conv_bytes(node: Node) -> tuple[int, int]:
    """arm_transpose_conv_s8_get_buffer_size and arm_transpose_conv_s8_get_reverse_conv_buffer_size."""
    outputs, rows, columns, channels = node.dims("i1")
    stride_height, stride_width = node.option("strideH"), node.option("strideW")
    if max(stride_height, stride_width) <= 2 and channels > REVERSED_ABOVE:
        return _columns_bytes(node, rows * columns * channels), node.elements("i1")
    width = (node.dims("i2")[2] - 1) * stride_width + max(columns, stride_height)
    return 4 * width * outputs * max(rows, stride_height), 0


def _columns_bytes(node: Node, elements: int) -> int:
    """Patches of the input written out as columns (arm_convolve_s8_get_buffer_size): two of int16, or four of int8."""
    return 4 * align_up(elements, 16 if node.build.simd == "mve" else 4)


def _columns_bytes_s16(node: Node, elements: int) -> int:
    """arm_convolve_s16_get_buffer_size."""
    return 8 * align_up(elements, 8) if node.build.simd == "mve" else 4 * elements


def _one_by_n_bytes(node: Node, width: int, kernel: int, channels: int) -> int:
    """arm_convolve_1_x_n_s8_get_buffer_size_mve: the two ends of a row with their padding."""
    stride, outputs, pad = node.option("strideW"), node.dims("o0")[2], _padding(node, 2)
    odd = int(math.fmod((outputs - 1) * stride + kernel - width, 2))  # with its sign, as in C
    right = max(1, (pad + odd + stride - 1) // stride) if pad + odd else 0
    left = max(1, (pad + stride - 1) // stride) if pad else 0
    if right + left > outputs:
        return _columns_bytes(node, kernel * channels)
    return channels * max(kernel + pad, kernel - 1 + (right if odd else pad))


def _padding(node: Node, axis: int) -> int:
    """Padding before the first row (axis 1) or column (axis 2) of the input (lite/kernels/padding.h)."""
    if node.option("padding") != SAME_PADDING:
        return 0
    letter = "H" if axis == 1 else "W"
    stride, size = node.option(f"stride{letter}"), node.dims("i0")[axis]
    reach = (node.dims("i1")[axis] - 1) * node.option(f"dilation{letter}Factor") + 1
    return max(0, (-(-size // stride) - 1) * stride + reach - size) // 2


def _dilated(node: Node) -> bool:
    return (node.option("dilationHFactor"), node.option("dilationWFactor")) != (1, 1)


def _kernel(name: str, source: str, **changes: Any) -> Kernel:
    return REFERENCE_KERNELS[name]._replace(source=f"cmsis_nn/{source}", **changes)


CMSIS_NN_KERNELS = REFERENCE_KERNELS | {
    "AVERAGE_POOL_2D": _kernel("AVERAGE_POOL_2D", "pooling.cc", data="CmsisNnOpDataPooling", prepare=_average_pool),
    "BATCH_MATMUL": _kernel("BATCH_MATMUL", "batch_matmul.cc", data="CmsisNnOpDataBatchMatmul", prepare=_batch_matmul),
    "CONV_2D": _kernel("CONV_2D", "conv.cc", data="CmsisNnOpDataConv", prepare=_convolution(0, _conv_2d_bytes)),
    "DEPTHWISE_CONV_2D": _kernel(
        "DEPTHWISE_CONV_2D", "depthwise_conv.cc", data="CmsisNnOpDataConv", prepare=_convolution(3, _depthwise_bytes)
    ),
    "FULLY_CONNECTED": _kernel(
        "FULLY_CONNECTED", "fully_connected.cc", data="CmsisNnOpDataFullyConnected", prepare=_fully_connected
    ),
    "MAX_POOL_2D": _kernel("MAX_POOL_2D", "pooling.cc", data="CmsisNnOpDataPooling"),
    "SOFTMAX": _kernel("SOFTMAX", "softmax.cc", data="CMSISNNSoftmaxParams"),
    "SVDF": _kernel("SVDF", "svdf.cc", data="CmsisNnOpDataSvdf", prepare=_svdf),
    "TRANSPOSE_CONV": _kernel(
        "TRANSPOSE_CONV", "transpose_conv.cc", data="CmsisNnOpDataTransposeConv", prepare=_transpose_conv
    ),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _kernel(
        "UNIDIRECTIONAL_SEQUENCE_LSTM", "unidirectional_sequence_lstm.cc", data="CmsisNnOpDataLSTM", prepare=_lstm
    ),
}
