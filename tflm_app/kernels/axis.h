// One dimension of a convolution's plane: how its outputs, taps and inputs lie.

#ifndef EMBBERT_KERNELS_AXIS_H_
#define EMBBERT_KERNELS_AXIS_H_

namespace embbert::kernels {

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

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_AXIS_H_
