"""Rules of every operator: it has a kernel, and its tensors are as many and of the types that the kernel takes.

What they allow is in the table of `operators.py`.
"""

from convert.tflite.model import TYPE_NAMES
from convert.tflite.view import Operator, OptionalTensor, Tensor
from convert.tflm.rules.elementwise import shape_text
from convert.tflm.rules.operators import CUSTOM_OPERATORS, OPERATORS, OPTIONAL_INPUTS, count_range
from convert.tflm.rules.registry import COUNT, FINE, FORM, TYPE, Verdict, first_broken, require, rule

KERNEL_RANK = 6  # RuntimeShape::kMaxSmallSize
SHAPED_BY_KERNEL = ("DEPTH_TO_SPACE", "SPACE_TO_DEPTH", "GATHER", "GATHER_ND", "L2_POOL_2D", "EMBEDDING_LOOKUP")
# Options that name a type; TFLM converts each, whether its kernel looks at it or not.
TYPE_OPTIONS = {
    "ARG_MAX": "outputType",
    "ARG_MIN": "outputType",
    "CAST": "inDataType outDataType",
    "CONV_2D": "quantizedBiasType",
    "FULLY_CONNECTED": "quantizedBiasType",
    "SHAPE": "outType",
    "TRANSPOSE_CONV": "quantizedBiasType",
}
# Inputs that may have no elements: the axes of a scalar, of a reduction that reduces nothing, and the like.
MAY_BE_EMPTY = {
    "BROADCAST_ARGS": "i0 i1",
    "CONCATENATION": " ".join(f"i{number}" for number in range(10)),
    "GATHER_ND": "i1",
    "MEAN": "i1",
    "MIRROR_PAD": "i1",
    "REDUCE_ALL": "i1",
    "REDUCE_MAX": "i1",
    "REDUCE_MIN": "i1",
    "RESHAPE": "i0 i1",
    "SLICE": "i1 i2",
    "SUM": "i1",
}
NO_OUTPUTS = ("IF", "WHILE")  # a graph that is called may give nothing back
SHAPELESS = (
    "RESHAPE",
    "SQUEEZE",
    "SHAPE",
    "IF",
    "WHILE",
    "CALL_ONCE",
    "VAR_HANDLE",
    "READ_VARIABLE",
    "ASSIGN_VARIABLE",
)


@rule(
    "",
    COUNT,
    "use operators that SUPPORTED_OPS.md lists; TFLM has no kernel to register for this one",
    kernel="micro_mutable_op_resolver.h",
)
def operator_registered(op: Operator) -> Verdict:
    """Operators are those that a MicroMutableOpResolver can register."""
    words = f"named {op.name.removeprefix('CUSTOM:')}" if op.name.startswith("CUSTOM:") else f"for {op.name}"
    return require(op.name in OPERATORS or op.name in CUSTOM_OPERATORS, None, f"TFLM has no kernel {words}")


@rule("", COUNT, "convert the model again with an unmodified converter", kernel="micro_interpreter.cc")
def no_custom_options(op: Operator) -> Verdict:
    """A builtin operator has no custom options."""
    packed = op.model.unpacked.subgraphs[op.graph.index].operators[op.index]
    return require(op.name.startswith("CUSTOM:") or packed.customOptions is None, None, "it has custom options")


@rule("", COUNT, "convert the model again with an unmodified converter")
def input_count(op: Operator) -> Verdict:
    """The operator has as many inputs as its kernel takes."""
    return _count(op, len(op.inputs), "inputs")


@rule("", COUNT, "convert the model again with an unmodified converter")
def output_count(op: Operator) -> Verdict:
    """The operator has as many outputs as its kernel writes."""
    open_count = op.name in OPERATORS and OPERATORS[op.name].outputs.endswith("+")
    return (
        FINE if open_count else _count(op, len(op.outputs), "outputs")
    )  # `outputs_given` counts those that it does not


@rule("", COUNT, "connect the input; only SUPPORTED_OPS.md's optional ones may be left out")
def inputs_given(op: Operator) -> Verdict:
    """Inputs that the kernel reads are not left out."""
    if op.name not in OPERATORS or op.name == "UNIDIRECTIONAL_SEQUENCE_LSTM":
        return FINE
    optional = OPTIONAL_INPUTS.get(op.name, "").split()
    absent = [i for i, tensor in enumerate(op.inputs[: _read_inputs(op)]) if tensor is None and f"i{i}" not in optional]
    return require(not absent, None, f"input {', '.join(map(str, absent))} is left out")


@rule("", COUNT, "give every output a tensor", unchecked=True)
def outputs_given(op: Operator) -> Verdict:
    """No output is left out, and there is one where the kernel does not count them."""
    some = bool(op.outputs) or (op.name in OPERATORS and OPERATORS[op.name].outputs == "0") or op.name in NO_OUTPUTS
    return require(op.name not in OPERATORS or (some and None not in op.outputs), None, "an output is left out")


@rule("", TYPE, "convert with int8 (TFLite's full integer quantisation) or float32 throughout, or cast before it")
def type_has_kernel(op: Operator) -> Verdict:
    """The kernel has code for the tensor's type."""
    return first_broken(
        [
            require(tensor.type.lower() in types, tensor, f"is {tensor.type.lower()}, not {_any(types)}")
            for roles, kind, types in _clauses(op, ":")
            for tensor in _tensors(op, roles)
        ]
    )


