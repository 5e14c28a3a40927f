// UTF-8 text to token ids, exactly as tf_embbert/tokenizer.py encodes it.
//
// No heap, no float, no state between calls: both functions are re-entrant. Besides text and ids they take less than
// 1 KiB of stack (benchmarks/results/tokenizer.json has the measured bytes). Any bytes are a text: what is no UTF-8
// reads as U+FFFD, as with Python's errors="replace". Time is linear in the bytes, all of which are read.

#ifndef EMBBERT_TOKENIZER_H_
#define EMBBERT_TOKENIZER_H_

#include <cstddef>
#include <cstdint>

#include "embbert/tokenizer_tables.h"

namespace embbert {

// Ids of the special tokens. A text never gives them, but for kUnk: "[SEP]" in a text is text.
constexpr uint16_t kPad = 0, kUnk = 1, kCls = 2, kMask = 3, kSep = 4;

// Encodes `[CLS] text`. A longer text loses its middle: of ids that have room for c, the first c - c / 2 and the last
// c / 2 stay.
//   text, length: bytes; text may be null where length is 0
//   ids, capacity: gets the ids, at most capacity (2 or more) of them; null only counts them
// Returns the number of ids, or 0 where capacity has no room for text beside [CLS].
size_t Tokenize(const TokenizerTables& tables, const char* text, size_t length, int32_t* ids, size_t capacity);

// Encodes `[CLS] first [SEP] second`, capacity 4 or more. The shorter part of a longer pair keeps what fits in half of
// the room, its longer part has the rest, and a part that does not fit loses its middle. To know the lengths, both texts
// are read once more.
size_t TokenizePair(const TokenizerTables& tables, const char* first, size_t first_length, const char* second,
                    size_t second_length, int32_t* ids, size_t capacity);

}  // namespace embbert

#endif  // EMBBERT_TOKENIZER_H_
