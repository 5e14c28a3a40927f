// Measures a model of several lengths in a Cortex-M: each length alone in the arena, one after the other, then all in it
// at once by one MicroAllocator.
//
//   lengths MODEL ARENA_BYTES OFFSET...    OFFSET: byte of MODEL at which a length's .tflite file begins
//
// Prints, a line each: `alone OFFSET`, `used BYTES` of arena, ticks to `prepare` (interpreter and AllocateTensors) and of
// an `inference`; after them `together COUNT` and the same. The token ids are 2, 5, 6, ... . Exit status as `measure`.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "all_ops.h"
#include "boards/board.h"
#include "boards/common/semihosting.h"
#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

namespace {

enum Status { kOk = 0, kAllocateFailed = 1, kInvokeFailed = 2, kBadUse = 3, kNotEqual = 4 };

constexpr std::size_t kModelBytes = 4 << 20, kArenaBytes = 8 << 20, kLengths = 8, kOutputBytes = 256;
[[gnu::section(".bulk")]] alignas(16) std::uint8_t model_bytes[kModelBytes];
[[gnu::section(".bulk")]] alignas(16) std::uint8_t arena[kArenaBytes];
std::optional<tflite::MicroInterpreter> interpreters[kLengths];
std::int8_t outputs[kLengths][kOutputBytes];

void Print(const char* name, std::uint64_t number) {
  char line[64];
  std::snprintf(line, sizeof(line), "%s %lu\n", name, static_cast<unsigned long>(number));
  board::Write(line, std::strlen(line));
}

[[noreturn]] void Fail(Status status, const char* what) {
  board::Write(what, std::strlen(what));
  board::Exit(status);
}

void Allocate(tflite::MicroInterpreter& interpreter) {
  if (interpreter.AllocateTensors() != kTfLiteOk) Fail(kAllocateFailed, "AllocateTensors failed\n");
}

void Invoke(tflite::MicroInterpreter& interpreter) {
  const TfLiteTensor* tokens = interpreter.input(0);
  const std::size_t length = tokens->bytes / sizeof(std::int32_t);
  for (std::size_t i = 0; i < length; ++i) tokens->data.i32[i] = i == 0 ? 2 : static_cast<std::int32_t>(i + 4);
  const std::uint64_t start = board::Ticks();
  if (interpreter.Invoke() != kTfLiteOk) Fail(kInvokeFailed, "Invoke failed\n");
  Print("inference", board::Ticks() - start);
}

const tflite::Model* ModelAt(const char* offset) {
  return tflite::GetModel(model_bytes + std::strtoul(offset, nullptr, 10));
}

void MeasureAlone(const Operators& resolver, std::size_t arena_bytes, char** offsets, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    Print("alone", std::strtoul(offsets[i], nullptr, 10));
    const std::uint64_t start = board::Ticks();
    Allocate(interpreters[0].emplace(ModelAt(offsets[i]), resolver, arena, arena_bytes));
    Print("prepare", board::Ticks() - start);
    Print("used", interpreters[0]->arena_used_bytes());
    Invoke(*interpreters[0]);
    const TfLiteTensor* output = interpreters[0]->output(0);
    std::memcpy(outputs[i], output->data.int8, std::min(output->bytes, kOutputBytes));
  }
  interpreters[0].reset();
}

void MeasureTogether(const Operators& resolver, std::size_t arena_bytes, char** offsets, std::size_t count) {
  Print("together", count);
  const std::uint64_t start = board::Ticks();
  tflite::MicroAllocator* allocator = tflite::MicroAllocator::Create(arena, arena_bytes);
  for (std::size_t i = 0; i < count; ++i) Allocate(interpreters[i].emplace(ModelAt(offsets[i]), resolver, allocator));
  Print("prepare", board::Ticks() - start);
  Print("used", allocator->used_bytes());
  for (std::size_t i = 0; i < count; ++i) {
    Invoke(*interpreters[i]);
    const TfLiteTensor* output = interpreters[i]->output(0);
    if (std::memcmp(outputs[i], output->data.int8, std::min(output->bytes, kOutputBytes)) != 0) {
      Fail(kNotEqual, "together they answer otherwise\n");
    }
  }
}

}  // namespace

int main() {
  board::Initialise();
  char line[512];
  if (!semihosting::CommandLine(line, sizeof(line))) Fail(kBadUse, "no command line\n");
  char* words[3 + kLengths] = {};  // the first is the name of the program
  std::size_t count = 0;
  for (char *rest = line, *word; count < 3 + kLengths && (word = strtok_r(rest, " ", &rest)); ++count) {
    words[count] = word;
  }
  if (count < 4) Fail(kBadUse, "usage: MODEL ARENA_BYTES OFFSET...\n");
  if (semihosting::ReadFile(words[1], model_bytes, kModelBytes) < 0) Fail(kBadUse, "no model\n");
  const std::size_t arena_bytes = std::min<std::size_t>(std::strtoul(words[2], nullptr, 10), kArenaBytes);
  static const Operators resolver;
  MeasureAlone(resolver, arena_bytes, words + 3, count - 3);
  MeasureTogether(resolver, arena_bytes, words + 3, count - 3);
  Print("ticks_per_second", board::TicksPerSecond());
  board::Exit(kOk);
}
