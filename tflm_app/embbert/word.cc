#include "embbert/word.h"

#include <algorithm>

#include "embbert/tokenizer.h"

namespace embbert {
namespace {

constexpr uint16_t kNoMerge = UINT16_MAX;

// The place of a value in an ascending array, or `last` where it is not there.
template <typename T>
const T* Find(const T* first, const T* last, T value) {
  const T* found = std::lower_bound(first, last, value);
  return found != last && *found == value ? found : last;
}

uint16_t CharacterId(const TokenizerTables& tables, uint32_t code) {
  const uint32_t* found = Find(tables.characters.begin(), tables.characters.end(), code);
  return found == tables.characters.end() ? kUnk : tables.character_ids[found - tables.characters.begin()];
}

uint16_t MergeRank(const TokenizerTables& tables, uint16_t left, uint16_t right) {
  const uint16_t* found = Find(tables.merge_lefts.begin(), tables.merge_lefts.end(), left);
  if (found == tables.merge_lefts.end()) return kNoMerge;
  const uint16_t* start = tables.merge_starts + (found - tables.merge_lefts.begin());
  const uint16_t* last = tables.merge_rights + start[1];
  const uint16_t* entry = Find(tables.merge_rights + start[0], last, right);
  return entry == last ? kNoMerge : tables.merge_ranks[entry - tables.merge_rights];
}

uint16_t MergedId(const TokenizerTables& tables, uint16_t rank) {
  const auto& exceptions = tables.merge_exceptions;
  const MergeException* next = std::lower_bound(exceptions.begin(), exceptions.end(), rank,
                                                [](MergeException e, uint16_t r) { return e.rank < r; });
  if (next != exceptions.end() && next->rank == rank) return next->id;
  return static_cast<uint16_t>(tables.first_merged_id + rank - (next - exceptions.begin()));
}

}  // namespace

void Word::Append(uint32_t code) { ids_[size_++] = CharacterId(tables_, code); }

void Word::Merge() {
  for (size_t i = 0; i + 1 < size_; ++i) ranks_[i] = RankAt(i);
  while (size_ > 1) {
    const auto best = static_cast<size_t>(std::min_element(ranks_, ranks_ + size_ - 1) - ranks_);
    if (ranks_[best] == kNoMerge) break;
    MergeAt(best);
  }
}

uint16_t Word::RankAt(size_t i) const { return MergeRank(tables_, ids_[i], ids_[i + 1]); }

void Word::MergeAt(size_t i) {
  ids_[i] = MergedId(tables_, ranks_[i]);
  std::copy(ids_ + i + 2, ids_ + size_, ids_ + i + 1);
  std::copy(ranks_ + i + 1, ranks_ + size_ - 1, ranks_ + i);
  --size_;
  if (i > 0) ranks_[i - 1] = RankAt(i - 1);
  if (i + 1 < size_) ranks_[i] = RankAt(i);
}

}  // namespace embbert
