// What -DKERNELS=stock links in the place of our kernels: TFLM's own.

#include "kernels/kernels.h"
#include "tensorflow/lite/micro/kernels/add.h"
#include "tensorflow/lite/micro/kernels/conv.h"
#include "tensorflow/lite/micro/kernels/depthwise_conv.h"
#include "tensorflow/lite/micro/kernels/fully_connected.h"
#include "tensorflow/lite/micro/kernels/micro_ops.h"
#include "tensorflow/lite/micro/kernels/mul.h"
#include "tensorflow/lite/micro/kernels/softmax.h"

namespace embbert::kernels {

TFLMRegistration Add() { return tflite::Register_ADD(); }
TFLMRegistration Conv2D() { return tflite::Register_CONV_2D(); }
TFLMRegistration DepthwiseConv2D() { return tflite::Register_DEPTHWISE_CONV_2D(); }
TFLMRegistration FullyConnected() { return tflite::Register_FULLY_CONNECTED(); }
TFLMRegistration HardSwish() { return tflite::Register_HARD_SWISH(); }
TFLMRegistration L2Normalization() { return tflite::Register_L2_NORMALIZATION(); }
TFLMRegistration Logistic() { return tflite::Register_LOGISTIC(); }
TFLMRegistration Mul() { return tflite::Register_MUL(); }
TFLMRegistration Softmax() { return tflite::Register_SOFTMAX(); }
TFLMRegistration Sub() { return tflite::Register_SUB(); }
TFLMRegistration Tanh() { return tflite::Register_TANH(); }

}  // namespace embbert::kernels
