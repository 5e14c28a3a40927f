#include "embbert/normalizer.h"

namespace embbert {

bool Normalizer::Next(Character* character) {
  while (true) {
    if (in_marks_ && NextMark(character)) return true;
    const Decomposer here = text_;
    if (!text_.Next(character)) return false;
    switch (character->action.kind) {
      case ActionKind::kDeleted:
      case ActionKind::kBarrier:
        break;
      case ActionKind::kMark:
        in_marks_ = true;
        text_ = marks_ = here;
        rank_ = -1;
        next_rank_ = kNoRank;
        break;
      default:
        return true;
    }
  }
}

// Reads the next mark of the run in canonical order; false behind the run, where text_ goes on.
bool Normalizer::NextMark(Character* character) {
  while (true) {
    const Decomposer here = text_;
    const bool more = text_.Next(character);
    if (more && character->action.kind == ActionKind::kDeleted) continue;
    if (more && character->action.kind == ActionKind::kMark) {
      const int32_t rank = character->action.value;
      if (rank == rank_) return true;
      if (rank > rank_ && rank < next_rank_) next_rank_ = rank;
      continue;
    }
    if (next_rank_ == kNoRank) {
      text_ = here;
      in_marks_ = false;
      return false;
    }
    text_ = marks_;
    rank_ = next_rank_;
    next_rank_ = kNoRank;
  }
}

}  // namespace embbert
