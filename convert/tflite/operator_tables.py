"""Operators in a .tflite file: their names by number, and the fields of their options.

The names are all that there are, so that an operator without a kernel can be told by name; options are those of the
operators that TFLM registers. Numbers and slots as in tensorflow/compiler/mlir/lite/schema/schema.fbs, read at TFLM
90b983c2b.
"""

from types import SimpleNamespace
from typing import Any

from convert.tflite.flatbuffer import Table, scalar, string, vector


def numbered(names: str) -> SimpleNamespace:
    """Names with their places, from 0 on."""
    return SimpleNamespace(**{name: number for number, name in enumerate(names.split())})


BuiltinOperator = numbered(
    """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
    FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC
    LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH
    SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN
    GATHER BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM
    STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM
    CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN
    TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN
    FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV
    REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE
    MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG
    QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND
    SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO
    RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL
    CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE
    RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX
    UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT STABLEHLO_LOGISTIC
    STABLEHLO_ADD STABLEHLO_DIVIDE STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM STABLEHLO_RESHAPE STABLEHLO_CLAMP
    STABLEHLO_CONCATENATE STABLEHLO_BROADCAST_IN_DIM STABLEHLO_CONVOLUTION STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL
    STABLEHLO_REDUCE STABLEHLO_ABS STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR
    STABLEHLO_LOG STABLEHLO_MINIMUM STABLEHLO_NEGATE STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER
    STABLEHLO_RSQRT STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH STABLEHLO_SCATTER STABLEHLO_COMPARE
    STABLEHLO_CONVERT STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE STABLEHLO_PAD STABLEHLO_IOTA
    STABLEHLO_DOT_GENERAL STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT STABLEHLO_WHILE STABLEHLO_GATHER
    STABLEHLO_TRANSPOSE DILATE STABLEHLO_RNG_BIT_GENERATOR REDUCE_WINDOW STABLEHLO_COMPOSITE STABLEHLO_SHIFT_LEFT
    STABLEHLO_CBRT STABLEHLO_CASE
    """
)

# The options of an operator by their number among all options: the name of their table, and its fields with their
# formats (of `struct`; `i*` for several, `text`), defaults where they are not 0, and `-` for a slot that is not used.
FIELDS = {
    1: "Conv2D padding:b strideW:i strideH:i fusedActivationFunction:b dilationWFactor:i=1 "
    "dilationHFactor:i=1 quantizedBiasType:b",
    2: "DepthwiseConv2D padding:b strideW:i strideH:i depthMultiplier:i fusedActivationFunction:b "
    "dilationWFactor:i=1 dilationHFactor:i=1",
    5: "Pool2D padding:b strideW:i strideH:i filterWidth:i filterHeight:i fusedActivationFunction:b",
    6: "SVDF rank:i fusedActivationFunction:b asymmetricQuantizeInputs:?",
    8: "FullyConnected fusedActivationFunction:b weightsFormat:b keepNumDims:? asymmetricQuantizeInputs:? "
    "quantizedBiasType:b quantSpec:B*",
    9: "Softmax beta:f",
    10: "Concatenation axis:i fusedActivationFunction:b",
    11: "Add fusedActivationFunction:b potScaleInt16:?=1",
    12: "L2Norm fusedActivationFunction:b",
    15: "ResizeBilinear - - alignCorners:? halfPixelCenters:?",
    17: "Reshape newShape:i*",
    19: "SpaceToDepth blockSize:i",
    21: "Mul fusedActivationFunction:b",
    22: "Pad",
    23: "Gather axis:i batchDims:i",
    24: "BatchToSpaceND",
    25: "SpaceToBatchND",
    26: "Transpose",
    27: "Reducer keepDims:?",
    28: "Sub fusedActivationFunction:b potScaleInt16:?=1",
    29: "Div fusedActivationFunction:b",
    30: "Squeeze squeezeDims:i*",
    32: "StridedSlice beginMask:i endMask:i ellipsisMask:i newAxisMask:i shrinkAxisMask:i offset:?",
    33: "Exp",
    35: "Split numSplits:i",
    36: "LogSoftmax",
    37: "Cast inDataType:b outDataType:b",
    38: "Dequantize",
    40: "ArgMax outputType:b",
    41: "Less",
    42: "Neg",
    43: "PadV2",
    44: "Greater",
    45: "GreaterEqual",
    46: "LessEqual",
    48: "Slice",
    49: "TransposeConv padding:b strideW:i strideH:i fusedActivationFunction:b quantizedBiasType:b",
    52: "ExpandDims",
    53: "Equal",
    54: "NotEqual",
    55: "Shape outType:b",
    57: "ArgMin outputType:b",
    59: "Pack valuesCount:i axis:i",
    60: "LogicalOr",
    62: "LogicalAnd",
    63: "LogicalNot",
    64: "Unpack num:i axis:i",
    65: "FloorDiv",
    66: "Square",
    67: "ZerosLike",
    68: "Fill",
    71: "UnidirectionalSequenceLSTM fusedActivationFunction:b cellClip:f projClip:f timeMajor:? "
    "asymmetricQuantizeInputs:? diagonalRecurrentTensors:?",
    72: "FloorMod",
    74: "ResizeNearestNeighbor alignCorners:? halfPixelCenters:?",
    75: "LeakyRelu alpha:f",
    76: "SquaredDifference",
    77: "MirrorPad mode:b",
    78: "Abs",
    79: "SplitV numSplits:i",
    81: "ReverseV2",
    82: "AddN",
    83: "GatherNd",
    84: "Cos",
    89: "Quantize",
    91: "HardSwish",
    92: "If thenSubgraphIndex:i elseSubgraphIndex:i",
    93: "While condSubgraphIndex:i bodySubgraphIndex:i",
    94: "DepthToSpace blockSize:i",
    98: "SelectV2",
    101: "BatchMatMul adjX:? adjY:? asymmetricQuantizeInputs:?",
    102: "Cumsum exclusive:? reverse:?",
    103: "CallOnce initSubgraphIndex:i",
    104: "BroadcastTo",
    111: "VarHandle container:text sharedName:text",
    112: "ReadVariable",
    113: "AssignVariable",
    117: "DynamicUpdateSlice",
}


def _options_table(line: str) -> type[Table]:
    """The table that a line describes."""
    name, *fields = line.split()
    attributes: dict[str, Any] = {"__doc__": f"The options of {name}."}
    skip = 0
    for text in fields:
        if text == "-":
            skip += 1
            continue
        field, _, kind = text.partition(":")
        attributes[field] = _field(*kind.split("="))
        attributes[field].skip, skip = skip, 0
    return type(name + "OptionsT", (Table,), attributes)


def _field(kind: str, default: str = "0") -> Any:
    if kind == "text":
        return string()
    return vector(kind[:-1]) if kind.endswith("*") else scalar(kind, int(default))


OPTIONS = {number: _options_table(line) for number, line in FIELDS.items()}
BuiltinOptions = SimpleNamespace(**{kind.__name__.removesuffix("T"): number for number, kind in OPTIONS.items()})
