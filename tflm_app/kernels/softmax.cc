// SOFTMAX of int8 to int8.

#include <cstddef>

#include "kernels/delegate.h"
#include "kernels/kernels.h"
#include "kernels/probabilities.h"
#include "tensorflow/lite/micro/kernels/softmax.h"

namespace embbert::kernels {
namespace {

bool IsOurs(TfLiteContext* context, const TfLiteNode* node) {
  return IsInt8(EvalInput(context, node, 0)) && IsInt8(EvalOutput(context, node));
}

[[gnu::cold]] TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  TF_LITE_ENSURE(context, node->inputs->size == 1 && node->outputs->size == 1);
  if (!IsOurs(context, node)) return PrepareIfLinked<tflite::Register_SOFTMAX>(context, node);
  PreparedTensors tensors(context, node);
  const TfLiteTensor* input = tensors.Input(0);
  TfLiteTensor* output = tensors.Output();
  TF_LITE_ENSURE(context, input != nullptr && output != nullptr);
  tflite::SoftmaxParams parameters = {};
  TF_LITE_ENSURE_STATUS(tflite::CalculateSoftmaxParams(
      context, input, output, static_cast<const TfLiteSoftmaxParams*>(node->builtin_data), &parameters));
  auto* data = AllocateData<ExpScale>(context, node);
  TF_LITE_ENSURE(context, data != nullptr);
  *data = {parameters.input_multiplier, parameters.input_left_shift, parameters.diff_min};
  return kTfLiteOk;
}

TfLiteStatus Invoke(TfLiteContext* context, TfLiteNode* node) {
  if (const InvokeFunction invoke = StockInvoke(node)) return invoke(context, node);
  const TfLiteEvalTensor *input = EvalInput(context, node, 0), *output = EvalOutput(context, node);
  const auto count = static_cast<size_t>(CountElements(*input->dims));
  const auto depth = static_cast<size_t>(input->dims->data[input->dims->size - 1]);
  SoftmaxRows(*static_cast<const ExpScale*>(node->user_data), input->data.int8, count, depth, output->data.int8);
  return kTfLiteOk;
}

}  // namespace

TFLMRegistration Softmax() { return tflite::micro::RegisterOp(nullptr, Prepare, Invoke); }

}  // namespace embbert::kernels
