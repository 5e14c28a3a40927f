// SHA-256 (FIPS 180-4), for knowing that what lies in flash is what was converted.

#ifndef TFLM_APP_APP_SHA256_H_
#define TFLM_APP_APP_SHA256_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace app {

class Sha256 {
 public:
  // Goes on with these bytes; all together are fewer than 512 MiB.
  void Add(const void* bytes, std::size_t length);

  // The hash of all that was added, in 64 hexadecimal digits; no zero ends them. Once.
  std::array<char, 64> Digits();

 private:
  static constexpr std::size_t kBlockBytes = 64;
  using State = std::array<std::uint32_t, 8>;
  static void AddBlock(State& state, const unsigned char* block);
  void AddByte(unsigned char byte);

  State state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, kBlockBytes> block_ = {};
  std::uint32_t length_ = 0;
};

}  // namespace app

#endif  // TFLM_APP_APP_SHA256_H_
