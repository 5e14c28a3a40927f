"""Rules of activations, SOFTMAX and normalisation, and of activations fused into other operators."""

import math

from convert.tflite import schema
from convert.tflite.view import Operator
from convert.tflm.rules.registry import FINE, FORM, TYPE, VALUE, Verdict, first_broken, require, rule

INT32_MAX = 2**31 - 1
RELU, RELU_N1_TO_1, RELU6 = (getattr(schema.ActivationFunctionType, name) for name in ("RELU", "RELU_N1_TO_1", "RELU6"))
# The largest bound of a fused activation; 0 for RELU, whose bound is 0 / scale.
ACTIVATION_BOUNDS = {RELU: 0.0, RELU_N1_TO_1: 1.0, RELU6: 6.0}
ONE_GRID = 1 / 32768  # int16 outputs of TANH, LOGISTIC and SOFTMAX: -1..1
GRID_REMEDY = "let the converter quantise the output; the kernel's grid is fixed"


@rule(
    "ADD SUB MUL DIV CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV FULLY_CONNECTED",
    VALUE,
    "calibrate again: the output's scale is not that of a range",
    kernel="../kernels/kernel_util.cc",
)
def fused_activation_fits(op: Operator) -> Verdict:
    """The bounds of a fused activation, in steps of a quantised output's scale, are within 32 bits."""
    bound = ACTIVATION_BOUNDS.get(op.option("fusedActivationFunction"))
    if bound is None or op.output.type not in ("INT8", "INT16"):
        return FINE
    scale = abs(op.output.scale)
    return require(scale > 0 and bound / scale <= INT32_MAX, op.output, f"has scale {op.output.scale:g}")


@rule("CONCATENATION L2_NORMALIZATION", VALUE, "make the activation an operator of its own")
def no_fused_activation(op: Operator) -> Verdict:
    """No activation is fused."""
    code = op.option("fusedActivationFunction")
    known = code in (
        RELU,
        RELU_N1_TO_1,
        RELU6,
        schema.ActivationFunctionType.TANH,
        schema.ActivationFunctionType.SIGN_BIT,
    )
    return require(not known, None, f"activation {code} is fused into it")


@rule("L2_NORMALIZATION", FORM, "reshape to at most 4 dimensions before it")
def l2_normalization_rank(op: Operator) -> Verdict:
    """The input has at most 4 dimensions."""
    return require(op.input.rank <= 4, op.input, f"has {op.input.rank} dimensions")


@rule("LOGISTIC", VALUE, GRID_REMEDY)
def logistic_int8_grid(op: Operator) -> Verdict:
    """An int8 output has zero point -128 (and means scale 1/256)."""
    return require(
        op.input.type != "INT8" or op.output.zero_point == -128, op.output, f"has zero point {op.output.zero_point}"
    )


@rule("LOGISTIC TANH", VALUE, GRID_REMEDY)
def sigmoid_int16_grid(op: Operator) -> Verdict:
    """An int16 output has scale 1/32768."""
    scale = op.output.scale
    near = scale > 0 and abs(math.log2(scale) + 15) < 1e-3
    return require(op.input.type != "INT16" or near, op.output, f"has scale {scale:g}")


@rule("SOFTMAX", TYPE, "give both tensors one type; int8 may also become int16")
def softmax_types(op: Operator) -> Verdict:
    """The output has the input's type, or is int16 for an int8 input."""
    allowed = {"FLOAT32": ("FLOAT32",), "INT8": ("INT8", "INT16"), "INT16": ("INT16",)}.get(op.input.type, ())
    return require(op.output.type in allowed, op.output, f"is {op.output.type.lower()}")


@rule("SOFTMAX", FORM, "reshape to at least one dimension before it")
def softmax_rank(op: Operator) -> Verdict:
    """The input has at least one dimension."""
    return require(op.input.rank >= 1, op.input, "has no dimension")


