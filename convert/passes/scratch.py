"""Scratch only where there is room for it: kernels that are faster with scratch, and do without.

    DEPTHWISE_CONV_2D   CMSIS-NN copies the kernel's window into scratch: 2 bytes a tap and channel with DSP
                        instructions, 496 a tap with Helium. A dilation across rows changes nothing where the kernel has
                        one row, but arm_depthwise_conv_wrapper_s8 then takes arm_depthwise_conv_s8.c instead of its
                        _opt: no scratch, and about twice the instructions.
    FULLY_CONNECTED     with an output of three or four dimensions: 8 bytes a unit (`ops.GraphBuilder.dense`). Where
                        only SOFTMAX or other dense operators read the output, the file may call it two-dimensional:
                        TFLite infers the shape itself, and CMSIS-NN takes the slower way, a third more instructions.

The integers are the same in every case.
"""

from dataclasses import replace

from convert.lowering.graph import Graph, Op, Tensor
from convert.passes.measure import Measure
from convert.tflm.allocator import Allocation
from convert.tflm.builds import Target


def fit_scratch(graph: Graph, target: Target, arena: int | None = None) -> Graph:
    """A graph whose operators take scratch where that does not make the arena larger.

    Args:
        graph: a graph of `lower.py`, tiled or not.
        target: the build of TFLM that the arena is made small for.
        arena: bytes of arena that may be filled; by default the least that this graph can do with.
    """
    measure = Measure.of_graph(graph, target)
    needs, taken = measure.allocation, measure.taken()
    scratch = [sum(buffer.size for buffer in needs.alive(step) if buffer.owner is None) for step in range(len(taken))]
    optional = {op: step for op, step in optional_steps(graph, needs).items() if scratch[step]}
    least = max(taken[step] - (scratch[step] if step in optional.values() else 0) for step in range(len(taken)))
    room = max(least, (arena or 0) - needs.persistent)
    return drop_scratch(graph, [op for op, step in optional.items() if taken[step] > room])


def drop_scratch(graph: Graph, chosen: list[Op]) -> Graph:
    """A graph in which some operators take no scratch."""
    flat: dict[int, Tensor] = {}
    ops = []
    for op in graph.ops:
        inputs = [flat.get(id(tensor), tensor) for tensor in op.inputs]
        outputs, options = op.outputs, op.options
        if op in chosen and op.kind == "DEPTHWISE_CONV_2D":
            options = options | {"dilation": 2}
        elif op in chosen or (op.kind == "SOFTMAX" and inputs != op.inputs):
            outputs = [_flat(op.outputs[0])]
            flat[id(op.outputs[0])] = outputs[0]
        ops.append(Op(op.kind, inputs, outputs, options, op.role))
    return graph.with_ops(ops)


def _flat(tensor: Tensor) -> Tensor:
    return replace(tensor, shape=(tensor.size // tensor.shape[-1], tensor.shape[-1]))


def optional_scratch(graph: Graph) -> list[Op]:
    """The operators that have a form without scratch."""
    return [op for op in graph.ops if _does_without(graph, op)]


def optional_steps(graph: Graph, needs: Allocation) -> dict[Op, int]:
    """The operators that have a form without scratch, with their steps in the allocation of the graph's model."""
    optional = set(optional_scratch(graph))
    return {op: needs.step_of[number] for number, op in enumerate(graph.ops) if op in optional}


def _does_without(graph: Graph, op: Op) -> bool:
    if op.kind == "DEPTHWISE_CONV_2D":
        return True
    return (
        op.kind == "FULLY_CONNECTED"
        and op.outputs[0] not in graph.outputs
        and all(
            reader.kind == "SOFTMAX" or (reader.kind == "FULLY_CONNECTED" and reader.inputs[1] is op.outputs[0])
            for reader in graph.consumers(op.outputs[0])
        )
    )
