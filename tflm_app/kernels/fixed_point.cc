// Functions of tensorflow/lite/kernels/internal/common.h and of gemmlowp, each compiled once, for size and flat: a
// template left as a function of its own would replace the faster one in TFLM's library when the two are linked.

#include "kernels/fixed_point.h"

#include "tensorflow/lite/kernels/internal/common.h"
#include "tensorflow/lite/kernels/internal/quantization_util.h"

namespace embbert::kernels {

[[gnu::flatten]] int32_t Exponential(int32_t diff, int32_t multiplier, int32_t left_shift) {
  using Scaled = gemmlowp::FixedPoint<int32_t, 5>;
  const int32_t scaled = tflite::MultiplyByQuantizedMultiplierGreaterThanOne(diff, multiplier, left_shift);
  return gemmlowp::exp_on_negative_values(Scaled::FromRaw(scaled)).raw();
}

[[gnu::flatten]] int32_t Reciprocal(int32_t sum, int* shift) {
  int bits_over_unit;
  const int32_t reciprocal = tflite::GetReciprocal(sum, 12, &bits_over_unit);
  *shift = bits_over_unit + 31 - 8;
  return reciprocal;
}

[[gnu::flatten]] void InverseRoot(int32_t sum, int32_t* multiplier, int* shift) {
  tflite::GetInvSqrtQuantizedMultiplierExp(sum, tflite::kReverseShift, multiplier, shift);
}

}  // namespace embbert::kernels
