#include "embbert/utf8.h"

namespace embbert {
namespace {

// How a lead byte goes on: the bytes that follow it, and the range of the first of them (the others: 80 to BF).
struct Lead {
  int following;
  uint8_t lowest;
  uint8_t highest;
};

Lead LeadOf(uint8_t byte) {
  if (byte < 0xC2) return {0, 0, 0};  // ASCII is handled before; C0 and C1 would be overlong
  if (byte < 0xE0) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};  // less is overlong
  if (byte == 0xED) return {2, 0x80, 0x9F};  // more is a surrogate
  if (byte < 0xF0) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};  // less is overlong
  if (byte < 0xF4) return {3, 0x80, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};  // more is above U+10FFFF
  return {0, 0, 0};
}

}  // namespace

uint32_t DecodeUtf8(const char* text, size_t length, size_t* position) {
  const auto first = static_cast<uint8_t>(text[(*position)++]);
  if (first < 0x80) return first;
  Lead lead = LeadOf(first);
  if (lead.following == 0) return kReplacementCharacter;
  uint32_t code = first & (0x3Fu >> lead.following);
  for (int i = 0; i < lead.following; ++i) {
    if (*position == length) return kReplacementCharacter;
    const auto byte = static_cast<uint8_t>(text[*position]);
    if (byte < lead.lowest || byte > lead.highest) return kReplacementCharacter;
    code = code << 6 | (byte & 0x3Fu);
    ++*position;
    lead.lowest = 0x80;
    lead.highest = 0xBF;
  }
  return code;
}

}  // namespace embbert
