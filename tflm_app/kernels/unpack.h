// Weights of 4 bits, eight to a word: byte i has weight i below and weight i + 4 above, each -8 .. 7.

#ifndef EMBBERT_KERNELS_UNPACK_H_
#define EMBBERT_KERNELS_UNPACK_H_

#include <cstdint>
#include <cstring>

namespace embbert::kernels {

constexpr int kPackedStep = 8;  // weights that are unpacked at a time

// Four bytes of 0 .. 15 with their signs: bit 3 of each is copied to the bits above it.
inline uint32_t WithSigns(uint32_t nibbles) { return nibbles | (nibbles & 0x08080808) * 0x1E; }

// `count` weights to a byte each; a multiple of kPackedStep.
inline void Unpack(const int8_t* packed, int count, int8_t* weights) {
  for (int i = 0; i < count; i += kPackedStep, packed += sizeof(uint32_t), weights += kPackedStep) {
    uint32_t word;
    std::memcpy(&word, packed, sizeof(word));
    const uint32_t words[] = {WithSigns(word & 0x0F0F0F0F), WithSigns(word >> 4 & 0x0F0F0F0F)};
    std::memcpy(weights, words, sizeof(words));
  }
}

}  // namespace embbert::kernels

#endif  // EMBBERT_KERNELS_UNPACK_H_
