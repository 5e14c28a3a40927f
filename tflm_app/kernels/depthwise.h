// A depthwise convolution of int8 images (batch, height, width, channels), one output channel for each input channel.

#ifndef EMBBERT_KERNELS_DEPTHWISE_H_
#define EMBBERT_KERNELS_DEPTHWISE_H_

#include <cstdint>

#include "kernels/axis.h"
#include "kernels/rescale.h"

namespace embbert::kernels {

struct Depthwise {
  int batches, channels;
  Axis y, x;
  const int8_t* input;
  const int8_t* weights;  // taps of y, taps of x, channels
  const int32_t* bias;    // null: zeros
  int8_t* output;
  int32_t input_offset;  // added to each input
  const int32_t* multipliers;  // of each channel
  const int32_t* shifts;
  OutputRange range;
};

// What ComputeDepthwise has room for: taps of y times taps of x.
constexpr int kMaxTaps = 128;

constexpr int kLeastLineTaps = 8;

// Whether ComputeLines is the faster one, and takes it.
bool IsLine(const Depthwise& depthwise);

// One row of any number of taps, from the first to the last input of an output at most kMaxLine.
constexpr int kMaxLine = 512;
void ComputeLines(const Depthwise& depthwise);

// Takes no more than 2 KiB of stack, nothing else.
void ComputeDepthwise(const Depthwise& depthwise);

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_DEPTHWISE_H_
