// A depthwise convolution of int8 images (batch, height, width, channels), one output channel for each input channel.

#ifndef EMBBERT_KERNELS_DEPTHWISE_H_
#define EMBBERT_KERNELS_DEPTHWISE_H_

#include <cstdint>

#include "kernels/rescale.h"

namespace embbert::kernels {

// One dimension of the plane: how its outputs, taps and inputs lie.
struct Axis {
  int inputs, outputs, taps, stride, dilation, padding;

  // The taps that lie within the input for an output: `begin` to before `end`; `input` is that of the tap `begin`.
  struct Window {
    int begin, end, input;
  };

  Window At(int output) const {
    const int first = output * stride - padding;
    const int begin = first >= 0 ? 0 : (-first + dilation - 1) / dilation;
    const bool whole = first + (taps - 1) * dilation < inputs;
    return {begin, whole ? taps : (inputs - first + dilation - 1) / dilation, first + begin * dilation};
  }
};

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

// Whether ComputeLines is faster, and takes it: one row of taps.
bool IsLine(const Depthwise& depthwise);
void ComputeLines(const Depthwise& depthwise);

// Takes no more than 2 KiB of stack, nothing else.
void ComputeDepthwise(const Depthwise& depthwise);

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_DEPTHWISE_H_
