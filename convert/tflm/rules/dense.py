"""Rules of FULLY_CONNECTED, BATCH_MATMUL and the convolutions."""

import math

from convert.tflite.view import Operator, Tensor
from convert.tflm.rules.elementwise import broadcast, shape_text
from convert.tflm.rules.registry import FINE, FORM, TYPE, VALUE, Verdict, first_broken, require, rule

CONVOLUTIONS = "CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV"
INTEGER = ("INT8", "INT16")
# Where weights have their output channels.
CHANNEL_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "TRANSPOSE_CONV": 0}
HYBRID = (
    "quantise activations too: set representative_dataset, and optimizations without it only give hybrid models "
    "with float activations"
)


def activation(op: Operator) -> Tensor:
    return op.inputs[2] if op.name == "TRANSPOSE_CONV" else op.inputs[0]


def bias(op: Operator) -> Tensor | None:
    return op.tensor("i3" if op.name == "TRANSPOSE_CONV" else "i2")


@rule(f"FULLY_CONNECTED {CONVOLUTIONS}", TYPE, HYBRID)
def weights_type(op: Operator) -> Verdict:
    """Weights are float32 for float32 inputs, int8 or int4 for int8, and int8 for int16; hybrid models are refused."""
    allowed = {"FLOAT32": ("FLOAT32",), "INT8": ("INT8", "INT4"), "INT16": ("INT8",)}.get(activation(op).type, ())
    if op.name == "TRANSPOSE_CONV":  # it compares the types, and has no int4
        allowed = {"INT8": ("INT8",), "INT16": ("INT8", "INT16")}.get(activation(op).type, allowed)
    weights = op.inputs[1]
    return require(
        weights.type in allowed, weights, f"is {weights.type.lower()}, the input {activation(op).type.lower()}"
    )


@rule(f"FULLY_CONNECTED {CONVOLUTIONS}", TYPE, "quantise the bias in int32 (int64 for int16 inputs)", unchecked=True)
def bias_type(op: Operator) -> Verdict:
    """The bias is float32 for float32 inputs, int32 for int8, and int32 or int64 for int16."""
    allowed = {"FLOAT32": ("FLOAT32",), "INT8": ("INT32",), "INT16": ("INT32", "INT64")}.get(activation(op).type, ())
    if activation(op).type == "INT16" and op.name != "FULLY_CONNECTED" and op.name != "CONV_2D":
        allowed = ("INT64",) if op.name == "DEPTHWISE_CONV_2D" else ("INT16", "INT64")
    tensor = bias(op)
    return require(tensor is None or tensor.type in allowed, tensor, f"is {tensor and tensor.type.lower()}")


@rule(
    "FULLY_CONNECTED",
    VALUE,
    "quantise the bias with scale input x weights, as the converter does",
    kernel="../kernels/kernel_util.cc",
)
def dense_bias_scale(op: Operator) -> Verdict:
    """The bias' scale differs from input scale x weight scale by at most 2 % of the output's."""
    tensor, weights, output = bias(op), op.inputs[1], op.output
    if op.input.type not in INTEGER or len(weights.scales) > 1 or tensor is None:
        return FINE
    off = abs(op.input.scale * weights.scale - tensor.scale)
    return require(
        output.scale != 0 and off / output.scale <= 0.02,
        tensor,
        f"has scale {tensor.scale:g} instead of {op.input.scale * weights.scale:g}",
    )


@rule("FULLY_CONNECTED", VALUE, "convert with plain weights", kernel="../core/api/flatbuffer_conversions.cc")
def dense_weights_format(op: Operator) -> Verdict:
    """The weights' format is 0 (plain) or 1."""
    return require(op.option("weightsFormat") in (0, 1), None, f"it is {op.option('weightsFormat')}")


@rule("FULLY_CONNECTED", VALUE, "quantise int4 weights with one scale")
def dense_int4_per_tensor(op: Operator) -> Verdict:
    """int4 weights have one scale."""
    weights = op.inputs[1]
    return require(weights.type != "INT4" or len(weights.scales) <= 1, weights, f"has {len(weights.scales)} scales")


