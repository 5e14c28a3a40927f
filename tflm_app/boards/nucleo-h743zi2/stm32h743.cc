// Serial line of an STM32H743: ST RM0433, chapters RCC, GPIO and USART; addresses and bits as in stm32h743xx.h of
// STMicroelectronics/cmsis_device_h7, commit 13ba9da7. It compiles, and was not run here.
//
// The clocks stay as they are after a reset: the core and USART3 at the 64 MHz of the internal oscillator, caches off.
// USART3 on PD8 and PD9, which the board's ST-LINK takes to USB (ST UM2407), 115200 baud.

#include "boards/board.h"
#include "boards/common/registers.h"
#include "boards/common/ticks.h"

namespace board {
namespace {

constexpr std::uintptr_t kRcc = 0x58024400;
constexpr std::uintptr_t kRccAhb4Enable = kRcc + 0xE0;
constexpr std::uintptr_t kRccApb1LowEnable = kRcc + 0xE8;
constexpr std::uintptr_t kGpioD = 0x58020C00;
constexpr std::uintptr_t kGpioDMode = kGpioD + 0x00;
constexpr std::uintptr_t kGpioDAlternateHigh = kGpioD + 0x24;
constexpr std::uintptr_t kUsart3 = 0x40004800;
constexpr std::uintptr_t kUsartControl = kUsart3 + 0x00;
constexpr std::uintptr_t kUsartBaud = kUsart3 + 0x0C;
constexpr std::uintptr_t kUsartStatus = kUsart3 + 0x1C;
constexpr std::uintptr_t kUsartReceived = kUsart3 + 0x24;
constexpr std::uintptr_t kUsartTransmit = kUsart3 + 0x28;

constexpr std::uint32_t kTransmitEmpty = 1u << 7, kReceiveFull = 1u << 5;

// A peripheral answers two cycles after its clock is enabled (RM0433, RCC): the read takes them.
void EnableClock(std::uintptr_t address, std::uint32_t bit) {
  Register(address) |= bit;
  [[maybe_unused]] const std::uint32_t enabled = Register(address);
}

// Gives bits of a register a value.
void SetBits(std::uintptr_t address, std::uint32_t mask, std::uint32_t value) {
  Register(address) = (Register(address) & ~mask) | value;
}

void StartSerial() {
  constexpr std::uint32_t kGpioDClock = 1u << 3, kUsart3Clock = 1u << 18;
  EnableClock(kRccAhb4Enable, kGpioDClock);
  EnableClock(kRccApb1LowEnable, kUsart3Clock);
  constexpr std::uint32_t kAlternate = 2, kUsartFunction = 7;  // pins 8 and 9
  SetBits(kGpioDAlternateHigh, 0xFFu, kUsartFunction | kUsartFunction << 4);
  SetBits(kGpioDMode, 0xFu << 16, kAlternate << 16 | kAlternate << 18);
  constexpr std::uint32_t kBaud = 115200;
  Register(kUsartBaud) = (BOARD_CLOCK_HZ + kBaud / 2) / kBaud;
  constexpr std::uint32_t kEnable = 1u << 0, kTransmit = 1u << 3, kReceive = 1u << 2;
  Register(kUsartControl) = kEnable | kTransmit | kReceive;
}

}  // namespace

void Initialise() {
  StartSerial();
  StartTicks();
}

void Write(const char* bytes, std::size_t length) {
  for (std::size_t i = 0; i < length; ++i) {
    while (!(Register(kUsartStatus) & kTransmitEmpty)) {
    }
    Register(kUsartTransmit) = static_cast<unsigned char>(bytes[i]);
  }
}

int ReadByte() {
  while (!(Register(kUsartStatus) & kReceiveFull)) {
  }
  return static_cast<int>(Register(kUsartReceived) & 0xFF);
}

void Exit(int) {
  for (;;) {
    asm volatile("wfi");
  }
}

}  // namespace board
