"""What the kernels of TFLM's Arduino library, and of pico-tflmicro, take from the arena where they are not today's.

tensorflow/tflite-micro-arduino-examples 7948b85e has TFLM and CMSIS-NN of February 2023, for cores without Helium.
Sources are its src/tensorflow/lite/micro/kernels, and src/third_party/cmsis_nn for scratch buffers. pico-tflmicro
dfea53b, of December 2024, differs from today's in reductions alone.
"""

from convert.tflm.kernels_cmsis_nn import CMSIS_NN_KERNELS
from convert.tflm.kernels_reference import REFERENCE_KERNELS
from convert.tflm.prepare import Node

FAST_INT16_ELEMENTS = 512  # arm_convolve_wrapper_s16.c
QUANTIZED = ("INT8", "INT16")


def _convolution(node: Node) -> None:
    _unpacked_int4(node)
    _per_channel(node, 0)
    if nbytes := _convolution_bytes(node):
        node.scratch(nbytes)


def _depthwise(node: Node) -> None:
    _per_channel(node, 3)
    _unpacked_int4(node)
    batch, _, _, channels = node.dims("i0")
    _, rows, columns, outputs = node.dims("i1")
    plain = channels == outputs and batch == 1 and not _dilated(node)
    if node.type("i0") == "INT8" and plain and node.build.simd == "dsp":
        node.scratch(2 * channels * rows * columns)


def _per_channel(node: Node, axis: int) -> None:
    node.temporaries("i0 i1 o0")
    if node.type("i0") in QUANTIZED:
        node.persistent_multipliers(node.dims("i1")[axis])
    node.temporaries("i0 i1 i2 o0")


def _convolution_bytes(node: Node) -> int:
    """arm_convolve_wrapper_s8_get_buffer_size and its s16."""
    channels = node.dims("i0")[3]
    _, rows, columns, _ = node.dims("i1")
    elements = rows * columns * channels
    if node.type("i0") == "INT16":
        fast = node.build.simd == "dsp" and elements < FAST_INT16_ELEMENTS and not _dilated(node)
        return 4 * elements if fast else 0
    strides = (node.option("strideH"), node.option("strideW"))
    one_by_one = rows == columns == 1 and strides == (1, 1) and not _dilated(node)
    return 0 if node.type("i0") != "INT8" or one_by_one else 4 * elements


def _concatenation(node: Node) -> None:
    """int8 inputs' scales and zero points are kept, two arrays."""
    REFERENCE_KERNELS["CONCATENATION"].run_prepare(node)
    if node.type("o0") == "INT8":
        for _ in ("scales", "zero points"):
            node.persistent(4 * node.inputs)


def _mean(node: Node) -> None:
    node.temporaries("i0 o0 i1")
    if node.type("i0") in QUANTIZED:
        node.scratch(4 * node.elements("o0"))
    node.temporaries("i0 i1 o0" if node.type("i0") == "INT8" else "i0 i1")


def _fully_connected(node: Node) -> None:
    """int8 outputs of rank 3 and 4 are 1x1 convolutions, whose multipliers and shifts per channel stay in the arena."""
    node.temporaries("i0 i1 i2 o0")
    if node.type("i0") == "INT8" and len(node.dims("o0")) > 2 and node.dims("i1")[-1] % 4 == 0:
        node.persistent_multipliers(node.dims("o0")[-1])
    _unpacked_int4(node)


def _unpacked_int4(node: Node) -> None:
    if node.type("i1") == "INT4":
        node.scratch(node.elements("i1"))


def _dilated(node: Node) -> bool:
    return (node.option("dilationHFactor"), node.option("dilationWFactor")) != (1, 1)


NO_CMSIS_NN = ("BATCH_MATMUL", "TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM")  # not yet, in that CMSIS-NN
ARDUINO_KERNELS = (
    CMSIS_NN_KERNELS
    | {name: REFERENCE_KERNELS[name] for name in NO_CMSIS_NN}
    | {
        "CONCATENATION": REFERENCE_KERNELS["CONCATENATION"]._replace(prepare=_concatenation),
        "MEAN": REFERENCE_KERNELS["MEAN"]._replace(prepare=_mean),
        "SUM": REFERENCE_KERNELS["SUM"]._replace(prepare=_mean),
        "CONV_2D": CMSIS_NN_KERNELS["CONV_2D"]._replace(prepare=_convolution),
        "DEPTHWISE_CONV_2D": CMSIS_NN_KERNELS["DEPTHWISE_CONV_2D"]._replace(prepare=_depthwise),
        "FULLY_CONNECTED": CMSIS_NN_KERNELS["FULLY_CONNECTED"]._replace(prepare=_fully_connected),
    }
)
PICO_KERNELS = CMSIS_NN_KERNELS | {name: ARDUINO_KERNELS[name] for name in ("MEAN", "SUM")}
