// Rows mixed by weights: y = p v for int8 p (rows x keys) and v (keys x width), as after a softmax.

#ifndef EMBBERT_KERNELS_MIXTURE_H_
#define EMBBERT_KERNELS_MIXTURE_H_

#include <cstdint>

#include "kernels/rescale.h"

namespace embbert::kernels {

struct Mixture {
  int rows, keys, width;   // at most kMostMixed rows; the width is a multiple of four
  const int8_t* weights;   // of a scale of 1 / 256 and a zero point of -128
  const int8_t* values;    // of a zero point of 0
  int8_t* output;          // rows x width
  int32_t multiplier, shift;
  OutputRange range;
  int8_t* scratch;  // MixtureScratchBytes(keys), null where these are none
};

constexpr int kMostMixed = 32;

// With MVE columns of the values lie as rows for a while.
int MixtureScratchBytes(int keys);

// Takes no more than 3 KiB of stack.
void ComputeMixture(const Mixture& mixture);

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_MIXTURE_H_
