// L2_NORMALIZATION of int8 rows: the root of TFLM's kernel
// (tensorflow/lite/kernels/internal/reference/integer_ops/l2normalization.h), one a row, with faster loops around it.

#include <cstddef>
#include <cstdint>

#include "kernels/delegate.h"
#include "kernels/fixed_point.h"
#include "kernels/kernels.h"
#include "kernels/rescale.h"
#include "tensorflow/lite/micro/kernels/micro_ops.h"

namespace embbert::kernels {
namespace {

constexpr int kOutputBits = 7;  // the output's scale is 1 / 128, its zero point 0
constexpr OutputRange kRange = {0, INT8_MIN, INT8_MAX};

struct Data {
  int32_t zero_point;
};

#if EMBBERT_MVE

int32_t SumOfSquares(const int8_t* row, size_t depth, int32_t zero_point) {
  int32_t sum = 0;
  for (size_t i = 0; i < depth; i += 8) {
    const mve_pred16_t some = vctp16q(depth - i);
    const int16x8_t x = vsubq_n_s16(vldrbq_z_s16(row + i, some), static_cast<int16_t>(zero_point));
    sum = vmladavaq_p_s16(sum, x, x, some);
  }
  return sum;
}

void Scale(const int8_t* row, size_t depth, int32_t zero_point, int32_t multiplier, int shift, int8_t* output) {
  const VectorRescale rescale(vdupq_n_s32(multiplier), vdupq_n_s32(shift));
  for (size_t i = 0; i < depth; i += 4) {
    const mve_pred16_t some = vctp32q(depth - i);
    const int32x4_t x = vsubq_n_s32(vldrbq_z_s32(row + i, some), zero_point);
    vstrbq_p_s32(output + i, Clamp(rescale(x), kRange), some);
  }
}

#else

int32_t SumOfSquares(const int8_t* row, size_t depth, int32_t zero_point) {
  int32_t sum = 0;
  size_t i = 0;
#if EMBBERT_DSP
  const uint32_t offsets = HalvesOf(-zero_point);
  for (; i + 4 <= depth; i += 4) {
    const uint32_t word = LoadWord(row + i);
    const uint32_t even = AddEvenBytes(offsets, word), odd = AddOddBytes(offsets, word);
    sum = AddProducts(odd, odd, AddProducts(even, even, sum));
  }
#endif
  for (; i < depth; ++i) sum += (row[i] - zero_point) * (row[i] - zero_point);
  return sum;
}

void Scale(const int8_t* row, size_t depth, int32_t zero_point, int32_t multiplier, int shift, int8_t* output) {
  WithRescale(multiplier, shift, kRange, [=](const auto& byte) {
    const int8_t* x = row;
    int8_t* y = output;
    for (size_t i = depth; i > 0; --i) *y++ = byte(*x++ - zero_point);
  });
}

#endif

[[gnu::cold]] TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  if (!IsInt8(EvalInput(context, node, 0))) return PrepareIfLinked<tflite::Register_L2_NORMALIZATION>(context, node);
  PreparedTensors tensors(context, node);
  const TfLiteTensor* input = tensors.Input(0);
  const TfLiteTensor* output = tensors.Output();
  TF_LITE_ENSURE(context, input != nullptr && output != nullptr);
  TF_LITE_ENSURE_TYPES_EQ(context, output->type, kTfLiteInt8);
  const auto* parameters = static_cast<const TfLiteL2NormParams*>(node->builtin_data);
  TF_LITE_ENSURE_EQ(context, parameters->activation, kTfLiteActNone);
  Data* data = AllocateData<Data>(context, node);
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
  for (size_t i = 0; i < count; i += depth) {
    const int8_t* row = input->data.int8 + i;
    int32_t multiplier;
    int shift;
    InverseRoot(SumOfSquares(row, depth, zero_point), &multiplier, &shift);
    Scale(row, depth, zero_point, multiplier, shift + kOutputBits, output->data.int8 + i);
  }
  return kTfLiteOk;
}

}  // namespace

TFLMRegistration L2Normalization() { return tflite::micro::RegisterOp(nullptr, Prepare, Invoke); }

}  // namespace embbert::kernels
