"""Every operator that TFLM registers: its kernel, how many tensors it takes, and their types.

A line of types reads `i0: float32 int8; o0 = i0; i1 ~ int32`: the kernel has code for an i0 of these types, checks that
o0 has i0's type, and takes an i1 of int32 for granted. `*` stands for all others of the operator's inputs or outputs.
"""

import re
from dataclasses import dataclass
from functools import cached_property

from convert.tflite.block_options import BLOCK

KERNELS = "kernels/"


@dataclass(frozen=True)
class Kernel:
    """An operator's line; `inputs` and `outputs` read `2` (exactly), `2+` (at least) or `2-3`."""

    source: str
    inputs: str
    outputs: str
    types: str

    @property
    def path(self) -> str:
        """The kernel's file, from tensorflow/lite/micro/, or from above it where it has a folder of its own."""
        return self.source if "/" in self.source else KERNELS + self.source

    @cached_property
    def clauses(self) -> list[tuple[list[str], str, list[str]]]:
        """(roles, one of `:=~`, types or a role) of the line of types."""
        parsed = [re.fullmatch(r"(.+?) ?([:=~]) ?(.+)", clause.strip()) for clause in self.types.split(";")]
        return [(match[1].split(), match[2], match[3].split()) for match in parsed if match]


ANY = 1 << 31  # as many as there are


def count_range(count: str) -> tuple[int, int]:
    """The least and the most of `2`, `2+` or `2-3`."""
    least, _, most = count.rstrip("+").partition("-")
    return int(least), ANY if count.endswith("+") else int(most or least)


_FLOAT = "i0: float32; o0 = i0"
_POOL = Kernel("pooling_common.cc", "1+", "1+", "i0: float32 int8 int16; o0 ~ i0")
_NUMERIC = Kernel("elementwise.cc", "1", "1", _FLOAT)
_COMPARE = Kernel("comparisons.cc", "2+", "1+", "i0: float32 int32 int64 int8; i1 ~ i0; o0 ~ bool")
_EQUAL = Kernel("comparisons.cc", "2+", "1+", "i0: bool float32 int32 int64 int8; i1 ~ i0; o0 ~ bool")
_LOGICAL = Kernel("logical_common.cc", "2+", "1+", "i0 i1 o0 ~ bool")
_EXTREME = Kernel("maximum_minimum.cc", "2+", "1+", "o0: float32 int8 int16 int32 int64; i0 i1 ~ o0")
_FLOOR = "i0: float32; i1 o0 = i0"
_REDUCE_EXTREME = Kernel("reduce_common.cc", "2", "1", "i0: float32 int8; i1: int32; o0 = i0")
_PAD = Kernel("pad_common.cc", "2-3", "1", "i0: float32 int8 int16 int32; o0 = i0; i1 ~ int32")
_GATHER = "i0: float32 int8; i1: int32; o0 ~ i0"
_RELU = Kernel("activations_common.cc", "1+", "1+", "i0: float32 int8 int16; o0 ~ i0")
_BATCH_SPACE = "i0: float32 int8; o0 = i0; i1 i2 ~ int32"

