#include "app/sha256.h"

namespace app {
namespace {

// FIPS 180-4, 4.2.2: the first bits of the fractional parts of the cube roots of the first primes.
constexpr std::uint32_t kRounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

std::uint32_t Rotate(std::uint32_t word, int bits) { return (word >> bits) | (word << (32 - bits)); }

std::uint32_t BigEndian(const unsigned char* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
         static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3];
}

// The message schedule, kept as its last 16 words: word t goes where word t - 16 was.
std::uint32_t NextWord(std::uint32_t (&words)[16], std::size_t t) {
  const std::uint32_t early = words[(t + 1) % 16], late = words[(t + 14) % 16];
  const std::uint32_t s0 = Rotate(early, 7) ^ Rotate(early, 18) ^ (early >> 3);
  const std::uint32_t s1 = Rotate(late, 17) ^ Rotate(late, 19) ^ (late >> 10);
  return words[t % 16] += s0 + words[(t + 9) % 16] + s1;
}

}  // namespace

void Sha256::AddBlock(State& state, const unsigned char* block) {
  std::uint32_t words[16];
  for (std::size_t t = 0; t < 16; ++t) words[t] = BigEndian(block + 4 * t);
  auto [a, b, c, d, e, f, g, h] = state;
  for (std::size_t t = 0; t < 64; ++t) {
    const std::uint32_t word = t < 16 ? words[t] : NextWord(words, t);
    const std::uint32_t first = h + (Rotate(e, 6) ^ Rotate(e, 11) ^ Rotate(e, 25)) + ((e & f) ^ (~e & g)) +
                                kRounds[t] + word;
    const std::uint32_t second = (Rotate(a, 2) ^ Rotate(a, 13) ^ Rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + first, d = c, c = b, b = a, a = first + second;
  }
  const State after = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < state.size(); ++i) state[i] += after[i];
}

void Sha256::AddByte(unsigned char byte) {
  block_[length_++ % kBlockBytes] = byte;
  if (length_ % kBlockBytes == 0) AddBlock(state_, block_.data());
}

void Sha256::Add(const void* bytes, std::size_t length) {
  const auto* next = static_cast<const unsigned char*>(bytes);
  for (const unsigned char* end = next + length; next != end; ++next) AddByte(*next);
}

// A one bit, zeros, and the length in bits at the end of a block: 64 bits, of which no flash fills more than 32.
std::array<char, 64> Sha256::Digits() {
  const std::uint32_t bits = 8 * length_;
  AddByte(0x80);
  while (length_ % kBlockBytes != kBlockBytes - 8) AddByte(0);
  for (int i = 0; i < 4; ++i) AddByte(0);
  for (int shift = 24; shift >= 0; shift -= 8) AddByte(static_cast<unsigned char>(bits >> shift));
  std::array<char, 64> digits = {};
  for (std::size_t i = 0; i < digits.size(); ++i) {
    digits[i] = "0123456789abcdef"[state_[i / 8] >> (28 - 4 * (i % 8)) & 15];
  }
  return digits;
}

}  // namespace app
