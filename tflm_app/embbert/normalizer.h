// BertNormalizer(lowercase=True) of Hugging Face `tokenizers`: clean text, lower case, canonical order, no accents.

#ifndef EMBBERT_NORMALIZER_H_
#define EMBBERT_NORMALIZER_H_

#include <cstddef>
#include <cstdint>

#include "embbert/decomposer.h"
#include "embbert/tokenizer_tables.h"

namespace embbert {

class Normalizer {
 public:
  Normalizer(const TokenizerTables& tables, const char* text, size_t length) : text_(tables, text, length) {}

  // Reads the next character (kOther, kWord, kIdeograph, kSpace or kMark); false at the end of the text.
  bool Next(Character* character);

 private:
  bool NextMark(Character* character);

  Decomposer text_;

  // A run of marks is put in order without a buffer: it is read once for each combining class that it has, lowest
  // class first. There are a handful of classes, so that time stays linear.
  static constexpr int32_t kNoRank = INT32_MAX;
  bool in_marks_ = false;
  Decomposer marks_ = text_;     // where the run begins
  int32_t rank_ = -1;            // of the class that is read now; -1 while the lowest is looked for
  int32_t next_rank_ = kNoRank;  // the lowest one above rank_ that was seen
};

}  // namespace embbert

#endif  // EMBBERT_NORMALIZER_H_