@rule("", TYPE, "give both tensors one type, with a CAST or QUANTIZE between them")
def types_equal(op: Operator) -> Verdict:
    """Tensors that the kernel compares have one type."""
    return _same_types(op, "=")


@rule("", TYPE, "give the tensor the type that the kernel reads or writes", unchecked=True)
def types_assumed(op: Operator) -> Verdict:
    """A tensor has the type that the kernel takes for granted."""
    return _same_types(op, "~")


@rule("", FORM, "reshape to at most 6 dimensions", kernel="../kernels/internal/runtime_shape.h", unchecked=True)
def kernel_rank(op: Operator) -> Verdict:
    """Tensors have at most 6 dimensions: the kernels' shapes hold no more."""
    return first_broken(
        [
            require(False, tensor, f"has {tensor.rank} dimensions")
            for tensor in (*op.read, *op.written)
            if tensor.rank > KERNEL_RANK and op.name not in SHAPELESS
        ]
    )


@rule("", FORM, "leave out the empty tensor, or fix its shape", unchecked=True)
def inputs_not_empty(op: Operator) -> Verdict:
    """Inputs that the kernel reads have elements: TFLM has no memory for others."""
    nothing_made = bool(op.outputs) and op.output is not None and op.output.shape == (0,)
    unread = [op.tensor(role) for role in MAY_BE_EMPTY.get(op.name, "").split()]
    return first_broken(
        [
            require(False, tensor, f"has no elements: its shape is {shape_text(tensor)}")
            for tensor in op.read
            if not (tensor.elements or nothing_made or tensor in unread)
        ]
    )


@rule("", FORM, "fix all shapes: `Input(batch_size=1)` and no `None` in a shape", kernel="micro_interpreter_graph.cc")
def outputs_not_empty(op: Operator) -> Verdict:
    """Outputs have no dimension of 0: TFLM takes it for one that is not known yet."""
    outputs = [tensor for tensor in op.outputs if tensor and op.name not in SHAPED_BY_KERNEL]
    return first_broken(
        [
            require(
                0 not in tensor.shape or tensor.shape == (0,),
                tensor,
                f"has no elements: its shape is {shape_text(tensor)}",
            )
            for tensor in outputs
        ]
    )


@rule("", FORM, "convert without intermediates", kernel="micro_allocation_info.cc")
def no_intermediates(op: Operator) -> Verdict:
    """Intermediate tensors are empty."""
    packed = op.model.unpacked.subgraphs[op.graph.index].operators[op.index]
    indices = [] if packed.intermediates is None else [int(i) for i in packed.intermediates]
    return first_broken(
        [
            require(i >= 0 and op.graph.tensors[i].nbytes == 0, None, f"its intermediate tensor {i} has elements")
            for i in indices
        ]
    )


@rule(
    " ".join(TYPE_OPTIONS),
    FORM,
    "convert the model again with an unmodified converter",
    kernel="../core/api/flatbuffer_conversions.cc",
)
def option_types(op: Operator) -> Verdict:
    """Types that the options name are types of the schema."""
    given = {name: op.option(name) for name in TYPE_OPTIONS[op.name].split()}
    return first_broken(
        [require(number in TYPE_NAMES, None, f"its {name} is {number}") for name, number in given.items()]
    )


def _same_types(op: Operator, kind: str) -> Verdict:
    verdicts = []
    for roles, _, expected in _clauses(op, kind):
        if expected[0][0] in "io" and expected[0][1:].isdigit():
            reference = op.tensor(expected[0])
            expected = [reference.type.lower()] if reference else []
        verdicts += [
            require(
                not expected or tensor.type.lower() in expected,
                tensor,
                f"is {tensor.type.lower()}, not {_any(expected)}",
            )
            for tensor in _tensors(op, roles)
        ]
    return first_broken(verdicts)


def _clauses(op: Operator, kind: str) -> list[tuple[list[str], str, list[str]]]:
    kernel = OPERATORS.get(op.name)
    return [clause for clause in kernel.clauses if clause[1] == kind] if kernel else []


def _tensors(op: Operator, roles: list[str]) -> list[Tensor]:
    """The tensors of roles; `i*` and `o*` are all, and those left out are passed over."""
    found: list[OptionalTensor] = []
    for role in roles:
        everyone = op.inputs if role[0] == "i" else op.outputs
        found += everyone if role[1] == "*" else [op.tensor(role)]
    return [tensor for tensor in found if tensor is not None]


def _count(op: Operator, count: int, noun: str) -> Verdict:
    if op.name not in OPERATORS:
        return FINE
    allowed = getattr(OPERATORS[op.name], noun)
    least, most = count_range(allowed)
    return require(least <= count <= most, None, f"it has {count} {noun} instead of {allowed}")


def _read_inputs(op: Operator) -> int:
    """How many of its inputs a kernel reads; more may be given where the count is open."""
    allowed = OPERATORS[op.name].inputs
    takes_all = op.name in ("ADD_N", "CONCATENATION", "PACK", "IF", "WHILE")
    return len(op.inputs) if takes_all else count_range(allowed)[0 if allowed.endswith("+") else 1]


def _any(types: list[str]) -> str:
    return " or ".join(types)
