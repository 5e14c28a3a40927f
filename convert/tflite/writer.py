"""A Graph to the tables of its file (`schema.py`) and those to the bytes of a .tflite file.

The same graph gives the same bytes. What the device never reads is left out: tensor names other than those of inputs
and outputs, empty buffers, signatures, metadata.
"""

import copy
import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

from convert.tflite import schema
from convert.tflite.builder import Builder
from convert.tflite.flatbuffer import number_bytes, pack_numbers
from convert.tflite.model import TYPE_CODES, indices
from convert.tflite.verifier import FILE_IDENTIFIER
from convert.tflite.view import Graph, Model, Operator, Tensor

OPTIONAL = -1  # index of an input left out
BUFFER_ALIGNMENT = 16  # what TFLite's own writer gives constants


def pack_model(model: Model | schema.ModelT) -> bytes:
    """The bytes of a model; constants are aligned, and equal quantisation parameters are written once."""
    return pack_models([model])[0]


def pack_models(models: Sequence[Model | schema.ModelT]) -> tuple[bytes, list[int]]:
    """Several models in one file, which hold equal constants and quantisation parameters together.

    Offsets in a flatbuffer point forwards and the file is written from its end, so a root can lie before another and
    refer to what that one refers to. From its root on, the file is each model's own file.

    Args:
        models: the first is the one that the whole file is, to any reader.

    Returns:
        The bytes, and where in them each model begins, a multiple of 16.
    """
    unpacked = [unpack_view(model) if isinstance(model, Model) else model for model in reversed(models)]
    builder, once, from_end = Builder(), _Once(), []
    for one in unpacked:
        builder.Finish(_packable(one, once).Pack(builder), FILE_IDENTIFIER)
        from_end.append(builder.Offset())
    return builder.Output(), [from_end[-1] - place for place in reversed(from_end)]


def unpack_view(model: Model) -> schema.ModelT:
    """A view's model as the file's own objects. Equal constants become one buffer, in the order of the tensors; those
    that no tensor has go; buffer 0 is the empty one.
    """
    buffers = _Buffers()
    unpacked = copy.copy(model.unpacked)
    unpacked.operatorCodes, unpacked.metadataBuffer = model.codes, None
    unpacked.subgraphs = [_unpacked_graph(graph, buffers) for graph in model.graphs]
    unpacked.metadata = [_metadata(name, buffers.index(data)) for name, data in model.metadata.items()] or None
    unpacked.buffers = buffers.all
    return unpacked


def _unpacked_graph(graph: Graph, buffers: "_Buffers") -> schema.SubGraphT:
    packed = copy.copy(graph.packed)
    packed.tensors = [_unpacked_tensor(tensor, buffers) for tensor in graph.tensors]
    packed.inputs, packed.outputs = graph.inputs, graph.outputs
    packed.operators = [_unpacked_operator(op) for op in graph.operators]
    return packed


def _unpacked_tensor(tensor: Tensor, buffers: "_Buffers") -> schema.TensorT:
    packed = copy.copy(tensor.packed)
    packed.name, packed.type = tensor.name.encode() or None, TYPE_CODES[tensor.type]
    packed.buffer = buffers.index(tensor.data)
    if tuple(indices(packed.shape)) != tensor.shape:
        packed.shape, packed.shapeSignature = list(tensor.shape), None
    return packed


def _unpacked_operator(op: Operator) -> schema.OperatorT:
    packed = copy.copy(op.packed)
    packed.opcodeIndex = next(number for number, code in enumerate(op.model.codes) if code is op.code)
    packed.inputs, packed.outputs, intermediates = (
        [OPTIONAL if tensor is None else tensor.index for tensor in tensors]
        for tensors in (op.inputs, op.outputs, op.intermediates)
    )
    packed.intermediates = intermediates or None
    packed.builtinOptions = op.options
    if op.options is not op.packed.builtinOptions:
        packed.builtinOptionsType = getattr(schema.BuiltinOptions, type(op.options).__name__.removesuffix("T"))
    return packed


def _metadata(name: str, buffer: int) -> schema.MetadataT:
    entry = schema.MetadataT()
    entry.name, entry.buffer = name.encode(), buffer
    return entry


class _Buffers:
    """The buffers of a model; equal ones are one, and everything without data has buffer 0."""

    def __init__(self) -> None:
        self.all = [schema.BufferT()]
        self._numbers: dict[tuple, int] = {}

    def index(self, data: memoryview | None) -> int:
        """The buffer with these bytes."""
        if data is None:
            return 0
        key = content_key(data)
        if key not in self._numbers:
            self._numbers[key] = len(self.all)
            self.all.append(schema.BufferT(data))
        return self._numbers[key]


class _AlignedBuffer(schema.BufferT):
    """A buffer whose bytes are aligned in the file, to more than their size asks for."""

    def Pack(self, builder: Builder) -> int:
        vector = pack_numbers(builder, "B", self.data, BUFFER_ALIGNMENT)
        builder.StartObject(self.SLOTS)
        builder.PrependUOffsetTRelativeSlot(0, vector, 0)
        return builder.EndObject()


class _Packs(Protocol):
    """What goes into a file by itself."""

    def Pack(self, builder: Builder) -> int: ...


class _Once:
    """Parts of a file that are packed once, whoever has them; a key tells which are equal."""

    def __init__(self) -> None:
        self._parts: dict[tuple, _OncePart] = {}

    def part(self, key: tuple, part: _Packs) -> "_OncePart":
        """What packs `part`, or refers to the one that was packed for an equal key."""
        return self._parts.setdefault(key, _OncePart(part))


class _OncePart:
    """A part with the `Pack` of the schema's objects, which packs at the first call only."""

    def __init__(self, part: _Packs) -> None:
        self._part = part
        self._position: int | None = None

    def Pack(self, builder: Builder) -> int:
        if self._position is None:
            self._position = self._part.Pack(builder)
        return self._position


def _packable(model: schema.ModelT, once: _Once) -> schema.ModelT:
    """A model whose constants and quantisation parameters are packed once."""
    packable = copy.copy(model)
    packable.buffers = [_buffer(buffer, once) for buffer in model.buffers]
    packable.subgraphs = [copy.copy(graph) for graph in model.subgraphs]
    for graph in packable.subgraphs:
        graph.tensors = [copy.copy(tensor) for tensor in graph.tensors]
        for tensor in graph.tensors:
            if tensor.quantization is not None:
                tensor.quantization = once.part(quantization_key(tensor.quantization), tensor.quantization)
    return packable


def _buffer(buffer: schema.BufferT, once: _Once) -> Any:
    if buffer.data is None:
        return buffer
    data = number_bytes("B", buffer.data)
    return once.part(content_key(data), _AlignedBuffer(data))


def content_key(data: bytes | memoryview) -> tuple[int, bytes]:
    """What two constants' bytes are equal in, without a copy of them."""
    return len(data), hashlib.sha256(data).digest()


def quantization_key(quantization: schema.QuantizationParametersT) -> tuple:
    """What two tensors' quantisation parameters are equal in."""
    vectors = (quantization.min, quantization.max, quantization.scale, quantization.zeroPoint)
    return (
        *(None if v is None else tuple(v) for v in vectors),
        quantization.quantizedDimension,
        quantization.detailsType,
    )
