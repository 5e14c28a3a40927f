"""Rules of a model's parts, before anything is asked of its operators: indices refer to something, sizes make sense.

TFLM trusts a model's indices and sizes: what breaks these rules makes it crash, or read whatever is in memory.
"""

import math
from collections.abc import Callable, Iterator

from convert.tflite import schema
from convert.tflite.flatbuffer import number_bytes
from convert.tflite.model import CALLED_GRAPHS, TYPE_BYTES, TYPE_NAMES, operator_name, text, type_name
from convert.tflite.offline_plan import OFFLINE_HEADER, OFFLINE_PLAN
from convert.tflite.view import numbers, read_numbers, vector
from convert.tflm.rules.registry import StructureRule

DAMAGED = "the file is damaged or was edited; convert the model again"
ALIGNMENT = 16  # of what the planner places
SHOWN_DIMENSIONS = 8
PLAN_ANEW = "write the offline plan for this very model, or leave it out: TFLM plans then"
DYNAMIC = "fix all shapes: `Input(batch_size=1)` and no `None` in a shape"
MAX_BYTES, MOST = 2**31, 2**63
CALLING_OPTIONS = {"IF": "IfOptionsT", "CALL_ONCE": "CallOnceOptionsT", "WHILE": "WhileOptionsT"}

STRUCTURE: list[StructureRule] = []
SUBJECTS = (
    "graph",
    "operator",
    "origin",
    "tensor",
    "constant",
    "call",
    "model",
)  # in the order in which they are asked


def structure(subject: str, remedy: str, kernel: str = "micro_allocator.cc", unchecked: bool = True) -> Callable:
    """Puts a function among the rules of structure; those of one subject rely on those of the subjects before it.

    `subject` is what the function takes after the model: a graph; a graph and an operator or a tensor of it; nothing
    ("model", and "origin" in `origins.py`).
    """

    def register(check: Callable) -> Callable:
        STRUCTURE.append(StructureRule(check.__name__, check, subject, remedy, kernel, unchecked))
        return check

    return register


@structure("graph", DAMAGED)
def graph_complete(model: schema.ModelT, graph: schema.SubGraphT) -> tuple[bool, str]:
    """A graph has tensors, the first one inputs and outputs, and the model buffers."""
    needed = ("tensors", "inputs", "outputs") if graph is model.subgraphs[0] else ("tensors",)
    absent = [name for name in needed if getattr(graph, name) is None]
    absent += ["buffers"] if not model.buffers else []
    return not absent, f"it has no {', '.join(absent)}"


@structure("graph", DAMAGED)
def graph_tensors_exist(model: schema.ModelT, graph: schema.SubGraphT) -> tuple[bool, str]:
    """Inputs and outputs of a graph are tensors of it."""
    indices = numbers(graph.inputs) + numbers(graph.outputs)
    beyond = [i for i in indices if not 0 <= i < len(vector(graph.tensors))]
    return (
        not beyond,
        f"it names tensor {beyond[0] if beyond else None}, and the graph has {len(vector(graph.tensors))}",
    )


@structure("operator", DAMAGED, kernel="micro_interpreter.cc")
def operator_code_exists(model: schema.ModelT, graph: schema.SubGraphT, op: schema.OperatorT) -> tuple[bool, str]:
    """An operator's code is one of the model's."""
    return op.opcodeIndex < len(
        vector(model.operatorCodes)
    ), f"its code is number {op.opcodeIndex} of {len(vector(model.operatorCodes))}"


@structure("operator", DAMAGED)
def operator_tensors_exist(model: schema.ModelT, graph: schema.SubGraphT, op: schema.OperatorT) -> tuple[bool, str]:
    """Inputs, outputs and intermediates of an operator are tensors of its graph, or -1 for one left out."""
    indices = numbers(op.inputs) + numbers(op.outputs) + numbers(op.intermediates)
    beyond = [i for i in indices if not -1 <= i < len(graph.tensors)]
    return (
        not beyond,
        f"it names tensor {beyond[0] if beyond else None}, and the graph has {len(vector(graph.tensors))}",
    )


