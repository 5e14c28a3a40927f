// Seeded numbers that are the same on every machine.

#ifndef EMBBERT_KERNELS_TESTS_RANDOM_H_
#define EMBBERT_KERNELS_TESTS_RANDOM_H_

#include <cstddef>
#include <cstdint>

class Random {
 public:
  explicit Random(uint32_t seed) : state_(seed * 2654435761u + 1) {}

  uint32_t Next() {  // xorshift32
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }

  // One of low .. high.
  int Integer(int low, int high) {
    return low + static_cast<int>(Next() % (static_cast<uint32_t>(high) - static_cast<uint32_t>(low) + 1));
  }

  bool OneIn(int count) { return Integer(1, count) == 1; }

  // Between low and high, the same chance for every power of two.
  float Scale(float low, float high) {
    float scale = low;
    while (scale * 2 < high && !OneIn(6)) scale *= 2;
    const float scaled = scale * (1 + static_cast<float>(Next() >> 8) / (1 << 24));
    return scaled < high ? scaled : high;
  }

  int8_t Byte() { return static_cast<int8_t>(Next() >> 11); }

  // Often one of the ends.
  int ZeroPoint() { return OneIn(4) ? -128 : OneIn(4) ? 127 : OneIn(4) ? 0 : Integer(-128, 127); }

 private:
  uint32_t state_;
};

#endif  // EMBBERT_KERNELS_TESTS_RANDOM_H_
