"""What each of TFLM's reference kernels takes from the arena: its options, its data, what its Prepare asks for.

A kernel's row says, in the order in which TFLM goes through them: the struct of its parsed options
(core/api/flatbuffer_conversions.cc), the struct that its Init allocates, and what its Prepare does, which is the
tensors it looks at, each a temporary TfLiteTensor until the operator is prepared. An Init or a Prepare that does more
is a function. Sources are relative to tensorflow/lite/micro/kernels.
"""

from collections.abc import Callable
from typing import NamedTuple

from convert.tflm.prepare import Node

INT16_LUT_ENTRIES = 513  # kernels/internal/common.h, LUTSize<int16_t>


class Kernel(NamedTuple):
    """What a kernel takes; see the module."""

    source: str
    options: str | None
    data: str | Callable[[Node], None] | None
    prepare: str | Callable[[Node], None]

    def run_init(self, node: Node) -> None:
        """Takes from the arena what an operator's Init takes."""
        if callable(self.data):
            self.data(node)
        elif self.data:
            node.persistent_struct(self.data)

    def run_prepare(self, node: Node) -> None:
        """Takes from the arena what an operator's Prepare takes."""
        if callable(self.prepare):
            self.prepare(node)
        else:
            node.temporaries(self.prepare)


def _add_n(node: Node) -> None:
    node.temporaries("i0 o0")
    node.temporaries_of(node.op.inputs[1:])
    if node.type("o0") == "INT8":
        node.persistent_struct("OpDataAddN")
    node.scratch(node.build.pointer * node.inputs)


def _assign_variable(node: Node) -> None:
    node.temporaries("i1")
    node.allocate_resource()


def _batch_matmul(node: Node) -> None:
    """Operands are kept transposed where the kernel wants them the other way round, one copy per operator."""
    node.temporaries("i0 i1 o0")
    if node.type("i0") in ("INT8", "INT16"):
        node.persistent_struct("QuantizationOpDataBatchMatmul")
    for ref, transposed in (("i0", node.option("adjX")), ("i1", not node.option("adjY"))):
        if transposed:
            node.persistent_struct("TfLiteEvalTensor")
            node.persistent_dims(ref)
            node.persistent(node.nbytes(ref))
    node.persistent_dims("o0")


def _concatenation(node: Node) -> None:
    node.temporaries("i0 o0")
    node.temporaries_of(node.op.inputs)


def _convolution(channel_axis: int) -> Callable[[Node], None]:
    """Multipliers and shifts per channel, also for weights with one scale and in float."""

    def prepare(node: Node) -> None:
        node.temporaries("o0 i0 i1")
        node.persistent_multipliers(node.dims("i1")[channel_axis])
        node.temporaries("i0 i1 i2 o0")
        _unpacked_int4(node)

    return prepare


def _cumsum(node: Node) -> None:
    node.temporaries("i0 i1 o0")
    if node.type("o0") == "INT8":
        node.persistent_struct("OpDataCumsum")


def _embedding_lookup(node: Node) -> None:
    node.temporaries("i0 i1 o0")
    node.persistent_dims("o0")
    node.persistent_struct("OpDataEmbeddingLookup")


def _fully_connected(node: Node) -> None:
    node.temporaries("i0 i1 i2 o0")
    _unpacked_int4(node)
    if node.type("i0") != "FLOAT32" and node.scales("i1") > 1:
        node.persistent_multipliers(node.scales("i1"))


def _log_softmax(node: Node) -> None:
    node.temporaries("i0 o0")
    if node.type("i0") == "INT8":
        node.persistent_struct("LogSoftmaxOpData")


def _lstm(node: Node) -> None:
    node.temporaries(" ".join(f"i{i}" for i in range(24)) + " o0")
    for _ in range(4):
        node.scratch(node.nbytes("i19"))  # one for each gate, of the cell state's shape and type


def _mirror_pad(node: Node) -> None:
    node.temporaries("i0 i1 o0")
    for _ in ("output", "input"):
        node.scratch(4 * len(node.dims("i0")))


def _reduce_all(node: Node) -> None:
    node.temporaries("i0 o0 i1")
    _reduce_simple(node)
    _reduce_scratch(node)


def _reduce_mean(node: Node) -> None:
    node.temporaries("i0 o0 i1")
    if node.type("i0") in ("INT8", "INT16"):
        node.scratch(4 * node.elements("o0"))
    _reduce_scratch(node)
    _reduce_simple(node)