@structure("tensor", DAMAGED)
def buffer_exists(model: schema.ModelT, graph: schema.SubGraphT, tensor: schema.TensorT) -> tuple[bool, str]:
    """A tensor's buffer is one of the model's."""
    return tensor.buffer < len(model.buffers), f"names buffer {tensor.buffer} of {len(model.buffers)}"


@structure("tensor", "convert the model with int8 or float32 tensors", kernel="memory_helpers.cc", unchecked=False)
def type_has_size(model: schema.ModelT, graph: schema.SubGraphT, tensor: schema.TensorT) -> tuple[bool, str]:
    """A tensor's type is one that TFLM has room for."""
    name = TYPE_NAMES.get(tensor.type, str(tensor.type))
    return name in TYPE_BYTES, f"is {name.lower()}"


@structure("tensor", DYNAMIC)
def dimensions_not_negative(model: schema.ModelT, graph: schema.SubGraphT, tensor: schema.TensorT) -> tuple[bool, str]:
    """Dimensions are not negative."""
    shape = numbers(tensor.shape)
    return min(
        shape, default=0
    ) >= 0, f"has the shape {shape[:SHOWN_DIMENSIONS]}{' ..' if len(shape) > SHOWN_DIMENSIONS else ''}"


@structure("tensor", "split the tensor; it is larger than 32-bit sizes count", kernel="memory_helpers.cc")
def tensor_below_2_gib(model: schema.ModelT, graph: schema.SubGraphT, tensor: schema.TensorT) -> tuple[bool, str]:
    """A tensor has less than 2 GiB."""
    size = _size(tensor)
    return size < MAX_BYTES, f"has {size:,} bytes" if size < MOST else "has more bytes than can be counted"


@structure(
    "constant",
    "give the variable no data in the file, and assign it when the model begins",
    kernel="micro_interpreter_graph.cc",
)
def variable_in_memory(model: schema.ModelT, graph: schema.SubGraphT, tensor: schema.TensorT) -> tuple[bool, str]:
    """A variable tensor has no data in the file: TFLM resets it there, which fails where the model is in flash."""
    constant = len(vector(model.buffers[tensor.buffer].data)) > 0
    return not (tensor.isVariable and constant), "is a variable with data in the file"