@rule("FULLY_CONNECTED", VALUE, "quantise per tensor, or with one scale for each output channel")
def dense_scale_count(op: Operator) -> Verdict:
    """Several scales of the weights are one for each index of their axis."""
    weights = op.inputs[1]
    if op.input.type not in INTEGER or len(weights.scales) <= 1:
        return FINE
    expected = weights.shape[weights.axis] if 0 <= weights.axis < weights.rank else None
    return require(
        len(weights.scales) == expected,
        weights,
        f"has {len(weights.scales)} along axis {weights.axis}, which is {expected} long",
    )


@rule("FULLY_CONNECTED", FORM, "give weights the shape units x inputs", unchecked=True)
def dense_shapes(op: Operator) -> Verdict:
    """Weights are units x depth; the output's last dimension is units, and the input has depth values for each row."""
    weights, output = op.inputs[1], op.output
    if weights.rank < 2 or output.rank < 1:
        return require(False, weights if weights.rank < 2 else output, f"has {weights.rank} dimensions")
    rows = output.elements // max(output.shape[-1], 1)
    return first_broken(
        [
            require(
                output.shape[-1] <= weights.shape[-2],
                output,
                f"ends in {output.shape[-1]}, units are {weights.shape[-2]}",
            ),
            require(
                rows * weights.shape[-1] <= op.input.elements,
                op.input,
                f"has {op.input.elements:,} values for {rows:,} rows of {weights.shape[-1]:,}",
            ),
        ]
    )


@rule("FULLY_CONNECTED", FORM, "give the bias one value for each unit", unchecked=True)
def dense_bias_length(op: Operator) -> Verdict:
    """The bias has a value for each unit."""
    tensor = bias(op)
    return require(
        tensor is None or not op.output.rank or tensor.elements >= op.output.shape[-1],
        tensor,
        f"has {tensor and tensor.elements} values",
    )


@rule(CONVOLUTIONS, FORM, "reshape to 4 dimensions (batch, height, width, channels)", unchecked=True)
def convolution_rank(op: Operator) -> Verdict:
    """Input, weights and output have 4 dimensions."""
    return first_broken(
        [
            require(tensor.rank == 4, tensor, f"has {tensor.rank} dimensions")
            for tensor in (activation(op), op.inputs[1], op.output)
        ]
    )


@rule(CONVOLUTIONS, FORM, "quantise input and weights: run the converter with a representative dataset")
def convolution_quantized(op: Operator) -> Verdict:
    """Input and weights of an integer convolution have scales and zero points."""
    integer = activation(op).type in INTEGER
    return first_broken(
        [
            require(not integer or tensor.quantized, tensor, "has no scale and zero point")
            for tensor in (op.inputs[1], activation(op))
        ]
    )


@rule(CONVOLUTIONS, VALUE, "quantise weights per tensor, or with one scale for each output channel")
def convolution_scale_count(op: Operator) -> Verdict:
    """Weights have one scale, or one for each output channel."""
    weights, axis = op.inputs[1], CHANNEL_AXIS[op.name]
    channels = weights.shape[axis] if weights.rank > axis else 0
    along = weights.shape[weights.axis] if 0 <= weights.axis < weights.rank else 0
    fits = len(weights.scales) == 1 or len(weights.scales) == channels == along
    return require(
        activation(op).type not in INTEGER or fits, weights, f"has {len(weights.scales)} scales for {channels} channels"
    )


@rule(
    "CONV_2D",
    VALUE,
    "give weights the input's channels, or those of a group, and the bias a value for each output",
    unchecked=True,
)
def convolution_channels(op: Operator) -> Verdict:
    """Weights take the input's channels or a part of them, with an output for each part, and a bias for each output."""
    data, weights, tensor = op.input, op.inputs[1], bias(op)
    if data.rank != 4 or weights.rank != 4 or op.output.rank != 4:
        return FINE
    outputs = min(weights.shape[0], op.output.shape[3])
    groups = data.shape[3] // weights.shape[3] if weights.shape[3] else 0
    return first_broken(
        [
            require(
                0 < groups <= outputs,
                weights,
                f"takes {weights.shape[3]} of {data.shape[3]} channels for {outputs} outputs",
            ),
            require(
                tensor is None or tensor.elements >= outputs,
                tensor,
                f"has {tensor and tensor.elements} values for {outputs} outputs",
            ),
        ]
    )


