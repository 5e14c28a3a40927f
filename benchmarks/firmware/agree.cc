// Runs many models, one after the other, several inferences of each.
//
//   agree FIRST LAST ROUNDS    models FIRST.tflite .. LAST.tflite of the folder; round R of model N reads N.inR, the bytes
//                              of all input tensors, and writes N.outR
//
// Prints `model N STATUS` after each: 0 well, 1 AllocateTensors failed, 2 Invoke failed, 3 a file is missing or too long.
// A model that crashes ends the program with status 70, one that never ends keeps it: the host goes on behind it.

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "all_ops.h"
#include "boards/board.h"
#include "boards/common/semihosting.h"
#include "tensor_files.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

namespace {

enum Status { kOk = 0, kAllocateFailed = 1, kInvokeFailed = 2, kBadUse = 3 };

constexpr std::size_t kModelBytes = 4 << 20, kArenaBytes = 1 << 20;
constexpr int kDirt = 0x5A;  // what the arena holds before: a kernel that writes too little is not helped by zeros
[[gnu::section(".bulk")]] alignas(16) std::uint8_t model_bytes[kModelBytes];
[[gnu::section(".bulk")]] alignas(16) std::uint8_t arena[kArenaBytes];

struct Path {
  Path(unsigned long model, const char* kind, unsigned long round) {
    std::snprintf(text, sizeof(text), "%lu.%s%lu", model, kind, round);
  }
  char text[32];
};

Status RunModel(const tflite::MicroOpResolver& resolver, unsigned long number, unsigned long rounds) {
  char name[32];
  std::snprintf(name, sizeof(name), "%lu.tflite", number);
  if (semihosting::ReadFile(name, model_bytes, kModelBytes) < 0) return kBadUse;
  std::memset(arena, kDirt, kArenaBytes);
  tflite::MicroInterpreter interpreter(tflite::GetModel(model_bytes), resolver, arena, kArenaBytes);
  if (interpreter.AllocateTensors() != kTfLiteOk) return kAllocateFailed;
  for (unsigned long round = 0; round < rounds; ++round) {
    if (!ReadInputs(interpreter, Path(number, "in", round).text)) return kBadUse;
    if (interpreter.Invoke() != kTfLiteOk) return kInvokeFailed;
    if (!WriteOutputs(interpreter, Path(number, "out", round).text)) return kBadUse;
  }
  return kOk;
}

}  // namespace

int main() {
  board::Initialise();
  char line[128];
  if (!semihosting::CommandLine(line, sizeof(line))) board::Exit(kBadUse);
  char* words[4] = {};  // the first is the name of the program
  char* rest = line;
  for (char*& word : words) word = strtok_r(rest, " ", &rest);
  if (!words[3]) board::Exit(kBadUse);
  const unsigned long first = std::strtoul(words[1], nullptr, 10), last = std::strtoul(words[2], nullptr, 10);
  const unsigned long rounds = std::strtoul(words[3], nullptr, 10);
  static const Operators resolver;
  for (unsigned long number = first; number <= last; ++number) {
    const Status status = RunModel(resolver, number, rounds);
    std::snprintf(line, sizeof(line), "model %lu %d\n", number, status);
    board::Write(line, std::strlen(line));
  }
  board::Exit(kOk);
}
