// A resolver with the operators of EmbBERT at any length.

#ifndef BENCHMARKS_FIRMWARE_EMBBERT_OPS_H_
#define BENCHMARKS_FIRMWARE_EMBBERT_OPS_H_

#include "kernels/kernels.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

namespace kernels = embbert::kernels;  // ours or, with KERNELS=stock, TFLM's

class Operators : public tflite::MicroMutableOpResolver<16> {
 public:
  Operators() {
    AddAdd(kernels::Add());
    AddConcatenation();
    AddCustom("EMBBERT_BLOCK", kernels::EmbbertBlock());
    AddDepthwiseConv2D(kernels::DepthwiseConv2D());
    AddFullyConnected(kernels::FullyConnected());
    AddGather();
    AddL2Normalization(kernels::L2Normalization());
    AddLogistic(kernels::Logistic());
    AddMul(kernels::Mul());
    AddPad();
    AddReshape();
    AddSlice();
    AddSoftmax(kernels::Softmax());
    AddSplitV();
    AddSub();
    AddTranspose();
  }
};

#endif  // BENCHMARKS_FIRMWARE_EMBBERT_OPS_H_
