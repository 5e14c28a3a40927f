"""Rules of resource variables: VAR_HANDLE, ASSIGN_VARIABLE and READ_VARIABLE.

A handle may reach an operator through the inputs of a graph that IF or WHILE runs.
"""

from convert.tflite.model import CALLED_GRAPHS
from convert.tflite.view import Graph, Operator, Tensor
from convert.tflm.rules.registry import FORM, VALUE, Verdict, require, rule
from convert.tflm.rules.state import SHARED

USERS = "ASSIGN_VARIABLE READ_VARIABLE"


@rule(
    USERS,
    FORM,
    "make the variable with VAR_HANDLE in the graph, or pass its handle to the graph that IF or WHILE runs",
    unchecked=True,
)
def variable_handle(op: Operator) -> Verdict:
    """The variable is one element, and a VAR_HANDLE makes it, in this graph or in one that runs it."""
    if op.input.elements != 1:
        return require(False, op.input, f"has {op.input.elements} elements")
    return require(bool(_makers(op)), op.input, "comes from no VAR_HANDLE")


@rule(USERS, VALUE, "assign the variable where it is made too: in the main graph, or in one that CALL_ONCE runs")
def variable_assigned(op: Operator) -> Verdict:
    """A variable whose handle comes from a calling graph is also assigned beside a VAR_HANDLE: otherwise TFLM has no
    memory for it.
    """
    if any(op.input in maker.outputs for maker in op.graph.operators if maker.name == "VAR_HANDLE"):
        return require(True, None, "")
    names = [_named(maker) for maker in _makers(op)]
    beside = {_named(maker) for user in _users(op) if user.name == "ASSIGN_VARIABLE" for maker in _beside(user)}
    words = "is a variable that nothing assigns beside its VAR_HANDLE"
    return require(all(name in beside for name in names), op.input, words)


@rule("VAR_HANDLE", FORM, "name the variables", unchecked=True)
def variable_named(op: Operator) -> Verdict:
    """A variable has options, and a name in a model with several."""
    handles = [other for other in op.model.operators if other.name == "VAR_HANDLE"]
    named = op.options is not None and (len(handles) == 1 or bool(op.option("sharedName")))
    return require(named, None, "its variable has no name")


@rule(USERS, VALUE, "assign and read a variable with one type and shape", unchecked=True)
def variable_bytes(op: Operator) -> Verdict:
    """All that assign or read a variable have as many bytes: TFLM copies as many as were assigned first."""
    mine = {_named(maker) for maker in _makers(op)}
    users = [other for other in _users(op) if mine & {_named(maker) for maker in _makers(other)}]
    sizes = {value.nbytes for other in users if (value := _value(other))}
    words = f"belongs to a variable that is used with {', '.join(map(str, sorted(sizes)))} bytes"
    return require(len(sizes) <= 1, _value(op), words)


@rule(
    "VAR_HANDLE",
    VALUE,
    "make them with `MicroResourceVariables::Create(allocator, count)` and give them to the MicroInterpreter; "
    f"{SHARED}",
    kernel="micro_resource_variable.h",
    warning=True,
)
def variables_brought(op: Operator) -> Verdict:
    """A firmware makes room for the model's variables itself: without it AllocateTensors fails."""
    handles = [other for other in op.model.operators if other.name == "VAR_HANDLE"]
    count = len({_named(handle) for handle in handles})
    words = (
        f"the model has {count} variable{'s' if count > 1 else ''}: MicroResourceVariables::Create(allocator, {count})"
    )
    return require(op is not handles[0], None, words)


def _makers(op: Operator) -> list[Operator]:
    """The VAR_HANDLEs that an operator's first input may come from; found once for each tensor."""
    key = ("makers", op.graph.index, op.input.index)
    if key not in op.model.known:
        op.model.known[key] = _find_makers(op)
    return op.model.known[key]


def _find_makers(op: Operator) -> list[Operator]:
    found, ahead, seen = [], [(op.graph, op.input)], set()
    while ahead:
        graph, tensor = ahead.pop()
        if (graph.index, tensor.index) in seen:
            continue
        seen.add((graph.index, tensor.index))
        found += [maker for maker in graph.operators if maker.name == "VAR_HANDLE" and tensor in maker.outputs]
        ahead += _given(op, graph, tensor) if tensor.index in graph.inputs else []
    return found


def _given(op: Operator, graph: Graph, tensor: Tensor) -> list[tuple[Graph, Tensor]]:
    """What operators that run a graph give it for one of its inputs."""
    position, given = graph.inputs.index(tensor.index), []
    for caller in op.model.operators:
        if graph.index in [caller.option(field) for field in CALLED_GRAPHS.get(caller.name, ())]:
            passed = caller.inputs[1:] if caller.name == "IF" else caller.inputs
            given += [(caller.graph, passed[position])] if position < len(passed) and passed[position] else []
    return given


def _beside(op: Operator) -> list[Operator]:
    """The VAR_HANDLEs of an operator's own graph that make its variable."""
    return [maker for maker in op.graph.operators if maker.name == "VAR_HANDLE" and op.input in maker.outputs]


def _users(op: Operator) -> list[Operator]:
    return [other for other in op.model.operators if other.name in USERS.split() and other.tensor("i0")]


def _named(handle: Operator) -> object:
    """What a variable is known by (micro_resource_variable.cc, FindId)."""
    return handle.option("container"), handle.option("sharedName")


def _value(op: Operator) -> Tensor | None:
    return op.tensor("i1" if op.name == "ASSIGN_VARIABLE" else "o0")
