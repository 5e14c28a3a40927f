// FULLY_CONNECTED with int8 input and weights, one scale for all of these or one a column.

#include <cstddef>
#include <cstdint>

#include "kernels/delegate.h"
#include "kernels/dense.h"
#include "kernels/instructions.h"
#include "kernels/kernels.h"
#include "tensorflow/lite/micro/kernels/fully_connected.h"

namespace embbert::kernels {
namespace {

constexpr int kInput = 0, kWeights = 1, kBias = 2;

struct Data {
  int32_t multiplier, shift;
  int32_t* multipliers;  // null: one for all columns
  int32_t* shifts;
  int8_t input_zero_point, weights_zero_point, output_zero_point, min, max;
};

// Whether our kernel is the faster one: below, too little is shared between rows or between columns. With MVE, CMSIS-NN
// has the sums of weights from its Prepare, which pays for one or two rows, and for few that go by its four at once.
bool IsWorthIt(int rows, int depth, int columns) {
  if (EMBBERT_MVE) return rows >= 3 && rows != 4 && rows != 8;
  return depth * columns >= 256 && (rows >= 3 || depth >= 64);
}

bool IsOurs(TfLiteContext* context, const TfLiteNode* node) {
  if (!IsInt8(EvalInput(context, node, kInput))) return false;  // the weights are not looked up: floats lose no time
  const TfLiteEvalTensor *weights = EvalInput(context, node, kWeights), *output = EvalOutput(context, node);
  if (!IsInt8(weights) || output == nullptr) return false;
  const int columns = output->dims->data[output->dims->size - 1], depth = weights->dims->data[weights->dims->size - 1];
  return kAlone || IsWorthIt(CountElements(*output->dims) / columns, depth, columns);
}

Data DataOf(const tflite::OpDataFullyConnected& theirs) {
  const bool per_column = theirs.is_per_channel;
  return {theirs.output_multiplier,
          theirs.output_shift,
          per_column ? theirs.per_channel_output_multiplier : nullptr,
          per_column ? theirs.per_channel_output_shift : nullptr,
          static_cast<int8_t>(theirs.input_zero_point),
          static_cast<int8_t>(theirs.filter_zero_point),
          static_cast<int8_t>(theirs.output_zero_point),
          static_cast<int8_t>(theirs.output_activation_min),
          static_cast<int8_t>(theirs.output_activation_max)};
}

[[gnu::cold]] TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  if (!IsOurs(context, node)) return PrepareIfLinked<tflite::Register_FULLY_CONNECTED>(context, node);
  PreparedTensors tensors(context, node);
  const TfLiteTensor* input = tensors.Input(kInput);
  const TfLiteTensor* weights = tensors.Input(kWeights);
  const TfLiteTensor* bias = tensors.Input(kBias);
  TfLiteTensor* output = tensors.Output();
  TF_LITE_ENSURE(context, input != nullptr && weights != nullptr && output != nullptr);
  TF_LITE_ENSURE_TYPES_EQ(context, output->type, kTfLiteInt8);
  const auto* parameters = static_cast<const TfLiteFullyConnectedParams*>(node->builtin_data);
  tflite::OpDataFullyConnected theirs = {};
  TF_LITE_ENSURE_STATUS(tflite::CalculateOpDataFullyConnected(context, parameters->activation, input->type, input,
                                                              weights, bias, output, &theirs));
  auto* data = AllocateData<Data>(context, node);
  TF_LITE_ENSURE(context, data != nullptr);
  *data = DataOf(theirs);
  return kTfLiteOk;
}

TfLiteStatus Invoke(TfLiteContext* context, TfLiteNode* node) {
  if (const InvokeFunction invoke = StockInvoke(node)) return invoke(context, node);
  const TfLiteEvalTensor *input = EvalInput(context, node, kInput), *weights = EvalInput(context, node, kWeights);
  const TfLiteEvalTensor *bias = EvalInput(context, node, kBias), *output = EvalOutput(context, node);
  const Data& data = *static_cast<const Data*>(node->user_data);
  Dense dense;
  dense.columns = output->dims->data[output->dims->size - 1];
  dense.depth = weights->dims->data[weights->dims->size - 1];
  dense.rows = CountElements(*output->dims) / dense.columns;
  dense.input = input->data.int8;
  dense.weights = weights->data.int8;
  dense.bias = bias ? bias->data.i32 : nullptr;
  dense.output = output->data.int8;
  dense.output_stride = dense.columns;
  dense.input_offset = -data.input_zero_point;
  dense.weights_offset = -data.weights_zero_point;
  dense.per_column = data.multipliers != nullptr;
  dense.multipliers = dense.per_column ? data.multipliers : &data.multiplier;
  dense.shifts = dense.per_column ? data.shifts : &data.shift;
  dense.range = {data.output_zero_point, data.min, data.max};
  ComputeDense(dense);
  return kTfLiteOk;
}

}  // namespace

TFLMRegistration FullyConnected() { return tflite::micro::RegisterOp(nullptr, Prepare, Invoke); }

}  // namespace embbert::kernels
