"""Rules of IF, WHILE and the graphs that they run."""

from convert.tflite.model import CALLED_GRAPHS
from convert.tflite.view import Graph, Model, Operator, OptionalTensor, Tensor
from convert.tflm.kernels_cmsis_nn import CMSIS_NN_KERNELS
from convert.tflm.kernels_custom import CUSTOM_KERNELS
from convert.tflm.kernels_reference import REFERENCE_KERNELS, Kernel
from convert.tflm.prepare import ArenaEnds, Node, Preparation
from convert.tflm.rules.elementwise import shape_text
from convert.tflm.rules.registry import ARENA, FORM, VALUE, Verdict, first_broken, require, rule
from convert.tflm.structs import ARM32_DSP, ARM32_MVE, HOST64, Build

READS_STATE = ("READ_VARIABLE", "CALL_ONCE", "IF", "WHILE")  # what they give may differ from one time to the next


@rule("IF", FORM, "give the condition as one bool")
def if_condition(op: Operator) -> Verdict:
    """The condition is one element."""
    return require(op.input.elements == 1, op.input, f"has {op.input.elements} elements")


@rule("IF WHILE", FORM, "make the graphs take the operator's inputs and give its outputs")
def called_counts(op: Operator) -> Verdict:
    """The graphs that the operator runs have as many inputs and outputs as it."""
    first, second = _called(op)
    inputs = len(op.inputs) - (1 if op.name == "IF" else 0)
    if op.name == "WHILE":
        fits = [len(g.inputs) for g in (first, second)] == [inputs, inputs] and len(op.outputs) == inputs
        return require(
            fits and len(second.outputs) == inputs and len(first.outputs) >= 1,
            None,
            f"graph {first.index} has {len(first.inputs)} inputs, graph {second.index} "
            f"{len(second.inputs)} and {len(second.outputs)} outputs",
        )
    return first_broken(
        [
            require(
                len(g.inputs) == inputs
                and len(g.outputs) in (len(op.outputs), 0)
                and (g is second or len(g.outputs) == len(op.outputs)),
                None,
                f"graph {g.index} has {len(g.inputs)} inputs and {len(g.outputs)} outputs",
            )
            for g in (first, second)
        ]
    )


@rule("IF WHILE", VALUE, "give the graphs' inputs and outputs the operator's types and shapes")
def called_sizes(op: Operator) -> Verdict:
    """Inputs and outputs of the graphs have as many bytes as the operator's."""
    pairs: list[tuple[OptionalTensor, OptionalTensor]] = []
    for g in _called(op)[: 1 if _never_loops(op) else 2]:
        pairs += zip(op.inputs[1:] if op.name == "IF" else op.inputs, _tensors(g, g.inputs))
        if op.name == "IF" or g is _called(op)[1]:
            pairs += zip(op.outputs, _tensors(g, g.outputs))
    if op.name == "WHILE":
        pairs += zip(op.inputs, op.outputs)
    return first_broken(
        [
            require(
                a.nbytes == b.nbytes,
                a,
                f"is {a.type.lower()} {shape_text(a)}, the graph's {b.type.lower()} {shape_text(b)}",
            )
            for a, b in pairs
            if a and b
        ]
    )


def _never_loops(op: Operator) -> bool:
    """Whether an operator is a loop whose condition is a constant, and false: TFLM looks at no byte of its body."""
    graph = _called(op)[0]
    data = graph.tensors[graph.outputs[0]].data if op.name == "WHILE" else None
    return data is not None and not data[0]


@rule("WHILE", VALUE, "compute the condition from the loop's values", unchecked=True)
def loop_ends(op: Operator) -> Verdict:
    """The condition of a loop depends on the loop's values: one that stays true never ends."""
    graph, _ = _called(op)
    condition = graph.tensors[graph.outputs[0]]
    if condition.data is not None:
        return require(not condition.data[0], condition, "is a constant, and true")
    changing = set(graph.inputs) | {tensor.index for tensor in graph.tensors if tensor.variable}
    fixed: set[int] = set()
    for inner in graph.operators:
        changes = inner.name in READS_STATE or any(tensor.index in changing for tensor in inner.read)
        (changing if changes else fixed).update(tensor.index for tensor in inner.written)
    return require(condition.index not in fixed - changing, condition, "is computed from constants alone")


BUILDS = (
    (HOST64, REFERENCE_KERNELS | CUSTOM_KERNELS),
    (ARM32_DSP, CMSIS_NN_KERNELS | CUSTOM_KERNELS),
    (ARM32_MVE, CMSIS_NN_KERNELS | CUSTOM_KERNELS),
)


@rule("", ARENA, "take the graph out of the file: nothing runs it", unchecked=True, kernel="micro_allocation_info.cc")
def scratch_in_a_run(op: Operator) -> Verdict:
    """Operators that ask for scratch, with either kernels, are in graphs that run: TFLM ends on those of a graph that
    nothing calls.
    """
    key = "graphs that run"
    if key not in op.model.known:
        op.model.known[key] = _reached(op.model)
    fine = op.graph.index in op.model.known[key] or not any(_asks_for_scratch(op, *build) for build in BUILDS)
    return require(fine, None, f"nothing runs graph {op.graph.index}, and it asks for scratch")


def _asks_for_scratch(op: Operator, build: Build, kernels: dict[str, Kernel]) -> bool:
    preparation = Preparation(ArenaEnds(build))
    if op.name in kernels:
        kernels[op.name].run_prepare(Node(preparation, op))
    return bool(preparation.scratches) or op.name not in kernels


def _reached(model: Model) -> set[int]:
    reached: set[int] = set()
    ahead = [0]
    while ahead:
        index = ahead.pop()
        if index not in reached:
            reached.add(index)
            for op in model.graphs[index].operators:
                ahead += [op.option(field) for field in CALLED_GRAPHS.get(op.name, ())]
    return reached


def _called(op: Operator) -> tuple[Graph, Graph]:
    fields = (
        ("thenSubgraphIndex", "elseSubgraphIndex") if op.name == "IF" else ("condSubgraphIndex", "bodySubgraphIndex")
    )
    first, second = (op.model.graphs[op.option(field)] for field in fields)
    return first, second


def _tensors(graph: Graph, indices: list[int]) -> list[Tensor]:
    return [graph.tensors[i] for i in indices]
