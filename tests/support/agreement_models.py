"""Tiny models of one operator, written as data and edited by role, for comparing the rules with TFLM's interpreter."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import flatbuffers
import numpy as np

from convert.tflite.model import schema
from convert.tflite.verifier import FILE_IDENTIFIER

DTYPES = {
    "float32": "<f4",
    "int8": "<i1",
    "uint8": "<u1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "bool": "?",
    "uint32": "<u4",
}
QUANTIZED = ("int8", "int16", "uint8", "int4")


@dataclass
class Tensor:
    """A tensor: one with `data` is a constant; `scale` None leaves the quantisation out; `cut` drops bytes of data."""

    type: str
    shape: tuple[int, ...]
    data: Any = None
    scale: Any = 0.5
    zero: Any = 0
    axis: int = 0
    variable: bool = False
    quantized: bool | None = None
    cut: int | None = None
    signature: tuple[int, ...] | None = None

    def pack(self, buffers: list) -> schema.TensorT:
        packed = schema.TensorT()
        packed.shape, packed.type = list(self.shape), getattr(schema.TensorType, self.type.upper())
        packed.isVariable, packed.shapeSignature = self.variable, self.signature and list(self.signature)
        if self.data is not None:
            values = np.broadcast_to(np.asarray(self.data, DTYPES.get(self.type, "<i1")), self._stored())
            buffers.append(schema.BufferT())
            buffers[-1].data = np.frombuffer(values.tobytes()[: self.cut], np.uint8)
            packed.buffer = len(buffers) - 1
        if self.type in QUANTIZED if self.quantized is None else self.quantized:
            packed.quantization = schema.QuantizationParametersT()
            packed.quantization.scale = np.atleast_1d(np.asarray(self.scale, np.float32))
            packed.quantization.zeroPoint = np.broadcast_to(
                np.asarray(self.zero, np.int64), packed.quantization.scale.shape
            ).copy()
            packed.quantization.quantizedDimension = self.axis
        return packed

    def _stored(self) -> tuple[int, ...]:
        return (-(-int(np.prod(self.shape)) // 2),) if self.type == "int4" else self.shape


@dataclass
class Spec:
    """A model of one operator. Inputs without data are inputs of the model; one tensor twice is one tensor."""

    op: str
    inputs: list[Tensor | None]
    outputs: list[Tensor | None]
    options: str | None = None
    fields: dict = field(default_factory=dict)
    change: Callable[[schema.ModelT], object] | None = None  # of the packed model, last
    graphs: tuple = ()  # more graphs: functions of the list of buffers

    def edited(self, edits: dict) -> "Spec":
        """A copy: `i0={"type": "int16"}` edits a tensor, `i2=Tensor(...)` sets one, `i2=None` leaves it out,
        `fields={...}` edits options, `inputs=2` keeps so many, `op`, `options` and `change` replace.
        """
        spec = copy.deepcopy(self)
        for key, value in edits.items():
            if key in ("op", "options", "change", "graphs"):
                setattr(spec, key, value)
            elif key == "fields":
                spec.fields |= value
            elif key in ("inputs", "outputs"):
                tensors = getattr(spec, key)
                setattr(spec, key, value if isinstance(value, list) else (tensors * value)[:value])
            else:
                _edit_tensor(spec.inputs if key[0] == "i" else spec.outputs, int(key[1:]), value)
        return spec

    def build(self) -> bytes:
        """Bytes of the .tflite file."""
        model = schema.ModelT()
        model.version, model.buffers = 3, [schema.BufferT()]
        tensors: list[Tensor] = []
        for tensor in self.inputs + self.outputs:
            if tensor is not None and not any(tensor is other for other in tensors):
                tensors.append(tensor)
        index = {id(tensor): i for i, tensor in enumerate(tensors)} | {id(None): -1}
        graph = schema.SubGraphT()
        graph.tensors = [tensor.pack(model.buffers) for tensor in tensors]
        given = [tensor for tensor in self.inputs if tensor is not None]
        graph.inputs = sorted({index[id(t)] for t in given if t.data is None and not t.variable})
        graph.outputs = [index[id(t)] for t in self.outputs if t is not None]
        graph.operators = [
            operator(
                0, [index[id(t)] for t in self.inputs], [index[id(t)] for t in self.outputs], self.options, self.fields
            )
        ]
        model.subgraphs, model.operatorCodes = [graph], [operator_code(self.op)]
        for add_graph in self.graphs:
            add_graph(model)
        if self.change:
            self.change(model)
        return pack(model)


def operator(
    code: int, inputs: list[int], outputs: list[int], options: str | None = None, fields: dict | None = None
) -> schema.OperatorT:
    packed = schema.OperatorT()
    packed.opcodeIndex, packed.inputs, packed.outputs = code, inputs, outputs
    if options:
        packed.builtinOptionsType = getattr(schema.BuiltinOptions, options)
        packed.builtinOptions = getattr(schema, options + "T")()
        for name, value in (fields or {}).items():
            assert hasattr(packed.builtinOptions, name), name
            setattr(packed.builtinOptions, name, value)
    return packed


def operator_code(name: str) -> schema.OperatorCodeT:
    packed = schema.OperatorCodeT()
    if name.startswith("CUSTOM:"):
        packed.customCode, name = name.removeprefix("CUSTOM:"), "CUSTOM"
    packed.builtinCode = getattr(schema.BuiltinOperator, name)
    packed.deprecatedBuiltinCode, packed.version = min(packed.builtinCode, 127), 1
    return packed


class MixedBuilder(flatbuffers.Builder):
    """Packs tables of flatc's classes with ours among them."""

    def PlaceBytes(self, data: bytes) -> None:
        self.head -= len(data)
        self.Bytes[self.head : self.head + len(data)] = data


def pack(model: schema.ModelT) -> bytes:
    builder = MixedBuilder(1 << 12)
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    return bytes(builder.Output())


def _edit_tensor(tensors: list, position: int, value: Any) -> None:
    if isinstance(value, dict):
        tensors[position] = replace(tensors[position], **value)
    elif position < len(tensors):
        tensors[position] = value
    else:
        tensors.append(value)
