// Softmax of rows of int8: to a scale of 1 / 256 and a zero point of -128.

#ifndef EMBBERT_KERNELS_PROBABILITIES_H_
#define EMBBERT_KERNELS_PROBABILITIES_H_

#include <cstddef>
#include <cstdint>

namespace embbert::kernels {

// What takes x - max to its exponential, as TFLM's Prepare has it.
struct ExpScale {
  int32_t multiplier;
  int32_t left_shift;
  int32_t diff_min;  // an x - max below it counts as minus infinity
};

// The softmax of each `depth` of `count` values; the output may be the input.
void SoftmaxRows(const ExpScale& scale, const int8_t* input, size_t count, size_t depth, int8_t* output);

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_PROBABILITIES_H_
