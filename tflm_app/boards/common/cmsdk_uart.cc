// Serial line of Arm's FPGA images: the CMSDK APB UART (Arm DDI 0479, "APB UART").
// The board gives BOARD_UART_BASE and BOARD_PERIPHERAL_HZ.

#include "boards/board.h"
#include "boards/common/registers.h"
#include "boards/common/ticks.h"

namespace board {
namespace {

constexpr std::uintptr_t kData = BOARD_UART_BASE + 0x00;
constexpr std::uintptr_t kState = BOARD_UART_BASE + 0x04;
constexpr std::uintptr_t kControl = BOARD_UART_BASE + 0x08;
constexpr std::uintptr_t kBaudDivider = BOARD_UART_BASE + 0x10;

constexpr std::uint32_t kTransmitFull = 1u << 0;
constexpr std::uint32_t kReceiveFull = 1u << 1;
constexpr std::uint32_t kTransmitEnable = 1u << 0;
constexpr std::uint32_t kReceiveEnable = 1u << 1;

constexpr std::uint32_t kBaud = 115200;

}  // namespace

void Initialise() {
  Register(kBaudDivider) = BOARD_PERIPHERAL_HZ / kBaud;
  Register(kControl) = kTransmitEnable | kReceiveEnable;
  StartTicks();
}

void Write(const char* bytes, std::size_t length) {
  for (std::size_t i = 0; i < length; ++i) {
    while (Register(kState) & kTransmitFull) {
    }
    Register(kData) = static_cast<unsigned char>(bytes[i]);
  }
}

int ReadByte() {
  while (!(Register(kState) & kReceiveFull)) {
  }
  return static_cast<int>(Register(kData) & 0xFF);
}

}  // namespace board
