// Clocks and serial line of an STM32F405 (ST RM0090, chapters 3 flash, 7 RCC, 8 GPIO, 30 USART).
//
// 168 MHz from the board's 25 MHz crystal; USART1 on PA9 and PA10, 115200 baud.

#include "boards/board.h"
#include "boards/common/registers.h"
#include "boards/common/ticks.h"

namespace board {
namespace {

constexpr std::uintptr_t kRcc = 0x40023800;
constexpr std::uintptr_t kRccControl = kRcc + 0x00;
constexpr std::uintptr_t kRccPll = kRcc + 0x04;
constexpr std::uintptr_t kRccConfiguration = kRcc + 0x08;
constexpr std::uintptr_t kRccAhb1Enable = kRcc + 0x30;
constexpr std::uintptr_t kRccApb2Enable = kRcc + 0x44;
constexpr std::uintptr_t kFlashAccess = 0x40023C00;
constexpr std::uintptr_t kGpioAMode = 0x40020000;
constexpr std::uintptr_t kGpioAAlternateHigh = 0x40020024;
constexpr std::uintptr_t kUsart1 = 0x40011000;
constexpr std::uintptr_t kUsartStatus = kUsart1 + 0x00;
constexpr std::uintptr_t kUsartData = kUsart1 + 0x04;
constexpr std::uintptr_t kUsartBaud = kUsart1 + 0x08;
constexpr std::uintptr_t kUsartControl = kUsart1 + 0x0C;

constexpr std::uint32_t kCrystalOn = 1u << 16, kCrystalReady = 1u << 17;
constexpr std::uint32_t kPllOn = 1u << 24, kPllReady = 1u << 25;
constexpr std::uint32_t kTransmitEmpty = 1u << 7, kReceiveFull = 1u << 5;

// Gives up after a while: QEMU has no RCC, whose registers read as zero, and a board without the crystal stays slow.
void WaitFor(std::uintptr_t address, std::uint32_t bits) {
  for (int tries = 0; tries < 100000 && (Register(address) & bits) != bits; ++tries) {
  }
}

void StartClocks() {
  constexpr std::uint32_t kFiveWaitStates = 5, kCaches = 7u << 8;
  Register(kFlashAccess) = kFiveWaitStates | kCaches;
  Register(kRccControl) |= kCrystalOn;
  WaitFor(kRccControl, kCrystalReady);
  constexpr std::uint32_t kDivide = 25, kMultiply = 336, kHalve = 0, kUsbDivide = 7, kFromCrystal = 1;
  Register(kRccPll) = kDivide | kMultiply << 6 | kHalve << 16 | kFromCrystal << 22 | kUsbDivide << 24;
  Register(kRccControl) |= kPllOn;
  WaitFor(kRccControl, kPllReady);
  constexpr std::uint32_t kApb1ByFour = 5u << 10, kApb2ByTwo = 4u << 13, kUsePll = 2, kPllUsed = 2u << 2;
  Register(kRccConfiguration) = kApb1ByFour | kApb2ByTwo | kUsePll;
  WaitFor(kRccConfiguration, kPllUsed);
}

void StartSerial() {
  constexpr std::uint32_t kGpioA = 1u << 0, kUsart1Clock = 1u << 4;
  Register(kRccAhb1Enable) |= kGpioA;
  Register(kRccApb2Enable) |= kUsart1Clock;
  constexpr std::uint32_t kAlternate = 2, kUsartFunction = 7;
  Register(kGpioAMode) |= kAlternate << 18 | kAlternate << 20;                       // pins 9 and 10
  Register(kGpioAAlternateHigh) |= kUsartFunction << 4 | kUsartFunction << 8;
  constexpr std::uint32_t kBaud = 115200;
  Register(kUsartBaud) = BOARD_CLOCK_HZ / 2 / kBaud;
  constexpr std::uint32_t kEnable = 1u << 13, kTransmit = 1u << 3, kReceive = 1u << 2;
  Register(kUsartControl) = kEnable | kTransmit | kReceive;
}

}  // namespace

void Initialise() {
  StartClocks();
  StartSerial();
  StartTicks();
}

void Write(const char* bytes, std::size_t length) {
  for (std::size_t i = 0; i < length; ++i) {
    while (!(Register(kUsartStatus) & kTransmitEmpty)) {
    }
    Register(kUsartData) = static_cast<unsigned char>(bytes[i]);
  }
}

int ReadByte() {
  while (!(Register(kUsartStatus) & kReceiveFull)) {
  }
  return static_cast<int>(Register(kUsartData) & 0xFF);
}

}  // namespace board
