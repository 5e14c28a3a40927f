"""Rules of pooling and of the other operators over images."""

import math
from fractions import Fraction

from convert.tflite import schema
from convert.tflite.view import Operator
from convert.tflm.rules.elementwise import shape_text
from convert.tflm.rules.registry import FINE, FORM, VALUE, Verdict, first_broken, require, rule

POOLS = "AVERAGE_POOL_2D MAX_POOL_2D"


@rule(POOLS, VALUE, "quantise the output as the input is: pooling needs no other range")
def pool_grid(op: Operator) -> Verdict:
    """An int8 or int16 output has the input's scale (to 1e-6) and zero point."""
    integer = op.input.type in ("INT8", "INT16")
    fits = abs(op.input.scale - op.output.scale) <= 1e-6 and op.input.zero_point == op.output.zero_point
    return require(
        not integer or fits,
        op.output,
        f"has scale {op.output.scale:g} and zero point "
        f"{op.output.zero_point}, the input {op.input.scale:g} and {op.input.zero_point}",
    )


@rule(POOLS, FORM, "reshape to 4 dimensions (batch, height, width, channels)", unchecked=True)
def pool_shape(op: Operator) -> Verdict:
    """Input and output have 4 dimensions, with one batch and the same channels."""
    data, output = op.input, op.output
    fits = (data.rank, output.rank) == (4, 4) and (data.shape[0], data.shape[3]) == (output.shape[0], output.shape[3])
    return require(fits, output, f"is {shape_text(output)}, the input {shape_text(data)}")


@rule("L2_POOL_2D", FORM, "reshape to 4 dimensions (batch, height, width, channels)")
def l2_pool_rank(op: Operator) -> Verdict:
    """Input and output have 4 dimensions."""
    return first_broken(
        [require(tensor.rank == 4, tensor, f"has {tensor.rank} dimensions") for tensor in (op.input, op.output)]
    )


@rule("L2_POOL_2D", VALUE, "choose a window that fits the input, and strides above 0")
def l2_pool_windows(op: Operator) -> Verdict:
    """At least one window fits the input; strides and windows are above 0, and the padding is SAME or VALID."""
    made = [
        _windows(op, n, op.option(f"filter{axis}"), op.option(f"stride{axis[0]}"))
        for n, axis in zip(op.input.shape[1:3], ("Height", "Width"))
    ]
    return require(min(made) > 0 and 0 not in op.input.shape, op.input, f"is {shape_text(op.input)}, windows {made}")


@rule("L2_POOL_2D", VALUE, "give the output the pooled shape", unchecked=True)
def l2_pool_elements(op: Operator) -> Verdict:
    """The output has a value for each window and channel."""
    batch, height, width, channels = op.input.shape
    made = [
        _windows(op, n, op.option(f"filter{axis}"), op.option(f"stride{axis[0]}"))
        for n, axis in ((height, "Height"), (width, "Width"))
    ]
    return require(op.output.elements == batch * channels * math.prod(made), op.output, f"is {shape_text(op.output)}")


@rule("RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR DEPTH_TO_SPACE SPACE_TO_DEPTH", FORM, "reshape to 4 dimensions")
def image_rank(op: Operator) -> Verdict:
    """The input has 4 dimensions, and a resized output at most 4."""
    resized = op.name.startswith("RESIZE")
    return first_broken(
        [
            require(op.input.rank == 4, op.input, f"has {op.input.rank} dimensions"),
            require(op.output.rank <= 4 or not resized, op.output, f"has {op.output.rank} dimensions"),
        ]
    )


@rule("RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR", FORM, "resize to a height and a width")
def resize_vector(op: Operator) -> Verdict:
    """The size is a vector, for RESIZE_NEAREST_NEIGHBOR of two numbers."""
    fits = op.inputs[1].rank == 1 and (op.name == "RESIZE_BILINEAR" or op.inputs[1].shape == (2,))
    return require(fits, op.inputs[1], f"is {shape_text(op.inputs[1])}")