def _reduce_minmax(node: Node) -> None:
    _reduce_simple(node)
    node.temporaries("i0 o0 i1")
    _reduce_scratch(node)


def _reduce_scratch(node: Node) -> None:
    node.scratch(4 * len(node.dims("i0")))
    node.scratch(4 * node.elements("i1"))


def _reduce_simple(node: Node) -> None:
    node.temporaries("i0 i1 o0" if node.type("i0") == "INT8" else "i0 i1")


def _shaped_output(refs: str) -> Callable[[Node], None]:
    """The kernel computes its output's shape and keeps it (kernel_util.cc, CreateWritableTensorDimsWithCopy)."""

    def prepare(node: Node) -> None:
        node.temporaries(refs)
        node.persistent_dims("o0")

    return prepare


def _softmax(node: Node) -> None:
    node.temporaries("i0 o0")
    if node.type("i0") == "INT16":
        for _ in ("exp", "one over one plus x"):
            node.persistent(2 * INT16_LUT_ENTRIES)


def _svdf(node: Node) -> None:
    node.temporaries("i0 i1 i2 i3 i4 o0")
    batch, filters = node.dims("i0")[0], node.dims("i1")[0]
    node.scratch(4 * batch * filters)
    if node.type("i0") == "INT8":
        node.scratch(4 * batch * (filters // node.option("rank")))


def _transpose_conv(node: Node) -> None:
    node.temporaries("o0 i2 i1")
    node.persistent_multipliers(node.dims("i1")[0])
    if node.type("i2") in ("INT8", "INT16"):
        node.scratch((4 if node.type("i2") == "INT8" else 8) * node.elements("o0"))
        node.temporaries("i2 i1 i3 o0")
    if node.type("i2") == "INT16" and node.inputs > 3 and node.type("i3") == "INT16":
        node.scratch(8 * node.elements("i3"))


def _unpacked_int4(node: Node) -> None:
    """The reference kernels unpack int4 weights when they run."""
    if node.type("i1") == "INT4":
        node.scratch(node.elements("i1"))


_COMPARISON = Kernel("comparisons.cc", None, "OpDataComparison", "i0 i1")
_ELEMENTWISE = Kernel("elementwise.cc", None, None, "i0 o0")
_POOL = Kernel("pooling_common.cc", "TfLitePoolParams", "OpDataPooling", "i0 o0")

REFERENCE_KERNELS = {
    "ABS": Kernel("elementwise.cc", None, "OpDataAbsRsqrt", "i0 o0"),
    "ADD": Kernel("add_common.cc", "TfLiteAddParams", "OpDataAdd", "i0 i1 o0"),
    "ADD_N": Kernel("add_n.cc", None, None, _add_n),
    "ARG_MAX": Kernel("arg_min_max.cc", "TfLiteArgMaxParams", None, ""),
    "ARG_MIN": Kernel("arg_min_max.cc", "TfLiteArgMaxParams", None, ""),
    "ASSIGN_VARIABLE": Kernel("assign_variable.cc", None, "OpDataAssignVariable", _assign_variable),
    "AVERAGE_POOL_2D": _POOL,
    "BATCH_MATMUL": Kernel("batch_matmul.cc", "TfLiteBatchMatMulParams", "OpDataBatchMatmul", _batch_matmul),
    "BATCH_TO_SPACE_ND": Kernel("batch_to_space_nd.cc", None, None, "i0 o0"),
    "BROADCAST_ARGS": Kernel("broadcast_args.cc", None, None, "i0 i1 o0"),
    "BROADCAST_TO": Kernel("broadcast_to.cc", None, None, "i0 i1 o0"),
    "CALL_ONCE": Kernel("call_once.cc", "TfLiteCallOnceParams", "OpDataCallOnce", ""),
    "CAST": Kernel("cast.cc", "TfLiteCastParams", None, "i0 o0"),
    "CEIL": Kernel("ceil.cc", None, None, "i0 o0"),
    "CONCATENATION": Kernel("concatenation.cc", "TfLiteConcatenationParams", "OpDataConcatenation", _concatenation),
    "CONV_2D": Kernel("conv_common.cc", "TfLiteConvParams", "OpDataConv", _convolution(0)),
    "COS": _ELEMENTWISE,
    "CUMSUM": Kernel("cumsum.cc", "TfLiteCumsumParams", None, _cumsum),
    "DEPTHWISE_CONV_2D": Kernel("depthwise_conv_common.cc", "TfLiteDepthwiseConvParams", "OpDataConv", _convolution(3)),
    "DEPTH_TO_SPACE": Kernel("depth_to_space.cc", "TfLiteDepthToSpaceParams", None, _shaped_output("i0 o0")),
    "DEQUANTIZE": Kernel("dequantize_common.cc", None, "DequantizeOpData", "i0 o0"),
    "DIV": Kernel("div.cc", "TfLiteDivParams", "OpDataDiv", "i0 i1 o0"),
    "DYNAMIC_UPDATE_SLICE": Kernel("dynamic_update_slice.cc", None, None, "i0 i1 i2 o0"),
    "ELU": Kernel("elu.cc", None, "OpDataElu", "i0 o0"),
    "EMBEDDING_LOOKUP": Kernel("embedding_lookup.cc", None, None, _embedding_lookup),
    "EQUAL": _COMPARISON,
    "EXP": Kernel("exp.cc", None, None, "i0 o0"),
    "EXPAND_DIMS": Kernel("expand_dims.cc", None, None, "i0 i1 o0"),
    "FILL": Kernel("fill.cc", None, None, "i0 i1 o0"),
    "FLOOR": Kernel("floor.cc", None, None, ""),
    "FLOOR_DIV": Kernel("floor_div.cc", None, None, "i0 i1 o0"),
    "FLOOR_MOD": Kernel("floor_mod.cc", None, None, "i0 i1 o0"),
    "FULLY_CONNECTED": Kernel(
        "fully_connected.cc", "TfLiteFullyConnectedParams", "OpDataFullyConnected", _fully_connected
    ),
    "GATHER": Kernel("gather.cc", "TfLiteGatherParams", None, _shaped_output("i0 i1 o0")),
    "GATHER_ND": Kernel("gather_nd.cc", None, None, _shaped_output("i0 i1 o0")),
    "GREATER": _COMPARISON,
    "GREATER_EQUAL": _COMPARISON,
    "HARD_SWISH": Kernel("hard_swish_common.cc", None, "HardSwishParams", "i0 o0"),
    "IF": Kernel("if.cc", "TfLiteIfParams", "OpDataIf", "i0"),
    "L2_NORMALIZATION": Kernel("l2norm.cc", "TfLiteL2NormParams", "L2NormalizationParams", "i0 o0"),
    "L2_POOL_2D": Kernel("l2_pool_2d.cc", "TfLitePoolParams", None, _shaped_output("o0 i0")),
    "LEAKY_RELU": Kernel("leaky_relu_common.cc", "TfLiteLeakyReluParams", "LeakyReluOpData", "i0 o0"),
    "LESS": _COMPARISON,
    "LESS_EQUAL": _COMPARISON,
    "LOG": _ELEMENTWISE,
    "LOGICAL_AND": Kernel("logical.cc", None, None, ""),
    "LOGICAL_NOT": _ELEMENTWISE,
    "LOGICAL_OR": Kernel("logical.cc", None, None, ""),
    "LOGISTIC": Kernel("logistic_common.cc", None, "OpDataLogistic", "i0 o0"),
    "LOG_SOFTMAX": Kernel("log_softmax.cc", None, None, _log_softmax),
    "MAXIMUM": Kernel("maximum_minimum.cc", None, None, ""),
    "MAX_POOL_2D": _POOL,
    "MEAN": Kernel("reduce_common.cc", "TfLiteReducerParams", "OpDataReduce", _reduce_mean),
    "MINIMUM": Kernel("maximum_minimum.cc", None, None, ""),
    "MIRROR_PAD": Kernel("mirror_pad.cc", "TfLiteMirrorPaddingParams", "OpDataMirrorPad", _mirror_pad),
    "MUL": Kernel("mul_common.cc", "TfLiteMulParams", "OpDataMul", "i0 i1 o0"),
    "NEG": Kernel("neg.cc", None, None, ""),
    "NOT_EQUAL": _COMPARISON,
    "PACK": Kernel("pack.cc", "TfLitePackParams", None, ""),
    "PAD": Kernel("pad_common.cc", None, "OpDataPad", "i0 i1 i2 o0"),
    "PADV2": Kernel("pad_common.cc", None, "OpDataPad", "i0 i1 i2 o0"),
    "PRELU": Kernel("prelu_common.cc", None, "PreluParams", "i0 i1 o0"),
    "QUANTIZE": Kernel("quantize_common.cc", None, "OpDataQuantizeReference", "i0 o0"),
    "READ_VARIABLE": Kernel("read_variable.cc", None, None, "i0"),
    "REDUCE_ALL": Kernel("reduce_common.cc", "TfLiteReducerParams", "OpDataReduce", _reduce_all),
    "REDUCE_MAX": Kernel("reduce_common.cc", "TfLiteReducerParams", "OpDataReduce", _reduce_minmax),
    "REDUCE_MIN": Kernel("reduce_common.cc", "TfLiteReducerParams", "OpDataReduce", _reduce_minmax),
    "RELU": Kernel("activations_common.cc", None, "ReluParams", "i0 o0"),
    "RELU6": Kernel("activations_common.cc", None, "Relu6OpData", "i0"),
    "RESHAPE": Kernel("reshape_common.cc", "TfLiteReshapeParams", None, "i0 o0"),
    "RESIZE_BILINEAR": Kernel("resize_bilinear.cc", "TfLiteResizeBilinearParams", None, "i0 i1 o0"),
    "RESIZE_NEAREST_NEIGHBOR": Kernel(
        "resize_nearest_neighbor.cc", "TfLiteResizeNearestNeighborParams", None, "i0 i1 o0"
    ),
    "REVERSE_V2": Kernel("reverse.cc", None, None, "i0 i1 o0"),
    "ROUND": Kernel("round.cc", None, None, "i0 o0"),
    "RSQRT": Kernel("elementwise.cc", None, "OpDataAbsRsqrt", "i0 o0"),
    "SELECT_V2": Kernel("select.cc", None, "OpDataSelect", "i0 i1 i2 o0"),
    "SHAPE": Kernel("shape.cc", "TfLiteShapeParams", None, ""),
    "SIN": _ELEMENTWISE,
    "SLICE": Kernel("slice.cc", None, None, "i0 i1 i2 o0"),
    "SOFTMAX": Kernel("softmax_common.cc", "TfLiteSoftmaxParams", "SoftmaxParams", _softmax),
    "SPACE_TO_BATCH_ND": Kernel("space_to_batch_nd.cc", None, "SpaceToBatchParams", "i0 o0"),
    "SPACE_TO_DEPTH": Kernel("space_to_depth.cc", "TfLiteSpaceToDepthParams", None, _shaped_output("i0 o0")),
    "SPLIT": Kernel("split.cc", "TfLiteSplitParams", None, "i0"),
    "SPLIT_V": Kernel("split_v.cc", "TfLiteSplitParams", None, "i2"),
    "SQRT": _ELEMENTWISE,
    "SQUARE": _ELEMENTWISE,
    "SQUARED_DIFFERENCE": Kernel("squared_difference.cc", None, "OpDataSquaredDifference", "i0 i1 o0"),
    "SQUEEZE": Kernel("squeeze.cc", "TfLiteSqueezeParams", None, "i0 o0"),
    "STRIDED_SLICE": Kernel(
        "strided_slice_common.cc", "TfLiteStridedSliceParams", "StridedSliceParams", "i0 i1 i2 i3 o0"
    ),
    "SUB": Kernel("sub_common.cc", "TfLiteSubParams", "OpDataSub", "i0 i1 o0"),
    "SUM": Kernel("reduce_common.cc", "TfLiteReducerParams", "OpDataReduce", _reduce_mean),
    "SVDF": Kernel("svdf_common.cc", "TfLiteSVDFParams", "OpDataSvdf", _svdf),
    "TANH": Kernel("tanh.cc", None, "OpDataTanh", "i0 i0 o0"),
    "TRANSPOSE": Kernel("transpose_common.cc", None, None, "i0 i1 o0"),
    "TRANSPOSE_CONV": Kernel("transpose_conv.cc", "TfLiteTransposeConvParams", "OpDataTransposeConv", _transpose_conv),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Kernel(
        "unidirectional_sequence_lstm.cc", "TfLiteUnidirectionalSequenceLSTMParams", "OpDataLSTM", _lstm
    ),
    "UNPACK": Kernel("unpack.cc", "TfLiteUnpackParams", None, ""),
    "VAR_HANDLE": Kernel("var_handle.cc", "TfLiteVarHandleParams", "OpDataVarHandle", Node.declare_resource),
    "WHILE": Kernel("while.cc", "TfLiteWhileParams", "OpDataWhile", ""),
    "ZEROS_LIKE": Kernel("zeros_like.cc", None, None, "i0 o0"),
}
