// The patches that a convolution takes, as the rows of a dense kernel: taps of y, taps of x, channels.

#ifndef EMBBERT_KERNELS_PATCHES_H_
#define EMBBERT_KERNELS_PATCHES_H_

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "kernels/axis.h"

namespace embbert::kernels {

constexpr int kWorthACall = 32;

struct Patches {
  const int8_t* input;  // images (batch, height, width, channels)
  Axis y, x;
  int channels;
  int8_t zero;  // what lies beside an image

  // Whether the patches lie one after another as the input does.
  bool AreRows() const { return y.taps * x.taps * y.stride * x.stride == 1; }

  // Writes `count` values of a patch from its `start`-th on.
  void Copy(int patch, int start, int count, int8_t* to) const {
    const int line = patch / x.outputs, first_x = patch % x.outputs * x.stride - x.padding;
    const int first_y = line % y.outputs * y.stride - y.padding;
    const int8_t* image = input + line / y.outputs * y.inputs * x.inputs * channels;
    // What lies side by side in the input: all taps of a line, with dilation those of one tap.
    const int parts = x.dilation == 1 ? 1 : x.taps, length = x.dilation == 1 ? x.taps * channels : channels;
    int part = start / length, begin = start % length;
    for (int left = count; left > 0; ++part, begin = 0) {
      const int values = std::min(length - begin, left), row = first_y + part / parts * y.dilation;
      const int value = (first_x + part % parts * x.dilation) * channels + begin;
      CopyPart(row >= 0 && row < y.inputs ? image + row * x.inputs * channels : nullptr, value, values, to);
      to += values, left -= values;
    }
  }

 private:
  // `count` values of a row of an image from `first` on, which may lie before it or end behind it.
  void CopyPart(const int8_t* row, int first, int count, int8_t* to) const {
    const int all = x.inputs * channels;
    if (row != nullptr && first >= 0 && first + count <= all) return CopyBytes(row + first, count, to);
    const int begin = row ? std::clamp(-first, 0, count) : count, end = row ? std::clamp(all - first, begin, count) : count;
    std::memset(to, zero, static_cast<size_t>(begin));
    if (begin < end) CopyBytes(row + (first + begin), end - begin, to + begin);
    std::memset(to + end, zero, static_cast<size_t>(count - end));
  }

  // For a few bytes memcpy takes longer to find out where they lie.
  static void CopyBytes(const int8_t* from, int count, int8_t* to) {
    if (count >= kWorthACall) return static_cast<void>(std::memcpy(to, from, static_cast<size_t>(count)));
    for (; count >= 4; count -= 4, from += 4, to += 4) std::memcpy(to, from, 4);
    for (; count > 0; --count) *to++ = *from++;
  }
};

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_PATCHES_H_
