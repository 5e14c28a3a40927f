// CONV_2D with int8 input and weights, without groups: a dense operator of whose rows each is a patch of the input.

#include <cstdint>

#include "kernels/delegate.h"
#include "kernels/dense.h"
#include "kernels/instructions.h"
#include "kernels/kernels.h"
#include "kernels/patches.h"
#include "tensorflow/lite/micro/kernels/conv.h"

namespace embbert::kernels {
namespace {

constexpr int kInput = 0, kWeights = 1, kBias = 2;

struct Data {
  int32_t* multipliers;
  int32_t* shifts;
  int16_t padding_y, padding_x;
  int8_t input_zero_point, output_zero_point, min, max;
};

// Whether our kernel is the faster one: below, too little is shared between columns.
bool IsWorthIt(const int* taps, const TfLiteConvParams& parameters) {
  const bool rows = taps[1] * taps[2] * parameters.stride_height * parameters.stride_width == 1;
  return rows ? taps[0] * taps[3] >= 256 : taps[0] >= 4;
}

bool IsOurs(TfLiteContext* context, const TfLiteNode* node) {
  const TfLiteEvalTensor* input = EvalInput(context, node, kInput);
  if (!IsInt8(input)) return false;
  const TfLiteEvalTensor* weights = EvalInput(context, node, kWeights);
  if (!IsInt8(weights) || input->dims->size != 4 || weights->dims->size != 4) return false;
  return input->dims->data[3] == weights->dims->data[3] &&
         IsWorthIt(weights->dims->data, *static_cast<const TfLiteConvParams*>(node->builtin_data));
}

[[gnu::cold]] TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  if (!IsOurs(context, node)) return PrepareStock(tflite::Register_CONV_2D(), context, node);
  PreparedTensors tensors(context, node);
  const TfLiteTensor* input = tensors.Input(kInput);
  const TfLiteTensor* weights = tensors.Input(kWeights);
  const TfLiteTensor* output = tensors.Output();
  TF_LITE_ENSURE(context, input != nullptr && weights != nullptr && output != nullptr);
  TF_LITE_ENSURE(context, output->dims->size == 4);
  TF_LITE_ENSURE_TYPES_EQ(context, output->type, kTfLiteInt8);
  const int *in = input->dims->data, *taps = weights->dims->data, *out = output->dims->data, channels = taps[0];
  const auto bytes = static_cast<size_t>(channels) * sizeof(int32_t);
  tflite::OpDataConv theirs = {};
  theirs.per_channel_output_multiplier = static_cast<int32_t*>(context->AllocatePersistentBuffer(context, bytes));
  theirs.per_channel_output_shift = static_cast<int32_t*>(context->AllocatePersistentBuffer(context, bytes));
  TF_LITE_ENSURE_STATUS(tflite::CalculateOpDataConv(context, node,
                                                    *static_cast<const TfLiteConvParams*>(node->builtin_data), in[2],
                                                    in[1], taps[2], taps[1], out[2], out[1], input->type, &theirs));
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
  const auto& parameters = *static_cast<const TfLiteConvParams*>(node->builtin_data);
  const Data& data = *static_cast<const Data*>(node->user_data);
  const int *in = input->dims->data, *taps = weights->dims->data, *out = output->dims->data;
  const Patches patches(
      input->data.int8,
      {in[1], out[1], taps[1], parameters.stride_height, parameters.dilation_height_factor, data.padding_y},
      {in[2], out[2], taps[2], parameters.stride_width, parameters.dilation_width_factor, data.padding_x}, in[3],
      data.input_zero_point);
  Dense dense;
  dense.rows = out[0] * out[1] * out[2];
  dense.depth = taps[1] * taps[2] * taps[3];
  dense.columns = out[3];
  dense.input = input->data.int8;
  dense.source = patches.AreRows() ? nullptr : &patches;
  dense.weights = weights->data.int8;
  dense.bias = bias ? bias->data.i32 : nullptr;
  dense.output = output->data.int8;
  dense.output_stride = dense.columns;
  dense.input_offset = -data.input_zero_point;
  dense.weights_offset = 0;
  dense.per_column = true;
  dense.multipliers = data.multipliers;
  dense.shifts = data.shifts;
  dense.range = {data.output_zero_point, data.min, data.max};
  ComputeDense(dense);
  return kTfLiteOk;
}

}  // namespace

// With MVE CMSIS-NN's kernel is the faster one.
TFLMRegistration Conv2D() {
  return EMBBERT_MVE ? tflite::Register_CONV_2D() : tflite::micro::RegisterOp(nullptr, Prepare, Invoke);
}

}  // namespace embbert::kernels
