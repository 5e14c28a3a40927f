"""For every rule of an older library a model that breaks it, and one that keeps it (rules/libraries.py)."""

from tests.support.agreement_bases import BASES
from tests.support.agreement_models import Spec
from tests.support.kernel_cases import convolution, data, dense, matmul, order, subtraction

INT32 = {"type": "int32", "quantized": False}


def reversal() -> Spec:
    return BASES["REVERSE_V2"]


def mean() -> Spec:
    return Spec("MEAN", [data(2, 6), order(1)], [data(2)], "ReducerOptions")


def difference(kind: dict) -> Spec:
    return BASES["SUB"].edited(dict.fromkeys(("i0", "i1", "o0"), kind))


# rule: (a model that breaks it, one that keeps it), asked with the library's name in place of the kernels'
LIBRARY_PAIRS = {
    "arduino_registers": (matmul(2, 2), dense((2, 6))),
    "pico_registers": (reversal(), dense((2, 6))),
    "arduino_types": (difference(INT32), subtraction("int8", 1 / 64, 1 / 16)),
    "pico_types": (difference(INT32), subtraction("int8", 1 / 64, 1 / 16)),
    "arduino_dense_scales": (dense((2, 6), scale=[1 / 64, 1 / 32] * 2 + [1 / 16]), dense((2, 6))),
    "arduino_dense_zero_point": (dense((2, 6), zero=3), dense((2, 6))),
    "arduino_groups": (convolution(4, 2), convolution(4, 4)),
    "arduino_int16_bias": (convolution(4, 4, "int16", biased=""), convolution(4, 4, "int16", biased="int64")),
    "arduino_mean": (mean(), mean().edited({role: {"type": "float32", "quantized": False} for role in ("i0", "o0")})),
}
