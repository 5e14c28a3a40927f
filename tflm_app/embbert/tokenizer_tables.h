// The tables of one tokenizer: what a bundle's tokenizer_data.cc fills and the tokenizer reads.

#ifndef EMBBERT_TOKENIZER_TABLES_H_
#define EMBBERT_TOKENIZER_TABLES_H_

#include <cstddef>
#include <cstdint>

#include "embbert/span.h"

namespace embbert {

// What becomes of a character of the text.
enum class ActionKind : uint8_t {
  kOther,      // stays; neither letter nor space: [^\w\s]
  kWord,       // stays; a letter: \w
  kIdeograph,  // stays, as a word of its own
  kSpace,      // ends a word
  kDeleted,    // goes
  kBarrier,    // goes, but marks do not move across it
  kMark,       // a letter that moves behind marks of lower combining class; value: rank of its class
  kReplace,    // becomes the character `value`
  kShift,      // becomes the character that lies `value` further on
  kSequence,   // becomes sequences[value]
  kHangul,     // a Hangul syllable: becomes its two or three letters
};

struct Action {
  ActionKind kind : 8;
  int32_t value : 24;
};
static_assert(sizeof(Action) == 4, "tables would grow");

constexpr int kActionBits = 11;          // of an entry of action_starts
constexpr size_t kMaxDecomposition = 3; // characters that one character becomes, at most

// Up to three characters, filled up with zeros.
struct Sequence {
  uint32_t codes[kMaxDecomposition];
};

struct MergeException {
  uint16_t rank;
  uint16_t id;
};

struct TokenizerTables {
  size_t vocab_size;

  // Normaliser and classes. Ascending entries (first code point << kActionBits) + index of its action; each holds up to
  // the next one. What a replaced character becomes is not replaced again.
  Span<uint32_t> action_starts;
  Span<Action> actions;
  Span<Sequence> sequences;

  // Characters that have an id, ascending, and the ids.
  Span<uint32_t> characters;
  const uint16_t* character_ids;  // [characters.size]

  // BPE merges, grouped by left id: those of merge_lefts[i] are entries merge_starts[i] to merge_starts[i + 1] of
  // merge_rights, ascending, and of merge_ranks. A lower rank merges first.
  Span<uint16_t> merge_lefts;
  const uint16_t* merge_starts;  // [merge_lefts.size + 1]
  const uint16_t* merge_rights;
  const uint16_t* merge_ranks;

  // Merges make new ids in order of their ranks, from first_merged_id on; but these, ascending by rank, make others.
  uint16_t first_merged_id;
  Span<MergeException> merge_exceptions;
};

}  // namespace embbert

#endif  // EMBBERT_TOKENIZER_TABLES_H_
