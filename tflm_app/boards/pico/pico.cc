// A board of the Raspberry Pi Pico's SDK: its standard input and output, by USB or UART, and its microseconds. Compiled
// here, not run.

#include <pico/stdlib.h>

#include "boards/board.h"

#if LIB_PICO_STDIO_USB
#include <pico/stdio_usb.h>
#endif

namespace board {

void Initialise() {
  stdio_init_all();
#if LIB_PICO_STDIO_USB
  while (!stdio_usb_connected()) sleep_ms(10);  // until somebody listens
#endif
}

void Write(const char* bytes, std::size_t length) {
  for (std::size_t i = 0; i < length; ++i) putchar_raw(static_cast<unsigned char>(bytes[i]));
}

int ReadByte() {
  constexpr std::uint32_t kMicroseconds = 1000;
  int byte = PICO_ERROR_TIMEOUT;
  while (byte < 0) byte = getchar_timeout_us(kMicroseconds);
  return byte;
}

std::uint64_t Ticks() { return time_us_64(); }

std::uint32_t TicksPerSecond() { return 1000000; }

std::size_t StackUsed() { return 0; }

void Exit(int) {
  for (;;) sleep_ms(1000);
}

}  // namespace board
