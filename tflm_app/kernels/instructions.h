// Which instructions a core has, and the few of them that C++ does not say.

#ifndef EMBBERT_KERNELS_INSTRUCTIONS_H_
#define EMBBERT_KERNELS_INSTRUCTIONS_H_

#include <cstdint>
#include <cstring>

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
#define EMBBERT_MVE 1  // M55, M85
#include <arm_mve.h>
#else
#define EMBBERT_MVE 0
#endif

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP && !EMBBERT_MVE
#define EMBBERT_DSP 1  // M4, M7, M33
#include <arm_acle.h>
#else
#define EMBBERT_DSP 0
#endif

#if defined(__ARM_ARCH_ISA_THUMB) && __ARM_ARCH_ISA_THUMB >= 2 && !EMBBERT_DSP && !EMBBERT_MVE
#define EMBBERT_THUMB2 1  // M3
#else
#define EMBBERT_THUMB2 0
#endif

#if defined(__ARM_ARCH_ISA_THUMB) && __ARM_ARCH_ISA_THUMB == 1
#define EMBBERT_THUMB1 1  // M0+
#else
#define EMBBERT_THUMB1 0
#endif

namespace embbert::kernels {

// Four bytes from any address.
inline uint32_t LoadWord(const int8_t* bytes) {
  uint32_t word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

// (a * b + 2^30) >> 31, for b of 0 or more.
#if EMBBERT_THUMB1

inline int32_t MultiplyDoubled(int32_t a, int32_t b) {  // by halves: the core's products have 32 bits
  constexpr uint32_t kHalf = 0xFFFF;
  const uint32_t a_low = static_cast<uint32_t>(a) & kHalf, b_low = static_cast<uint32_t>(b) & kHalf;
  const int32_t a_high = a >> 16, b_high = b >> 16;
  const uint32_t low = a_low * b_low, second = a_low * static_cast<uint32_t>(b_high) + (low >> 16);
  const int32_t third = a_high * static_cast<int32_t>(b_low);
  const uint32_t middle = (second & kHalf) + (static_cast<uint32_t>(third) & kHalf);
  const auto carried = static_cast<int32_t>((second >> 16) + (middle >> 16));
  const auto high = static_cast<uint32_t>(a_high * b_high + (third >> 16) + carried);
  return static_cast<int32_t>((high << 1) + ((((middle & kHalf) >> 14) + 1) >> 1));
}

#else

inline int32_t MultiplyDoubled(int32_t a, int32_t b) {
  return static_cast<int32_t>((static_cast<int64_t>(a) * b + (1 << 30)) >> 31);
}

#endif

#if EMBBERT_DSP

// (a * b + 2^31) >> 32.
inline int32_t MultiplyHighRounded(int32_t a, int32_t b) {
  int32_t high;
  asm("smmulr %0, %1, %2" : "=r"(high) : "r"(a), "r"(b));
  return high;
}

// The bytes 1 and 3 of a word, signed, each plus a half of `sum`; __sxtab16 has the bytes 0 and 2.
inline uint32_t AddOddBytes(uint32_t sum, uint32_t word) {
  uint32_t halves;
  asm("sxtab16 %0, %1, %2, ror #8" : "=r"(halves) : "r"(sum), "r"(word));
  return halves;
}

inline uint32_t AddEvenBytes(uint32_t sum, uint32_t word) {
  uint32_t halves;
  asm("sxtab16 %0, %1, %2" : "=r"(halves) : "r"(sum), "r"(word));
  return halves;
}

// The same with nothing added.
inline uint32_t OddBytes(uint32_t word) {
  uint32_t halves;
  asm("sxtb16 %0, %1, ror #8" : "=r"(halves) : "r"(word));
  return halves;
}

inline uint32_t EvenBytes(uint32_t word) {
  uint32_t halves;
  asm("sxtb16 %0, %1" : "=r"(halves) : "r"(word));
  return halves;
}

// Both low halves, or both high ones, those of `a` below.
inline uint32_t LowHalves(uint32_t a, uint32_t b) {
  uint32_t halves;
  asm("pkhbt %0, %1, %2, lsl #16" : "=r"(halves) : "r"(a), "r"(b));
  return halves;
}

inline uint32_t HighHalves(uint32_t a, uint32_t b) {
  uint32_t halves;
  asm("pkhtb %0, %2, %1, asr #16" : "=r"(halves) : "r"(a), "r"(b));
  return halves;
}

// A value in both halves of a word.
inline uint32_t HalvesOf(int32_t value) {
  return static_cast<uint32_t>(value) << 16 | (static_cast<uint32_t>(value) & 0xFFFF);
}

// sum + the products of both halves.
inline int32_t AddProducts(uint32_t a, uint32_t b, int32_t sum) {
  return __smlad(static_cast<int16x2_t>(a), static_cast<int16x2_t>(b), sum);
}

// sum + a * b of the low or of the high halves.
inline int32_t AddLowProduct(uint32_t a, uint32_t b, int32_t sum) {
  asm("smlabb %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
  return sum;
}

inline int32_t AddHighProduct(uint32_t a, uint32_t b, int32_t sum) {
  asm("smlatt %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
  return sum;
}

#endif  // EMBBERT_DSP

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_INSTRUCTIONS_H_
