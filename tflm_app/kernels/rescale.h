// TFLM's requantisation: a 32-bit sum times a multiplier of 31 fractional bits and a power of two, rounded twice
// (tensorflow/lite/kernels/internal/common.cc MultiplyByQuantizedMultiplier: gemmlowp's SaturatingRoundingDoublingHighMul
// and RoundingDivideByPOT), then moved to the zero point and clamped.

#ifndef EMBBERT_KERNELS_RESCALE_H_
#define EMBBERT_KERNELS_RESCALE_H_

#include <algorithm>
#include <cstdint>

#include "kernels/instructions.h"

#if defined(TFLITE_SINGLE_ROUNDING) && TFLITE_SINGLE_ROUNDING
#error "these kernels round twice, as TFLM does by default"
#endif

namespace embbert::kernels {

// What becomes of a rescaled value; min and max are of the fused activation.
struct OutputRange {
  int32_t zero_point, min, max;

  bool IsAllOfInt8() const { return min == INT8_MIN && max == INT8_MAX; }
};

// The low 32 bits of a shift to the left, as TFLM's multiplication by a power of two has them.
inline int32_t ShiftLeft(int32_t value, int bits) {
  return static_cast<int32_t>(static_cast<uint32_t>(value) << bits);
}

// For any value and any shift of -31 .. 30.
class ExactRescale {
 public:
  ExactRescale() = default;
  ExactRescale(int32_t multiplier, int shift)
      : multiplier_(multiplier), left_(std::max(shift, 0)), right_(std::max(-shift, 0)),
        mask_(static_cast<int32_t>((1u << right_) - 1)) {}

  int32_t operator()(int32_t value) const {
    const int32_t high = MultiplyDoubled(ShiftLeft(value, left_), multiplier_);
    const int32_t threshold = (mask_ >> 1) + (high < 0);
    return (high >> right_) + ((high & mask_) > threshold);
  }

 private:
  int32_t multiplier_;
  int left_, right_;
  int32_t mask_;
};

#if EMBBERT_DSP

// For a shift of -20 or more. Where a step saturates, what TFLM has there is beyond the range of int8 as well.
class FastRescale {
 public:
  FastRescale() = default;
  FastRescale(int32_t multiplier, int shift)
      : multiplier_(multiplier), left_(std::max(shift, 0)), right_(std::max(-shift, 0)),
        half_(right_ ? 1 << (right_ - 1) : 0), sign_(right_ ? INT32_MIN : 0) {}

  static bool Takes(int shift) { return shift >= -20; }

  int32_t operator()(int32_t value) const {
    const int32_t shifted = ShiftLeft(value, left_);
    const int32_t high = MultiplyHighRounded(__qadd(shifted, shifted), multiplier_);
    return (__qadd(high, half_) + ((high & sign_) >> 31)) >> right_;
  }

 private:
  int32_t multiplier_;
  int left_, right_;
  int32_t half_, sign_;
};

#endif

#if EMBBERT_MVE

// Four values at a time, each with its own multiplier and shift.
class VectorRescale {
 public:
  VectorRescale(int32x4_t multipliers, int32x4_t shifts)
      : multipliers_(multipliers), left_(vmaxq_s32(shifts, vdupq_n_s32(0))),
        right_(vminq_s32(shifts, vdupq_n_s32(0))) {}

  int32x4_t operator()(int32x4_t values) const {
    const int32x4_t high = vqrdmulhq_s32(vshlq_s32(values, left_), multipliers_);
    const int32x4_t away = vshrq_n_s32(vandq_s32(high, right_), 31);  // ties of negatives go down
    return vrshlq_s32(vqaddq_s32(high, away), right_);
  }

 private:
  int32x4_t multipliers_, left_, right_;
};

// The bytes of four rescaled values.
inline int32x4_t Clamp(int32x4_t values, const OutputRange& range) {
  const int32x4_t moved = vaddq_n_s32(values, range.zero_point);
  return vminq_s32(vmaxq_s32(moved, vdupq_n_s32(range.min)), vdupq_n_s32(range.max));
}

#endif

inline int8_t Clamp(int32_t value, const OutputRange& range) {
  return static_cast<int8_t>(std::min(std::max(value + range.zero_point, range.min), range.max));
}

#if EMBBERT_DSP || EMBBERT_THUMB2

inline int8_t Saturate(int32_t value, int32_t zero_point) {
  int32_t byte;
  asm("ssat %0, #8, %1" : "=r"(byte) : "r"(value + zero_point));
  return static_cast<int8_t>(byte);
}

#else

inline int8_t Saturate(int32_t value, int32_t zero_point) { return Clamp(value, {zero_point, INT8_MIN, INT8_MAX}); }

#endif

// Calls use(rescale) with the fastest rescaling that is exact.
template <typename Use>
inline void WithExactRescale(int32_t multiplier, int shift, const Use& use) {
#if EMBBERT_DSP
  if (FastRescale::Takes(shift)) return use(FastRescale(multiplier, shift));
#endif
  use(ExactRescale(multiplier, shift));
}

// Calls loop(rescaled_byte), where rescaled_byte takes a sum to its byte, with the fastest that is exact.
template <typename Loop>
inline void WithRescale(int32_t multiplier, int shift, const OutputRange& range, const Loop& loop) {
#if EMBBERT_DSP
  if (FastRescale::Takes(shift)) {
    const FastRescale rescale(multiplier, shift);
    const int32_t zero_point = range.zero_point;
    if (range.IsAllOfInt8()) {
      loop([=](int32_t sum) { return Saturate(rescale(sum), zero_point); });
    } else {
      loop([=](int32_t sum) { return Clamp(rescale(sum), range); });
    }
    return;
  }
#endif
  const ExactRescale rescale(multiplier, shift);
  loop([=](int32_t sum) { return Clamp(rescale(sum), range); });
}

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_RESCALE_H_
