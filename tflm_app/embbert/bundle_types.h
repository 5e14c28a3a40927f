// What the generated sources of a bundle are made of.

#ifndef EMBBERT_BUNDLE_TYPES_H_
#define EMBBERT_BUNDLE_TYPES_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "embbert/span.h"

namespace embbert {

// A text with the ids and the logits that Python answers: the device answers the same.
struct GoldenRow {
  const char* text;
  size_t length;
  const char* second;  // null for a single text
  size_t second_length;
  Span<int32_t> ids;
  const int8_t* logits;  // [bundle::kClasses]
};

// A length that the model serves: at byte `offset` of kModel begins the .tflite file for texts of up to `tokens` ids.
struct ModelLength {
  size_t tokens;
  size_t offset;
};

// The smallest arena that TFLM's allocator accepts for every length of the model, with the kernels of a build.
struct ArenaFigure {
  std::string_view core;
  std::string_view kernels;
  size_t bytes;
};

// What a compiler names where a bundle has no figure for a core and kernels.
[[noreturn]] inline void NoArenaFigureForThisCoreAndTheseKernels() { __builtin_trap(); }

// The bytes of arena for a core ("cortex-m4") and its kernels ("cmsis_nn", "reference"), as a constant; does not compile
// where there is no figure.
template <size_t count>
constexpr size_t ArenaBytes(const ArenaFigure (&figures)[count], std::string_view core, std::string_view kernels) {
  for (const ArenaFigure& figure : figures) {
    if (figure.core == core && figure.kernels == kernels) return figure.bytes;
  }
  NoArenaFigureForThisCoreAndTheseKernels();
}

}  // namespace embbert

#endif  // EMBBERT_BUNDLE_TYPES_H_
