"""Rules of firmware with an older library of TFLM (`libraries.yaml`): what it lacks, and where it answers otherwise.

A library is asked for by its name in place of the kernels' (`registry.Asked`).
"""

from convert.tflite.view import Operator
from convert.tflm.libraries import LIBRARIES, Library
from convert.tflm.rules.dense import activation, bias
from convert.tflm.rules.registry import COUNT, FINE, RULES, TYPE, VALUE, Rule, Verdict, require, rule

ARDUINO = "arduino"
NEWER = "take a newer TFLM: a tree of your own goes along with `python -m convert.firmware BUNDLE --tflm-tree TREE`"
REWRITTEN = f"`python -m convert.optimize` rewrites the mask of EmbBERT; otherwise {NEWER}"


def _registers(library: Library) -> Rule:
    def check(op: Operator) -> Verdict:
        return require(False, None, f"{library.title} of {library.date} has no {op.name}")

    check.__doc__ = f"{library.title} {library.commit[:8]} registers the operator."
    kernel = "micro_mutable_op_resolver.h"
    return Rule(f"{library.id}_registers", check, library.lacks, COUNT, NEWER, kernel, kernels=library.id)


def _types(library: Library) -> Rule:
    def check(op: Operator) -> Verdict:
        for role, lacking in library.lacks_types[op.name].items():
            tensor = op.tensor(role)
            if tensor is not None and tensor.type in lacking:
                return require(False, tensor, f"is {tensor.type.lower()}, for which {library.title} has no code")
        return FINE

    check.__doc__ = f"The kernel in {library.title} {library.commit[:8]} has code for the tensor's type."
    return Rule(f"{library.id}_types", check, tuple(library.lacks_types), TYPE, REWRITTEN, None, kernels=library.id)


for _library in LIBRARIES.values():
    RULES.extend(rule for rule in (_registers(_library), _types(_library)) if rule.operators)


@rule(
    "FULLY_CONNECTED",
    VALUE,
    "convert with `_experimental_disable_per_channel_quantization_for_dense_layers`",
    "kernels/cmsis_nn/fully_connected.cpp",
    kernels=ARDUINO,
    warning=True,
    differs=True,
)
def arduino_dense_scales(op: Operator) -> Verdict:
    """Weights have one scale: the Arduino library takes the first for all channels."""
    weights = op.inputs[1]
    return require(len(set(weights.scales)) <= 1, weights, f"has {len(weights.scales)} scales")


@rule(
    "FULLY_CONNECTED",
    VALUE,
    "quantise the weights symmetrically (zero point 0)",
    "kernels/cmsis_nn/fully_connected.cpp",
    kernels=ARDUINO,
    warning=True,
    differs=True,
)
def arduino_dense_zero_point(op: Operator) -> Verdict:
    """Weights have the zero point 0: the Arduino library takes it for granted."""
    weights = op.inputs[1]
    assumed = op.input.type in ("INT8", "INT16") and any(weights.zero_points)
    return require(not assumed, weights, f"has zero point {weights.zero_point}")


@rule(
    "CONV_2D",
    VALUE,
    "split it into one convolution for each group, and concatenate",
    "kernels/cmsis_nn/conv.cpp",
    kernels=ARDUINO,
)
def arduino_groups(op: Operator) -> Verdict:
    """An int8 convolution has one group: the Arduino library reads beyond the weights of others, or crashes."""
    weights = op.inputs[1]
    grouped = op.input.type == "INT8" and weights.shape[3] not in (0, op.input.shape[3])
    return require(not grouped, weights, f"has {weights.shape[3]} of the input's {op.input.shape[3]} channels")


@rule("CONV_2D", VALUE, "give it a bias of zeros", "kernels/cmsis_nn/conv.cpp", kernels=ARDUINO)
def arduino_int16_bias(op: Operator) -> Verdict:
    """An int16 convolution has a bias: the Arduino library reads one in any case, and crashes."""
    return require(activation(op).type != "INT16" or bias(op) is not None, None, "there is no bias")


@rule(
    "MEAN SUM",
    VALUE,
    "take a newer TFLM, or an AVERAGE_POOL_2D over the same elements",
    "kernels/reduce_common.cpp",
    kernels=ARDUINO,
    warning=True,
    differs=True,
)
def arduino_mean(op: Operator) -> Verdict:
    """Integers are not averaged: the Arduino library rounds otherwise, by one in the last bit now and then."""
    return require(op.input.type not in ("INT8", "INT16"), op.input, f"is {op.input.type.lower()}")
