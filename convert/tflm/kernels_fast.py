"""What our own kernels (tflm_app/kernels) take from TFLM's arena, in a firmware that has CMSIS-NN's for all else.

A kernel of ours has no Init: its Prepare takes the data of the node, ours or that of TFLM's kernel, to which it leaves
what it does not compute itself. Sources are relative to tflm_app/kernels.
"""

from collections.abc import Callable

from convert.tflm.kernels_cmsis_nn import CMSIS_NN_KERNELS
from convert.tflm.kernels_reference import Kernel
from convert.tflm.prepare import Node

MAX_TAPS, LEAST_LINE_TAPS = 128, 8  # depthwise.h
TABLE_ELEMENTS = 512  # lookup.cc, kWorthATable
LEAST_COLUMNS = 4  # conv_2d.cc, IsWorthIt
LEAST_WEIGHTS, LEAST_ROWS, LEAST_DEPTH, ROWS_OF_CMSIS_NN = 256, 3, 64, (4, 8)  # fully_connected.cc, IsWorthIt


def _is_int8(node: Node, *refs: str) -> bool:
    return all(node.type(ref) == "INT8" for ref in refs)


def _same_shape(node: Node) -> bool:
    return _is_int8(node, "i0", "i1") and node.dims("i0") == node.dims("i1")


def _takes_dense(node: Node) -> bool:
    if not _is_int8(node, "i0", "i1"):
        return False
    columns, depth = node.dims("o0")[-1], node.dims("i1")[-1]
    rows = node.elements("o0") // columns
    if node.build.simd == "mve":
        return rows >= LEAST_ROWS and rows not in ROWS_OF_CMSIS_NN
    return columns * depth >= LEAST_WEIGHTS and (rows >= LEAST_ROWS or depth >= LEAST_DEPTH)


def _takes_convolution(node: Node) -> bool:
    columns, rows, taps, depth = node.dims("i1")
    if node.build.simd == "mve" or not _is_int8(node, "i0", "i1") or node.dims("i0")[3] != depth:
        return False
    plain = rows * taps * node.option("strideH") * node.option("strideW") == 1
    return columns * depth >= LEAST_WEIGHTS if plain else columns >= LEAST_COLUMNS


def _takes_depthwise(node: Node) -> bool:
    _, rows, columns, channels = node.dims("i1")
    ours = _is_int8(node, "i0", "i1") and node.dims("i0")[3] == channels and rows * columns <= MAX_TAPS
    return ours and not _is_theirs(node, rows, columns)


def _is_theirs(node: Node, rows: int, columns: int) -> bool:
    """Whether CMSIS-NN's depthwise kernel is faster (depthwise_conv_2d.cc, IsTheirs)."""
    if (node.option("dilationHFactor"), node.option("dilationWFactor")) != (1, 1):
        return False
    if node.build.simd == "mve":
        return node.dims("i0")[0] == 1 and (rows > 1 or columns < LEAST_LINE_TAPS)
    return rows == columns == 3


def _takes_table(node: Node) -> bool:
    return _is_int8(node, "i0", "o0") and node.elements("i0") >= TABLE_ELEMENTS


# Which operators a kernel of ours computes itself.
TAKES: dict[str, Callable[[Node], bool]] = {
    "ADD": _same_shape,
    "CONV_2D": _takes_convolution,
    "DEPTHWISE_CONV_2D": _takes_depthwise,
    "FULLY_CONNECTED": _takes_dense,
    "HARD_SWISH": _takes_table,
    "L2_NORMALIZATION": lambda node: _is_int8(node, "i0"),
    "LOGISTIC": _takes_table,
    "MUL": _same_shape,
    "SOFTMAX": lambda node: _is_int8(node, "i0", "o0"),
    "TANH": _takes_table,
}


def _dense(node: Node) -> None:
    node.temporaries("i0 i1 i2 o0")
    if node.scales("i1") > 1:
        node.persistent_multipliers(node.scales("i1"))


def _convolution(channels: int) -> Callable[[Node], None]:
    """With the dimension of the weights that the output channels are."""

    def prepare(node: Node) -> None:
        node.temporaries("i0 i1 o0")
        node.persistent_multipliers(node.dims("i1")[channels])
        node.temporaries("i0 i1 i2 o0")

    return prepare


def _temporaries(refs: str) -> Callable[[Node], None]:
    return lambda node: node.temporaries(refs)


def _ours(name: str, source: str, data: str, prepare: Callable[[Node], None]) -> dict[str, Kernel]:
    stock = CMSIS_NN_KERNELS[name]

    def run(node: Node) -> None:
        if TAKES[name](node):
            prepare(node)
            node.persistent_struct(data)
        else:
            stock.run_init(node)
            stock.run_prepare(node)

    return {name: stock._replace(source=source, data=None, prepare=run)}


FAST_KERNELS = (
    CMSIS_NN_KERNELS
    | _ours("ADD", "elementwise.cc", "FastAddData", _temporaries("i0 i1 o0"))
    | _ours("CONV_2D", "conv_2d.cc", "FastConvolutionData", _convolution(0))
    | _ours("DEPTHWISE_CONV_2D", "depthwise_conv_2d.cc", "FastConvolutionData", _convolution(3))
    | _ours("FULLY_CONNECTED", "fully_connected.cc", "FastFullyConnectedData", _dense)
    | _ours("L2_NORMALIZATION", "l2_normalization.cc", "FastL2Data", _temporaries("i0 o0"))
    | _ours("MUL", "elementwise.cc", "FastMulData", _temporaries("i0 i1 o0 i0 i1 o0"))
    | _ours("SOFTMAX", "softmax.cc", "FastSoftmaxData", _temporaries("i0 o0"))
)
