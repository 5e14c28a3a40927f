// A board of Zephyr: its console's UART, polled, and its cycle counter. Compiled against stubs, not run here.

#include <zephyr/device.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/kernel.h>

#include "boards/board.h"

namespace board {
namespace {

const device* const console = DEVICE_DT_GET(DT_CHOSEN(zephyr_console));

}  // namespace

void Initialise() {
  while (!device_is_ready(console)) k_msleep(1);
}

void Write(const char* bytes, std::size_t length) {
  for (std::size_t i = 0; i < length; ++i) uart_poll_out(console, static_cast<unsigned char>(bytes[i]));
}

int ReadByte() {
  unsigned char byte = 0;
  while (uart_poll_in(console, &byte) != 0) k_yield();
  return byte;
}

// The counter has 32 bits: right as long as it is asked once before it wraps.
std::uint64_t Ticks() {
  static std::uint64_t ticks = 0;
  ticks += k_cycle_get_32() - static_cast<std::uint32_t>(ticks);
  return ticks;
}

std::uint32_t TicksPerSecond() { return static_cast<std::uint32_t>(sys_clock_hw_cycles_per_sec()); }

std::size_t StackUsed() { return 0; }

void Exit(int) {
  for (;;) k_msleep(1000);
}

}  // namespace board
