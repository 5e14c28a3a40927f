"""Rules of EMBBERT_BLOCK, which `convert.py --plan fused` makes of a block and tflm_app/kernels computes."""

from convert.tflite.block_options import BLOCK, DENSE_KERNELS, INPUTS, PACKED_STEP, are_packed, read_options
from convert.tflite.editing import is_output, maker, readers
from convert.tflite.view import Operator
from convert.tflm.rules.registry import COUNT, FORM, TYPE, VALUE, Verdict, first_broken, require, rule

KERNEL = "tflm_app/kernels/embbert_block.cc"
AGAIN = "convert the run again"
MOST_TAPS, TABLE = 128, 256  # depthwise.h, kMaxTaps; bytes of an activation
INT32 = ("mask", "query.bias", "context.bias", "conv.bias", "conv.rescale")


@rule(
    BLOCK,
    COUNT,
    'add tflm_app/kernels to the firmware and `AddCustom("EMBBERT_BLOCK", embbert::kernels::EmbbertBlock())` to its '
    "resolver, as a bundle's op_resolver.h does, or convert with `--plan stock`",
    kernel=KERNEL,
    warning=True,
    without_ours=True,
)
def block_has_a_kernel(op: Operator) -> Verdict:
    """TFLM has no kernel for EMBBERT_BLOCK: ours is registered beside TFLM's."""
    return require(False, None, "it is an operator of tflm_app/kernels")


@rule(BLOCK, COUNT, AGAIN, kernel=KERNEL)
def block_tensors(op: Operator) -> Verdict:
    """A block has eleven inputs and one output."""
    whole = len(op.inputs) == len(INPUTS) and len(op.outputs) == 1 and None not in (*op.inputs, *op.outputs)
    return require(whole, None, f"it has {len(op.inputs)} inputs and {len(op.outputs)} outputs")


@rule(BLOCK, TYPE, AGAIN, kernel=KERNEL)
def block_types(op: Operator) -> Verdict:
    """Mask, biases and rescaling of a block are int32, all else is int8."""
    wanted = ["INT32" if name in INT32 else "INT8" for name in INPUTS]
    given = zip((*op.inputs, op.output), (*wanted, "INT8"))
    return first_broken([require(tensor.type == kind, tensor, f"is {tensor.type.lower()}") for tensor, kind in given])


@rule(BLOCK, FORM, AGAIN, kernel=KERNEL)
def block_shapes(op: Operator) -> Verdict:
    """Rows of a block are a multiple of four wide, of eight with weights of 4 bits; kernels, biases and mask go with
    them, with 1 to 128 taps.
    """
    given = dict(zip(INPUTS, op.inputs))
    x, kernel = given["x"], given["conv.kernel"]
    width = x.shape[-1] if x.rank else 0
    if not width or width % 4:
        return require(False, x, f"has rows of {width}")
    taps = kernel.shape[-2] if kernel.rank > 1 else 0
    elements = {"x": x.elements, "mask": x.elements // width, "conv.rescale": 2 * width, "activation": TABLE}
    packed = are_packed(given["query.kernel"].elements, width) and width % PACKED_STEP == 0
    elements |= dict.fromkeys(DENSE_KERNELS, width * width // (1 + packed))
    elements |= dict.fromkeys(("query.bias", "context.bias", "conv.bias"), width) | {"conv.kernel": taps * width}
    verdicts = [
        require(given[name].elements == n, given[name], f"has {given[name].elements} elements, not {n}")
        for name, n in elements.items()
    ]
    verdicts += [require(op.output.elements == x.elements, op.output, f"has {op.output.elements} elements")]
    return first_broken([*verdicts, require(1 <= taps <= MOST_TAPS, kernel, f"has {taps} taps")])


@rule(BLOCK, VALUE, AGAIN, kernel=KERNEL)
def block_options(op: Operator) -> Verdict:
    """The options of a block are as `convert/tflite/block_options.py` has them."""
    try:
        read_options(bytes(op.packed.customOptions or b""))
    except ValueError as error:
        return require(False, None, str(error))
    return require(True, None, "")


@rule(BLOCK, VALUE, AGAIN, kernel=KERNEL, unchecked=True)
def block_owns_its_input(op: Operator) -> Verdict:
    """The rows that come into a block are read by nothing else: it overwrites them."""
    x, graph = op.inputs[0], op.graph
    alone = len(readers(graph, x)) == 1 and not is_output(graph, x)
    made = maker(graph, x)
    return require(alone and made is not None, x, "is a constant, an input or output, or read by others as well")
