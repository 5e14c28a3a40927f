// Softmax by table: x - max has 256 values, so exp(beta * scale * (x - max)) is computed 256 times a call, in the fixed
// point of TFLM's kernel (tensorflow/lite/kernels/internal/reference/softmax.h), and one reciprocal a row.

#include "kernels/probabilities.h"

#include <algorithm>

#include "kernels/fixed_point.h"
#include "kernels/instructions.h"

namespace embbert::kernels {
namespace {

constexpr int kSumIntegerBits = 12;  // Q12.19 of the sum
constexpr size_t kValues = 256;

// Q0.31 of exp for diff = x - max.
int32_t Exp(const ExpScale& scale, int32_t diff) {
  return diff < scale.diff_min ? 0 : Exponential(diff, scale.multiplier, scale.left_shift);
}

#if EMBBERT_MVE

int32_t Maximum(const int8_t* row, size_t depth) {
  int8x16_t largest = vdupq_n_s8(INT8_MIN);
  for (size_t i = 0; i < depth; i += 16) {
    const mve_pred16_t some = vctp8q(depth - i);
    largest = vmaxq_m_s8(largest, largest, vldrbq_z_s8(row + i, some), some);
  }
  return vmaxvq_s8(INT8_MIN, largest);
}

// Four exps of a row; `table` begins at x = -128.
inline int32x4_t Exps(const int32_t* table, const int8_t* row, mve_pred16_t some) {
  const int32x4_t index = vaddq_n_s32(vldrbq_z_s32(row, some), 128);
  return vldrwq_gather_shifted_offset_z_s32(table, vreinterpretq_u32_s32(index), some);
}

int32_t Sum(const int32_t* table, const int8_t* row, size_t depth) {
  int32_t sum = 0;
  for (size_t i = 0; i < depth; i += 4) {
    sum = vaddvaq_s32(sum, vrshrq_n_s32(Exps(table, row + i, vctp32q(depth - i)), kSumIntegerBits));
  }
  return sum;
}

void Divide(const int32_t* table, const int8_t* row, size_t depth, int32_t reciprocal, int shift, int8_t* output) {
  const int32x4_t right = vdupq_n_s32(-shift);
  for (size_t i = 0; i < depth; i += 4) {
    const mve_pred16_t some = vctp32q(depth - i);
    const int32x4_t product = vqrdmulhq_n_s32(Exps(table, row + i, some), reciprocal);
    const int32x4_t quotient = vaddq_n_s32(vrshlq_s32(product, right), -128);
    vstrbq_p_s32(output + i, vminq_s32(quotient, vdupq_n_s32(INT8_MAX)), some);
  }
}

#else

int32_t Maximum(const int8_t* row, size_t depth) {
  int32_t largest = INT8_MIN;
  size_t i = 0;
#if EMBBERT_DSP
  auto four = static_cast<int8x4_t>(0x80808080u);
  for (; i + 4 <= depth; i += 4) {
    const auto next = static_cast<int8x4_t>(LoadWord(row + i));
    __ssub8(four, next);  // sets the flags that __sel reads
    four = static_cast<int8x4_t>(__sel(static_cast<uint8x4_t>(four), static_cast<uint8x4_t>(next)));
  }
  for (int byte = 0; byte < 32; byte += 8) {
    largest = std::max<int32_t>(largest, static_cast<int8_t>(static_cast<uint32_t>(four) >> byte));
  }
#endif
  for (; i < depth; ++i) largest = std::max<int32_t>(largest, row[i]);
  return largest;
}

// `table` begins at x = -128.
int32_t Sum(const int32_t* table, const int8_t* row, size_t depth) {
  const int32_t* exps = table + 128;
  uint32_t sum = 0;  // unsigned, as the largest exp and a half are 2^31 or more
  for (size_t i = 0; i < depth; ++i) {
    sum += (static_cast<uint32_t>(exps[row[i]]) + (1 << (kSumIntegerBits - 1))) >> kSumIntegerBits;
  }
  return static_cast<int32_t>(sum);
}

// TFLM rounds the product to Q0.31 and that to 1 / 256; no term is negative, so both roundings are one sum.
void Divide(const int32_t* table, const int8_t* row, size_t depth, int32_t reciprocal, int shift, int8_t* output) {
  const int32_t* exps = table + 128;
  const int64_t half = (int64_t{1} << 30) + (int64_t{1} << (31 + shift - 1));
  for (size_t i = 0; i < depth; ++i) {
    const int64_t product = static_cast<int64_t>(exps[row[i]]) * reciprocal + half;
    const int32_t quotient = (static_cast<int32_t>(product >> 32) >> (shift - 1)) - 128;
    output[i] = static_cast<int8_t>(std::min<int32_t>(quotient, INT8_MAX));
  }
}

#endif

void SoftmaxRow(const int32_t* table, const int8_t* row, size_t depth, int8_t* output) {
  int shift;
  const int32_t reciprocal = Reciprocal(Sum(table, row, depth), &shift);
  Divide(table, row, depth, reciprocal, shift, output);
}

}  // namespace

void SoftmaxRows(const ExpScale& scale, const int8_t* input, size_t count, size_t depth, int8_t* output) {
  int32_t exps[kValues];  // for x - max = -255 .. 0
  const bool all = count >= kValues;  // of a smaller tensor only those that its rows need
  for (int32_t i = 0; all && i < static_cast<int32_t>(kValues); ++i) exps[i] = Exp(scale, i - 255);
  for (size_t i = 0; i < count; i += depth) {
    const int32_t maximum = Maximum(input + i, depth);
    int32_t* table = exps + 127 - maximum;  // that of x = -128
    for (size_t j = 0; !all && j < depth; ++j) table[input[i + j] + 128] = Exp(scale, input[i + j] - maximum);
    SoftmaxRow(table, input + i, depth, output + i);
  }
}

}  // namespace embbert::kernels
