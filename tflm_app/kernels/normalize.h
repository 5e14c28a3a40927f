// x / |x| of rows of int8: to a scale of 1 / 128 and a zero point of 0.

#ifndef EMBBERT_KERNELS_NORMALIZE_H_
#define EMBBERT_KERNELS_NORMALIZE_H_

#include <cstddef>
#include <cstdint>

namespace embbert::kernels {

// Of each `depth` of `count` values; the output may be the input.
void NormalizeRows(const int8_t* input, size_t count, size_t depth, int32_t zero_point, int8_t* output);

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_NORMALIZE_H_
