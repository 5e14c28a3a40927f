// Clocks and serial line of an STM32H743: ST RM0433, chapters PWR, RCC, FLASH, GPIO and USART; addresses and bits as in
// stm32h743xx.h of STMicroelectronics/cmsis_device_h7, commit 13ba9da7. It compiles, and was not run here.
//
// The core at 480 MHz from the internal oscillator, caches on, buses and memories at 240 MHz, peripherals at 120 MHz:
// what silicon of revision V, which is on this board, takes at VOS0. USART3 on PD8 and PD9, which the board's ST-LINK
// takes to USB (ST UM2407), 115200 baud.

#include "boards/board.h"
#include "boards/common/caches.h"
#include "boards/common/registers.h"
#include "boards/common/ticks.h"

namespace board {
namespace {

constexpr std::uintptr_t kPower = 0x58024800;
constexpr std::uintptr_t kPowerState = kPower + 0x04;
constexpr std::uintptr_t kPowerSupply = kPower + 0x0C;
constexpr std::uintptr_t kPowerScale = kPower + 0x18;
constexpr std::uintptr_t kOverdrive = 0x5800042C;  // SYSCFG_PWRCR
constexpr std::uintptr_t kFlashAccess = 0x52002000;
constexpr std::uintptr_t kRcc = 0x58024400;
constexpr std::uintptr_t kRccControl = kRcc + 0x00;
constexpr std::uintptr_t kRccConfiguration = kRcc + 0x10;
constexpr std::uintptr_t kRccDomain1 = kRcc + 0x18;
constexpr std::uintptr_t kRccDomain2 = kRcc + 0x1C;
constexpr std::uintptr_t kRccDomain3 = kRcc + 0x20;
constexpr std::uintptr_t kRccPllSource = kRcc + 0x28;
constexpr std::uintptr_t kRccPllConfiguration = kRcc + 0x2C;
constexpr std::uintptr_t kRccPll1Dividers = kRcc + 0x30;
constexpr std::uintptr_t kRccApb4Enable = kRcc + 0xF4;
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

void WaitFor(std::uintptr_t address, std::uint32_t mask, std::uint32_t value) {
  while ((Register(address) & mask) != value) {
  }
}

// The supply is the LDO, which has to be said once before the voltage can change; VOS0 is VOS1 and the overdrive.
void RaiseVoltage() {
  constexpr std::uint32_t kSupplies = 7, kLdo = 2, kReached = 1u << 13;
  SetBits(kPowerSupply, kSupplies, kLdo);
  WaitFor(kPowerState, kReached, kReached);
  SetBits(kPowerScale, 3u << 14, 3u << 14);
  WaitFor(kPowerScale, kReached, kReached);
  constexpr std::uint32_t kSyscfgClock = 1u << 1, kOverdriveOn = 1;
  EnableClock(kRccApb4Enable, kSyscfgClock);
  SetBits(kOverdrive, kOverdriveOn, kOverdriveOn);
  WaitFor(kPowerScale, kReached, kReached);
}

// 64 MHz / 16 = 4 MHz, times 240 = 960 MHz, by 2 = 480 MHz.
void StartPll() {
  constexpr std::uint32_t kDivide = 16, kMultiply = 240, kHalve = 2;
  SetBits(kRccPllSource, 3u | 0x3Fu << 4, kDivide << 4);  // from the internal oscillator
  constexpr std::uint32_t kFraction = 1u << 0, kNarrow = 1u << 1, kInput = 3u << 2, kInputOf4To8MHz = 2u << 2;
  constexpr std::uint32_t kOutputP = 1u << 16, kOutputs = 7u << 16;
  SetBits(kRccPllConfiguration, kFraction | kNarrow | kInput | kOutputs, kInputOf4To8MHz | kOutputP);
  Register(kRccPll1Dividers) = (kMultiply - 1) | (kHalve - 1) << 9;
  constexpr std::uint32_t kPllOn = 1u << 24, kPllReady = 1u << 25;
  SetBits(kRccControl, kPllOn, kPllOn);
  WaitFor(kRccControl, kPllReady, kPllReady);
}

void StartClocks() {
  RaiseVoltage();
  constexpr std::uint32_t kWaitStates = 4, kSignalDelay = 2u << 4;  // at VOS0 and 240 MHz
  SetBits(kFlashAccess, 0x3Fu, kWaitStates | kSignalDelay);
  WaitFor(kFlashAccess, 0x3Fu, kWaitStates | kSignalDelay);
  constexpr std::uint32_t kBusByTwo = 8, kPeripheralsByTwo = 4;  // the fields that divide begin at bits 0, 4 and 8
  SetBits(kRccDomain1, 0xF7Fu, kBusByTwo | kPeripheralsByTwo << 4);
  SetBits(kRccDomain2, 7u << 4 | 7u << 8, kPeripheralsByTwo << 4 | kPeripheralsByTwo << 8);
  SetBits(kRccDomain3, 7u << 4, kPeripheralsByTwo << 4);
  StartPll();
  constexpr std::uint32_t kUse = 7, kUsed = 7u << 3, kPll1 = 3;
  SetBits(kRccConfiguration, kUse, kPll1);
  WaitFor(kRccConfiguration, kUsed, kPll1 << 3);
}

void StartSerial() {
  constexpr std::uint32_t kGpioDClock = 1u << 3, kUsart3Clock = 1u << 18;
  EnableClock(kRccAhb4Enable, kGpioDClock);
  EnableClock(kRccApb1LowEnable, kUsart3Clock);
  constexpr std::uint32_t kAlternate = 2, kUsartFunction = 7;  // pins 8 and 9
  SetBits(kGpioDAlternateHigh, 0xFFu, kUsartFunction | kUsartFunction << 4);
  SetBits(kGpioDMode, 0xFu << 16, kAlternate << 16 | kAlternate << 18);
  constexpr std::uint32_t kBaud = 115200;
  Register(kUsartBaud) = (BOARD_CLOCK_HZ / 4 + kBaud / 2) / kBaud;
  constexpr std::uint32_t kEnable = 1u << 0, kTransmit = 1u << 3, kReceive = 1u << 2;
  Register(kUsartControl) = kEnable | kTransmit | kReceive;
}

}  // namespace

void Initialise() {
  StartClocks();
  StartCaches();
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
  for (;;) Barrier();
}

}  // namespace board
