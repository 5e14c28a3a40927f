"""What to do about a refusal where that depends on the operator: on its type, its place, or shapes left open.

A remedy here names a rewrite of the model; a test applies each and checks again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from convert.tflite.view import Operator, Tensor
from convert.tflm.rules.operators import OPERATORS
from convert.tflm.rules.registry import Rule

OPEN_SHAPE = "fix all shapes: build the model with `Input(batch_size=1)` and no `None` in a shape, and convert again"
# Rules that a shape left open in training breaks: the converter then writes operators that compute shapes.
BROKEN_BY_OPEN_SHAPES = (
    "batch_space_shape",
    "pad_shape",
    "fill_shape",
    "broadcast_to_shape",
    "constant_input",
    "reshape_elements",
    "strided_slice_shape",
    "outputs_not_empty",
    "inputs_not_empty",
    "broadcast_to_output",
    "concatenation_shapes",
    "dense_shapes",
    "elements_kept",
    "matmul_shapes",
)
UNROLLED = "build the layer with `unroll=True`"
NO_EMPTY_PART = "split into parts that have elements; a GRU of Keras does with `reset_after=True`, its default"
# Operators that TFLM lacks and Keras models often have: what computes the same with those that it has.
INSTEAD = {
    "GELU": "write it as `x * tf.sigmoid(1.702 * x)`, or use ReLU",
    "POW": "write a whole power as a product: `x * x`",
    "TILE": "join copies instead: `tf.concat([x] * n, axis)`",
    "SELECT": "choose by arithmetic: `c = tf.cast(condition, x.dtype)`, then `c * x + (1 - c) * y`; SELU as "
    "`1.0507 * (tf.nn.relu(x) + 1.67326 * tf.nn.elu(tf.minimum(x, 0.0)))`",
    "ONE_HOT": "look rows up instead: `tf.gather(tf.eye(depth), ids)`",
    "BIDIRECTIONAL_SEQUENCE_LSTM": UNROLLED,
    "UNIDIRECTIONAL_SEQUENCE_RNN": UNROLLED,
}


@dataclass(frozen=True)
class Remedy:
    """What to do about a tensor of a type that a kernel has no code for; `fits` says whether it helps.

    `text` may name the operator as {op}, the tensor's type as {type} and those that its kernel takes as {types}.
    """

    name: str
    text: str
    fits: Callable[[Operator, Tensor, list[str]], bool]


# In order: the first that fits is given.
TYPE_REMEDIES = (
    Remedy(
        "arg_output_int32",
        "ask for int32: `output_type=tf.int32` in tf.argmax and tf.argmin",
        lambda op, tensor, types: op.name in ("ARG_MAX", "ARG_MIN") and tensor.type == "INT64",
    ),
    Remedy(
        "input_int32",
        "make the input int32: `Input(..., dtype='int32')`, and let the application give int32",
        lambda op, tensor, types: (
            (tensor.type in ("INT64", "UINT32", "UINT64") or _are_indices(types)) and tensor.index in op.graph.inputs
        ),
    ),
    Remedy(
        "compute_int32",
        "count in int32 from where it begins: int32 inputs and constants, `tf.shape(x, out_type=tf.int32)`",
        lambda op, tensor, types: tensor.type in ("INT64", "UINT64"),
    ),
    Remedy(
        "indices_int32",
        "count in int32: `tf.cast(x, tf.int32)` before it",
        lambda op, tensor, types: _are_indices(types) and tensor.type in ("INT8", "INT16", "FLOAT32", "BOOL"),
    ),
    Remedy(
        "bool_by_comparison",
        "compare before it: `x != 0` is the bool that {op} takes",
        lambda op, tensor, types: types == ["bool"] and tensor.type in ("INT8", "INT32", "FLOAT32"),
    ),
    Remedy(
        "bool_from_int16",
        "compare before it, in int32, which TFLM compares: `tf.cast(x, tf.int32) != 0` is the bool that {op} takes",
        lambda op, tensor, types: types == ["bool"] and tensor.type == "INT16",
    ),
    Remedy(
        "cast_to_float",
        "`tf.cast(x, tf.float32)` becomes CAST, which takes {type}: no scale says what a DEQUANTIZE would make of it",
        lambda op, tensor, types: op.name == "DEQUANTIZE" and tensor.type in ("INT32", "BOOL"),
    ),
    Remedy(
        "input_int8",
        "make the input int8 or float32: `converter.inference_input_type = tf.int8`",
        lambda op, tensor, types: tensor.type == "UINT8" and tensor.index in op.graph.inputs,
    ),
    Remedy(
        "no_float16",
        "convert without float16: leave `converter.target_spec.supported_types` as it is",
        lambda op, tensor, types: tensor.type in ("FLOAT16", "BFLOAT16"),
    ),
    Remedy(
        "product_for_square",
        "multiply the tensor with itself: `x * x` becomes MUL, which TFLM has in int8",
        lambda op, tensor, types: op.name == "SQUARE" and tensor.type in ("INT8", "INT16"),
    ),
    Remedy(
        "product_for_negation",
        "multiply by -1: `-1.0 * x` becomes MUL, which TFLM has in int8",
        lambda op, tensor, types: op.name == "NEG" and tensor.type in ("INT8", "INT16"),
    ),
    Remedy(
        "float_operator",
        "TFLM has {op} in float32 only: take another function (sigmoid, tanh, ReLU have int8 kernels), or keep this "
        "operator in float32 between a DEQUANTIZE and a QUANTIZE",
        lambda op, tensor, types: tensor.type in ("INT8", "INT16") and types == ["float32"],
    ),
    Remedy(
        "reshape_instead",
        "use `tf.reshape` instead, which takes any type",
        lambda op, tensor, types: op.name == "EXPAND_DIMS",
    ),
    Remedy(
        "cast_around",
        "TFLM has {op} in {types}: cast to float32 before it and back after it (exact up to 2^24)",
        lambda op, tensor, types: tensor.type in ("INT32", "UINT32", "BOOL") and "float32" in types,
    ),
    Remedy(
        "int8_instead_of_int16",
        "quantise in int8: TFLM has {op} in {types}",
        lambda op, tensor, types: tensor.type == "INT16" and "int8" in types,
    ),
)


def remedy_for(rule: Rule, op: Operator, tensor: Tensor | None) -> str:
    """What to do about an operator that breaks a rule, and the tensor it is about."""
    if open_inputs(op) and (rule.name in BROKEN_BY_OPEN_SHAPES or _computes_a_shape(rule, op)):
        return OPEN_SHAPE
    if rule.name == "outputs_not_empty" and op.name == "SPLIT_V":
        return NO_EMPTY_PART
    if rule.name == "operator_registered":
        return INSTEAD.get(op.name, rule.remedy)
    if rule.name == "type_has_kernel" and tensor is not None:
        types = _types_taken(op, tensor)
        for remedy in TYPE_REMEDIES:
            if remedy.fits(op, tensor, types):
                return remedy.text.format(op=op.name, type=tensor.type.lower(), types=" and ".join(types))
    return rule.remedy


def _computes_a_shape(rule: Rule, op: Operator) -> bool:
    """Whether an operator without a kernel computes with what SHAPE gives; where shapes are fixed nothing does."""
    if rule.name not in ("operator_registered", "type_has_kernel"):
        return False
    key = ("shapes", op.graph.index)
    if key not in op.model.known:
        shapes: set[Tensor] = set()
        for other in op.graph.operators:
            if other.name == "SHAPE" or not shapes.isdisjoint(other.read):
                shapes.update(tensor for tensor in other.written if tensor.type in ("INT32", "INT64"))
        op.model.known[key] = shapes
    return not op.model.known[key].isdisjoint(op.read)


def _are_indices(types: list[str]) -> bool:
    """Whether a kernel takes positions, axes or sizes, by the types that it has for them."""
    return bool(types) and set(types) <= {"int32", "int64"}


def open_inputs(op: Operator) -> list[int]:
    """Inputs of the model whose shape was left open in training (-1 in the signature of the shape)."""
    graph = op.model.unpacked.subgraphs[0]
    signatures = {i: graph.tensors[i].shapeSignature for i in op.model.graphs[0].inputs}
    return [i for i, signature in signatures.items() if signature is not None and -1 in list(signature)]


def _types_taken(op: Operator, tensor: Tensor) -> list[str]:
    """The types that the kernel takes in the tensor's place."""
    for roles, kind, types in OPERATORS[op.name].clauses:
        if kind == ":" and any(tensor is op.tensor(role) for role in roles if role[1] != "*"):
            return types
    return []
