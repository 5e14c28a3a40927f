// Text to characters that are lower case and decomposed, each with what it means for words; accents are still there.

#ifndef EMBBERT_DECOMPOSER_H_
#define EMBBERT_DECOMPOSER_H_

#include <cstddef>
#include <cstdint>

#include "embbert/tokenizer_tables.h"

namespace embbert {

struct Character {
  uint32_t code;
  Action action;  // never one that replaces
};

// Reads a text, which must outlive it. A copy goes on reading from the same place.
class Decomposer {
 public:
  Decomposer(const TokenizerTables& tables, const char* text, size_t length)
      : tables_(&tables), text_(text), length_(length) {}

  // Reads the next character; false at the end of the text.
  bool Next(Character* character);

 private:
  void Replace(uint32_t code, Action action);

  const TokenizerTables* tables_;
  const char* text_;
  size_t length_;
  size_t position_ = 0;
  Sequence replacement_ = {};
  size_t next_ = kMaxDecomposition;  // of replacement_; what follows is zeros where it has been read
};

}  // namespace embbert

#endif  // EMBBERT_DECOMPOSER_H_
