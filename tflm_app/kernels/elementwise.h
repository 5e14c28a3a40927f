// Sums and products of two int8 tensors of one shape, element by element.

#ifndef EMBBERT_KERNELS_ELEMENTWISE_H_
#define EMBBERT_KERNELS_ELEMENTWISE_H_

#include <cstddef>
#include <cstdint>

namespace embbert::kernels {

// Multiplier and shift of a rescaling.
struct Factor {
  int32_t multiplier;
  int32_t shift;
};

// Of ADD: both inputs are made one scale, shifted to the left by 20 before.
struct AddData {
  Factor first, second, output;
  int8_t first_zero_point, second_zero_point, output_zero_point, min, max;
};

struct MulData {
  Factor output;
  int8_t first_zero_point, second_zero_point, output_zero_point, min, max;
};

// The output may be an input.
struct Operands {
  const int8_t *first, *second;
  int8_t* output;
  size_t count;
};

void ComputeAdd(const AddData& data, const Operands& operands);
void ComputeMul(const MulData& data, const Operands& operands);

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_ELEMENTWISE_H_
