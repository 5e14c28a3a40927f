// ADD and MUL of two int8 tensors of one shape; a broadcast is TFLM's own kernel's, and so is SUB. Where ours are linked
// alone, SUB and MUL of int32 are ours too.

#include <cstddef>
#include <cstdint>

#include "kernels/delegate.h"
#include "kernels/elementwise.h"
#include "kernels/int32.h"
#include "kernels/kernels.h"
#include "tensorflow/lite/micro/kernels/add.h"
#include "tensorflow/lite/micro/kernels/micro_ops.h"
#include "tensorflow/lite/micro/kernels/mul.h"

namespace embbert::kernels {
namespace {

bool HaveOneShape(const TfLiteIntArray* first, const TfLiteIntArray* second) {
  if (first->size != second->size) return false;
  for (int i = 0; i < first->size; ++i) {
    if (first->data[i] != second->data[i]) return false;
  }
  return true;
}

// TFLM's kernel, or where ours are linked alone the one of int32.
template <TFLMRegistration (*kStock)(), TFLMRegistration (*kInt32)()>
TFLMRegistration AllElse() {
  if constexpr (kAlone) {
    return kInt32();
  } else {
    return kStock();
  }
}

bool IsOurs(const TfLiteEvalTensor* first, const TfLiteEvalTensor* second) {
  return IsInt8(first) && IsInt8(second) && HaveOneShape(first->dims, second->dims);
}

// The inputs and the output of a node while it is prepared; false where one is missing.
struct PreparedOperands {
  const TfLiteTensor *first, *second;
  TfLiteTensor* output;

  explicit PreparedOperands(PreparedTensors& tensors)
      : first(tensors.Input(0)), second(tensors.Input(1)), output(tensors.Output()) {}
  explicit operator bool() const { return first != nullptr && second != nullptr && output != nullptr; }
};

[[gnu::cold]] TfLiteStatus PrepareAdd(TfLiteContext* context, TfLiteNode* node) {
  if (!IsOurs(EvalInput(context, node, 0), EvalInput(context, node, 1))) {
    return PrepareIfLinked<tflite::Register_ADD>(context, node);
  }
  PreparedTensors tensors(context, node);
  const PreparedOperands operands(tensors);
  TF_LITE_ENSURE(context, operands);
  TF_LITE_ENSURE_TYPES_EQ(context, operands.output->type, kTfLiteInt8);
  tflite::OpDataAdd theirs = {};
  TF_LITE_ENSURE_STATUS(tflite::CalculateOpDataAdd(context, static_cast<TfLiteAddParams*>(node->builtin_data),
                                                   operands.first, operands.second, operands.output, &theirs));
  auto* data = AllocateData<AddData>(context, node);
  TF_LITE_ENSURE(context, data != nullptr);
  *data = {{theirs.input1_multiplier, theirs.input1_shift},
           {theirs.input2_multiplier, theirs.input2_shift},
           {theirs.output_multiplier, theirs.output_shift},
           static_cast<int8_t>(-theirs.input1_offset),
           static_cast<int8_t>(-theirs.input2_offset),
           static_cast<int8_t>(theirs.output_offset),
           static_cast<int8_t>(theirs.output_activation_min),
           static_cast<int8_t>(theirs.output_activation_max)};
  return kTfLiteOk;
}

[[gnu::cold]] TfLiteStatus PrepareMul(TfLiteContext* context, TfLiteNode* node) {
  if (!IsOurs(EvalInput(context, node, 0), EvalInput(context, node, 1))) {
    return PrepareStock(AllElse<tflite::Register_MUL, MulInt32>(), context, node);
  }
  PreparedTensors tensors(context, node);
  const PreparedOperands operands(tensors);
  TF_LITE_ENSURE(context, operands);
  TF_LITE_ENSURE_TYPES_EQ(context, operands.output->type, kTfLiteInt8);
  tflite::OpDataMul theirs = {};
  TF_LITE_ENSURE_STATUS(
      tflite::CalculateOpDataMul(context, node, static_cast<TfLiteMulParams*>(node->builtin_data), &theirs));
  auto* data = AllocateData<MulData>(context, node);
  TF_LITE_ENSURE(context, data != nullptr);
  *data = {{theirs.output_multiplier, theirs.output_shift},
           static_cast<int8_t>(theirs.input1_zero_point),
           static_cast<int8_t>(theirs.input2_zero_point),
           static_cast<int8_t>(theirs.output_zero_point),
           static_cast<int8_t>(theirs.output_activation_min),
           static_cast<int8_t>(theirs.output_activation_max)};
  return kTfLiteOk;
}

template <typename Data, void (*kCompute)(const Data&, const Operands&)>
TfLiteStatus Invoke(TfLiteContext* context, TfLiteNode* node) {
  if (const InvokeFunction invoke = StockInvoke(node)) return invoke(context, node);
  const TfLiteEvalTensor *first = EvalInput(context, node, 0), *second = EvalInput(context, node, 1);
  const TfLiteEvalTensor* output = EvalOutput(context, node);
  const auto count = static_cast<size_t>(CountElements(*output->dims));
  kCompute(*static_cast<const Data*>(node->user_data),
           {first->data.int8, second->data.int8, output->data.int8, count});
  return kTfLiteOk;
}

}  // namespace

TFLMRegistration Add() {
  return tflite::micro::RegisterOp(nullptr, PrepareAdd, Invoke<AddData, ComputeAdd>);
}

TFLMRegistration Mul() {
  return tflite::micro::RegisterOp(nullptr, PrepareMul, Invoke<MulData, ComputeMul>);
}

TFLMRegistration Sub() { return AllElse<tflite::Register_SUB, SubInt32>(); }

}  // namespace embbert::kernels
