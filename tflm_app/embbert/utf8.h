// Bytes to characters, any bytes.

#ifndef EMBBERT_UTF8_H_
#define EMBBERT_UTF8_H_

#include <cstddef>
#include <cstdint>

namespace embbert {

constexpr uint32_t kReplacementCharacter = 0xFFFD;

// Reads the character at *position (below length) and moves *position behind it. Bytes that are no UTF-8 give U+FFFD
// for each maximal subpart (The Unicode Standard, section 3.9), as Python's errors="replace" does.
uint32_t DecodeUtf8(const char* text, size_t length, size_t* position);

}  // namespace embbert

#endif  // EMBBERT_UTF8_H_
