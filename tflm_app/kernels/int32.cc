#include "kernels/int32.h"

#include <algorithm>
#include <cstdint>

#include "kernels/delegate.h"
#include "tensorflow/lite/kernels/kernel_util.h"

namespace embbert::kernels {
namespace {

// Without a sign, so that an overflow is no error.
uint32_t Difference(uint32_t first, uint32_t second) { return first - second; }
uint32_t Product(uint32_t first, uint32_t second) { return first * second; }

// Whether an operand has a number for each of `count` results, or one for all.
bool Fits(const TfLiteEvalTensor* operand, int count) {
  if (operand == nullptr || operand->type != kTfLiteInt32) return false;
  const int elements = CountElements(*operand->dims);
  return elements == count || elements == 1;
}

[[gnu::cold]] TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  const TfLiteEvalTensor* output = EvalOutput(context, node);
  TF_LITE_ENSURE_TYPES_EQ(context, output->type, kTfLiteInt32);
  const int count = CountElements(*output->dims);
  TF_LITE_ENSURE(context, Fits(EvalInput(context, node, 0), count) && Fits(EvalInput(context, node, 1), count));
  return kTfLiteOk;
}

template <typename Parameters, uint32_t (*kCompute)(uint32_t, uint32_t)>
TfLiteStatus Invoke(TfLiteContext* context, TfLiteNode* node) {
  const TfLiteEvalTensor *first = EvalInput(context, node, 0), *second = EvalInput(context, node, 1);
  const TfLiteEvalTensor* output = EvalOutput(context, node);
  const int count = CountElements(*output->dims);
  const int first_step = CountElements(*first->dims) == count, second_step = CountElements(*second->dims) == count;
  int32_t least = 0, most = 0;
  tflite::CalculateActivationRange(static_cast<const Parameters*>(node->builtin_data)->activation, &least, &most);
  for (int i = 0; i < count; ++i) {
    const auto a = static_cast<uint32_t>(first->data.i32[i * first_step]);
    const auto b = static_cast<uint32_t>(second->data.i32[i * second_step]);
    output->data.i32[i] = std::clamp(static_cast<int32_t>(kCompute(a, b)), least, most);
  }
  return kTfLiteOk;
}

}  // namespace

TFLMRegistration MulInt32() {
  return tflite::micro::RegisterOp(nullptr, Prepare, Invoke<TfLiteMulParams, Product>);
}

TFLMRegistration SubInt32() {
  return tflite::micro::RegisterOp(nullptr, Prepare, Invoke<TfLiteSubParams, Difference>);
}

}  // namespace embbert::kernels
