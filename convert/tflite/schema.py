"""The tables of a .tflite file that a device or these tools read, and the numbers in them.

A table's fields are in the order of their slots, as tensorflow/compiler/mlir/lite/schema/schema.fbs numbers them (read
at TFLM 90b983c2b; that the tflite-micro package has the same is what tests/convert/tflite/test_schema.py holds).
StableHLO's operators and constants outside of the file, which no device takes, are not read. The names are those of
flatc's Python classes: ModelT, and the options by theirs, SoftmaxOptionsT (`operator_tables.py`).
"""

from typing import Any

from convert.tflite.flatbuffer import Maybe, Table, Vector, read_root, scalar, string, table, union, vector
from convert.tflite.operator_tables import OPTIONS, BuiltinOperator, BuiltinOptions, numbered

__all__ = ["BuiltinOperator", "BuiltinOptions"]

TensorType = numbered(
    "FLOAT32 FLOAT16 INT32 UINT8 INT64 STRING BOOL INT16 COMPLEX64 INT8 FLOAT64 COMPLEX128 UINT64 RESOURCE VARIANT "
    "UINT32 UINT16 INT4 BFLOAT16 INT2 UINT4 FLOAT8_E4M3FN FLOAT8_E5M2"
)
Padding = numbered("SAME VALID")
ActivationFunctionType = numbered("NONE RELU RELU_N1_TO_1 RELU6 TANH SIGN_BIT")


class BufferT(Table):
    """The bytes of constants, here or at an offset behind the flatbuffer."""

    data: Vector = vector("B")
    offset: int = scalar("Q")
    size: int = scalar("Q")


class CustomQuantizationT(Table):
    """Quantisation that only its maker understands."""

    custom: Vector = vector("B")


class BlockwiseQuantizationT(Table):
    """Quantisation with parameters for each block of a dimension; they are other tensors."""

    scales: int = scalar("i")
    zeroPoints: int = scalar("i")
    blockSize: int = scalar("i")
    blockShape: Vector = vector("i")


class MultiAxisQuantizationT(Table):
    """Quantisation with parameters along several dimensions; they are other tensors."""

    scales: int = scalar("i")
    zeroPoints: int = scalar("i")
    blockSize: int = scalar("i")
    quantizedDimensions: Vector = vector("i")


class QuantizationParametersT(Table):
    """What the integers of a tensor stand for."""

    min: Vector = vector("f")
    max: Vector = vector("f")
    scale: Vector = vector("f")
    zeroPoint: Vector = vector("q")
    detailsType: int = scalar("B")
    details: Maybe = union({1: CustomQuantizationT, 2: BlockwiseQuantizationT, 3: MultiAxisQuantizationT})
    quantizedDimension: int = scalar("i")


class Int32VectorT(Table):
    """Indices of a sparse dimension."""

    values: Vector = vector("i")


class Uint16VectorT(Table):
    """Indices of a sparse dimension."""

    values: Vector = vector("H")


class Uint8VectorT(Table):
    """Indices of a sparse dimension."""

    values: Vector = vector("B")


INDICES = {1: Int32VectorT, 2: Uint16VectorT, 3: Uint8VectorT}


class DimensionMetadataT(Table):
    """How a dimension of a sparse tensor is stored."""

    format: int = scalar("b")
    denseSize: int = scalar("i")
    arraySegmentsType: int = scalar("B")
    arraySegments: Maybe = union(INDICES)
    arrayIndicesType: int = scalar("B")
    arrayIndices: Maybe = union(INDICES)


class SparsityParametersT(Table):
    """How a sparse tensor is stored."""

    traversalOrder: Vector = vector("i")
    blockMap: Vector = vector("i")
    dimMetadata: list[DimensionMetadataT] | Maybe = vector(DimensionMetadataT)


class VariantSubTypeT(Table):
    """What a tensor of type VARIANT holds."""

    shape: Vector = vector("i")
    type: int = scalar("b")
    hasRank: bool = scalar("?")


class TensorT(Table):
    """A tensor of a graph; `buffer` is where its constant is, `shapeSignature` has -1 for what training left open."""

    shape: Vector = vector("i")
    type: int = scalar("b")
    buffer: int = scalar("I")
    name: bytes | Maybe = string()
    quantization: QuantizationParametersT | Maybe = table(QuantizationParametersT)
    isVariable: bool = scalar("?")
    sparsity: SparsityParametersT | Maybe = table(SparsityParametersT)
    shapeSignature: Vector = vector("i")
    hasRank: bool = scalar("?")
    variantTensors: list[VariantSubTypeT] | Maybe = vector(VariantSubTypeT)
    externalBuffer: int = scalar("I")


class OperatorT(Table):
    """An operator of a graph; -1 among its inputs is one left out."""

    opcodeIndex: int = scalar("I")
    inputs: Vector = vector("i")
    outputs: Vector = vector("i")
    builtinOptionsType: int = scalar("B")
    builtinOptions: Any = union(OPTIONS)
    customOptions: Vector = vector("B")
    customOptionsFormat: int = scalar("b")
    mutatingVariableInputs: Vector = vector("?")
    intermediates: Vector = vector("i")
    largeCustomOptionsOffset: int = scalar("Q")
    largeCustomOptionsSize: int = scalar("Q")
    builtinOptions2Type: int = scalar("B")
    builtinOptions2: Any = union({})  # StableHLO's
    debugMetadataIndex: int = scalar("i", -1)


class OperatorCodeT(Table):
    """A kind of operators; the first field is the number in one byte, for readers of the first schema."""

    deprecatedBuiltinCode: int = scalar("b")
    customCode: bytes | Maybe = string()
    version: int = scalar("i", 1)
    builtinCode: int = scalar("i")


class SubGraphT(Table):
    """A graph; operators in the order in which they run."""

    tensors: list[TensorT] = vector(TensorT)
    inputs: Vector = vector("i")
    outputs: Vector = vector("i")
    operators: list[OperatorT] = vector(OperatorT)
    name: bytes | Maybe = string()
    debugMetadataIndex: int = scalar("i", -1)


class MetadataT(Table):
    """A buffer by a name."""

    name: bytes | Maybe = string()
    buffer: int = scalar("I")


class TensorMapT(Table):
    """A tensor of a graph by a name."""

    name: bytes | Maybe = string()
    tensorIndex: int = scalar("I")


class SignatureDefT(Table):
    """Names of a graph's inputs and outputs."""

    inputs: list[TensorMapT] = vector(TensorMapT)
    outputs: list[TensorMapT] = vector(TensorMapT)
    signatureKey: bytes | Maybe = string()
    subgraphIndex: int = scalar("I", skip=1)


class ModelT(Table):
    """A file."""

    version: int = scalar("I")
    operatorCodes: list[OperatorCodeT] = vector(OperatorCodeT)
    subgraphs: list[SubGraphT] = vector(SubGraphT)
    description: bytes | Maybe = string()
    buffers: list[BufferT] = vector(BufferT)
    metadataBuffer: Vector = vector("i")
    metadata: list[MetadataT] | Maybe = vector(MetadataT)
    signatureDefs: list[SignatureDefT] | Maybe = vector(SignatureDefT)


def unpack_model(data: bytes) -> ModelT:
    """The tables of a file that was verified (`verifier.py`); vectors are views of `data`, None where it has none.

    Raises:
        ValueError, struct.error: the options of an operator are not within the file.
    """
    return read_root(ModelT, data)


def __getattr__(name: str) -> Any:
    """The options of an operator by the name of their class."""
    for kind in OPTIONS.values():
        if kind.__name__ == name:
            return kind
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
