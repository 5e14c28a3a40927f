"""Rules of firmware with CMSIS-NN: where it fails, never ends, or answers otherwise than TFLM's reference kernels.

Read in kernels/cmsis_nn at tensorflow/tflite-micro 90b983c2b and in the CMSIS-NN that its Makefile fetches, 4ab83cc3
(up to 99f736a6 only the pads of TRANSPOSE_CONV changed), and compared with firmware on Cortex-M4, M7 and M55:
`python -m benchmarks.kernel_agreement`.
"""

import math
from collections.abc import Callable
from typing import Any

from convert.tflite import schema
from convert.tflite.view import Operator
from convert.tflm.rules.dense import activation, bias
from convert.tflm.rules.elementwise import shape_text
from convert.tflm.rules.registry import VALUE, Verdict, require, rule

CMSIS_NN = "cmsis_nn"
MVE = ("cortex-m55", "cortex-m85")
RANK = 4  # CMSIS-NN's cmsis_nn_dims
REVERSED_CHANNELS = 16  # REVERSE_TCOL_EFFICIENT_THRESHOLD: with more, a transposed convolution is an ordinary one
SOURCES = "kernels/cmsis_nn/"


def _refuses(operators: str, remedy: str, kernel: str, **more: Any) -> Callable:
    return rule(operators, VALUE, remedy, SOURCES + kernel, kernels=CMSIS_NN, **more)


def _differs(operators: str, remedy: str, kernel: str, **more: Any) -> Callable:
    return rule(operators, VALUE, remedy, SOURCES + kernel, kernels=CMSIS_NN, warning=True, differs=True, **more)


@_refuses("MAXIMUM MINIMUM", "reshape both inputs to at most 4 dimensions", "maximum_minimum.cc")
def extreme_rank(op: Operator) -> Verdict:
    """Tensors of any type have at most 4 dimensions: with CMSIS-NN maximum and minimum never end on more."""
    rank = max(tensor.rank for tensor in (*op.inputs[:2], op.output))
    return require(rank <= RANK, op.output, f"has {rank} dimensions")


@_differs("MAXIMUM MINIMUM", "swap the last two dimensions of both inputs before it", "maximum_minimum.cc")
def extreme_broadcast(op: Operator) -> Verdict:
    """An int8 input whose last two dimensions are 1, below one that is not, is not repeated along the wider of them:
    CMSIS-NN steps two rows on instead of one.
    """
    shapes = [(1,) * (RANK - tensor.rank) + tensor.shape for tensor in op.inputs[:2]]
    wrong = [
        tensor
        for tensor, mine, other in zip(op.inputs, shapes, shapes[::-1])
        if op.output.type == "INT8" and mine[2:] == (1, 1) and mine[1] > 1 and other[2] > 1
    ]
    return require(not wrong, op.output, f"is made of {' and '.join(map(shape_text, op.inputs[:2]))}")


@_differs("TRANSPOSE", "reshape to at most 4 dimensions: neighbours that stay together are one", "transpose.cc")
def transpose_dimensions(op: Operator) -> Verdict:
    """An int8 input has at most 4 dimensions: CMSIS-NN leaves the output of more unwritten."""
    return require(op.input.type != "INT8" or op.input.rank <= RANK, op.input, f"has {op.input.rank} dimensions")


@_differs("TRANSPOSE", "leave out a transposition that moves nothing", "transpose.cc")
def transpose_moves(op: Operator) -> Verdict:
    """An int8 transposition of two dimensions swaps them: CMSIS-NN does so whatever the order says."""
    order, both = op.inputs[1].values, min(op.input.shape, default=0) > 1
    return require(
        op.input.type != "INT8" or not both or order != [0, 1], op.inputs[1], f"is {order}, which moves nothing"
    )


@_differs("TRANSPOSE", "leave out a transposition that moves nothing", "transpose.cc", cores=MVE)
def transpose_moves_mve(op: Operator) -> Verdict:
    """An int8 transposition of four dimensions that leaves the first two swaps the others: CMSIS-NN does so on
    Cortex-M55 and M85 whatever the order says.
    """
    order, both = op.inputs[1].values, min(op.input.shape[2:], default=0) > 1
    return require(
        op.input.type != "INT8" or not both or order != [0, 1, 2, 3], op.inputs[1], f"is {order}, which moves nothing"
    )


@_differs("PAD PADV2", "reshape to at most 4 dimensions before it", "pad.cc")
def pad_dimensions(op: Operator) -> Verdict:
    """Of an int8 input only the last 4 dimensions are longer than 1, and padded: CMSIS-NN passes over those before."""
    ahead = op.output.shape[: max(op.output.rank - RANK, 0)]
    return require(
        op.input.type != "INT8" or math.prod(ahead) == 1,
        op.output,
        f"is {shape_text(op.output)}, padded beyond its last 4 dimensions",
    )


