"""Rules of what made a file: a conversion that TFLM cannot run as a whole is told once, not operator by operator."""

from collections import Counter

from convert.tflite import schema
from convert.tflite.model import TYPE_NAMES, operator_name
from convert.tflite.view import numbers, vector
from convert.tflm.rules.operators import OPERATORS
from convert.tflm.rules.structure import structure

SHOWN = 4
ETHOS_U = "CUSTOM:ethos-u"
FLEX = "CUSTOM:Flex"
LISTS = ("TensorList", "TensorArray")
# Where a buffer of the file says that its bytes lie behind the flatbuffer; 0 and 1 stand for nowhere (schema.fbs).
NOWHERE = 1


@structure(
    "origin",
    "build recurrent layers with `unroll=True` and a fixed length (Keras), so that the loop over a list becomes "
    "operators of TFLite's own",
    kernel="memory_helpers.cc",
    unchecked=False,
)
def no_tensor_lists(model: schema.ModelT) -> tuple[bool, str]:
    """TFLM has no memory for lists of tensors, which TensorFlow's loops keep their steps in."""
    names = [name for name in _names(model) if any(part in name for part in LISTS)]
    variants = sum(
        TYPE_NAMES.get(tensor.type) == "VARIANT" for graph in model.subgraphs for tensor in vector(graph.tensors)
    )
    return not (
        names or variants
    ), f"it keeps lists of tensors: {_counted(names) or f'{variants} tensors of type variant'}"


@structure(
    "origin",
    "convert with `supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]` (or TFLITE_BUILTINS_INT8), which names the layers "
    "that they come from, and build these from operators that SUPPORTED_OPS.md lists",
    kernel="micro_mutable_op_resolver.h",
    unchecked=False,
)
def no_flex_operators(model: schema.ModelT) -> tuple[bool, str]:
    """Operators of TensorFlow's own (Flex, from SELECT_TF_OPS) run in TensorFlow, which no device of TFLM's has."""
    names = [name for name in _names(model) if name.startswith(FLEX) and not any(part in name for part in LISTS)]
    return not names, f"it needs TensorFlow for {_counted(names)}"


@structure(
    "origin",
    "convert the trained model again in int8 (`tf.lite.Optimize.DEFAULT`, a representative dataset, "
    "TFLITE_BUILTINS_INT8); TensorFlow 1's uint8 has no kernels in TFLM",
    kernel="kernels/",
    unchecked=False,
)
def not_quantized_in_uint8(model: schema.ModelT) -> tuple[bool, str]:
    """TFLM's kernels compute in int8, int16 and float32; uint8 is an input's type, which QUANTIZE makes int8."""
    found = [
        operator_name(model, op)
        for graph in model.subgraphs
        for op in vector(graph.operators)
        if _reads_uint8(operator_name(model, op), graph, op)
    ]
    return not found, f"it is quantised in uint8, as TensorFlow 1 did: {_counted(found)}"


@structure(
    "origin",
    "convert without sparsity: `tfmot.sparsity.keras.strip_pruning`, and no EXPERIMENTAL_SPARSITY among the "
    "optimizations; the zeros then lie in the file as zeros",
)
def weights_dense(model: schema.ModelT) -> tuple[bool, str]:
    """TFLM has no DENSIFY, and reads sparse weights as if they were dense."""
    sparse = [
        f"graph {g}, tensor {i}"
        for g, graph in enumerate(model.subgraphs)
        for i, tensor in enumerate(vector(graph.tensors))
        if tensor.sparsity is not None
    ]
    sparse += [name for name in _names(model) if name == "DENSIFY"]
    return not sparse, f"it stores weights sparse: {_some(sparse)}"


@structure("origin", "convert with the weights in the flatbuffer: no `_experimental_use_buffer_offset`")
def buffers_inside(model: schema.ModelT) -> tuple[bool, str]:
    """TFLM looks for constants in the flatbuffer alone, and computes with what is in memory in place of others."""
    beyond = [i for i, buffer in enumerate(vector(model.buffers)) if max(buffer.offset, buffer.size) > NOWHERE]
    used = {tensor.buffer for graph in model.subgraphs for tensor in vector(graph.tensors)}
    outside = [str(i) for i in beyond if i in used]
    return not outside, f"constants lie behind the flatbuffer: buffers {_some(outside)}"


@structure(
    "origin",
    "check and measure the model as it was before Vela; the firmware registers AddEthosU() and brings Arm's driver for "
    "the NPU, whose scratch is a tensor of the compiled model",
    kernel="kernels/ethos_u/ethosu.cc",
    unchecked=False,
)
def not_compiled_by_vela(model: schema.ModelT) -> tuple[bool, str]:
    """The commands of an Ethos-U run on a chip that has one, and nowhere else."""
    count = sum(name == ETHOS_U for name in _names(model))
    return not count, f"Vela compiled it for an Ethos-U: {count} operators are commands of that NPU"


def _names(model: schema.ModelT) -> list[str]:
    return [operator_name(model, op) for graph in model.subgraphs for op in vector(graph.operators)]


def _reads_uint8(name: str, graph: schema.SubGraphT, op: schema.OperatorT) -> bool:
    """Whether an operator has a quantised uint8 tensor in a place where its kernel takes other types."""
    for roles, kind, types in OPERATORS[name].clauses if name in OPERATORS else ():
        for role in roles if kind == ":" and "uint8" not in types else ():
            chosen = numbers(op.inputs if role[0] == "i" else op.outputs)
            position = int(role[1:]) if role[1] != "*" else len(chosen)
            if position < len(chosen) and chosen[position] >= 0 and _quantized_uint8(graph.tensors[chosen[position]]):
                return True
    return False


def _quantized_uint8(tensor: schema.TensorT) -> bool:
    quantization = tensor.quantization
    return TYPE_NAMES.get(tensor.type) == "UINT8" and quantization is not None and len(vector(quantization.scale)) > 0


def _counted(names: list[str]) -> str:
    """`FlexTensorListReserve, FlexTensorListStack and 3 more`: each name once."""
    return _some([name.removeprefix("CUSTOM:") for name in Counter(names)])


def _some(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
