// A resolver with every operator that TFLM registers (tensorflow/lite/micro/micro_mutable_op_resolver.h).

#ifndef BENCHMARKS_FIRMWARE_ALL_OPS_H_
#define BENCHMARKS_FIRMWARE_ALL_OPS_H_

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

class AllOps : public tflite::MicroMutableOpResolver<128> {
 public:
  AllOps() {
    AddArithmetic();
    AddComparisons();
    AddLayers();
    AddShapes();
    AddControl();
    AddSignal();
  }

 private:
  void AddArithmetic() {
    AddAbs(); AddAdd(); AddAddN(); AddCast(); AddCeil(); AddCos(); AddCumSum(); AddDequantize();
    AddDiv(); AddElu(); AddExp(); AddFloor(); AddFloorDiv(); AddFloorMod(); AddHardSwish();
    AddL2Normalization(); AddLeakyRelu(); AddLog(); AddLogSoftmax(); AddLogistic(); AddMaximum();
    AddMean(); AddMinimum(); AddMul(); AddNeg(); AddPrelu(); AddQuantize(); AddReduceAll();
    AddReduceMax(); AddReduceMin(); AddRelu(); AddRelu6(); AddRound(); AddRsqrt(); AddSin();
    AddSoftmax(); AddSqrt(); AddSquare(); AddSquaredDifference(); AddSub(); AddSum(); AddTanh();
  }

  void AddComparisons() {
    AddArgMax(); AddArgMin(); AddEqual(); AddGreater(); AddGreaterEqual(); AddLess();
    AddLessEqual(); AddLogicalAnd(); AddLogicalNot(); AddLogicalOr(); AddNotEqual(); AddSelectV2();
  }

  void AddLayers() {
    AddAveragePool2D(); AddBatchMatMul(); AddConv2D(); AddDepthwiseConv2D();
    AddDetectionPostprocess(); AddEmbeddingLookup(); AddEthosU(); AddFullyConnected();
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
