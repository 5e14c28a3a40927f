"""The structs that TFLM keeps in its arena, and how large a build of it makes them.

Each struct is its fields in the order of declaration: types or other structs, each with an optional count (`int*5`).
Sizes follow by the C rules of layout. The fields were read in TFLM's sources at commit 90b983c2b, as they are with
TF_LITE_STATIC_MEMORY. A field marked + is there only with USE_TFLM_COMPRESSION, one marked > only at the commit of
the tflite-micro package, one marked < only with KERNELS_OPTIMIZED_FOR_SIZE.
"""

from dataclasses import dataclass, replace
from functools import cache


def align_up(value: int, alignment: int) -> int:
    """The next multiple of `alignment` from `value` on (memory_helpers.cc, AlignSizeUp)."""
    return -(-value // alignment) * alignment


@dataclass(frozen=True, eq=False)  # by identity: sizes are looked up often
class Build:
    """A build of TFLM: what its compiler makes of C types, and which of its options change the structs.

    Attributes:
        name: what the build is called.
        pointer: bytes of a pointer and of size_t.
        enum: bytes of a C enum of few values: AAPCS with -fshort-enums, the default of arm-none-eabi-gcc, makes it one.
        simd: which of CMSIS-NN's variants the core runs: scalar, dsp or mve.
        keeps_sums: whether TFLM is built with KERNELS_OPTIMIZED_FOR_SPEED, its Makefile's default.
        recording: whether the interpreter has a RecordingMicroAllocator.
        compression: whether TFLM is built with USE_TFLM_COMPRESSION.
        wheel_commit: whether TFLM is at 8f6596d, as the Python package is, and not at 90b983c2b.
        age: of an older TFLM, whose structs are those of `OLDER` where they differ; empty for today's.
    """

    name: str
    pointer: int
    enum: int
    simd: str = "scalar"
    keeps_sums: bool = True
    recording: bool = False
    compression: bool = False
    wheel_commit: bool = False
    age: str = ""

    def size(self, struct: str) -> int:
        """sizeof a struct of `STRUCTS`."""
        return self.layout(struct)[0]

    @cache  # noqa: B019 (the builds are few and stay)
    def layout(self, word: str) -> tuple[int, int]:
        """sizeof and alignof of a field's type or of a struct."""
        if word in ("ptr", "size", "enum"):
            return (self.enum, self.enum) if word == "enum" else (self.pointer, self.pointer)
        if word in FIELDS:
            return FIELDS[word], FIELDS[word]
        _, end, alignment = self._place(word)
        return align_up(end, alignment), alignment

    def after_last(self, struct: str) -> int:
        """Bytes from a struct's last field to its end, padding included."""
        offset, _, _ = self._place(struct)
        return self.size(struct) - offset

    def int_array(self, length: int) -> int:
        """Bytes of a TfLiteIntArray (core/c/common.cc): its length and its ints."""
        return FIELDS["int"] * (1 + length)

    @cache  # noqa: B019
    def _place(self, struct: str) -> tuple[int, int, int]:
        """Where a struct's last field begins and ends, and the struct's alignment."""
        offset, end, alignment = 0, 0, 1
        for kind, count in self._fields(struct):
            size, own = self.layout(kind)
            offset = align_up(end, own)
            end = offset + size * count
            alignment = max(alignment, own)
        return offset, end, alignment

    def _fields(self, struct: str) -> list[tuple[str, int]]:
        absent = ("" if self.compression else "+") + ("" if self.wheel_commit else ">") + "<" * self.keeps_sums
        fields = OLDER.get(self.age, {}).get(struct, STRUCTS[struct])
        words = [word for word in fields.split() if word[0] not in absent]
        pairs = (word.lstrip("+><").partition("*") for word in words)
        return [(kind, int(count or 1)) for kind, _, count in pairs]


HOST64 = Build("host64", pointer=8, enum=4, wheel_commit=True)
ARM32 = Build("arm32", pointer=4, enum=1)  # with CMSIS-NN: Cortex-M0+, M3
ARM32_DSP = replace(ARM32, name="arm32 dsp", simd="dsp")  # M4, M7, M33
ARM32_MVE = replace(ARM32, name="arm32 mve", simd="mve")  # M55, M85
ARM32_MVE_FOR_SIZE = replace(ARM32_MVE, name="arm32 mve for size", keeps_sums=False)
ARDUINO = replace(ARM32, name="arm32, 2023-02", age="2023-02")
PICO = replace(ARM32, name="arm32, 2024-12", age="2024-12", keeps_sums=False)
WHEEL = replace(HOST64, name="tflite-micro wheel", recording=True, compression=True)  # the Python package

# Sizes that all builds share; byte: char, bool and enum classes of uint8_t. ptr also stands for a virtual table.
FIELDS = {"byte": 1, "short": 2, "int": 4, "float": 4, "long": 8, "double": 8}

STRUCTS = {
    # micro/arena_allocator/single_arena_buffer_allocator.h (two bases), recording_single_arena_buffer_allocator.h
    "SingleArenaBufferAllocator": "ptr*2 ptr*5 ptr int",
    "RecordingSingleArenaBufferAllocator": "SingleArenaBufferAllocator size*4",
    # micro/memory_planner/greedy_memory_planner.h; PlannedBuffer is what the planner keeps of each
    # (per_buffer_size): requirements, size, id, list entry, offset
    "GreedyMemoryPlanner": "ptr int*2 ptr*4 int*2 ptr byte",
    "PlannedBuffer": "int*4 int int int*3 int",
    # micro/micro_allocator.h, micro_allocator.cc, recording_micro_allocator.h
    "MicroAllocator": "ptr ptr*4 byte size ptr size",
    "RecordedAllocation": "size*3",
    "RecordingMicroAllocator": "MicroAllocator ptr RecordedAllocation*7 +RecordedAllocation",
    "MicroBuiltinDataAllocator": "ptr ptr",
    "SubgraphAllocations": "ptr*2 +ptr",
    "NodeAndRegistration": "TfLiteNode ptr",
    "ScratchBufferHandle": "ptr",
    "ScratchBufferRequest": "size int*2",
    # micro/micro_allocation_info.h
    "AllocationInfo": "size ptr int*3 byte",
    "SubgraphOffset": "size",
    # micro/micro_resource_variable.h
    "MicroResourceVariables": "ptr int*2",
    "MicroResourceVariable": "ptr*3 size byte",
    # core/c/common.h
    "TfLiteQuantization": "int ptr",
    "TfLiteQuantizationParams": "float int",
    "TfLiteAffineQuantization": "ptr*2 int",
    "TfLiteTensor": "TfLiteQuantization TfLiteQuantizationParams ptr ptr size enum*2 byte",
    "TfLiteEvalTensor": "ptr ptr enum",
    "TfLiteNode": "ptr*6 int",
    # compiler/mlir/lite/core/c/builtin_op_data.h
    "TfLiteAddParams": "enum byte",
    "TfLiteArgMaxParams": "enum",
    "TfLiteBatchMatMulParams": "byte*3",
    "TfLiteCallOnceParams": "int",
    "TfLiteCastParams": "enum*2",
    "TfLiteConcatenationParams": "int enum",
    "TfLiteConvParams": "enum int*2 enum int*2 enum",
    "TfLiteCumsumParams": "byte*2",
    "TfLiteDepthToSpaceParams": "int",
    "TfLiteDepthwiseConvParams": "enum int*3 enum int*2",
    "TfLiteDivParams": "enum",
    "TfLiteFullyConnectedParams": "enum*2 byte*2 enum >ptr >size",
    "TfLiteGatherParams": "int*2",
    "TfLiteIfParams": "int*2",
    "TfLiteL2NormParams": "enum",
    "TfLiteLeakyReluParams": "float",
    "TfLiteMirrorPaddingParams": "enum",
    "TfLiteMulParams": "enum",
    "TfLitePackParams": "int*2",
    "TfLitePoolParams": "enum int*4 enum int*4",
    "TfLiteReducerParams": "byte",
    "TfLiteReshapeParams": "int*8 int",
    "TfLiteResizeBilinearParams": "byte*2",
    "TfLiteResizeNearestNeighborParams": "byte*2",
    "TfLiteShapeParams": "enum",
    "TfLiteSoftmaxParams": "float",
    "TfLiteSpaceToDepthParams": "int",
    "TfLiteSplitParams": "int",
    "TfLiteSqueezeParams": "int*8 int",
    "TfLiteStridedSliceParams": "int*5 byte",
    "TfLiteSubParams": "enum byte",
    "TfLiteSVDFParams": "int enum byte",
    "TfLiteTransposeConvParams": "enum int*2 enum*2",
    "TfLiteUnidirectionalSequenceLSTMParams": "enum float*2 byte*3",
    "TfLiteUnpackParams": "int*2",
    "TfLiteVarHandleParams": "ptr*2",
    "TfLiteWhileParams": "int*2",
    # kernels/internal/types.h
    "ArithmeticParams": "byte int*12 float*2 long*2 short*2 int*5",
    "ComparisonParams": "int*7 byte",
    "ConcatenationParams": "int ptr*2 int*2 float",
    "ConvParams": "byte short*4 short*4 int*7 float*2",
    "DequantizationParams": "double int",
    "FullyConnectedParams": "int*7 float*2 byte*3",
    "HardSwishParams": "short*3 int short int",
    "L2NormalizationParams": "int",
    "PadParams": "byte int*5 byte int*5 byte",
    "PreluParams": "int*7",
    "QuantizationParams": "int double",
    "ReluParams": "byte int*2 int*4",
    "SoftmaxParams": "double int*6 float ptr*5",
    "SpaceToBatchParams": "int",
    "StridedSliceParams": "byte int*5 byte int*5 byte int*5 short*5 byte",
    # micro/kernels/*.h and *.cc, by the file of the operator
    "OpDataAbsRsqrt": "int*4 byte int enum",
    "OpDataAdd": "byte int*12 float*2",
    "OpDataAddN": "int*10",
    "OpDataAssignVariable": "+int",
    "OpDataBatchMatmul": "ptr*3 byte*3",
    "QuantizationOpDataBatchMatmul": "int*7",
    "OpDataCircularBuffer": "int*2",
    "OpDataDetection": "int*3 float*2 int byte float*4 int*11 float int float int float int",  # its own is an OpData
    "OpDataCallOnce": "int byte",
    "OpDataComparison": "ComparisonParams",
    "OpDataConcatenation": "ConcatenationParams +int*10",
    "OpDataConv": "int*4 int*5 ptr*2 int*3 +int*2",
    "OpDataCumsum": "int*9",
    "DequantizeOpData": "DequantizationParams int*3",
    "OpDataDiv": "int*7",
    "OpDataElu": "byte*256",
    "OpDataEmbeddingLookup": "float size",
    "OpDataFullyConnected": "int*9 ptr*2 byte +int*2",
    "OpDataIf": "int*2",
    "LeakyReluOpData": "int*6",
    "LogSoftmaxOpData": "int*5 size*2",
    "OpDataLogistic": "int*4",
    "LstmSizeInfo": "byte int*4",
    "CellStateInfo": "float short int",
    "GateParameters": "FullyConnectedParams*2",
    "OpDataLSTM": "LstmSizeInfo CellStateInfo enum GateParameters*4 ArithmeticParams*3 int*4",
    "OpDataMirrorPad": "int*5",
    "OpDataMul": "int*7 float*2",
    "OpDataPad": "PadParams int",
    "OpDataPooling": "int*4 int*2 float*2",
    "OpDataQuantizeReference": "QuantizationParams int*3",
    "OpDataReduce": "int*6 float int float int*2",
    "Relu6OpData": "int*2",
    "OpDataSelect": "byte",
    "OpDataSquaredDifference": "byte ArithmeticParams",
    "OpDataSub": "byte int*12",
    "OpDataSvdf": "int*9",
    "OpDataTanh": "int*4",
    "OpDataTransposeConv": "ConvParams int +int*2 int ptr*2",
    "OpDataVarHandle": "int",
    "OpDataWhile": "int*2",
    # signal/micro/kernels/*.cc, signal/src/*.h, and kissfft's state but for its twiddles
    "CircularBuffer": "size*3 int*2 ptr",
    "FilterbankConfig": "int ptr*5 int*2",
    "SpectralSubtractionConfig": "int*8 byte",
    "SignalDelayParams": "int*3 ptr*2",
    "SignalEnergyParams": "int*2",
    "SignalFilterBankParams": "FilterbankConfig ptr",
    "SignalLogParams": "int*2",
    "SignalSpectralSubtractionParams": "SpectralSubtractionConfig ptr size",
    "SignalFramerParams": "int*4 byte ptr*2",
    "SignalIrfftParams": "int*4 enum ptr",
    "SignalOverlapAddParams": "int*4 enum ptr",
    "SignalPcanParams": "int",
    "SignalRfftParams": "int*4 enum ptr int ptr",
    "SignalStackerParams": "int*4 size*2 byte ptr*2",
    "SignalWindowParams": "int*2",
    "IrfftFloatState": "ptr int",
    "kiss_fft_state": "int*2 int*64",
    "kiss_fftr_state": "ptr*3",
    # micro/kernels/cmsis_nn/*.cc, where they are called OpData or as here, and CMSIS-NN's arm_nn_types.h
    "CmsisNnDims": "int*4",
    "CmsisNnLstmGate": "int*2 ptr*2 int*2 ptr*3 enum",
    "CmsisNnLstmParams": "int*15 CmsisNnLstmGate*4",
    "CmsisNnOpDataBatchMatmul": "OpDataBatchMatmul CmsisNnDims int",
    "CmsisNnOpDataConv": "OpDataConv int",
    "CmsisNnOpDataFullyConnected": "OpDataFullyConnected int*2 ptr int*3",
    "CmsisNnOpDataLSTM": "OpDataLSTM CmsisNnLstmParams",
    "CmsisNnOpDataPooling": "OpDataPooling int",
    "CMSISNNSoftmaxParams": "SoftmaxParams int*2",
    "CmsisNnOpDataSvdf": "int*5 <int int*4 ptr",
    "CmsisNnOpDataTransposeConv": "ConvParams int*3 ptr*2",
    # tflm_app/kernels/*.cc, where they are called Data, AddData and MulData
    "FastAddData": "int*6 byte*5",
    "FastConvolutionData": "ptr*2 short*2 byte*4",  # of both convolutions
    "FastBlockData": "int",
    "FastFullyConnectedData": "int*2 ptr*2 byte*5",
    "FastL2Data": "int",
    "FastMulData": "int*2 byte*5",
    "FastSoftmaxData": "int*3",
}

# The structs of older TFLMs where they differ: of February 2023 as tflite-micro-arduino-examples 7948b85e has them,
# which is compiled without TF_LITE_STATIC_MEMORY, and of December 2024 as pico-tflmicro dfea53b has them.
OLDER = {
    "2023-02": {
        "TfLiteTensor": "enum ptr*2 TfLiteQuantizationParams enum size ptr*3 int byte*2 TfLiteQuantization ptr*2",
        "TfLiteNode": "ptr*7 int ptr byte",
        "TfLiteConvParams": "enum int*2 enum int*2",
        "TfLiteFullyConnectedParams": "enum*2 byte*2",
        "TfLiteStridedSliceParams": "int*5",
        "TfLiteTransposeConvParams": "enum int*2 enum",
        "ArithmeticParams": "byte int*12 float*2 long*2 int*5",
        "ConcatenationParams": "byte ptr*2 short int float",
        "StridedSliceParams": "byte int*5 byte int*5 byte int*5 short*5",
        "OpDataAbsRsqrt": "int*4 byte enum*2",
        "OpDataFullyConnected": "int*9",
        "OpDataReduce": "int*5 float int float int*2",
        "OpDataSelect": "byte*2",
        "Relu6OpData": "byte*2",
        "CmsisNnOpDataFullyConnected": "OpDataFullyConnected ptr*2 int*4",
    },
    "2024-12": {"ConcatenationParams": "byte ptr*2 short int float", "OpDataReduce": "int*5 float int float int*2"},
}
