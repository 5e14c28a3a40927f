"""Rules of inputs that say how: shapes, axes, paddings. Kernels want most of them as constants."""

from convert.tflite.view import Operator
from convert.tflm.rules.operators import OPERATORS
from convert.tflm.rules.registry import FORM, Verdict, first_broken, require, rule

# The inputs that kernels ask to be constants, by operator.
CONSTANT_INPUTS = {
    "BROADCAST_TO": "i1",
    "EXPAND_DIMS": "i1",
    "FILL": "i0",
    "PAD": "i1",
    "PADV2": "i1",
    "RESIZE_BILINEAR": "i1",
    "RESIZE_NEAREST_NEIGHBOR": "i1",
    "SPLIT": "i0",
    "SPLIT_V": "i2",
    "STRIDED_SLICE": "i1 i2 i3",
    "TRANSPOSE": "i1",
}
assert set(CONSTANT_INPUTS) <= set(OPERATORS)


@rule(
    " ".join(CONSTANT_INPUTS),
    FORM,
    "fix the shapes, so that the converter folds it into a constant: `Input(batch_size=1)`, and no -1 in a reshape",
)
def constant_input(op: Operator) -> Verdict:
    """Shapes, axes, sizes, paddings, permutations and strides are constants."""
    tensors = [op.tensor(role) for role in CONSTANT_INPUTS[op.name].split()]
    return first_broken(  # a constant without elements has no bytes in the file: that it is empty is told elsewhere
        [require(tensor.constant or not tensor.elements, tensor, "is computed") for tensor in tensors]
    )
