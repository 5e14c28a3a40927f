// One word on its way from characters to tokens: byte pair encoding (BPE) in a fixed buffer.

#ifndef EMBBERT_WORD_H_
#define EMBBERT_WORD_H_

#include <cstddef>
#include <cstdint>

#include "embbert/tokenizer_tables.h"

namespace embbert {

class Word {
 public:
  static constexpr size_t kMaxLength = 64;  // characters; MAX_WORD_LENGTH of tf_embbert/tokenizer.py

  explicit Word(const TokenizerTables& tables) : tables_(tables) {}

  bool full() const { return size_ == kMaxLength; }
  size_t size() const { return size_; }
  uint16_t operator[](size_t i) const { return ids_[i]; }

  // Appends a character, which must fit.
  void Append(uint32_t code);

  // Characters become tokens: again and again the pair of lowest rank, the leftmost of these, becomes one.
  void Merge();

  void Clear() { size_ = 0; }

 private:
  uint16_t RankAt(size_t i) const;
  void MergeAt(size_t i);

  const TokenizerTables& tables_;
  size_t size_ = 0;
  uint16_t ids_[kMaxLength];
  uint16_t ranks_[kMaxLength];  // of the pairs (i, i + 1)
};

}  // namespace embbert

#endif  // EMBBERT_WORD_H_
