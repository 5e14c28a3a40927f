// libFuzzer target: any bytes into the tokenizer, as one text or a pair, and into the line reader.
//
// The first byte says which of them, the first two give sizes and where a pair is split; the rest is text. A finding is
// what a sanitizer sees, or a broken promise of the headers.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "embbert/line_reader.h"
#include "embbert/tokenizer.h"
#include "tokenizer_data.h"

namespace {

const embbert::TokenizerTables& tables = embbert::bundle::kTokenizer;

void Require(bool promise) {
  if (!promise) std::abort();
}

std::vector<int32_t> Ids(const std::vector<char>& text, size_t capacity) {
  std::vector<int32_t> ids(capacity);
  ids.resize(embbert::Tokenize(tables, text.data(), text.size(), ids.data(), capacity));
  Require(embbert::Tokenize(tables, text.data(), text.size(), nullptr, capacity) == ids.size());
  return ids;
}

// All ids of a text.
std::vector<int32_t> AllIds(const std::vector<char>& text) {
  return Ids(text, 3 * text.size() + 2);  // a syllable has three bytes and three letters
}

void RequireIds(const std::vector<int32_t>& ids) {
  Require(!ids.empty() && ids[0] == embbert::kCls);
  for (int32_t id : ids) Require(id >= 0 && id < static_cast<int32_t>(tables.vocab_size) && id != embbert::kPad);
}

// [begin, end) is what is left of a text's ids behind its [CLS]: as many of the first as of the last, or one more.
template <typename Iterator>
void RequireEnds(Iterator begin, Iterator end, const std::vector<int32_t>& all) {
  const auto room = end - begin, last = room / 2;
  Require(room < static_cast<long>(all.size()));
  Require(std::equal(begin, end - last, all.begin() + 1) && std::equal(end - last, end, all.end() - last));
}

void TrySingle(const std::vector<char>& text, size_t capacity) {
  const std::vector<int32_t> all = AllIds(text), some = Ids(text, capacity);
  RequireIds(all);
  RequireIds(some);
  Require(some.size() == std::min(all.size(), capacity));
  RequireEnds(some.begin() + 1, some.end(), all);
}

// Both parts of a pair keep their ends, all of them where there is room.
void TryPair(const std::vector<char>& first, const std::vector<char>& second, size_t capacity) {
  std::vector<int32_t> ids(capacity);
  ids.resize(embbert::TokenizePair(tables, first.data(), first.size(), second.data(), second.size(), ids.data(),
                                   capacity));
  RequireIds(ids);
  const auto separator = std::find(ids.begin(), ids.end(), embbert::kSep);
  Require(separator != ids.end());
  const std::vector<int32_t> a = AllIds(first), b = AllIds(second);
  RequireEnds(ids.begin() + 1, separator, a);
  RequireEnds(separator + 1, ids.end(), b);
  Require(ids.size() == std::min(capacity, a.size() + b.size()));
}

void TryLines(const std::vector<char>& bytes, size_t capacity) {
  std::vector<char> buffer(capacity);
  embbert::LineReader reader(buffer.data(), buffer.size());
  for (char byte : bytes) {
    const bool ended = reader.Push(byte) != embbert::LineReader::Event::kNone;
    Require(reader.length() <= capacity && (!ended || byte == '\r' || byte == '\n'));
    const char* end = reader.text() + reader.length();
    Require(std::none_of(reader.text(), end, [](char c) { return c == '\r' || c == '\n'; }));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::vector<char> text(data + 2, data + size);
  const auto middle = text.begin() + std::min<long>(data[1], static_cast<long>(text.size()));
  switch (data[0] % 3) {
    case 0:
      TryLines(text, data[1] % 32);
      break;
    case 1:
      TrySingle(text, 2 + data[1] % 64);
      break;
    default:
      TryPair({text.begin(), middle}, {middle, text.end()}, 4 + data[0] / 3);
  }
  return 0;
}
