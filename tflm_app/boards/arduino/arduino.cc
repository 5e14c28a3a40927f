// The board of an Arduino sketch (convert/arduino.py): Serial and micros(). Not built here.

#include <Arduino.h>

#include "boards/board.h"

namespace board {

void Initialise() {
  Serial.begin(115200);
  while (!Serial) {  // of USB, until somebody listens
  }
}

void Write(const char* bytes, std::size_t length) {
  Serial.write(reinterpret_cast<const std::uint8_t*>(bytes), length);
}

int ReadByte() {
  while (Serial.available() == 0) yield();
  return Serial.read();
}

// micros() has 32 bits: right as long as it is asked once in 71 minutes.
std::uint64_t Ticks() {
  static std::uint64_t ticks = 0;
  ticks += static_cast<std::uint32_t>(micros()) - static_cast<std::uint32_t>(ticks);
  return ticks;
}

std::uint32_t TicksPerSecond() { return 1000000; }

std::size_t StackUsed() { return 0; }

void Exit(int) {
  for (;;) delay(1000);
}

}  // namespace board
