// SysTick (Armv7-M Architecture Reference Manual, B3.3) as a counter of the core's clock, BOARD_CLOCK_HZ.

#include "boards/common/ticks.h"

#include "boards/board.h"
#include "boards/common/registers.h"

namespace {

constexpr std::uintptr_t kControl = 0xE000E010;
constexpr std::uintptr_t kReload = 0xE000E014;
constexpr std::uintptr_t kCurrent = 0xE000E018;

constexpr std::uint32_t kEnable = 1u << 0;
constexpr std::uint32_t kInterrupt = 1u << 1;
constexpr std::uint32_t kCoreClock = 1u << 2;
constexpr std::uint32_t kLongest = 0xFFFFFF;

volatile std::uint32_t wraps;

}  // namespace

extern "C" void SysTickHandler() { wraps = wraps + 1; }

namespace board {

void StartTicks() {
  Register(kReload) = kLongest;
  Register(kCurrent) = 0;
  Register(kControl) = kEnable | kInterrupt | kCoreClock;
}

std::uint64_t Ticks() {
  std::uint32_t before = 0, current = 0;
  do {  // the counter may wrap between the two reads
    before = wraps;
    current = Register(kCurrent);
  } while (before != wraps);
  const std::uint32_t since_zero = (0 - current) & kLongest;  // it interrupts when it reaches zero
  return (static_cast<std::uint64_t>(before) << 24) + since_zero;
}

std::uint32_t TicksPerSecond() { return BOARD_CLOCK_HZ; }

}  // namespace board
