// What an EmbBERT firmware takes beside its model and arena: TFLM with the operators of EmbBERT at any length, start-up
// and the serial line. Linked for its size; model and arena are addresses that the linker is given.

#include "boards/board.h"
#include "embbert_ops.h"
#include "tensorflow/lite/micro/cortex_m_generic/debug_log_callback.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

extern "C" {
extern const std::uint8_t external_model[];
extern std::uint8_t external_arena[];
}

namespace {

constexpr std::size_t kArenaBytes = 1 << 17;

}  // namespace

int main() {
  board::Initialise();
  RegisterDebugLogCallback([](const char* text) { board::Write(text, __builtin_strlen(text)); });
  static const Operators resolver;
  static tflite::MicroInterpreter interpreter(tflite::GetModel(external_model), resolver, external_arena, kArenaBytes);
  if (interpreter.AllocateTensors() != kTfLiteOk) board::Exit(1);
  for (int byte = board::ReadByte(); byte >= 0; byte = board::ReadByte()) {
    interpreter.input(0)->data.i32[0] = byte;
    if (interpreter.Invoke() != kTfLiteOk) board::Exit(2);
    board::Write(interpreter.output(0)->data.raw, 1);
  }
  board::Exit(0);
}
