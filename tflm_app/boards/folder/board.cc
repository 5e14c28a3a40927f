// The board of your own project: fill in what its vendor's library gives (STM32Cube: HAL_UART_Transmit,
// HAL_UART_Receive, and DWT's cycle counter or HAL_GetTick), and call Initialise, app::Start and app::Take as
// app/main.cc does.

#include "boards/board.h"

#error "a board of your own: fill in these functions and take this line away"

namespace board {

void Initialise() {}  // clocks and the serial line, unless your project's start did it

void Write(const char* /*bytes*/, std::size_t /*length*/) {}  // to the serial line; returns when all is sent

int ReadByte() { return -1; }  // waits for the next byte of the serial line

std::uint64_t Ticks() { return 0; }  // that grow

std::uint32_t TicksPerSecond() { return 1; }

std::size_t StackUsed() { return 0; }  // 0 where nobody counts

void Exit(int) {
  for (;;) {
  }
}

}  // namespace board