# Read at commit 90b983c2b; python/tflite_micro/python_ops_resolver.cc is the list of names.
OPERATORS = {
    "ABS": Kernel("elementwise.cc", "1", "1", "i0: float32 int8 int16; o0 = i0"),
    "ADD": Kernel("add_common.cc", "2+", "1+", "o0: float32 int32 int8 int16; i0 i1 ~ o0"),
    "ADD_N": Kernel("add_n.cc", "2+", "1", "o0: float32 int8; i0 i* = o0"),
    "ARG_MAX": Kernel("arg_min_max.cc", "2+", "1+", "i0: float32 int8; i1: int32; o0: int32"),
    "ARG_MIN": Kernel("arg_min_max.cc", "2+", "1+", "i0: float32 int8; i1: int32; o0: int32"),
    "ASSIGN_VARIABLE": Kernel("assign_variable.cc", "2", "0", "i0: resource int32"),
    "AVERAGE_POOL_2D": _POOL,
    "BATCH_MATMUL": Kernel("batch_matmul.cc", "2", "1", "i0: float32 int8 int16; i1 o0 = i0"),
    "BATCH_TO_SPACE_ND": Kernel("batch_to_space_nd.cc", "3", "1", _BATCH_SPACE),
    "BROADCAST_ARGS": Kernel("broadcast_args.cc", "2", "1", "i0: int32 int64; i1 o0 = i0"),
    "BROADCAST_TO": Kernel("broadcast_to.cc", "2", "1", "i1: int32 int64; o0 = i0"),
    "CALL_ONCE": Kernel("call_once.cc", "0", "0", ""),
    # outputs of bool came after 90b983c2b; the package has them
    "CAST": Kernel(
        "cast.cc", "1", "1", "i0: int8 int16 int32 uint32 float32 bool; o0: int8 int16 int32 uint32 float32 bool"
    ),
    "CEIL": Kernel("ceil.cc", "1", "1", _FLOAT),
    "CONCATENATION": Kernel("concatenation.cc", "1+", "1+", "i0: float32 int8 int16 int32 int64 bool; o0 i* = i0"),
    "CONV_2D": Kernel("conv_common.cc", "2-3", "1", "i0: float32 int8 int16; o0 = i0"),
    "COS": _NUMERIC,
    "CUMSUM": Kernel("cumsum.cc", "2", "1", "i0: float32 int8; i1: int32; o0 = i0"),
    "DEPTHWISE_CONV_2D": Kernel("depthwise_conv_common.cc", "2-3", "1", "i0: float32 int8 int16; o0 ~ i0"),
    "DEPTH_TO_SPACE": Kernel("depth_to_space.cc", "1", "1", "o0: float32 int8; i0 = o0"),
    "DEQUANTIZE": Kernel("dequantize_common.cc", "1", "1", "i0: int8 int16 uint8; o0: float32"),
    "DIV": Kernel("div.cc", "2+", "1+", "o0: float32 int32 int8; i0 i1 = o0"),
    "DYNAMIC_UPDATE_SLICE": Kernel(
        "dynamic_update_slice.cc", "3", "1", "i0: float32 int8 int16 int32; i1 = i0; i2: int32 int64; o0 ~ i0"
    ),
    "ELU": Kernel("elu.cc", "1", "1", "i0: float32 int8; o0 = i0"),
    "EMBEDDING_LOOKUP": Kernel("embedding_lookup.cc", "2", "1", "i0: int32; i1: float32 int8"),
    "EQUAL": _EQUAL,
    "EXP": Kernel("exp.cc", "1", "1", _FLOAT),
    "EXPAND_DIMS": Kernel("expand_dims.cc", "2", "1", "i0: float32 int8 int16; i1: int32; o0 ~ i0"),
    "FILL": Kernel("fill.cc", "2+", "1+", "i1: float32 int32 int8; o0 = i1; i0: int8 int16 int32 int64"),
    "FLOOR": Kernel("floor.cc", "1+", "1+", "i0: float32; o0 ~ i0"),
    "FLOOR_DIV": Kernel("floor_div.cc", "2", "1", _FLOOR),
    "FLOOR_MOD": Kernel("floor_mod.cc", "2", "1", _FLOOR),
    "FULLY_CONNECTED": Kernel("fully_connected.cc", "2+", "1+", "i0: float32 int8 int16; o0 = i0"),
    "GATHER": Kernel("gather.cc", "2", "1", _GATHER),
    "GATHER_ND": Kernel("gather_nd.cc", "2", "1", _GATHER),
    "GREATER": Kernel("comparisons.cc", "2+", "1+", "i0: float32 int32 int64 int8 int16; i1 ~ i0; o0 ~ bool"),
    "GREATER_EQUAL": _COMPARE,
    "HARD_SWISH": Kernel("hard_swish_common.cc", "1", "1", "i0: float32 int8; o0 ~ i0"),
    "IF": Kernel("if.cc", "1+", "0+", "i0: bool"),
    "L2_NORMALIZATION": Kernel("l2norm.cc", "1", "1", "o0: float32 int8; i0 = o0"),
    "L2_POOL_2D": Kernel("l2_pool_2d.cc", "1", "1", _FLOAT),
    "LEAKY_RELU": Kernel("leaky_relu_common.cc", "1", "1", "i0: float32 int8 int16; o0 = i0"),
    "LESS": _COMPARE,
    "LESS_EQUAL": _COMPARE,
    "LOG": _NUMERIC,
    "LOGICAL_AND": _LOGICAL,
    "LOGICAL_NOT": Kernel("elementwise.cc", "1", "1", "i0: bool; o0 = i0"),
    "LOGICAL_OR": _LOGICAL,
    "LOGISTIC": Kernel("logistic_common.cc", "1+", "1+", "i0: float32 int8 int16; o0 = i0"),
    "LOG_SOFTMAX": Kernel("log_softmax.cc", "1", "1", "i0: float32 int8; o0 = i0"),
    "MAXIMUM": _EXTREME,
    "MAX_POOL_2D": _POOL,
    "MEAN": Kernel("reduce_common.cc", "2", "1", "i0: float32 int8 int16; i1: int32; o0 ~ i0"),
    "MINIMUM": _EXTREME,
    "MIRROR_PAD": Kernel("mirror_pad.cc", "2+", "1+", "o0: float32 int8; i0 ~ o0; i1 ~ int32 int64"),
    "MUL": Kernel("mul_common.cc", "2", "1", "i0: float32 int8 int16 int32; i1 = i0; o0 ~ i0"),
    "NEG": Kernel("neg.cc", "1+", "1+", "i0: float32; o0 ~ i0"),
    "NOT_EQUAL": _EQUAL,
    "PACK": Kernel("pack.cc", "1+", "1+", "o0: float32 int8 int16 int32 int64; i0 i* ~ o0"),
    "PAD": _PAD,
    "PADV2": _PAD,
    "PRELU": Kernel("prelu_common.cc", "2+", "1+", "i0: float32 int8 int16; o0 ~ i0"),
    "QUANTIZE": Kernel("quantize_common.cc", "1", "1", ""),
    "READ_VARIABLE": Kernel("read_variable.cc", "1+", "1+", "i0 ~ resource"),
    "REDUCE_ALL": Kernel("reduce_common.cc", "2", "1", "i0: bool; i1: int32; o0 = i0"),
    "REDUCE_MAX": _REDUCE_EXTREME,
    "REDUCE_MIN": _REDUCE_EXTREME,
    "RELU": _RELU,
    "RELU6": _RELU,
    "RESHAPE": Kernel("reshape_common.cc", "1-2", "1", "o0 = i0"),
    "RESIZE_BILINEAR": Kernel("resize_bilinear.cc", "2", "1", "o0: float32 int8; i0 ~ o0; i1: int32"),
    "RESIZE_NEAREST_NEIGHBOR": Kernel(
        "resize_nearest_neighbor.cc", "2", "1", "o0: float32 int8 int16; i0 ~ o0; i1: int32"
    ),
    "REVERSE_V2": Kernel("reverse.cc", "2", "1", "i0: int32 float32 uint8 int8 int16 int64 bool; i1: int32; o0 = i0"),
    "ROUND": Kernel("round.cc", "1", "1", _FLOAT),
    # int16 came after 90b983c2b; the package has it
    "RSQRT": Kernel("elementwise.cc", "1", "1", "i0: float32 int8 int16; o0 = i0"),
    "SELECT_V2": Kernel("select.cc", "3", "1", "i0: bool; i1: float32 int8 int16; i2 = i1; o0 ~ i1"),
    "SHAPE": Kernel("shape.cc", "1", "1", "o0: int32"),
    "SIN": _NUMERIC,
    "SLICE": Kernel("slice.cc", "3", "1", "i0: float32 int32 int8 int16 bool; i1: int32 int64; i2 ~ i1; o0 ~ i0"),
    "SOFTMAX": Kernel("softmax_common.cc", "1", "1", "i0: float32 int8 int16"),
    "SPACE_TO_BATCH_ND": Kernel("space_to_batch_nd.cc", "3", "1", _BATCH_SPACE),
    "SPACE_TO_DEPTH": Kernel("space_to_depth.cc", "1", "1", "o0: float32 int8; i0 = o0"),
    "SPLIT": Kernel("split.cc", "2+", "0+", "i1: float32 int8 int16 int32; i0 ~ int32; o0 o* ~ i1"),
    "SPLIT_V": Kernel("split_v.cc", "3", "0+", "i0: float32 int8 int16 int32; i2 ~ int32; o0 o* ~ i0"),
    "SQRT": _NUMERIC,
    "SQUARE": _NUMERIC,
    "SQUARED_DIFFERENCE": Kernel("squared_difference.cc", "2", "1", "o0: float32 int32 int8 int16; i1 = i0; i0 ~ o0"),
    "SQUEEZE": Kernel("squeeze.cc", "1", "1", ""),
    "STRIDED_SLICE": Kernel(
        "strided_slice_common.cc", "4", "1", "o0: float32 int8 int16 int32 bool; i0 ~ o0; i1 i2 i3 ~ int32"
    ),
    "SUB": Kernel("sub_common.cc", "2+", "1+", "o0: float32 int32 int8 int16; i0 i1 ~ o0"),
    "SUM": Kernel("reduce_common.cc", "2", "1", "i0: float32 int8 int16; i1: int32; o0 = i0"),
    "SVDF": Kernel("svdf_common.cc", "5", "1", "i0: float32 int8; o0 = i0"),
    "TANH": Kernel("tanh.cc", "1", "1", "i0: float32 int8 int16; o0 = i0"),
    "TRANSPOSE": Kernel("transpose_common.cc", "2", "1", "i0: float32 int8 int16; o0 = i0; i1 ~ int32"),
    "TRANSPOSE_CONV": Kernel("transpose_conv.cc", "3-4", "1", "i2: float32 int8 int16; o0 = i2"),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Kernel("lstm_eval.cc", "24", "1", "i0: float32 int8 int16; o0 i18 = i0"),
    "UNPACK": Kernel("unpack.cc", "1+", "0+", "i0: float32 int32 int16 int8; o0 o* ~ i0"),
    "VAR_HANDLE": Kernel("var_handle.cc", "0+", "1+", ""),
    "WHILE": Kernel("while.cc", "0+", "0+", ""),
    "ZEROS_LIKE": Kernel("zeros_like.cc", "1", "1", "i0: int64 int32 int8 float32; o0 ~ i0"),
}

