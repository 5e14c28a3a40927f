// ADD and MUL of two int8 tensors of one shape; a broadcast is TFLM's own kernel's.

#include <cstddef>
#include <cstdint>

#include "kernels/delegate.h"
#include "kernels/kernels.h"
#include "kernels/rescale.h"
#include "tensorflow/lite/micro/kernels/add.h"
#include "tensorflow/lite/micro/kernels/mul.h"

namespace embbert::kernels {
namespace {

// Multiplier and shift of a rescaling.
struct Factor {
  int32_t multiplier;
  int32_t shift;
};

struct AddData {
  Factor first, second, output;
  int8_t first_zero_point, second_zero_point, output_zero_point, min, max;
};

struct MulData {
  Factor output;
  int8_t first_zero_point, second_zero_point, output_zero_point, min, max;
};

template <typename Data>
OutputRange RangeOf(const Data& data) {
  return {data.output_zero_point, data.min, data.max};
}

struct Operands {
  const int8_t *first, *second;
  int8_t* output;
  size_t count;
};

bool HaveOneShape(const TfLiteIntArray* first, const TfLiteIntArray* second) {
  if (first->size != second->size) return false;
  for (int i = 0; i < first->size; ++i) {
    if (first->data[i] != second->data[i]) return false;
  }
  return true;
}

bool IsOurs(const TfLiteEvalTensor* first, const TfLiteEvalTensor* second) {
  return IsInt8(first) && IsInt8(second) && HaveOneShape(first->dims, second->dims);
}

constexpr int kAddLeftShift = 20;  // of the inputs, before their scales are made one

#if EMBBERT_MVE

inline VectorRescale VectorOf(const Factor& factor) {
  return VectorRescale(vdupq_n_s32(factor.multiplier), vdupq_n_s32(factor.shift));
}

// Writes combine(a, b) of each pair of elements, four at a time; combine gets them with the zero points taken off.
template <typename Data, typename Combine>
void Elementwise(const Data& data, const Operands& operands, const Combine& combine) {
  const OutputRange range = RangeOf(data);
  for (size_t i = 0; i < operands.count; i += 4) {
    const mve_pred16_t some = vctp32q(operands.count - i);
    const int32x4_t a = vsubq_n_s32(vldrbq_z_s32(operands.first + i, some), data.first_zero_point);
    const int32x4_t b = vsubq_n_s32(vldrbq_z_s32(operands.second + i, some), data.second_zero_point);
    vstrbq_p_s32(operands.output + i, Clamp(combine(a, b), range), some);
  }
}

void Add(const AddData& data, const Operands& operands) {
  const VectorRescale first = VectorOf(data.first), second = VectorOf(data.second), output = VectorOf(data.output);
  Elementwise(data, operands, [&](int32x4_t a, int32x4_t b) {
    return output(vaddq_s32(first(vshlq_n_s32(a, kAddLeftShift)), second(vshlq_n_s32(b, kAddLeftShift))));
  });
}

void Mul(const MulData& data, const Operands& operands) {
  const VectorRescale output = VectorOf(data.output);
  Elementwise(data, operands, [&](int32x4_t a, int32x4_t b) { return output(vmulq_s32(a, b)); });
}

#else

// What one input contributes for each of its 256 values.
[[gnu::noinline]] void FillTerms(const Factor& factor, int32_t zero_point, int32_t* terms) {
  WithExactRescale(factor.multiplier, factor.shift, [=](const auto& rescale) {
    for (int32_t value = INT8_MIN; value <= INT8_MAX; ++value) {
      terms[value + 128] = rescale((value - zero_point) * (1 << kAddLeftShift));
    }
  });
}

// Below this many elements, filling the tables takes longer than they save.
constexpr size_t kWorthTables = 1024;

void AddByTables(const AddData& data, const Operands& operands) {
  int32_t first[256], second[256];
  FillTerms(data.first, data.first_zero_point, first);
  FillTerms(data.second, data.second_zero_point, second);
  const int32_t *a_terms = first + 128, *b_terms = second + 128;
  WithRescale(data.output.multiplier, data.output.shift, RangeOf(data), [&](const auto& byte) {
    const int8_t *a = operands.first, *b = operands.second;
    int8_t* output = operands.output;
    for (size_t i = operands.count; i > 0; --i) *output++ = byte(a_terms[*a++] + b_terms[*b++]);
  });
}

void Add(const AddData& data, const Operands& operands) {
  if (operands.count >= kWorthTables) return AddByTables(data, operands);
  const ExactRescale first(data.first.multiplier, data.first.shift), second(data.second.multiplier, data.second.shift);
  const ExactRescale rescale(data.output.multiplier, data.output.shift);
  for (size_t i = 0; i < operands.count; ++i) {
    const int32_t a = (operands.first[i] - data.first_zero_point) * (1 << kAddLeftShift);
    const int32_t b = (operands.second[i] - data.second_zero_point) * (1 << kAddLeftShift);
    operands.output[i] = Clamp(rescale(first(a) + second(b)), RangeOf(data));
  }
}

void Mul(const MulData& data, const Operands& operands) {
  WithRescale(data.output.multiplier, data.output.shift, RangeOf(data), [&](const auto& byte) {
    const int32_t a_zero = data.first_zero_point, b_zero = data.second_zero_point;
    const int8_t *a = operands.first, *b = operands.second;
    int8_t* output = operands.output;
    for (size_t i = operands.count; i > 0; --i) *output++ = byte((*a++ - a_zero) * (*b++ - b_zero));
  });
}

#endif

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
  AddData* data = AllocateData<AddData>(context, node);
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
    return PrepareStock(tflite::Register_MUL(), context, node);
  }
  PreparedTensors tensors(context, node);
  const PreparedOperands operands(tensors);
  TF_LITE_ENSURE(context, operands);
  TF_LITE_ENSURE_TYPES_EQ(context, operands.output->type, kTfLiteInt8);
  tflite::OpDataMul theirs = {};
  TF_LITE_ENSURE_STATUS(
      tflite::CalculateOpDataMul(context, node, static_cast<TfLiteMulParams*>(node->builtin_data), &theirs));
  MulData* data = AllocateData<MulData>(context, node);
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
  return tflite::micro::RegisterOp(nullptr, PrepareAdd, Invoke<AddData, Add>);
}

TFLMRegistration Mul() {
  return tflite::micro::RegisterOp(nullptr, PrepareMul, Invoke<MulData, Mul>);
}

}  // namespace embbert::kernels
