#include "app/parts.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "bundle.h"
#include "golden_data.h"
#include "model_data.h"
#include "tokenizer_data.h"

namespace app {
namespace {

namespace bundle = embbert::bundle;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the hashes are of numbers as they lie in memory");

template <typename T>
void Add(Sha256& hash, const T* values, size_t count) {
  hash.Add(values, count * sizeof(T));
}

template <typename T>
void Add(Sha256& hash, const embbert::Span<T>& values) {
  Add(hash, values.data, values.size);
}

void AddSize(Sha256& hash, size_t size) {
  const auto number = static_cast<uint32_t>(size);
  Add(hash, &number, 1);
}

void HashModel(Sha256& hash) { hash.Add(bundle::kModel, bundle::kModelSize); }

// Table by table, as `tables_sha256` of convert/bundle/tokenizer_tables.py does.
void HashTokenizer(Sha256& hash) {
  const embbert::TokenizerTables& tables = bundle::kTokenizer;
  AddSize(hash, tables.vocab_size);
  Add(hash, tables.action_starts);
  Add(hash, tables.actions);
  Add(hash, tables.sequences);
  Add(hash, tables.characters);
  Add(hash, tables.character_ids, tables.characters.size);
  Add(hash, tables.merge_lefts);
  Add(hash, tables.merge_starts, tables.merge_lefts.size + 1);
  const size_t merges = tables.merge_starts[tables.merge_lefts.size];
  Add(hash, tables.merge_rights, merges);
  Add(hash, tables.merge_ranks, merges);
  Add(hash, &tables.first_merged_id, 1);
  Add(hash, tables.merge_exceptions);
}

// A label a line: the file labels.txt.
void HashLabels(Sha256& hash) {
  if (bundle::kIsRegression) return;
  for (const char* label : bundle::kLabels) {
    Add(hash, label, std::strlen(label));
    Add(hash, "\n", 1);
  }
}

// Row by row, as `_golden_bytes` of convert/bundle/sources.py does.
void HashGolden(Sha256& hash) {
  for (const embbert::GoldenRow& row : bundle::kGolden) {
    AddSize(hash, row.length);
    Add(hash, row.text, row.length);
    AddSize(hash, row.second_length);
    Add(hash, row.second, row.second_length);
    Add(hash, row.ids);
    Add(hash, row.logits, bundle::kClasses);
  }
}

constexpr Part kParts[] = {
    {"model", bundle::kModelSha256, bundle::kModelSha256, HashModel},
    {"tokenizer", bundle::kTokenizerSha256, bundle::kTablesSha256, HashTokenizer},
    {"labels", bundle::kLabelsSha256, bundle::kLabelsSha256, HashLabels},
    {"golden rows", bundle::kGoldenSha256, bundle::kGoldenSha256, HashGolden},
};

}  // namespace

bool Part::IsAsConverted() const {
  Sha256 hash;
  add(hash);
  const auto digits = hash.Digits();
  return std::memcmp(digits.data(), expected, digits.size()) == 0;
}

embbert::Span<Part> AllParts() { return {kParts, std::size(kParts)}; }

}  // namespace app