@rule(
    "DEPTHWISE_CONV_2D",
    VALUE,
    "give weights and bias as many channels as input channels x depth multiplier",
    unchecked=True,
)
def depthwise_channels(op: Operator) -> Verdict:
    """Weights, bias and output have a channel for each input channel x depth multiplier."""
    data, weights, output, tensor = op.input, op.inputs[1], op.output, bias(op)
    if data.rank != 4 or weights.rank != 4 or output.rank != 4:
        return FINE
    channels = data.shape[3] * op.option("depthMultiplier")
    return first_broken(
        [
            require(weights.shape[3] >= channels, weights, f"has {weights.shape[3]} channels, not {channels}"),
            require(output.shape[3] >= channels, output, f"has {output.shape[3]} channels, not {channels}"),
            require(tensor is None or tensor.elements >= channels, tensor, f"has {tensor and tensor.elements} values"),
        ]
    )


@rule("TRANSPOSE_CONV", VALUE, "give the bias one value for each output channel", unchecked=True)
def transposed_bias(op: Operator) -> Verdict:
    """The bias has a value for each output channel."""
    weights, tensor = op.inputs[1], bias(op)
    if weights.rank != 4 or op.output.rank != 4 or tensor is None:
        return FINE
    outputs = min(weights.shape[0], op.output.shape[3])
    return require(tensor.elements >= outputs, tensor, f"has {tensor.elements} values for {outputs} outputs")


@rule("BATCH_MATMUL", FORM, "reshape both operands to 2 to 5 dimensions")
def matmul_rank(op: Operator) -> Verdict:
    """Both operands have 2 to 5 dimensions."""
    return first_broken(
        [require(2 <= tensor.rank <= 5, tensor, f"has {tensor.rank} dimensions") for tensor in op.inputs]
    )


@rule("BATCH_MATMUL", VALUE, "make the last two dimensions of the operands fit: m x k and k x n")
def matmul_shapes(op: Operator) -> Verdict:
    """Batches broadcast, the operands' inner dimensions are equal, and the output has batches x m x n elements."""
    left, right = op.inputs
    rows, depth = _matrix(left, op.option("adjX"))
    inner, columns = _matrix(right, op.option("adjY"))
    batches = broadcast(left.shape[:-2] or (1,), right.shape[:-2] or (1,))
    made = batches and math.prod(batches) * rows * columns
    return first_broken(
        [
            require(batches is not None, right, f"is {shape_text(right)}, the other operand {shape_text(left)}"),
            require(depth == inner, right, f"is {shape_text(right)}, the other operand {shape_text(left)}"),
            require(
                made == op.output.elements and op.output.rank >= max(left.rank, right.rank),
                op.output,
                f"is {shape_text(op.output)}",
            ),
        ]
    )


@rule(
    "FULLY_CONNECTED BATCH_MATMUL",
    VALUE,
    "calibrate again: a scale is no positive number",
    kernel="../kernels/kernel_util.cc",
)
def product_scale(op: Operator) -> Verdict:
    """The product of the operands' scales is not negative."""
    if op.input.type not in INTEGER or (op.name == "FULLY_CONNECTED" and len(op.inputs[1].scales) > 1):
        return FINE
    return require(op.input.scale * op.inputs[1].scale >= 0, op.inputs[1], f"has scale {op.inputs[1].scale:g}")


def _matrix(tensor: Tensor, adjoint: bool) -> tuple[int, int]:
    """Rows and columns as they are multiplied."""
    rows, columns = tensor.shape[-2:]
    return (columns, rows) if adjoint else (rows, columns)
