// What is computed once a row or once a table, by TFLM's own fixed point.

#ifndef EMBBERT_KERNELS_FIXED_POINT_H_
#define EMBBERT_KERNELS_FIXED_POINT_H_

#include <cstdint>

namespace embbert::kernels {

// Q0.31 of exp(diff * multiplier * 2^(left_shift - 31)), in which diff times the rest is Q5.26 and not positive.
int32_t Exponential(int32_t diff, int32_t multiplier, int32_t left_shift);

// 1 / sum of a sum in Q12.19, in Q0.31; `shift` is what takes its product with an exponential to 1 / 256.
int32_t Reciprocal(int32_t sum, int* shift);

// Multiplier of 31 fractional bits and shift to the left that make 1 / sqrt(sum).
void InverseRoot(int32_t sum, int32_t* multiplier, int* shift);

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_FIXED_POINT_H_
