// The parts of a bundle in flash, with the hashes that its manifest and its sources hold.

#ifndef TFLM_APP_APP_PARTS_H_
#define TFLM_APP_APP_PARTS_H_

#include "app/sha256.h"
#include "embbert/span.h"

namespace app {

struct Part {
  const char* name;
  const char* file;           // SHA-256 of the file that it was made of
  const char* expected;       // SHA-256 of what lies in flash
  void (*add)(Sha256& hash);  // adds what does

  bool IsAsConverted() const;
};

// Model, tokenizer, labels and golden rows.
embbert::Span<Part> AllParts();

}  // namespace app

#endif  // TFLM_APP_APP_PARTS_H_
