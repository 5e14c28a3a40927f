// What a compiler reads in a bundle's generated sources: facts and golden rows as lines of JSON, texts in hexadecimal;
// then the model's bytes.

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "bundle.h"
#include "golden_data.h"
#include "model_data.h"

#ifndef ARENA_KERNELS
#define ARENA_KERNELS "cmsis_nn"
#endif

namespace {

namespace bundle = embbert::bundle;

void PrintText(const char* name, const char* text, size_t length) {
  std::printf(R"("%s": )", name);
  if (text == nullptr) {
    std::printf("null, ");
    return;
  }
  std::printf("\"");
  for (size_t i = 0; i < length; ++i) std::printf("%02x", static_cast<unsigned>(static_cast<unsigned char>(text[i])));
  std::printf("\", ");
}

void PrintNumber(const char* name, double number) { std::printf("\"%s\": %.17g, ", name, number); }

template <typename T>
void PrintNumbers(const char* name, const T* values, size_t count) {
  std::printf("\"%s\": [", name);
  for (size_t i = 0; i < count; ++i) std::printf("%s%d", i == 0 ? "" : ", ", static_cast<int>(values[i]));
  std::printf("], ");
}

void PrintFacts() {
  std::printf("{");
  PrintText("name", bundle::kName, sizeof(bundle::kName) - 1);
  PrintNumber("sequence_length", static_cast<double>(bundle::kSequenceLength));
  PrintNumber("token_rows", static_cast<double>(bundle::kTokenRows));
  PrintNumber("takes_pairs", static_cast<double>(bundle::kTakesPairs));
  PrintNumber("is_regression", static_cast<double>(bundle::kIsRegression));
  PrintNumber("scale", static_cast<double>(bundle::kOutputScale));
  PrintNumber("zero_point", bundle::kOutputZeroPoint);
  constexpr size_t arena = embbert::ArenaBytes(bundle::kArenas, "cortex-m7", ARENA_KERNELS);
  PrintNumber("arena", static_cast<double>(arena));
  PrintNumber("golden", static_cast<double>(bundle::kGolden.size));
  PrintNumber("misaligned", static_cast<double>(reinterpret_cast<uintptr_t>(bundle::kModel) % 16));
  PrintNumber("classes", static_cast<double>(bundle::kClasses));
  for (const embbert::ModelLength& length : bundle::kLengths) {
    PrintNumber("length", static_cast<double>(length.tokens));
    PrintNumber("offset", static_cast<double>(length.offset));
  }
  for (const char* label : bundle::kLabels) PrintText("label", label, label == nullptr ? 0 : std::strlen(label));
  std::printf(R"("model_sha256": "%s", "tokenizer_sha256": "%s"})", bundle::kModelSha256, bundle::kTokenizerSha256);
  std::printf("\n");
}

void PrintRow(const embbert::GoldenRow& row) {
  std::printf("{");
  PrintText("text", row.text, row.length);
  PrintText("pair", row.second, row.second_length);
  PrintNumbers("tokens", row.ids.data, row.ids.size);
  PrintNumbers("logits", row.logits, bundle::kClasses);
  std::printf("\"end\": 0}\n");
}

}  // namespace

int main() {
  PrintFacts();
  for (const embbert::GoldenRow& row : bundle::kGolden) PrintRow(row);
  std::fwrite(bundle::kModel, 1, bundle::kModelSize, stdout);
  return 0;
}
