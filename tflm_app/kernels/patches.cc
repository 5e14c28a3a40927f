// Copies what a patch has of its image, line by line.

#include "kernels/patches.h"

#include <algorithm>
#include <cstring>

namespace embbert::kernels {
namespace {

constexpr int kWorthACall = 32;

// For a few bytes memcpy takes longer to find out where they lie.
void CopyBytes(const int8_t* from, int count, int8_t* to) {
  if (count >= kWorthACall) return static_cast<void>(std::memcpy(to, from, static_cast<size_t>(count)));
  for (; count >= 4; count -= 4, from += 4, to += 4) std::memcpy(to, from, 4);
  for (; count > 0; --count) *to++ = *from++;
}

}  // namespace

// `count` values of an image's line from `first` on, which may lie before it or end behind it; null for no line.
void Patches::CopyPart(const int8_t* line, int first, int count, int8_t* to) const {
  const int all = x_.inputs * channels_;
  if (line != nullptr && first >= 0 && first + count <= all) return CopyBytes(line + first, count, to);
  const int begin = line ? std::clamp(-first, 0, count) : count;
  const int end = line ? std::clamp(all - first, begin, count) : count;
  std::memset(to, zero_, static_cast<size_t>(begin));
  if (begin < end) CopyBytes(line + (first + begin), end - begin, to + begin);
  std::memset(to + end, zero_, static_cast<size_t>(count - end));
}

void Patches::Copy(int patch, int start, int count, int8_t* to) const {
  const int output = patch / x_.outputs, first_x = patch % x_.outputs * x_.stride - x_.padding;
  const int first_y = output % y_.outputs * y_.stride - y_.padding;
  const int8_t* image = images_ + output / y_.outputs * y_.inputs * x_.inputs * channels_;
  // What lies side by side in an image: all taps of a line, with dilation those of one tap.
  const int parts = x_.dilation == 1 ? 1 : x_.taps, length = x_.dilation == 1 ? x_.taps * channels_ : channels_;
  int part = start / length, begin = start % length;
  for (int left = count; left > 0; ++part, begin = 0) {
    const int values = std::min(length - begin, left), y = first_y + part / parts * y_.dilation;
    const int first = (first_x + part % parts * x_.dilation) * channels_ + begin;
    CopyPart(y >= 0 && y < y_.inputs ? image + y * x_.inputs * channels_ : nullptr, first, values, to);
    to += values, left -= values;
  }
}

}  // namespace embbert::kernels
