#include "app/app.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "app/console.h"
#include "app/parts.h"
#include "app_config.h"
#include "boards/board.h"
#include "bundle.h"
#include "embbert/classifier.h"
#include "embbert/line_reader.h"
#include "golden_data.h"

// Where the arena goes, for parts whose largest RAM is not where .bss lies: -DEMBBERT_ARENA_SECTION='".sram"'.
#ifdef EMBBERT_ARENA_SECTION
#define EMBBERT_ARENA __attribute__((section(EMBBERT_ARENA_SECTION)))
#else
#define EMBBERT_ARENA
#endif

namespace app {
namespace {

using embbert::LineReader;
using embbert::Status;
using embbert::Verdict;
namespace bundle = embbert::bundle;

enum Exit { kNotEqual = 1, kBroken = 2 };

EMBBERT_ARENA alignas(16) uint8_t arena[kArenaBytes];
embbert::Classifier classifier;
char line[kLineBytes];
LineReader reader(line, sizeof(line));

[[noreturn]] void Stop(Exit status, const char* reason, const char* more = "", const char* end = "") {
  PrintLine("stopped: ", reason, more, end);
  board::Exit(status);
}

void CheckPart(const Part& part) {
  const bool equal = part.IsAsConverted();
  PrintLine(part.name, " ", part.file, equal ? ", as in flash" : "");
  if (!equal) Stop(kBroken, "the ", part.name, " in flash has another hash");
}

void StartClassifier() {
  const Status status = classifier.Init(arena, sizeof(arena));
  if (status != Status::kOk) Stop(kBroken, StatusText(status));
  PrintLine("arena ", static_cast<int64_t>(classifier.arena_used()), " bytes used of ",
            static_cast<int64_t>(sizeof(arena)));
}

bool AnswersEqually(const embbert::GoldenRow& row) {
  Verdict verdict = {};
  const Status status = row.second == nullptr
                            ? classifier.Classify(row.text, row.length, &verdict)
                            : classifier.ClassifyPair(row.text, row.length, row.second, row.second_length, &verdict);
  if (status != Status::kOk) Stop(kBroken, StatusText(status));
  return verdict.tokens == row.ids.size &&
         std::equal(verdict.logits, verdict.logits + bundle::kClasses, row.logits);
}

void CheckGoldenRows() {
  const int64_t equal = std::count_if(bundle::kGolden.begin(), bundle::kGolden.end(), AnswersEqually);
  const auto rows = static_cast<int64_t>(bundle::kGolden.size);
  PrintLine("golden ", equal, " of ", rows, " rows equal");
  if (equal != rows) Stop(kNotEqual, "it does not answer as the bundle says");
  PrintLine("stack ", static_cast<int64_t>(board::StackUsed()), " bytes used");
}

Status ClassifyLine(std::string_view text, Verdict* verdict) {
  if (!bundle::kTakesPairs) return classifier.Classify(text.data(), text.size(), verdict);
  const size_t tab = std::min(text.find('\t'), text.size());
  const std::string_view second = text.substr(std::min(tab + 1, text.size()));
  return classifier.ClassifyPair(text.data(), tab, second.data(), second.size(), verdict);
}

// A value in thousandths, as 1.234.
void PrintThousandths(int64_t value) {
  const int64_t size = value < 0 ? -value : value;
  if (value < 0) Print("-");
  Print(size / 1000);
  Print(".");
  for (int64_t digit = 100; digit > 0; digit /= 10) Print(size / digit % 10);
}

void PrintVerdict(const Verdict& verdict) {
  if (bundle::kIsRegression) {
    PrintThousandths(static_cast<int64_t>(verdict.Value() * 1000.0f));
  } else {
    Print(bundle::kLabels[verdict.label]);
  }
  for (size_t i = 0; i < bundle::kClasses; ++i) {
    Print(i == 0 ? "\t" : " ");
    Print(static_cast<int64_t>(verdict.logits[i]));
  }
  Print("\t");
  Print(static_cast<int64_t>(verdict.tokens));
  Print(verdict.windows == 1 ? " of " : " tokens, ");
  if (verdict.windows > 1) Print(static_cast<int64_t>(verdict.windows));
  if (verdict.windows > 1) Print(" times ");
  Print(static_cast<int64_t>(verdict.length));
  Print(verdict.windows == 1 ? " tokens\t" : "\t");
  if (bundle::kIsRegression) return;
  Print("confidence ");
  PrintThousandths(verdict.confidence);
  Print(verdict.rejected ? ", rejected\t" : "\t");
}

// label<tab>logits<tab>tokens, of how many the model takes<tab>confidence of a class<tab>ticks
void Answer(std::string_view text) {
  Verdict verdict = {};
  const uint64_t start = board::Ticks();
  const Status status = ClassifyLine(text, &verdict);
  const uint64_t ticks = board::Ticks() - start;
  if (status != Status::kOk) return PrintLine("error: ", StatusText(status));
  PrintVerdict(verdict);
  PrintLine(static_cast<int64_t>(ticks), " ticks");
}

// Shows what is typed, but for control characters; `before` and `after` are bytes of the line without and with it.
void Echo(char byte, size_t before, size_t after) {
  const bool is_control = static_cast<unsigned char>(byte) < ' ' && byte != '\t';
  if (byte == '\b' || byte == '\x7F') {
    Print(after < before ? "\b \b" : "");
  } else if (!is_control) {
    Print(std::string_view(&byte, 1));
  }
}

}  // namespace

void Start() {
  PrintLine("EmbBERT ", bundle::kName);
  PrintLine("board ", kBoard);
  PrintLine("bundle ", kBundleSha256);
  for (const Part& part : AllParts()) CheckPart(part);
  StartClassifier();
  CheckGoldenRows();
  PrintLine("ready, ", static_cast<int64_t>(board::TicksPerSecond()), " ticks a second");
  Print("> ");
}

void Take(char byte) {
  static size_t typed = 0;  // bytes of the line that is not ended yet
  const LineReader::Event event = reader.Push(byte);
  if (event == LineReader::Event::kNone) {
    if (byte == '\n') return;  // of CR LF
    if (kEcho) Echo(byte, typed, reader.length());
    typed = reader.length();
    return;
  }
  typed = 0;
  if (kEcho) PrintLine();
  if (event == LineReader::Event::kLine) Answer({reader.text(), reader.length()});
  if (event == LineReader::Event::kTooLong) {
    PrintLine("error: a line has at most ", static_cast<int64_t>(sizeof(line)), " bytes");
  }
  Print("> ");
}

}  // namespace app
