// The root of TFLM's kernel (tensorflow/lite/kernels/internal/reference/integer_ops/l2normalization.h), one a row, with
// faster loops around it.

#include "kernels/normalize.h"

#include "kernels/fixed_point.h"
#include "kernels/rescale.h"

namespace embbert::kernels {
namespace {

constexpr int kOutputBits = 7;  // the output's scale is 1 / 128, its zero point 0
constexpr OutputRange kRange = {0, INT8_MIN, INT8_MAX};

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

}  // namespace

void NormalizeRows(const int8_t* input, size_t count, size_t depth, int32_t zero_point, int8_t* output) {
  for (size_t i = 0; i < count; i += depth) {
    int32_t multiplier;
    int shift;
    InverseRoot(SumOfSquares(input + i, depth, zero_point), &multiplier, &shift);
    Scale(input + i, depth, zero_point, multiplier, shift + kOutputBits, output + i);
  }
}

}  // namespace embbert::kernels
