"""A copy of a model on which a change is tried out: the arena's figures say what the change saves."""

from copy import copy

import numpy as np

from convert.tflite import schema
from convert.tflite.model import indices, is_constant, operator_name, operators


class Draft:
    """One graph of a copied model; changing it leaves the original as it is.

    Attributes:
        model: the copy, which shares the constants' bytes with the original.
        graph: the graph that is changed.
        operators, tensors: those of the graph.
    """

    def __init__(self, model: schema.ModelT, number: int = 0):
        self.model = copy(model)
        self.model.subgraphs, self.model.buffers = list(model.subgraphs), list(model.buffers)
        self.model.operatorCodes = list(model.operatorCodes)
        self.graph = self.model.subgraphs[number] = copy(model.subgraphs[number])
        self.graph.operators = self.operators = [copy(op) for op in operators(self.graph)]
        self.graph.tensors = self.tensors = [copy(tensor) for tensor in self.graph.tensors]
        for holder in (self.graph, *self.operators):
            holder.inputs, holder.outputs = indices(holder.inputs), indices(holder.outputs)

    def name(self, op: schema.OperatorT) -> str:
        return operator_name(self.model, op)

    def shape(self, tensor: int) -> list[int]:
        return indices(self.tensors[tensor].shape)

    def readers(self, tensor: int) -> list[schema.OperatorT]:
        """Operators with the tensor among their inputs, once for each time."""
        return [op for op in self.operators for index in op.inputs if index == tensor]

    def maker(self, tensor: int) -> schema.OperatorT | None:
        """The operator that a tensor comes from."""
        return next((op for op in self.operators if tensor in op.outputs), None)

    def is_output(self, tensor: int) -> bool:
        return tensor in self.graph.outputs

    def is_constant(self, tensor: int) -> bool:
        return is_constant(self.model, self.tensors[tensor])

    def values(self, tensor: int) -> np.ndarray:
        """Elements of a constant, of as many bytes as its type has, as unsigned integers in its shape."""
        data = np.asarray(self.model.buffers[self.tensors[tensor].buffer].data, np.uint8)
        shape = self.shape(tensor)
        return data.view(f"u{data.nbytes // int(np.prod(shape))}").reshape(shape)

    def add_tensor(self, like: int, shape: list[int], name: str) -> int:
        """A tensor of the type and quantisation of another, in memory; its index."""
        tensor = copy(self.tensors[like])
        tensor.shape, tensor.shapeSignature, tensor.buffer, tensor.name = list(shape), None, 0, name.encode()
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def add_constant(self, like: int, values: np.ndarray, name: str) -> int:
        """A constant of the type and quantisation of another; its index."""
        index = self.add_tensor(like, list(values.shape), name)
        self.tensors[index].buffer = self._add_buffer(values)
        return index

    def add_integers(self, values: list[int], name: str) -> int:
        """A constant int32 vector; its index."""
        tensor = schema.TensorT()
        tensor.type, tensor.shape, tensor.name = schema.TensorType.INT32, [len(values)], name.encode()
        tensor.buffer = self._add_buffer(np.array(values, "<i4"))
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def new_operator(self, name: str, inputs: list[int], outputs: list[int], options=None) -> schema.OperatorT:
        """An operator that is not yet among the graph's; `options` is an object of the schema."""
        op = schema.OperatorT()
        op.opcodeIndex, op.inputs, op.outputs = self._operator_code(name), inputs, outputs
        if options is not None:
            op.builtinOptions = options
            op.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        return op

    def replace_input(self, old: int, new: int) -> None:
        """Makes every reader of a tensor read another one."""
        for op in self.operators:
            op.inputs = [new if index == old else index for index in op.inputs]

    def remove(self, op: schema.OperatorT) -> None:
        """Takes an operator away, and the memory of its tensors that nobody else has."""
        self.operators.remove(op)
        used = {index for other in self.operators for index in (*other.inputs, *other.outputs)}
        for index in {*op.inputs, *op.outputs} - {*used, *self.graph.inputs, *self.graph.outputs, -1}:
            if not self.is_constant(index):
                self.tensors[index].shape = [0]

    def _operator_code(self, name: str) -> int:
        for index, code in enumerate(self.model.operatorCodes):
            if max(code.builtinCode, code.deprecatedBuiltinCode) == getattr(schema.BuiltinOperator, name):
                return index
        code = schema.OperatorCodeT()
        code.builtinCode, code.version = getattr(schema.BuiltinOperator, name), 1
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1

    def _add_buffer(self, values: np.ndarray) -> int:
        buffer = schema.BufferT()
        buffer.data = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
        self.model.buffers.append(buffer)
        return len(self.model.buffers) - 1


def renumber(graph: schema.SubGraphT, order: list[int]) -> schema.SubGraphT:
    """A graph with its tensors in another order; those left out must not be used, and may stand for others.

    Args:
        graph: the graph.
        order: old indices in their new order.
    """
    return renumber_as(graph, order, {old: new for new, old in enumerate(order)})


def renumber_as(graph: schema.SubGraphT, order: list[int], new: dict[int, int]) -> schema.SubGraphT:
    renumbered = copy(graph)
    move = lambda values: None if values is None else [new.get(i, i) for i in indices(values)]  # -1: an input left out
    renumbered.tensors = [graph.tensors[index] for index in order]
    renumbered.inputs, renumbered.outputs = move(graph.inputs), move(graph.outputs)
    renumbered.operators = [copy(op) for op in operators(graph)]
    for op in renumbered.operators:
        op.inputs, op.outputs, op.intermediates = move(op.inputs), move(op.outputs), move(op.intermediates)
    return renumbered
