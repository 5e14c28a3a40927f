// A resolver with every operator that TFLM registers (tensorflow/lite/micro/micro_mutable_op_resolver.h).

#ifndef BENCHMARKS_FIRMWARE_ALL_OPS_H_
#define BENCHMARKS_FIRMWARE_ALL_OPS_H_

#include "kernels/kernels.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

namespace kernels = embbert::kernels;  // ours or, with KERNELS=stock, TFLM's

class Operators : public tflite::MicroMutableOpResolver<128> {
 public:
  Operators() {
    AddArithmetic();
    AddComparisons();
    AddLayers();
    AddShapes();
    AddControl();
    AddSignal();
  }

 private:
  void AddArithmetic() {
    AddAbs(); AddAdd(kernels::Add()); AddAddN(); AddCast(); AddCeil(); AddCos(); AddCumSum(); AddDequantize();
    AddDiv(); AddElu(); AddExp(); AddFloor(); AddFloorDiv(); AddFloorMod(); AddHardSwish(kernels::HardSwish());
    AddL2Normalization(kernels::L2Normalization()); AddLeakyRelu(); AddLog(); AddLogSoftmax();
    AddLogistic(kernels::Logistic()); AddMaximum(); AddMean(); AddMinimum(); AddMul(kernels::Mul()); AddNeg();
    AddPrelu(); AddQuantize(); AddReduceAll(); AddReduceMax(); AddReduceMin(); AddRelu(); AddRelu6(); AddRound();
    AddRsqrt(); AddSin(); AddSoftmax(kernels::Softmax()); AddSqrt(); AddSquare(); AddSquaredDifference(); AddSub();
    AddSum(); AddTanh(kernels::Tanh());
  }

  void AddComparisons() {
    AddArgMax(); AddArgMin(); AddEqual(); AddGreater(); AddGreaterEqual(); AddLess();
    AddLessEqual(); AddLogicalAnd(); AddLogicalNot(); AddLogicalOr(); AddNotEqual(); AddSelectV2();
  }

  void AddLayers() {
    AddAveragePool2D(); AddBatchMatMul(); AddConv2D(kernels::Conv2D()); AddDepthwiseConv2D(kernels::DepthwiseConv2D());
    AddCustom("EMBBERT_BLOCK", kernels::EmbbertBlock());
    AddDetectionPostprocess(); AddEmbeddingLookup(); AddEthosU(); AddFullyConnected(kernels::FullyConnected());
    AddL2Pool2D(); AddMaxPool2D(); AddResizeBilinear(); AddResizeNearestNeighbor(); AddSvdf();
    AddTransposeConv(); AddUnidirectionalSequenceLSTM();
  }

  void AddShapes() {
    AddBatchToSpaceNd(); AddBroadcastArgs(); AddBroadcastTo(); AddCircularBuffer();
    AddConcatenation(); AddDecode(); AddDepthToSpace(); AddDynamicUpdateSlice(); AddExpandDims();
    AddFill(); AddGather(); AddGatherNd(); AddMirrorPad(); AddPack(); AddPad(); AddPadV2();
    AddReshape(); AddReverseV2(); AddShape(); AddSlice(); AddSpaceToBatchNd(); AddSpaceToDepth();
    AddSplit(); AddSplitV(); AddSqueeze(); AddStridedSlice(); AddTranspose(); AddUnpack();
    AddZerosLike();
  }

  void AddControl() {
    AddAssignVariable(); AddCallOnce(); AddIf(); AddReadVariable(); AddVarHandle(); AddWhile();
  }

  void AddSignal() {
    AddDelay(); AddEnergy(); AddFftAutoScale(); AddFilterBank(); AddFilterBankLog();
    AddFilterBankSpectralSubtraction(); AddFilterBankSquareRoot(); AddFramer(); AddIrfft();
    AddOverlapAdd(); AddPCAN(); AddRfft(); AddStacker(); AddWindow();
  }

};

#endif  // BENCHMARKS_FIRMWARE_ALL_OPS_H_
