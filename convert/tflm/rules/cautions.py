"""Warnings: the model runs, but not as its owner may think."""

from convert.tflite.model import FLOAT_TYPES
from convert.tflite.view import Graph, Operator, vector
from convert.tflm.rules.elementwise import shape_text
from convert.tflm.rules.registry import VALUE, Verdict, first_broken, require, rule
from convert.tflm.rules.shapes import axis_of

SLOW_ELEMENTS = 1_000  # broadcasts below it take no time that matters
SUM_TOO_LARGE = 512  # of exponentials: the division by it shifts an int32 by 9 + 23 bits (internal/reference/softmax.h)


@rule(
    "GATHER EMBEDDING_LOOKUP",
    VALUE,
    "let the application check ids before it runs the model, as ours does",
    warning=True,
)
def ids_unchecked(op: Operator) -> Verdict:
    """Ids that are computed are within the table: a firmware built with NDEBUG may not check, and read any memory."""
    positions = op.inputs[1 if op.name == "GATHER" else 0]
    table = op.inputs[0 if op.name == "GATHER" else 1]
    at_input = positions.index in op.graph.inputs and table.constant
    return require(not at_input, positions, f"is an input of the model; the table has {table.shape[0]:,} rows")


@rule("ADD MUL SUB", VALUE, "fold it into a neighbouring layer's weights, or give both inputs one shape", warning=True)
def slow_broadcast(op: Operator) -> Verdict:
    """Inputs of one shape are fast; others go element by element through four nested loops, also with CMSIS-NN."""
    same = op.inputs[0].shape == op.inputs[1].shape or op.output.elements < SLOW_ELEMENTS
    return require(
        same,
        op.output,
        f"has {op.output.elements:,} elements from {shape_text(op.inputs[0])} and {shape_text(op.inputs[1])}",
    )


@rule(
    "BATCH_MATMUL",
    VALUE,
    "transpose before the operator and set adj_y (or clear adj_x), so that it needs no copy",
    warning=True,
)
def transposed_copy(op: Operator) -> Verdict:
    """Operands are multiplied as they lie; this one needs a transposed copy, which keeps its bytes of arena."""
    copied = [tensor for tensor, flipped in zip(op.inputs, (op.option("adjX"), not op.option("adjY"))) if flipped]
    return first_broken(
        [require(False, tensor, f"takes {tensor.nbytes:,} bytes that are never shared") for tensor in copied]
    )


@rule(
    "SOFTMAX",
    VALUE,
    "make the output int16, or the softmax shorter: one of so many like values is below half of 1/256, and rounds to 0",
    kernel="../kernels/internal/reference/softmax.h",
    warning=True,
)
def softmax_sum(op: Operator) -> Verdict:
    """An int8 softmax is over at most 511 values: where exponentials add up to 512 the kernel stops, or, built with
    NDEBUG, shifts by 32 bits.
    """
    values = op.input.shape[-1] if op.input.rank else 1
    int8 = op.input.type == op.output.type == "INT8"
    return require(not int8 or values < SUM_TOO_LARGE, op.input, f"has {values:,} values a row")


@rule("RSQRT", VALUE, "add an epsilon before it, and calibrate so that the zero point is -128", warning=True)
def root_of_negative(op: Operator) -> Verdict:
    """int8 values below the zero point make RSQRT fail at run time; with zero point -128 there are none."""
    return require(
        op.input.type != "INT8" or op.input.zero_point <= -128, op.input, f"has zero point {op.input.zero_point}"
    )


@rule("MEAN SUM", VALUE, "reduce over axes that the input has", warning=True)
def integer_reduction_axes(op: Operator) -> Verdict:
    """Constant axes of an integer mean or sum are axes of the input: the kernel computes nothing otherwise."""
    axes = op.inputs[1]
    fits = op.input.rank == 0 or all(axis_of(n, op.input.rank) is not None for n in axes.values or [])
    return require(
        fits or op.input.type == "FLOAT32", axes, f"is {axes.values}, the input has {op.input.rank} dimensions"
    )


@rule("DIV FLOOR_DIV", VALUE, "divide by a constant, or add an epsilon", warning=True)
def computed_divisor(op: Operator) -> Verdict:
    """A divisor that is computed may be 0, which makes the kernel fail at run time."""
    return require(
        op.inputs[1].constant or (op.name == "DIV" and op.output.type == "FLOAT32"), op.inputs[1], "is computed"
    )


@rule("", VALUE, "quantise the model in full: representative_dataset and TFLITE_BUILTINS_INT8", warning=True)
def float_island(op: Operator) -> Verdict:
    """An integer model stays in integers: this operator computes in floating point."""
    if "integers" not in op.model.known:
        op.model.known["integers"] = any(
            tensor.type in ("INT8", "INT16") and not tensor.constant
            for graph in op.model.graphs
            for tensor in graph.tensors
        )
    floating = [tensor for tensor in op.outputs if tensor and tensor.type in FLOAT_TYPES]
    return require(
        not (op.model.known["integers"] and floating),
        floating[0] if floating else None,
        f"is {floating[0].type.lower()}" if floating else "",
    )


@rule("", VALUE, "let the converter compute the constant", warning=True)
def output_writable(op: Operator) -> Verdict:
    """An output is no constant: writing to one fails where the model is in flash."""
    return first_broken([require(not tensor.constant, tensor, "is a constant") for tensor in op.outputs if tensor])


@rule("", VALUE, "compute the tensor, or make it an input of the model", warning=True)
def inputs_computed(op: Operator) -> Verdict:
    """An operator reads inputs of the model, constants, and what operators before it write."""
    key = ("written", op.graph.index)
    if key not in op.model.known:
        op.model.known[key] = _written_at(op.graph)
    made = op.model.known[key]
    return first_broken(
        [
            require(False, tensor, "is read before anything is written there: it holds what was in the arena before")
            for tensor in op.read
            if made.get(tensor.index, op.index) >= op.index
            and not (tensor.constant or tensor.variable or not tensor.elements)
        ]
    )


@rule("", VALUE, "let it write another tensor; TFLite refuses the model as it is", warning=True)
def writes_what_it_reads(op: Operator) -> Verdict:
    """An operator writes no tensor that it reads: a kernel may read values again after the first is written."""
    both = set(op.read).intersection(op.written)
    return first_broken([require(False, tensor, "is read and written") for tensor in op.read if tensor in both])


@rule("", VALUE, "quantise with positive, finite scales", warning=True)
def scales_positive(op: Operator) -> Verdict:
    """Scales are above 0 and finite: others make every value the same."""
    return first_broken(
        [
            require(False, tensor, f"has scale {min(tensor.scales):g}")
            for tensor in (*op.read, *op.written)
            if not all(0 < scale < float("inf") for scale in tensor.scales)
        ]
    )


@rule("", VALUE, "convert with `Input(batch_size=1)`: TFLM runs the shape in the file and no other", warning=True)
def shape_fixed(op: Operator) -> Verdict:
    """The model's inputs have one shape: this one was left open in training, and the file's is used."""
    inputs = set(op.graph.inputs)
    return first_broken(
        [
            require(False, tensor, f"is {shape_text(tensor)}")
            for tensor in op.read
            if tensor.index in inputs and -1 in vector(tensor.packed.shapeSignature)
        ]
    )


def _written_at(graph: Graph) -> dict[int, int]:
    """The operator that writes each tensor first; -1 for inputs."""
    written = dict.fromkeys(graph.inputs, -1)
    for op in graph.operators:
        for tensor in op.outputs:
            if tensor is not None:
                written.setdefault(tensor.index, op.index)
    return written
