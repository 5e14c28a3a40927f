// Measures a model in a Cortex-M: what it takes of an arena, what it answers, and the ticks of each operator.
//
//   measure MODEL ARENA_BYTES [INPUT OUTPUT]    allocates; with INPUT (the input tensors' bytes) runs one inference
//   measure loop COUNT                          ticks of COUNT rounds of a loop of two instructions
//
// Files are read and written through semihosting, lines go to the serial line. Exit status: 0 well, 1 AllocateTensors
// failed, 2 Invoke failed, 3 bad arguments or files; 70 a fault.

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#ifdef EMBBERT_OPS
#include "embbert_ops.h"
#else
#include "all_ops.h"
#endif
#include "boards/board.h"
#include "boards/common/semihosting.h"
#include "tensorflow/lite/micro/cortex_m_generic/debug_log_callback.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensor_files.h"
#include "tensorflow/lite/micro/micro_profiler_interface.h"

namespace {

enum Status { kOk = 0, kAllocateFailed = 1, kInvokeFailed = 2, kBadUse = 3 };

constexpr std::size_t kModelBytes = 4 << 20, kArenaBytes = 8 << 20;
[[gnu::section(".bulk")]] alignas(16) std::uint8_t model_bytes[kModelBytes];
[[gnu::section(".bulk")]] alignas(16) std::uint8_t arena[kArenaBytes];

[[gnu::format(printf, 1, 2)]] void Print(const char* format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  board::Write(text, std::strlen(text));
}

void PrintBytes(const char* name, std::size_t bytes) { Print("%s %lu\n", name, static_cast<unsigned long>(bytes)); }

[[noreturn]] void Fail(Status status, const char* what) {
  Print("failed %s\n", what);
  board::Exit(status);
}

// Ticks of every operator in the order of execution; an operator with subgraphs includes theirs.
class OperatorTicks : public tflite::MicroProfilerInterface {
 public:
  std::uint32_t BeginEvent(const char* tag) override {
    if (count_ == kCapacity) Fail(kBadUse, "too many operators");
    events_[count_] = {tag, board::Ticks(), 0};
    return count_++;
  }

  void EndEvent(std::uint32_t event) override { events_[event].end = board::Ticks(); }

  void Clear() { count_ = 0; }

  void PrintAll() const {
    for (std::uint32_t i = 0; i < count_; ++i) {
      Print("op %s %lu\n", events_[i].tag, static_cast<unsigned long>(events_[i].end - events_[i].start));
    }
  }

 private:
  static constexpr std::uint32_t kCapacity = 8192;
  struct Event {
    const char* tag;
    std::uint64_t start, end;
  };
  Event events_[kCapacity];
  std::uint32_t count_;
};

[[gnu::section(".bulk")]] alignas(8) char profiler_bytes[sizeof(OperatorTicks)];

void Measure(const char* model_path, std::size_t arena_bytes, const char* input_path, const char* output_path) {
  if (arena_bytes > kArenaBytes) Fail(kBadUse, "the arena is larger than the board's");
  if (semihosting::ReadFile(model_path, model_bytes, kModelBytes) < 0) Fail(kBadUse, "to read the model");
  static const Operators resolver;
  auto& ticks = *new (profiler_bytes) OperatorTicks;
  ticks.Clear();
  static tflite::MicroInterpreter interpreter(tflite::GetModel(model_bytes), resolver, arena, arena_bytes, nullptr,
                                              &ticks);
  if (interpreter.AllocateTensors() != kTfLiteOk) Fail(kAllocateFailed, "AllocateTensors");
  PrintBytes("used", interpreter.arena_used_bytes());
  if (!input_path) return;
  if (!ReadInputs(interpreter, input_path)) Fail(kBadUse, "to read the input");
  ticks.Clear();
  const std::uint64_t start = board::Ticks();
  const TfLiteStatus status = interpreter.Invoke();
  const std::uint64_t end = board::Ticks();
  if (status != kTfLiteOk) Fail(kInvokeFailed, "Invoke");
  PrintBytes("stack", board::StackUsed());
  PrintBytes("ticks", static_cast<std::size_t>(end - start));
  ticks.PrintAll();
  if (!WriteOutputs(interpreter, output_path)) Fail(kBadUse, "to write the output");
}

void TimeLoop(std::uint32_t count) {
  const std::uint64_t start = board::Ticks();
  asm volatile(
      ".syntax unified\n"
      "1: subs %0, #1\n"
      "bne 1b\n"
      : "+l"(count)::"cc");
  PrintBytes("ticks", static_cast<std::size_t>(board::Ticks() - start));
}

}  // namespace

int main() {
  board::Initialise();
  RegisterDebugLogCallback([](const char* text) { board::Write(text, std::strlen(text)); });
  char line[512];
  if (!semihosting::CommandLine(line, sizeof(line))) Fail(kBadUse, "to get the command line");
  char* words[5] = {};  // the first is the name of the program
  char* rest = line;
  for (char*& word : words) word = strtok_r(rest, " ", &rest);
  if (!words[2]) Fail(kBadUse, "usage: MODEL ARENA_BYTES [INPUT OUTPUT]");
  const std::uint32_t number = std::strtoul(words[2], nullptr, 10);
  if (std::strcmp(words[1], "loop") == 0) {
    TimeLoop(number);
  } else {
    Measure(words[1], number, words[3], words[4]);
  }
  PrintBytes("ticks_per_second", board::TicksPerSecond());
  board::Exit(kOk);
}
