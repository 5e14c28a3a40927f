// SHA-256 (FIPS 180-4), for knowing that the model in flash is the one that was converted.

#ifndef TFLM_APP_APP_SHA256_H_
#define TFLM_APP_APP_SHA256_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace app {

// The hash in 64 hexadecimal digits; no zero ends them.
std::array<char, 64> Sha256(const unsigned char* bytes, std::size_t length);

}  // namespace app

#endif  // TFLM_APP_APP_SHA256_H_
