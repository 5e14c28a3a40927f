"""The TFLite schema's objects, as far as this project uses them.

A vector of a file that was read is a NumPy view or None, one that was made may be a list. `Maybe` stands for what may
be None: readers who know better need not ask.
"""

from typing import Any, TypeAlias

import flatbuffers

Maybe: TypeAlias = Any
Vector: TypeAlias = Maybe
Floats: TypeAlias = Maybe

class TensorType:
    FLOAT32: int
    FLOAT16: int
    INT32: int
    UINT8: int
    INT64: int
    BOOL: int
    INT16: int
    INT8: int

class BuiltinOperator:
    ADD: int
    CUSTOM: int
    GELU: int
    SVDF: int

class BuiltinOptions:
    BatchMatMulOptions: int
    SVDFOptions: int

class Padding:
    SAME: int
    VALID: int

class ActivationFunctionType:
    NONE: int
    RELU: int
    RELU_N1_TO_1: int
    RELU6: int
    TANH: int
    SIGN_BIT: int

class _Packs:
    def Pack(self, builder: flatbuffers.Builder) -> int: ...

class BufferT(_Packs):
    data: Vector
    offset: int
    size: int
    def __init__(self, data: Vector = ..., offset: int = ..., size: int = ...) -> None: ...

class QuantizationParametersT(_Packs):
    min: Floats
    max: Floats
    scale: Floats
    zeroPoint: Vector
    detailsType: int
    details: Maybe
    quantizedDimension: int
    def __init__(
        self,
        min: Floats = ...,
        max: Floats = ...,
        scale: Floats = ...,
        zeroPoint: Vector = ...,
        detailsType: int = ...,
        details: Maybe = ...,
        quantizedDimension: int = ...,
    ) -> None: ...

class TensorT(_Packs):
    shape: Vector
    type: int
    buffer: int
    name: bytes | Maybe
    quantization: QuantizationParametersT | Maybe
    isVariable: bool
    sparsity: Maybe
    shapeSignature: Vector
    hasRank: bool
    variantTensors: Maybe
    externalBuffer: int

class OperatorT(_Packs):
    opcodeIndex: int
    inputs: Vector
    outputs: Vector
    builtinOptionsType: int
    builtinOptions: Any
    customOptions: Vector
    customOptionsFormat: int
    mutatingVariableInputs: Vector
    intermediates: Vector
    largeCustomOptionsOffset: int
    largeCustomOptionsSize: int
    builtinOptions2Type: int
    builtinOptions2: Any
    debugMetadataIndex: int

class OperatorCodeT(_Packs):
    deprecatedBuiltinCode: int
    customCode: bytes | Maybe
    version: int
    builtinCode: int

class SubGraphT(_Packs):
    tensors: list[TensorT]
    inputs: Vector
    outputs: Vector
    operators: list[OperatorT]
    name: bytes | Maybe
    debugMetadataIndex: int

class MetadataT(_Packs):
    name: bytes | Maybe
    buffer: int

class TensorMapT(_Packs):
    name: bytes | Maybe
    tensorIndex: int

class SignatureDefT(_Packs):
    inputs: list[TensorMapT]
    outputs: list[TensorMapT]
    signatureKey: bytes | Maybe
    subgraphIndex: int

class ModelT(_Packs):
    version: int
    operatorCodes: list[OperatorCodeT]
    subgraphs: list[SubGraphT]
    description: bytes | Maybe
    buffers: list[BufferT]
    metadataBuffer: Vector
    metadata: list[MetadataT] | Maybe
    signatureDefs: list[SignatureDefT] | Maybe
    externalBufferGroups: Maybe
    externalBuffers: Maybe
    @classmethod
    def InitFromPackedBuf(cls, buf: bytes, pos: int = ...) -> ModelT: ...

class _Options(_Packs):
    """Options of an operator; a field that is not named here may still be one of the schema's."""

    def __getattr__(self, name: str) -> Any: ...
    def __setattr__(self, name: str, value: Any) -> None: ...

class ArgMinOptionsT(_Options): ...
class BatchMatMulOptionsT(_Options): ...

class ConcatenationOptionsT(_Options):
    def __init__(self, axis: int = ..., fusedActivationFunction: int = ...) -> None: ...

class Pool2DOptionsT(_Options):
    def __init__(
        self,
        padding: int = ...,
        strideW: int = ...,
        strideH: int = ...,
        filterWidth: int = ...,
        filterHeight: int = ...,
        fusedActivationFunction: int = ...,
    ) -> None: ...

class SparsityParametersT(_Options): ...

class ShapeOptionsT(_Options):
    def __init__(self, outType: int = ...) -> None: ...

class SqueezeOptionsT(_Options):
    def __init__(self, squeezeDims: Vector = ...) -> None: ...

class StridedSliceOptionsT(_Options): ...
class SVDFOptionsT(_Options): ...

class Tensor:
    """A tensor that is read where it lies."""

    def Shape(self, index: int) -> int: ...
    def ShapeLength(self) -> int: ...

class Buffer:
    """Constant data that is read where it lies."""

    def Data(self, index: int) -> int: ...
    def DataLength(self) -> int: ...
    def DataAsNumpy(self) -> Any: ...

class SubGraph:
    """A graph that is read where it lies."""

    def Tensors(self, index: int) -> Tensor: ...
    def Inputs(self, index: int) -> int: ...
    def InputsLength(self) -> int: ...
    def OutputsLength(self) -> int: ...

class Model:
    """A file that is read where it lies."""

    @classmethod
    def GetRootAs(cls, buf: bytes, offset: int = ...) -> Model: ...
    def Subgraphs(self, index: int) -> SubGraph: ...
    def Buffers(self, index: int) -> Any: ...

def ModelStart(builder: flatbuffers.Builder) -> None: ...
def ModelAddSubgraphs(builder: flatbuffers.Builder, subgraphs: int) -> None: ...
def ModelStartSubgraphsVector(builder: flatbuffers.Builder, count: int) -> int: ...
def ModelEnd(builder: flatbuffers.Builder) -> int: ...
def BufferStart(builder: flatbuffers.Builder) -> None: ...
def BufferAddData(builder: flatbuffers.Builder, data: int) -> None: ...
def BufferEnd(builder: flatbuffers.Builder) -> int: ...