@structure("constant", DAMAGED)
def buffer_holds_tensor(model: schema.ModelT, graph: schema.SubGraphT, tensor: schema.TensorT) -> tuple[bool, str]:
    """The buffer of a constant has all of its elements."""
    elements, name = math.prod(numbers(tensor.shape)), TYPE_NAMES[tensor.type]
    size = -(-elements // 2) if name == "INT4" else elements * TYPE_BYTES[name]
    data = model.buffers[tensor.buffer].data
    held = 0 if data is None else len(data)
    return held == 0 or held >= size, f"has {held:,} bytes in the file, its shape takes {size:,}"


@structure("call", DAMAGED, kernel="micro_allocation_info.cc")
def called_graphs_exist(model: schema.ModelT, graph: schema.SubGraphT, op: schema.OperatorT) -> tuple[bool, str]:
    """Graphs that IF, WHILE and CALL_ONCE run are graphs of the model."""
    called = called_graphs(model, op)
    return called is not None and all(
        0 <= g < len(model.subgraphs) for g in called
    ), f"it runs graphs {called} of {len(model.subgraphs)}" if called else "its options do not say which graphs it runs"


@structure("model", "unroll the recursion: TFLM's graphs cannot run themselves", kernel="micro_allocation_info.cc")
def no_recursion(model: schema.ModelT) -> tuple[bool, str]:
    """No graph runs itself, in however many steps."""
    calls = [[g for op in vector(graph.operators) for g in called_graphs(model, op) or []] for graph in model.subgraphs]
    for start in range(len(calls)):
        reached, ahead = set(), list(calls[start])
        while ahead:
            g = ahead.pop()
            if g not in reached:
                reached.add(g)
                ahead += calls[g]
        if start in reached:
            return False, f"graph {start} runs itself"
    return True, ""


@structure("model", PLAN_ANEW, kernel="micro_allocation_info.cc")
def offline_plan_held(model: schema.ModelT) -> tuple[bool, str]:
    """The file holds all of an offline memory plan: its buffer, a header of three numbers, and an offset for each
    tensor that the header counts.
    """
    for number, plan in offline_plans(model):
        if plan is None or len(plan) < OFFLINE_HEADER or not 0 <= plan[2] <= len(plan) - OFFLINE_HEADER:
            held = "is not in the file" if plan is None else f"has {len(plan)} numbers"
            return False, f"buffer {number}, which is to hold a plan, {held}"
    return True, ""


@structure("model", PLAN_ANEW, kernel="micro_allocation_info.cc", unchecked=False)
def offline_plan_complete(model: schema.ModelT) -> tuple[bool, str]:
    """An offline memory plan has an offset for each tensor."""
    tensors = _count_tensors(model)
    for _, plan in offline_plans(model):
        if plan is not None and plan[2:3] != [tensors]:
            return False, f"it counts {plan[2:3]} tensors, the model has {tensors}"
    return True, ""


@structure("model", PLAN_ANEW, kernel="memory_planner/greedy_memory_planner.cc")
def offline_offsets_sensible(model: schema.ModelT) -> tuple[bool, str]:
    """Offsets of an offline memory plan are -1, or from 0 to where the tensor ends within 2 GiB."""
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    for _, plan in offline_plans(model):
        for offset, tensor in zip([] if plan is None else plan[OFFLINE_HEADER:], tensors):
            if offset < -1 or offset + _size(tensor) + ALIGNMENT > MAX_BYTES:
                return False, f"an offset is {offset}, for {_size(tensor):,} bytes"
    return True, ""


def _size(tensor: schema.TensorT) -> int:
    """Bytes of a tensor's elements, at most `MOST`: a product of thousands of dimensions has thousands of digits."""
    shape, size = numbers(tensor.shape), TYPE_BYTES.get(type_name(tensor), 1)
    if 0 in shape:
        return 0
    for dimension in shape:
        size *= dimension
        if size >= MOST:
            return MOST
    return size


def _count_tensors(model: schema.ModelT) -> int:
    return sum(len(graph.tensors) for graph in model.subgraphs)


def called_graphs(model: schema.ModelT, op: schema.OperatorT) -> list[int] | None:
    """The graphs that an operator runs, None when its options do not say."""
    name = operator_name(model, op)
    if name in CALLED_GRAPHS and type(op.builtinOptions).__name__ != CALLING_OPTIONS[name]:
        return None
    return [getattr(op.builtinOptions, field) for field in CALLED_GRAPHS.get(name, ())]


def offline_plans(model: schema.ModelT) -> list[tuple[int, list[int] | None]]:
    """(buffer, plan) of the offline memory plans of a model: version, graph, number of tensors, then offsets; None
    where the buffer is not there, or empty.
    """
    found = []
    for entry in vector(model.metadata):
        if text(entry.name) == OFFLINE_PLAN:
            held = model.buffers[entry.buffer].data if entry.buffer < len(model.buffers) else None
            data = number_bytes("B", vector(held))
            found.append((entry.buffer, read_numbers(data, "i") if data else None))
    return found


def subjects(model: schema.ModelT, kind: str) -> Iterator[tuple[tuple, int, int | None, int | None]]:
    """(what a rule takes, graph, operator, tensor) for each subject of a kind."""
    if kind in ("model", "origin"):
        yield (model,), 0, None, None
        return
    for g, graph in enumerate(model.subgraphs):
        if kind == "graph":
            yield (model, graph), g, None, None
        elif kind in ("operator", "call"):
            yield from (((model, graph, op), g, i, None) for i, op in enumerate(vector(graph.operators)))
        else:
            yield from (((model, graph, tensor), g, None, i) for i, tensor in enumerate(graph.tensors))
