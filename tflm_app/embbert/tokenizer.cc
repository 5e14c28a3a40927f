#include "embbert/tokenizer.h"

#include <algorithm>

#include "embbert/normalizer.h"
#include "embbert/word.h"

namespace embbert {
namespace {

// Where ids go: an array of limited size, or nowhere, to be counted. Of too many the middle is left out (`_cut` of
// tf_embbert/tokenizer.py): once the array is full, its second half is a ring, in which the last ids remain.
class IdWriter {
 public:
  IdWriter(int32_t* ids, size_t capacity) : ids_(ids), capacity_(capacity) {}

  // Whether it can take no more: a count ends at the capacity, but of ids that are written the last ones stay.
  bool done() const { return ids_ == nullptr && count_ >= capacity_; }

  void Write(const Word& word) {
    for (size_t i = 0; i < word.size(); ++i, ++count_) {
      if (ids_ != nullptr) Put(word[i]);
    }
  }

  // Puts the ring in order; returns how many ids there are.
  size_t Finish() {
    if (count_ <= capacity_) return count_;
    if (ids_ != nullptr) std::rotate(ids_ + ring(), ids_ + next_, ids_ + capacity_);
    return capacity_;
  }

 private:
  size_t ring() const { return capacity_ - capacity_ / 2; }  // where it begins; with a capacity of 1 it is empty

  void Put(uint16_t id) {
    if (next_ == capacity_) next_ = ring();
    if (next_ < capacity_) ids_[next_++] = id;
  }

  int32_t* ids_;
  size_t capacity_;
  size_t count_ = 0;
  size_t next_ = 0;  // where the next id goes
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
  while (!writer.done() && normalizer.Next(&character)) {
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
  return writer.Finish();
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
