"""The MicroMutableOpResolver of a model: what a firmware registers (micro/micro_mutable_op_resolver.h)."""

from collections.abc import Iterable

from convert.tflite.block_options import BLOCK

# Methods whose names are not `Add` and the operator's name in title case.
ODD_NAMES = {
    "BATCH_MATMUL": "BatchMatMul",
    "CUMSUM": "CumSum",
    "PADV2": "PadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
    "CUSTOM:CIRCULAR_BUFFER": "CircularBuffer",
    "CUSTOM:TFLM_DECODE": "Decode",
    "CUSTOM:TFLite_Detection_PostProcess": "DetectionPostprocess",
}


def resolver_method(name: str) -> str:
    """The method that registers an operator: AddConv2D for CONV_2D."""
    if name not in ODD_NAMES and name.startswith("CUSTOM:"):
        return "Add" + name.removeprefix("CUSTOM:Signal")
    return "Add" + ODD_NAMES.get(name, name.title().replace("_", ""))


def resolver_call(name: str) -> str:
    """The call that registers an operator with TFLM's kernel, or with ours where TFLM has none."""
    if name == BLOCK:
        return 'AddCustom("EMBBERT_BLOCK", embbert::kernels::EmbbertBlock())'
    return f"{resolver_method(name)}()"


def resolver_lines(names: Iterable[str]) -> list[str]:
    """C++ lines that make a resolver of exactly the operators named."""
    calls = sorted({resolver_call(name) for name in names})
    return [f"tflite::MicroMutableOpResolver<{max(len(calls), 1)}> resolver;", *(f"resolver.{call};" for call in calls)]