@rule("SOFTMAX", VALUE, GRID_REMEDY)
def softmax_grid(op: Operator) -> Verdict:
    """The output has scale 1/256 and zero point -128 (int8), 1/65536 and -32768 (int8 to int16), or 1/32768 and 0."""
    types = (op.input.type, op.output.type)
    if types[0] == "FLOAT32":
        return FINE
    scale, zero_point = {("INT8", "INT8"): (1 / 256, -128), ("INT8", "INT16"): (1 / 65536, -32768)}.get(
        types, (ONE_GRID, 0)
    )
    tolerance = 0 if types == ("INT8", "INT8") else 0.001 * scale
    return require(
        op.output.zero_point == zero_point and abs(op.output.scale - scale) <= tolerance,
        op.output,
        f"has scale {op.output.scale:g} and zero point {op.output.zero_point}",
    )


@rule("SOFTMAX", VALUE, "quantise int16 tensors symmetrically (zero point 0)")
def softmax_int16_input(op: Operator) -> Verdict:
    """An int16 input has zero point 0."""
    return require(
        op.input.type != "INT16" or op.input.zero_point == 0, op.input, f"has zero point {op.input.zero_point}"
    )


@rule(
    "SOFTMAX LOG_SOFTMAX",
    VALUE,
    "calibrate again: the input's scale is not that of a range",
    kernel="../kernels/internal/quantization_util.cc",
)
def softmax_input_scale(op: Operator) -> Verdict:
    """beta x the scale of an int8 input is above 2^-26."""
    beta = op.option("beta") if op.name == "SOFTMAX" else 1.0
    return require(
        op.input.type != "INT8" or beta * op.input.scale * 2**26 > 1,
        op.input,
        f"has scale {op.input.scale:g}, beta is {beta:g}",
    )


@rule("LOG_SOFTMAX", VALUE, GRID_REMEDY)
def log_softmax_grid(op: Operator) -> Verdict:
    """An int8 output has scale 16/256 and zero point 127."""
    return require(
        op.input.type != "INT8" or (op.output.scale, op.output.zero_point) == (16 / 256, 127),
        op.output,
        f"has scale {op.output.scale:g} and zero point {op.output.zero_point}",
    )


@rule("HARD_SWISH", VALUE, "calibrate again: the output's range is far below the input's")
def hard_swish_scales(op: Operator) -> Verdict:
    """The scale of an int8 input is below 128 x the output's."""
    if op.input.type != "INT8":
        return FINE
    ratio = op.input.scale / 128 / op.output.scale if op.output.scale else 0.0
    return require(
        ratio < 1 - 2**-32 or not math.isfinite(ratio),
        op.output,
        f"has scale {op.output.scale:g}, the input {op.input.scale:g}",
    )


@rule("PRELU", TYPE, "quantise alpha in int8")
def prelu_alpha_type(op: Operator) -> Verdict:
    """alpha is int8 for an int16 output."""
    return require(
        op.output.type != "INT16" or op.inputs[1].type == "INT8", op.inputs[1], f"is {op.inputs[1].type.lower()}"
    )


@rule("PRELU", TYPE, "give alpha the input's type", unchecked=True)
def prelu_alpha_assumed(op: Operator) -> Verdict:
    """alpha is int8 for int8 inputs, and float32 for float32 ones."""
    return require(
        op.input.type == "INT16" or op.inputs[1].type == op.input.type, op.inputs[1], f"is {op.inputs[1].type.lower()}"
    )


@rule(
    "PRELU",
    FORM,
    "reshape to at most 4 dimensions before it, with alpha shared over those in front (Keras: shared_axes)",
)
def prelu_rank(op: Operator) -> Verdict:
    """Input and alpha of float32 have at most 4 dimensions."""
    return first_broken(
        [
            require(op.input.type != "FLOAT32" or tensor.rank <= 4, tensor, f"has {tensor.rank} dimensions")
            for tensor in (*op.inputs[:2], op.output)
        ]
    )
