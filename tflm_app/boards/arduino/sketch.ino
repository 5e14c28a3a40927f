// A bundle of EmbBERT as an Arduino sketch: open a serial monitor at 115200 baud, type a line, read its label.
//
// Not built here: no Arduino toolchain has compiled it yet. TensorFlow Lite Micro is your own library. The arena's size
// is in src/app_config.h; TFLM of another age than the bundle's, or another core, may need more bytes.

#include <TensorFlowLite.h>  // the header of your TensorFlow Lite Micro library; the one place that names it

#if __cplusplus < 201703L
#error "C++17 is needed: arduino-cli compile --build-property compiler.cpp.extra_flags=-std=gnu++17"
#endif

#include "src/app.h"
#include "src/board.h"

void setup() {
  board::Initialise();
  app::Start();
}

void loop() { app::Take(static_cast<char>(board::ReadByte())); }