@rule("RESIZE_NEAREST_NEIGHBOR RESIZE_BILINEAR", VALUE, "give the output the size that is asked for", unchecked=True)
def resize_shape(op: Operator) -> Verdict:
    """The output has the input's batch and channels, and the constant size."""
    batch, _, _, channels = op.input.shape
    wanted = (batch, *(op.inputs[1].values or ()), channels)
    return require(
        op.output.shape == wanted, op.output, f"is {shape_text(op.output)} for the size {op.inputs[1].values}"
    )


@rule("RESIZE_BILINEAR", VALUE, "choose half_pixel_centers or align_corners")
def resize_centers(op: Operator) -> Verdict:
    """half_pixel_centers and align_corners are not both set."""
    return require(
        not (op.option("halfPixelCenters") and op.option("alignCorners")),
        None,
        "half_pixel_centers and align_corners are both set",
    )


@rule("DEPTH_TO_SPACE SPACE_TO_DEPTH", VALUE, "choose a block that divides the input")
def block_divides(op: Operator) -> Verdict:
    """The block is above 0 and divides height and width (SPACE_TO_DEPTH) or, squared, the channels."""
    block, (_, height, width, channels) = op.option("blockSize"), op.input.shape
    if block <= 0:
        return require(False, None, f"its block is {block}")
    divides = not channels % block**2 if op.name == "DEPTH_TO_SPACE" else not height % block and not width % block
    return require(divides, op.input, f"is {shape_text(op.input)}, the block {block}")


@rule("DEPTH_TO_SPACE SPACE_TO_DEPTH", VALUE, "give the output as many elements as the input", unchecked=True)
def block_elements(op: Operator) -> Verdict:
    """The output has 4 dimensions and as many elements as the input."""
    return require(
        op.output.rank == 4 and op.output.elements == op.input.elements, op.output, f"is {shape_text(op.output)}"
    )


@rule("BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND", FORM, "reshape to 3 or 4 dimensions")
def batch_space_rank(op: Operator) -> Verdict:
    """Input and output have 3 or 4 dimensions."""
    return first_broken(
        [require(3 <= tensor.rank <= 4, tensor, f"has {tensor.rank} dimensions") for tensor in (op.input, op.output)]
    )


@rule(
    "BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND",
    VALUE,
    "give blocks and paddings that make the output's shape",
    unchecked=True,
)
def batch_space_shape(op: Operator) -> Verdict:
    """Blocks, crops and paddings have numbers for each of the middle dimensions, and make the output's shape."""
    data, output, block, pads = op.input, op.output, op.inputs[1].values, op.inputs[2].values
    if block is None or pads is None:
        return FINE
    middle = data.rank - 2
    if len(block) != middle or len(pads) != 2 * middle or min(block, default=0) < 1 or data.rank != output.rank:
        return require(False, output, f"is {shape_text(output)}, blocks {block} and paddings {pads}")
    to_batch = op.name == "SPACE_TO_BATCH_ND"
    spatial = [
        Fraction(n + a + b, size) if to_batch else n * size - a - b
        for n, size, a, b in zip(data.shape[1:-1], block, pads[::2], pads[1::2])
    ]
    batch = data.shape[0] * math.prod(block) if to_batch else Fraction(data.shape[0], math.prod(block))
    return require(
        output.shape == (batch, *spatial, data.shape[-1]) and min(pads) >= 0,
        output,
        f"is {shape_text(output)}, blocks and paddings make {'x'.join(map(str, (batch, *spatial, data.shape[-1])))}",
    )


def _windows(op: Operator, length: int, window: int, stride: int) -> int:
    """How many windows fit (kernels/padding.h, ComputeOutSize); 0 for what makes no sense."""
    padding = op.option("padding")
    if padding not in (schema.Padding.SAME, schema.Padding.VALID) or min(window, stride) <= 0:
        return 0
    past = 1 if padding == schema.Padding.SAME else window
    return max((length + stride - past) // stride, 0)
