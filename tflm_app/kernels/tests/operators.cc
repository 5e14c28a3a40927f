#include "operators.h"

#include "kernels/int32.h"
#include "kernels/kernels.h"
#include "tensorflow/lite/c/builtin_op_data.h"
#include "tensorflow/lite/micro/kernels/add.h"
#include "tensorflow/lite/micro/kernels/conv.h"
#include "tensorflow/lite/micro/kernels/depthwise_conv.h"
#include "tensorflow/lite/micro/kernels/fully_connected.h"
#include "tensorflow/lite/micro/kernels/micro_ops.h"
#include "tensorflow/lite/micro/kernels/mul.h"
#include "tensorflow/lite/micro/kernels/softmax.h"

namespace {

void FillBytes(Random& random, int8_t* bytes, int count) {
  for (int i = 0; i < count; ++i) bytes[i] = random.Byte();
}

// All 256 bytes, then `more` at random.
void FillAllBytes(Random& random, int8_t* bytes, int more) {
  for (int i = 0; i < 256; ++i) bytes[i] = static_cast<int8_t>(i);
  FillBytes(random, bytes + 256, more);
}

// A row of all values, some of a few, and sizes that are no multiple of four.
Outcome RunSoftmax(Random& random) {
  Case tensors;
  const bool all = random.OneIn(2);
  const int depth = all ? 256 : random.Integer(1, 77), rows = random.Integer(1, 3);
  int8_t* input = tensors.AddInt8({rows, depth}, random.Scale(1e-4f, 1), random.ZeroPoint());
  FillBytes(random, input, rows * depth);
  if (all) FillAllBytes(random, input, 0);
  tensors.AddInt8({rows, depth}, 1.0f / 256, -128);
  const TfLiteSoftmaxParams parameters = {random.OneIn(2) ? 1 : random.Scale(0.01f, 4)};
  return tensors.Run(tflite::Register_SOFTMAX(), embbert::kernels::Softmax(), &parameters);
}

template <TFLMRegistration (*kStock)(), TFLMRegistration (*kOurs)()>
Outcome RunTable(Random& random, float output_scale, int output_zero_point, float largest_scale) {
  Case tensors;
  const int more = random.OneIn(4) ? random.Integer(0, 100) : random.Integer(256, 300);
  FillAllBytes(random, tensors.AddInt8({1, 256 + more}, random.Scale(1e-3f, largest_scale), random.ZeroPoint()), more);
  tensors.AddInt8({1, 256 + more}, output_scale, output_zero_point);
  return tensors.Run(kStock(), kOurs(), nullptr);
}

Outcome RunLogistic(Random& random) {
  return RunTable<tflite::Register_LOGISTIC, embbert::kernels::Logistic>(random, 1.0f / 256, -128, 1);
}

Outcome RunTanh(Random& random) {
  return RunTable<tflite::Register_TANH, embbert::kernels::Tanh>(random, 1.0f / 128, 0, 1);
}

Outcome RunHardSwish(Random& random) {  // its Prepare refuses an output scale below the input's / 128
  return RunTable<tflite::Register_HARD_SWISH, embbert::kernels::HardSwish>(random, random.Scale(0.02f, 0.5f),
                                                                            random.ZeroPoint(), 1);
}

TfLiteFusedActivation RandomActivation(Random& random) {
  return random.OneIn(2) ? kTfLiteActNone : random.OneIn(2) ? kTfLiteActRelu : kTfLiteActRelu6;
}

// Weights' zero points, which CMSIS-NN leaves out of account in rank 3 (README.md), are held to TFLM in rank 2.
Outcome RunFullyConnected(Random& random) {
  Case tensors;
  const bool deep = random.OneIn(16);
  const int rows = random.Integer(1, 11), columns = random.Integer(1, deep ? 19 : 40);
  const int depth = deep ? random.Integer(250, 600) : random.Integer(1, 70);
  const bool per_column = random.OneIn(2), rank3 = random.OneIn(3), absent = random.OneIn(3);
  float scales[40];
  for (float& scale : scales) scale = random.Scale(1e-3f, 0.1f);
  const float input_scale = random.Scale(1e-3f, 0.1f);
  FillBytes(random, tensors.AddInt8({rows, depth}, input_scale, random.ZeroPoint()), rows * depth);
  int8_t* weights = per_column ? tensors.AddPerChannel({columns, depth}, scales, columns, 0)
                               : tensors.AddInt8({columns, depth}, scales[0], rank3 ? 0 : random.OneIn(3) ? random.ZeroPoint() : 0);
  FillBytes(random, weights, columns * depth);
  if (!absent) {
    int32_t* bias = tensors.AddInt32({columns}, input_scale * scales[0]);
    for (int i = 0; i < columns; ++i) bias[i] = static_cast<int32_t>(random.Next()) >> random.Integer(8, 24);
  }
  const float output_scale = input_scale * scales[0] * random.Scale(2, 4096);
  const int zero_point = random.ZeroPoint();
  if (rank3) {
    tensors.AddInt8({1, rows, columns}, output_scale, zero_point);
  } else {
    tensors.AddInt8({rows, columns}, output_scale, zero_point);
  }
  const TfLiteFullyConnectedParams parameters = {RandomActivation(random), kTfLiteFullyConnectedWeightsFormatDefault, false, false, kTfLiteNoType};
  return tensors.Run(tflite::Register_FULLY_CONNECTED(), embbert::kernels::FullyConnected(), &parameters, absent);
}

template <typename Parameters, TFLMRegistration (*kStock)(), TFLMRegistration (*kOurs)()>
Outcome RunElementwise(Random& random, float low, float high) {
  Case tensors;
  const int rows = random.Integer(1, 5), depth = random.OneIn(4) ? random.Integer(200, 400) : random.Integer(1, 50);
  const float a = random.Scale(1e-3f, 1), b = random.OneIn(5) ? a : random.Scale(1e-3f, 1);
  FillBytes(random, tensors.AddInt8({rows, depth}, a, random.ZeroPoint()), rows * depth);
  const bool broadcast = random.OneIn(10);
  FillBytes(random, tensors.AddInt8({broadcast ? 1 : rows, depth}, b, random.ZeroPoint()),
            broadcast ? depth : rows * depth);
  const float larger = a > b ? a : b;
  tensors.AddInt8({rows, depth}, larger * random.Scale(low, high), random.ZeroPoint());
  Parameters parameters = {};
  parameters.activation = RandomActivation(random);
  return tensors.Run(kStock(), kOurs(), &parameters);
}

// Of one shape, or one side of one number; the results fit 32 bits.
template <typename Parameters, TFLMRegistration (*kStock)(), TFLMRegistration (*kOurs)()>
Outcome RunInt32(Random& random, int bits) {
  Case tensors;
  const int rows = random.Integer(1, 3), depth = random.Integer(1, 70), alone = random.Integer(0, 2);
  for (int side = 0; side < 2; ++side) {
    const bool one = alone == side;
    int32_t* numbers = one ? tensors.AddInt32({1}) : tensors.AddInt32({rows, depth});
    for (int i = 0; i < (one ? 1 : rows * depth); ++i) numbers[i] = static_cast<int32_t>(random.Next()) >> random.Integer(32 - bits, 30);
  }
  tensors.AddInt32({rows, depth});
  Parameters parameters = {};
  parameters.activation = RandomActivation(random);
  return tensors.Run(kStock(), kOurs(), &parameters);
}

Outcome RunAdd(Random& random) {
  return RunElementwise<TfLiteAddParams, tflite::Register_ADD, embbert::kernels::Add>(random, 1e-3f, 8);
}

Outcome RunMul(Random& random) {
  if (random.OneIn(4)) {
    return RunInt32<TfLiteMulParams, tflite::Register_MUL, embbert::kernels::MulInt32>(random, 16);
  }
  return RunElementwise<TfLiteMulParams, tflite::Register_MUL, embbert::kernels::Mul>(random, 1e-3f, 8);
}

Outcome RunSub(Random& random) {
  return RunInt32<TfLiteSubParams, tflite::Register_SUB, embbert::kernels::SubInt32>(random, 31);
}

Outcome RunL2Normalization(Random& random) {
  Case tensors;
  const int rows = random.Integer(1, 4), depth = random.Integer(1, 140), zero_point = random.ZeroPoint();
  int8_t* input = tensors.AddInt8({rows, depth}, random.Scale(1e-3f, 1), zero_point);
  FillBytes(random, input, rows * depth);
  if (random.OneIn(4)) {  // a row of nothing but zeros, and one of small values
    for (int i = 0; i < depth; ++i) input[i] = static_cast<int8_t>(zero_point);
    for (int i = 0; i < depth && rows > 1; ++i) input[depth + i] = static_cast<int8_t>(zero_point ^ (random.OneIn(8)));
  }
  tensors.AddInt8({rows, depth}, 1.0f / 128, 0);
  const TfLiteL2NormParams parameters = {kTfLiteActNone};
  return tensors.Run(tflite::Register_L2_NORMALIZATION(), embbert::kernels::L2Normalization(), &parameters);
}

int Outputs(int inputs, int taps, int stride, int dilation, bool same) {
  const int reach = (taps - 1) * dilation + 1;
  return same ? (inputs + stride - 1) / stride : (inputs - reach + stride) / stride;
}

// One row of taps has no stride: with columns left over CMSIS-NN's kernel for a Cortex-M55, which is ours too, fails.
Outcome RunConvolution(Random& random) {
  Case tensors;
  const bool deep = random.OneIn(8), pointwise = random.OneIn(3);
  const int batches = random.OneIn(4) ? 2 : 1, depth = deep ? random.Integer(60, 150) : random.Integer(1, 18);
  const int columns = random.Integer(1, 20), groups = random.OneIn(10) && depth % 2 == 0 && columns % 2 == 0 ? 2 : 1;
  const int taps_y = pointwise ? 1 : random.Integer(1, 4), taps_x = pointwise ? 1 : random.Integer(1, 4);
  const int dilation_y = random.OneIn(4) ? 2 : 1, dilation_x = random.OneIn(4) ? random.Integer(2, 3) : 1;
  const int stride_y = random.OneIn(3) ? 2 : 1, stride_x = (taps_y > 1 || taps_x == 1) && random.OneIn(3) ? random.Integer(2, 3) : 1;
  const bool same = random.OneIn(2), per_tensor = random.OneIn(4);
  const int height = (taps_y - 1) * dilation_y + random.Integer(1, 5);
  const int width = (taps_x - 1) * dilation_x + random.Integer(1, 6);
  float scales[20];
  for (float& scale : scales) scale = random.Scale(1e-3f, 0.1f);
  const float input_scale = random.Scale(1e-3f, 0.1f);
  FillBytes(random, tensors.AddInt8({batches, height, width, depth}, input_scale, random.ZeroPoint()),
            batches * height * width * depth);
  FillBytes(random, tensors.AddPerChannel({columns, taps_y, taps_x, depth / groups}, scales, per_tensor ? 1 : columns, 0),
            columns * taps_y * taps_x * depth / groups);
  const bool absent = groups == 1 && random.OneIn(3);  // CMSIS-NN reads a bias of groups that is not there
  if (!absent) {
    int32_t* bias = tensors.AddInt32({columns}, input_scale * scales[0]);
    for (int i = 0; i < columns; ++i) bias[i] = static_cast<int32_t>(random.Next()) >> random.Integer(8, 24);
  }
  tensors.AddInt8({batches, Outputs(height, taps_y, stride_y, dilation_y, same),
                   Outputs(width, taps_x, stride_x, dilation_x, same), columns},
                  input_scale * scales[0] * random.Scale(1, 512), random.ZeroPoint());
  const TfLiteConvParams parameters = {same ? kTfLitePaddingSame : kTfLitePaddingValid, stride_x, stride_y,
                                       RandomActivation(random), dilation_x, dilation_y, kTfLiteNoType};
  return tensors.Run(tflite::Register_CONV_2D(), embbert::kernels::Conv2D(), &parameters, absent);
}

#ifdef __ARM_FEATURE_MVE
constexpr int kMaxLineTaps = 18;  // CMSIS-NN takes 496 bytes of scratch a tap, and KernelRunner has 10,000
#else
constexpr int kMaxLineTaps = 33;
#endif

Outcome RunDepthwise(Random& random) {
  Case tensors;
  const bool line = random.OneIn(2);
  const int batches = random.OneIn(4) ? 2 : 1, channels = random.Integer(1, 18), multiplier = random.OneIn(10) ? 2 : 1;
  const int taps_y = line ? 1 : random.Integer(1, 4), taps_x = line ? random.Integer(1, kMaxLineTaps) : random.Integer(1, 4);
  const int dilation_y = random.OneIn(4) ? 2 : 1, dilation_x = random.OneIn(4) ? random.Integer(2, 3) : 1;
  const int stride_y = random.OneIn(3) ? 2 : 1, stride_x = random.OneIn(3) ? random.Integer(2, 3) : 1;
  const bool same = random.OneIn(2), per_tensor = random.OneIn(4), absent = random.OneIn(3);
  const int height = (taps_y - 1) * dilation_y + random.Integer(1, 5), outputs = channels * multiplier;
  const int width = (taps_x - 1) * dilation_x + random.Integer(1, 9);
  float scales[36];
  for (float& scale : scales) scale = random.Scale(1e-3f, 0.1f);
  const float input_scale = random.Scale(1e-3f, 0.1f);
  FillBytes(random, tensors.AddInt8({batches, height, width, channels}, input_scale, random.ZeroPoint()),
            batches * height * width * channels);
  FillBytes(random, tensors.AddPerChannel({1, taps_y, taps_x, outputs}, scales, per_tensor ? 1 : outputs, 3),
            taps_y * taps_x * outputs);
  if (!absent) {
    int32_t* bias = tensors.AddInt32({outputs}, input_scale * scales[0]);
    for (int i = 0; i < outputs; ++i) bias[i] = static_cast<int32_t>(random.Next()) >> random.Integer(8, 24);
  }
  tensors.AddInt8({batches, Outputs(height, taps_y, stride_y, dilation_y, same),
                   Outputs(width, taps_x, stride_x, dilation_x, same), outputs},
                  input_scale * scales[0] * random.Scale(1, 512), random.ZeroPoint());
  const TfLiteDepthwiseConvParams parameters = {same ? kTfLitePaddingSame : kTfLitePaddingValid, stride_x, stride_y,
                                                multiplier, RandomActivation(random), dilation_x, dilation_y};
  return tensors.Run(tflite::Register_DEPTHWISE_CONV_2D(), embbert::kernels::DepthwiseConv2D(), &parameters);
}

}  // namespace

const Operator kOperators[] = {
    {"ADD", RunAdd},
    {"CONV_2D", RunConvolution},
    {"DEPTHWISE_CONV_2D", RunDepthwise},
    {"EMBBERT_BLOCK", RunBlock},
    {"FULLY_CONNECTED", RunFullyConnected},
    {"HARD_SWISH", RunHardSwish},
    {"L2_NORMALIZATION", RunL2Normalization},
    {"LOGISTIC", RunLogistic},
    {"MUL", RunMul},
    {"SOFTMAX", RunSoftmax},
    {"SUB", RunSub},
    {"TANH", RunTanh},
};
const int kOperatorCount = sizeof(kOperators) / sizeof(kOperators[0]);