# Custom operators that TFLM brings; those of the signal library are named as in signal/micro/kernels.
_SIGNAL = "signal/micro/kernels/"
_FRAME = "i0: int16; o0: int16"
_TRANSFORM = "i0: float32 int16 int32; o0 = i0"
OPERATORS |= {
    "CUSTOM:SignalDelay": Kernel(f"{_SIGNAL}delay.cc", "1", "1", _FRAME),
    "CUSTOM:SignalEnergy": Kernel(f"{_SIGNAL}energy.cc", "1", "1", "i0: int16; o0: uint32"),
    "CUSTOM:SignalFftAutoScale": Kernel(f"{_SIGNAL}fft_auto_scale_common.cc", "1", "2", f"{_FRAME}; o1: int32"),
    "CUSTOM:SignalFilterBank": Kernel(
        f"{_SIGNAL}filter_bank.cc", "6", "1", "i0: uint32; i1 i2 i3 i4 i5: int16; o0: uint64"
    ),
    "CUSTOM:SignalFilterBankLog": Kernel(f"{_SIGNAL}filter_bank_log.cc", "1", "1", "i0: uint32; o0: int16"),
    "CUSTOM:SignalFilterBankSpectralSubtraction": Kernel(
        f"{_SIGNAL}filter_bank_spectral_subtraction.cc", "1", "2", "i0 o0 o1: uint32"
    ),
    "CUSTOM:SignalFilterBankSquareRoot": Kernel(
        f"{_SIGNAL}filter_bank_square_root_common.cc", "2", "1", "i0: uint64; i1: int32; o0: uint32"
    ),
    "CUSTOM:SignalFramer": Kernel(f"{_SIGNAL}framer.cc", "1", "2", f"{_FRAME}; o1: bool"),
    "CUSTOM:SignalIrfft": Kernel(f"{_SIGNAL}irfft.cc", "1", "1", _TRANSFORM),
    "CUSTOM:SignalOverlapAdd": Kernel(f"{_SIGNAL}overlap_add.cc", "1", "1", "i0: float32 int16; o0 = i0"),
    "CUSTOM:SignalPCAN": Kernel(f"{_SIGNAL}pcan.cc", "3", "1", "i0 i1 o0: uint32; i2: int16"),
    "CUSTOM:SignalRfft": Kernel(f"{_SIGNAL}rfft.cc", "1", "1", _TRANSFORM),
    "CUSTOM:SignalStacker": Kernel(f"{_SIGNAL}stacker.cc", "1", "2", f"{_FRAME}; o1: bool"),
    "CUSTOM:SignalWindow": Kernel(f"{_SIGNAL}window.cc", "2", "1", "i0 i1 o0: int16"),
}
# And others, of which the table above does not say what they take.
CUSTOM_OPERATORS = {
    BLOCK: "tflm_app/kernels/embbert_block.cc",
    "CUSTOM:CIRCULAR_BUFFER": "kernels/circular_buffer.cc",
    "CUSTOM:TFLM_DECODE": "kernels/decode.cc",
    "CUSTOM:TFLite_Detection_PostProcess": "kernels/detection_postprocess.cc",
}
OPTIONAL_INPUTS = {
    "CONV_2D": "i2",
    "FULLY_CONNECTED": "i2",
    "PAD": "i2",
    "PADV2": "i2",
    "RESHAPE": "i1",
    "TRANSPOSE_CONV": "i0 i3",
    "SHAPE": "",
    "SPLIT_V": "i1",
}
