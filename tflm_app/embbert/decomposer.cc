#include "embbert/decomposer.h"

#include <algorithm>

#include "embbert/utf8.h"

namespace embbert {
namespace {

Action FindAction(const TokenizerTables& tables, uint32_t code) {
  const uint32_t largest = (code << kActionBits) | ((1u << kActionBits) - 1);
  const uint32_t* after = std::upper_bound(tables.action_starts.begin(), tables.action_starts.end(), largest);
  return tables.actions.data[after[-1] & ((1u << kActionBits) - 1)];
}

bool Replaces(ActionKind kind) {
  return kind == ActionKind::kReplace || kind == ActionKind::kShift || kind == ActionKind::kSequence ||
         kind == ActionKind::kHangul;
}

// The letters of a Hangul syllable: leading, vowel, and trailing where there is one (The Unicode Standard, 3.12).
Sequence HangulLetters(uint32_t syllable) {
  constexpr uint32_t kVowels = 21, kTrails = 28;
  const uint32_t index = syllable - 0xAC00;
  const uint32_t trail = index % kTrails;
  return {{0x1100 + index / (kVowels * kTrails), 0x1161 + index / kTrails % kVowels, trail != 0 ? 0x11A7 + trail : 0}};
}

}  // namespace

bool Decomposer::Next(Character* character) {
  if (next_ == kMaxDecomposition || replacement_.codes[next_] == 0) {
    if (position_ == length_) return false;
    const uint32_t code = DecodeUtf8(text_, length_, &position_);
    const Action action = FindAction(*tables_, code);
    if (!Replaces(action.kind)) {
      *character = {code, action};
      return true;
    }
    Replace(code, action);
  }
  const uint32_t code = replacement_.codes[next_++];
  *character = {code, FindAction(*tables_, code)};
  return true;
}

void Decomposer::Replace(uint32_t code, Action action) {
  next_ = 0;
  switch (action.kind) {
    case ActionKind::kSequence:
      replacement_ = tables_->sequences.data[action.value];
      break;
    case ActionKind::kHangul:
      replacement_ = HangulLetters(code);
      break;
    case ActionKind::kShift:
      replacement_ = {{code + static_cast<uint32_t>(action.value), 0, 0}};
      break;
    default:  // kReplace
      replacement_ = {{static_cast<uint32_t>(action.value), 0, 0}};
  }
}

}  // namespace embbert
