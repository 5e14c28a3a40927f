// L2_NORMALIZATION of int8.

#include <cstddef>
#include <cstdint>

#include "kernels/delegate.h"
#include "kernels/kernels.h"
#include "kernels/normalize.h"
#include "tensorflow/lite/micro/kernels/micro_ops.h"

namespace embbert::kernels {
namespace {

struct Data {
  int32_t zero_point;
};

[[gnu::cold]] TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  if (!IsInt8(EvalInput(context, node, 0))) return PrepareIfLinked<tflite::Register_L2_NORMALIZATION>(context, node);
  PreparedTensors tensors(context, node);
  const TfLiteTensor* input = tensors.Input(0);
  const TfLiteTensor* output = tensors.Output();
  TF_LITE_ENSURE(context, input != nullptr && output != nullptr);
  TF_LITE_ENSURE_TYPES_EQ(context, output->type, kTfLiteInt8);
  const auto* parameters = static_cast<const TfLiteL2NormParams*>(node->builtin_data);
  TF_LITE_ENSURE_EQ(context, parameters->activation, kTfLiteActNone);
  auto* data = AllocateData<Data>(context, node);
  TF_LITE_ENSURE(context, data != nullptr);
  data->zero_point = input->params.zero_point;
  return kTfLiteOk;
}

TfLiteStatus Invoke(TfLiteContext* context, TfLiteNode* node) {
  if (const InvokeFunction invoke = StockInvoke(node)) return invoke(context, node);
  const TfLiteEvalTensor *input = EvalInput(context, node, 0), *output = EvalOutput(context, node);
  const int32_t zero_point = static_cast<const Data*>(node->user_data)->zero_point;
  const auto count = static_cast<size_t>(CountElements(*input->dims));
  const auto depth = static_cast<size_t>(input->dims->data[input->dims->size - 1]);
  NormalizeRows(input->data.int8, count, depth, zero_point, output->data.int8);
  return kTfLiteOk;
}

}  // namespace

TFLMRegistration L2Normalization() { return tflite::micro::RegisterOp(nullptr, Prepare, Invoke); }

}  // namespace embbert::kernels