@_differs(
    "TRANSPOSE_CONV",
    "pad with VALID and crop, or give it more than 16 channels and strides up to 2",
    "transpose_conv.cc",
)
def transpose_conv_pad(op: Operator) -> Verdict:
    """The padding above an int8 output is a multiple of the vertical stride: with other paddings the CMSIS-NN that
    TFLM fetches (4ab83cc3; mended in 4a8f5b5d) writes rows to wrong places.
    """
    pad, stride = _padding_above(op), max(op.option("strideH"), 1)  # 0 without options
    return require(
        not _scatters(op) or pad % stride == 0, op.output, f"has {pad} rows of padding above, the stride is {stride}"
    )


@_refuses("TRANSPOSE_CONV", "make the filter at least as wide as the stride", "transpose_conv.cc", unchecked=True)
def transpose_conv_scratch(op: Operator) -> Verdict:
    """The horizontal stride of an int8 operator is not above its vertical stride and its filter's width: CMSIS-NN
    writes beyond its scratch memory.
    """
    width, across, down = op.inputs[1].shape[2], op.option("strideW"), op.option("strideH")
    fits = across <= max(width, down)
    return require(not _scatters(op) or fits, op.inputs[1], f"is {width} wide, the strides are {down} and {across}")


@_refuses("TRANSPOSE_CONV", "make the output larger, and crop it", "transpose_conv.cc", unchecked=True)
def transpose_conv_rows(op: Operator) -> Verdict:
    """The output of an int8 operator has at least as many rows as the input x the stride, less the padding above it:
    CMSIS-NN writes all of them, beyond an output that has fewer.
    """
    rows = activation(op).shape[1] * op.option("strideH") - _padding_above(op)
    fits = not _scatters(op) or op.output.shape[1] >= rows
    return require(fits, op.output, f"has {op.output.shape[1]} rows, not {rows}")


@_refuses("TRANSPOSE_CONV", "give it a bias of zeros", "transpose_conv.cc")
def transpose_conv_bias(op: Operator) -> Verdict:
    """An int16 operator has a bias: CMSIS-NN's kernel reads its type."""
    return require(activation(op).type != "INT16" or bias(op) is not None, None, "there is no bias")


@_differs("CONV_2D", "give it a bias of zeros", "conv.cc")
def convolution_int16_bias(op: Operator) -> Verdict:
    """An int16 convolution has a bias, or says that it is of int32: without one CMSIS-NN rounds otherwise, by one in
    the last bit now and then.
    """
    rounded = bias(op) is not None or op.option("quantizedBiasType") == schema.TensorType.INT32
    return require(op.input.type != "INT16" or rounded, None, "there is no bias")


@_differs("CONV_2D", "split it into one convolution for each group, and concatenate", "conv.cc")
def grouped_int16(op: Operator) -> Verdict:
    """An int16 convolution has one group: CMSIS-NN computes others as if their channels were one."""
    groups = _groups(op)
    return require(op.input.type != "INT16" or groups == 1, op.inputs[1], f"makes {groups} groups")


@_differs("CONV_2D", "give it a bias of zeros", "conv.cc")
def grouped_bias(op: Operator) -> Verdict:
    """An int8 convolution of several groups has a bias: CMSIS-NN moves on in it from group to group."""
    groups = _groups(op)
    return require(
        op.input.type != "INT8" or groups == 1 or bias(op) is not None,
        op.inputs[1],
        f"makes {groups} groups, and there is no bias",
    )


@_differs("CONV_2D", "quantise the weights in int8", "conv.cc")
def grouped_int4(op: Operator) -> Verdict:
    """An int4 convolution has one group: CMSIS-NN takes the weights of each for those of all channels."""
    weights, groups = op.inputs[1], _groups(op)
    return require(weights.type != "INT4" or groups == 1, weights, f"makes {groups} groups")


@_differs(
    "DEPTHWISE_CONV_2D", "quantise the weights in int8, or give it an even number of channels", "depthwise_conv.cc"
)
def depthwise_int4_channels(op: Operator) -> Verdict:
    """An int4 depthwise convolution of several taps has an even number of input channels, or one batch, no dilation and
    a depth multiplier of 1: CMSIS-NN's other kernel takes half a byte more or less of the weights.
    """
    weights, channels = op.inputs[1], op.input.shape[3]
    taps = weights.shape[1] * weights.shape[2]
    fits = weights.type != "INT4" or channels % 2 == 0 or _plain_depthwise(op) or taps == 1
    return require(fits, op.input, f"has {channels} channels")


@_differs("DEPTHWISE_CONV_2D", "quantise the weights in int8", "depthwise_conv.cc", cores=MVE)
def depthwise_int4_mve(op: Operator) -> Verdict:
    """An int4 depthwise convolution of one batch has a dilation or a depth multiplier: CMSIS-NN's kernel for others
    takes wrong weights on Cortex-M55 and M85 (arm_depthwise_conv_s4_opt.c).
    """
    weights = op.inputs[1]
    return require(weights.type != "INT4" or not _plain_depthwise(op), weights, "is int4")


@_refuses("BATCH_MATMUL", "reshape both operands to at most 4 dimensions", "batch_matmul.cc")
def matmul_dimensions(op: Operator) -> Verdict:
    """Operands of any type have at most 4 dimensions: CMSIS-NN's kernel refuses more."""
    rank = max(tensor.rank for tensor in op.inputs[:2])
    return require(rank <= RANK, op.output, f"has {rank} dimensions")


