// TFLM kernels of ours that answer the bytes of TFLM's own in fewer instructions, as registrations for its resolver:
//
//   resolver.AddSoftmax(embbert::kernels::Softmax());
//
// Each takes int8 tensors itself and hands all else, and what TFLM's kernel of the same operator computes faster, to that.
// No heap, no static memory, no scratch. See README.md.

#ifndef EMBBERT_KERNELS_KERNELS_H_
#define EMBBERT_KERNELS_KERNELS_H_

#include "tensorflow/lite/micro/micro_common.h"

namespace embbert::kernels {

TFLMRegistration Add();
TFLMRegistration Conv2D();
TFLMRegistration DepthwiseConv2D();
TFLMRegistration FullyConnected();
TFLMRegistration HardSwish();
TFLMRegistration L2Normalization();
TFLMRegistration Logistic();
TFLMRegistration Mul();
TFLMRegistration Softmax();
TFLMRegistration Sub();  // ours with KERNELS=alone, and of int32
TFLMRegistration Tanh();

// A custom operator, which TFLM has no kernel for: resolver.AddCustom("EMBBERT_BLOCK", EmbbertBlock()). See block.h.
const TFLMRegistration* EmbbertBlock();

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_KERNELS_H_
