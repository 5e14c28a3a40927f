// DEPTHWISE_CONV_2D with int8 input and weights, a depth multiplier of 1 and at most kMaxTaps taps.

#include <cstdint>

#include "kernels/delegate.h"
#include "kernels/depthwise.h"
#include "kernels/kernels.h"
#include "tensorflow/lite/micro/kernels/conv.h"
#include "tensorflow/lite/micro/kernels/depthwise_conv.h"

namespace embbert::kernels {
namespace {

constexpr int kInput = 0, kWeights = 1, kBias = 2;

struct Data {
  int32_t* multipliers;
  int32_t* shifts;
  int16_t padding_y, padding_x;
  int8_t input_zero_point, output_zero_point, min, max;
};

// Whether CMSIS-NN's kernel is faster: without vectors the one for 3 x 3 taps, with MVE that of a plane.
bool IsTheirs(const int* in, const int* taps, const TfLiteNode* node) {
  const auto& parameters = *static_cast<const TfLiteDepthwiseConvParams*>(node->builtin_data);
  if (parameters.dilation_height_factor > 1 || parameters.dilation_width_factor > 1) return false;
  if (EMBBERT_MVE) return in[0] == 1 && (taps[1] > 1 || taps[2] < kLeastLineTaps);
  return taps[1] == 3 && taps[2] == 3;
}

bool IsOurs(const TfLiteEvalTensor* input, const TfLiteEvalTensor* weights, const TfLiteNode* node) {
  if (!IsInt8(input) || !IsInt8(weights) || input->dims->size != 4 || weights->dims->size != 4) return false;
  const int *in = input->dims->data, *taps = weights->dims->data;
  return in[3] == taps[3] && taps[1] * taps[2] <= kMaxTaps && (kAlone || !IsTheirs(in, taps, node));
}

[[gnu::cold]] TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  if (!IsOurs(EvalInput(context, node, kInput), EvalInput(context, node, kWeights), node)) {
    return PrepareIfLinked<tflite::Register_DEPTHWISE_CONV_2D>(context, node);
  }
  PreparedTensors tensors(context, node);
  const TfLiteTensor* input = tensors.Input(kInput);
  const TfLiteTensor* weights = tensors.Input(kWeights);
  const TfLiteTensor* output = tensors.Output();
  TF_LITE_ENSURE(context, input != nullptr && weights != nullptr && output != nullptr);
  TF_LITE_ENSURE(context, output->dims->size == 4);
  TF_LITE_ENSURE_TYPES_EQ(context, output->type, kTfLiteInt8);
  TF_LITE_ENSURE_EQ(context, weights->quantization.type, kTfLiteAffineQuantization);
  const auto* scale = static_cast<const TfLiteAffineQuantization*>(weights->quantization.params)->scale;
  const int *in = input->dims->data, *taps = weights->dims->data, *out = output->dims->data, channels = taps[3];
  TF_LITE_ENSURE(context, scale->size == 1 || scale->size == channels);
  const auto bytes = static_cast<size_t>(channels) * sizeof(int32_t);
  tflite::OpDataConv theirs = {};
  theirs.per_channel_output_multiplier = static_cast<int32_t*>(context->AllocatePersistentBuffer(context, bytes));
  theirs.per_channel_output_shift = static_cast<int32_t*>(context->AllocatePersistentBuffer(context, bytes));
  TF_LITE_ENSURE_STATUS(tflite::CalculateOpDataDepthwiseConv(
      context, node, *static_cast<const TfLiteDepthwiseConvParams*>(node->builtin_data), in[2], in[1], taps[2], taps[1],
      out[2], out[1], input->type, &theirs));
  auto* data = AllocateData<Data>(context, node);
  TF_LITE_ENSURE(context, data != nullptr);
  *data = {theirs.per_channel_output_multiplier,
           theirs.per_channel_output_shift,
           static_cast<int16_t>(theirs.padding.height),
           static_cast<int16_t>(theirs.padding.width),
           static_cast<int8_t>(theirs.input_zero_point),
           static_cast<int8_t>(theirs.output_zero_point),
           static_cast<int8_t>(theirs.output_activation_min),
           static_cast<int8_t>(theirs.output_activation_max)};
  return kTfLiteOk;
}

TfLiteStatus Invoke(TfLiteContext* context, TfLiteNode* node) {
  if (const InvokeFunction invoke = StockInvoke(node)) return invoke(context, node);
  const TfLiteEvalTensor *input = EvalInput(context, node, kInput), *weights = EvalInput(context, node, kWeights);
  const TfLiteEvalTensor *bias = EvalInput(context, node, kBias), *output = EvalOutput(context, node);
  const auto& parameters = *static_cast<const TfLiteDepthwiseConvParams*>(node->builtin_data);
  const Data& data = *static_cast<const Data*>(node->user_data);
  const int *in = input->dims->data, *taps = weights->dims->data, *out = output->dims->data;
  Depthwise depthwise;
  depthwise.batches = in[0];
  depthwise.channels = in[3];
  depthwise.y = {in[1], out[1], taps[1], parameters.stride_height, parameters.dilation_height_factor, data.padding_y};
  depthwise.x = {in[2], out[2], taps[2], parameters.stride_width, parameters.dilation_width_factor, data.padding_x};
  depthwise.input = input->data.int8;
  depthwise.weights = weights->data.int8;
  depthwise.bias = bias ? bias->data.i32 : nullptr;
  depthwise.output = output->data.int8;
  depthwise.input_offset = -data.input_zero_point;
  depthwise.multipliers = data.multipliers;
  depthwise.shifts = data.shifts;
  depthwise.range = {data.output_zero_point, data.min, data.max};
  ComputeDepthwise(depthwise);
  return kTfLiteOk;
}

}  // namespace

TFLMRegistration DepthwiseConv2D() { return tflite::micro::RegisterOp(nullptr, Prepare, Invoke); }

}  // namespace embbert::kernels
