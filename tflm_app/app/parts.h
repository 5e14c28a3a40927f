// The parts of a bundle in flash, with the hashes that its manifest and its sources hold.

#ifndef TFLM_APP_APP_PARTS_H_
#define TFLM_APP_APP_PARTS_H_

#include <string_view>

#include "app/sha256.h"

namespace app {

struct Part {
  std::string_view name;
  std::string_view file;      // SHA-256 of the file that it was made of
  std::string_view expected;  // SHA-256 of what lies in flash
  void (*add)(Sha256& hash);  // adds what does

  bool IsAsConverted() const {
    Sha256 hash;
    add(hash);
    const auto digits = hash.Digits();
    return std::string_view(digits.data(), digits.size()) == expected;
  }
};

// Model, tokenizer, labels and golden rows.
extern const Part kParts[4];

}  // namespace app

#endif  // TFLM_APP_APP_PARTS_H_
