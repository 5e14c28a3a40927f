#include "embbert/tokenizer.h"

#include <algorithm>

#include "embbert/normalizer.h"
#include "embbert/word.h"

namespace embbert {
namespace {

// Where ids go: an array of limited size, or nowhere, to be counted.
class IdWriter {
 public:
  IdWriter(int32_t* ids, size_t capacity) : ids_(ids), capacity_(capacity) {}

  bool full() const { return count_ == capacity_; }
  size_t count() const { return count_; }

  void Write(const Word& word) {
    for (size_t i = 0; i < word.size() && !full(); ++i, ++count_) {
      if (ids_ != nullptr) ids_[count_] = word[i];
    }
  }

 private:
  int32_t* ids_;
  size_t capacity_;
  size_t count_ = 0;
};

// Letters and marks stand together in words, others in words of their own, an ideograph alone.
ActionKind WordKind(const Character& character) {
  return character.action.kind == ActionKind::kMark ? ActionKind::kWord : character.action.kind;
}

// Writes the bare ids of a text, at most capacity; returns how many. With no ids it counts.
size_t WriteText(const TokenizerTables& tables, const char* text, size_t length, int32_t* ids, size_t capacity) {
  IdWriter writer(ids, capacity);
  Normalizer normalizer(tables, text, length);
  Word word(tables);
  Character character = {};
  ActionKind previous = ActionKind::kSpace;
  while (!writer.full() && normalizer.Next(&character)) {
    const ActionKind kind = WordKind(character);
    if (kind != previous || kind == ActionKind::kIdeograph || word.full()) {
      word.Merge();
      writer.Write(word);
      word.Clear();
    }
    if (kind != ActionKind::kSpace) word.Append(character.code);
    previous = kind;
  }
  word.Merge();
  writer.Write(word);
  return writer.count();
}

}  // namespace

size_t Tokenize(const TokenizerTables& tables, const char* text, size_t length, int32_t* ids, size_t capacity) {
  if (capacity < 2) return 0;
  if (ids == nullptr) return 1 + WriteText(tables, text, length, nullptr, capacity - 1);
  ids[0] = kCls;
  return 1 + WriteText(tables, text, length, ids + 1, capacity - 1);
}

size_t TokenizePair(const TokenizerTables& tables, const char* first, size_t first_length, const char* second,
                    size_t second_length, int32_t* ids, size_t capacity) {
  if (capacity < 4) return 0;
  const size_t room = capacity - 2;  // beside [CLS] and [SEP]
  const size_t all_first = WriteText(tables, first, first_length, nullptr, SIZE_MAX);
  const size_t all_second = WriteText(tables, second, second_length, nullptr, SIZE_MAX);
  size_t keep_first = all_first, keep_second = all_second;
  if (all_first + all_second > room) {
    // The shorter part keeps all it can without passing half; the odd token goes to the longer part.
    const size_t shorter = std::min({all_first, all_second, room / 2});
    keep_first = all_first > all_second ? room - shorter : shorter;
    keep_second = room - keep_first;
  }
  if (ids == nullptr) return 2 + keep_first + keep_second;
  ids[0] = kCls;
  WriteText(tables, first, first_length, ids + 1, keep_first);
  ids[1 + keep_first] = kSep;
  WriteText(tables, second, second_length, ids + 2 + keep_first, keep_second);
  return 2 + keep_first + keep_second;
}

}  // namespace embbert