@_refuses("FULLY_CONNECTED", "quantise the weights per tensor", "fully_connected.cc")
def dense_int16_per_tensor(op: Operator) -> Verdict:
    """Weights of an int16 input have one scale: CMSIS-NN's kernel refuses one for each channel."""
    weights = op.inputs[1]
    return require(op.input.type != "INT16" or len(weights.scales) <= 1, weights, f"has {len(weights.scales)} scales")


@_differs("FULLY_CONNECTED", "quantise the bias in int64", "fully_connected.cc")
def dense_int16_bias(op: Operator) -> Verdict:
    """The bias of an int16 input is int64: CMSIS-NN's kernel reads int32 as if it were."""
    tensor = bias(op)
    return require(op.input.type != "INT16" or tensor is None or tensor.type == "INT64", tensor, "is int32")


@_differs("FULLY_CONNECTED", "quantise the weights symmetrically (zero point 0)", "fully_connected.cc")
def dense_zero_point(op: Operator) -> Verdict:
    """Weights have the zero point 0 where CMSIS-NN takes it for granted: beside int16 inputs, in int4, and in int8 when
    the output has three dimensions or more and the depth is a multiple of 4 (a 1x1 convolution).
    """
    weights = op.inputs[1]
    assumed = op.input.type == "INT16" or weights.type == "INT4"
    assumed = assumed or (op.input.type == "INT8" and op.output.rank > 2 and weights.shape[-1] % 4 == 0)
    return require(not assumed or not any(weights.zero_points), weights, f"has zero point {weights.zero_point}")


@_differs("SVDF", "keep the state in int16, as the converter does", "svdf.cc")
def svdf_state(op: Operator) -> Verdict:
    """The state is int16: with int8 CMSIS-NN answers otherwise."""
    return require(op.inputs[4].type != "INT8", op.inputs[4], "is int8")


@_differs("SOFTMAX", "leave out a softmax over one element: it is always 1", "softmax.cc")
def softmax_one(op: Operator) -> Verdict:
    """An int16 softmax is over two elements or more: CMSIS-NN answers -1 for the 1 of a single one."""
    alone = bool(op.input.shape) and op.input.shape[-1] == 1
    return require(op.input.type != "INT16" or not alone, op.input, f"is {shape_text(op.input)}: one element a row")


@_differs(
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "give an inference the whole sequence; for one in pieces take the reference kernels",
    "unidirectional_sequence_lstm.cc",
)
def lstm_state(op: Operator) -> Verdict:
    """An integer LSTM that goes on where the inference before ended does so in the reference kernels alone, until
    MicroInterpreter::Reset: CMSIS-NN's begins with zeros each time, as a stateless Keras LSTM does.
    """
    return require(op.input.type == "FLOAT32", op.inputs[18], f"is the state of an {op.input.type.lower()} LSTM")


@_differs("CONV_2D", "crop or pad the input so that the last stride ends at its last column", "conv.cc", cores=MVE)
def row_convolution_ends(op: Operator) -> Verdict:
    """An int8 convolution along a row reaches the row's end: with columns left over, CMSIS-NN on Cortex-M55 and M85
    computes the last output wrong, or fails (arm_convolve_1_x_n_s8.c).
    """
    weights, stride = op.inputs[1], op.option("strideW")
    along_a_row = (
        op.input.type == "INT8"
        and op.input.shape[1] == weights.shape[1] == op.option("dilationWFactor") == 1
        and stride * op.input.shape[3] % 4 == 0
        and weights.shape[3] == op.input.shape[3]
    )
    left = op.input.shape[2] - (op.output.shape[2] - 1) * stride - weights.shape[2]
    return require(not along_a_row or left <= 0, op.input, f"has {left} columns left over")


def _plain_depthwise(op: Operator) -> bool:
    """Whether CMSIS-NN has a faster kernel for a depthwise convolution (arm_depthwise_conv_wrapper_s4.c)."""
    alone = op.input.shape[0] == op.option("depthMultiplier") == 1
    return alone and op.option("dilationWFactor") == op.option("dilationHFactor") == 1


def _groups(op: Operator) -> int:
    return op.input.shape[3] // max(op.inputs[1].shape[3], 1)


def _scatters(op: Operator) -> bool:
    """Whether CMSIS-NN adds each input to a strip of the output instead of convolving a widened input."""
    data = activation(op)
    narrow = max(op.option("strideH"), op.option("strideW")) <= 2
    return data.type == "INT8" and not (narrow and data.shape[3] > REVERSED_CHANNELS)


def _padding_above(op: Operator) -> int:
    """Rows of the output's frame above it (kernels/padding.h, ComputePaddingHeightWidth)."""
    if op.option("padding") == schema.Padding.VALID:
        return 0
    height, stride = op.output.shape[1], max(op.option("strideH"), 1)
    rows = -(-height // stride)
    return max((rows - 1) * stride + op.inputs[1].shape[1] - height, 0) // 2
