// From reset to main on any Cortex-M: vector table, FPU, sections, constructors, the painted stack, faults.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "boards/board.h"
#include "boards/common/registers.h"

// Made by common/sections.ld.
extern "C" {
extern std::uint32_t board_data_load[], board_data_start[], board_data_end[];
extern std::uint32_t board_bss_start[], board_bss_end[];
extern std::uint32_t board_stack_bottom[], board_stack_top[];
extern void (*board_init_start[])();
extern void (*board_init_end[])();
void SysTickHandler();
void ResetHandler();
}

int main();

namespace {

constexpr std::uint32_t kPaint = 0xC5C5C5C5;
constexpr std::uintptr_t kCoprocessorAccess = 0xE000ED88;  // CPACR
constexpr std::uintptr_t kFaultStatus = 0xE000ED28;        // CFSR

void WriteText(const char* text) { board::Write(text, std::strlen(text)); }

void WriteHex(std::uint32_t value) {
  char digits[8];
  for (char* digit = std::end(digits); digit != digits; value >>= 4) *--digit = "0123456789abcdef"[value & 15];
  board::Write(digits, sizeof(digits));
}

// Writes what is known of the fault and ends the program.
extern "C" [[noreturn]] void ReportFault(const std::uint32_t* frame) {
  constexpr int kProgramCounter = 6;  // in the frame that the core pushes
  constexpr int kFaultExit = 70;
  constexpr std::uint32_t kStackLimit = 1u << 20;  // Armv8-M: below MSPLIM
  const std::uint32_t status = board::Register(kFaultStatus);
  const bool overflow = frame < board_stack_bottom || (status & kStackLimit) != 0;
  WriteText(overflow ? "\nfault: stack overflow, status 0x" : "\nfault: status 0x");
  WriteHex(status);
  if (!overflow) {
    WriteText(", at 0x");
    WriteHex(frame[kProgramCounter]);
  }
  WriteText("\n");
  board::Exit(kFaultExit);
}

// The stack may be what overflowed: the report runs on a fresh one.
extern "C" [[gnu::naked]] void FaultHandler() {
  asm volatile(
      "mrs r0, msp\n"
      "ldr r1, =board_stack_top\n"
      "mov sp, r1\n"
      "b ReportFault\n");
}

[[noreturn, gnu::noinline]] void Start() {
  std::memcpy(board_data_start, board_data_load,
              static_cast<std::size_t>(reinterpret_cast<char*>(board_data_end) -
                                       reinterpret_cast<char*>(board_data_start)));
  std::fill(board_bss_start, board_bss_end, 0);
  auto* const here = static_cast<std::uint32_t*>(__builtin_frame_address(0));
  for (std::uint32_t* word = board_stack_bottom; word < here - 16; ++word) *word = kPaint;
  std::for_each(board_init_start, board_init_end, [](void (*construct)()) { construct(); });
  board::Exit(main());
}

using Handler = void (*)();

struct VectorTable {
  std::uint32_t* stack_top;
  Handler reset;
  Handler faults[5];  // NMI, HardFault, MemManage, BusFault, UsageFault
  Handler unused[8];  // SecureFault to PendSV: never enabled
  Handler tick;
};

[[gnu::section(".vectors"), gnu::used]] const VectorTable kVectors = {
    board_stack_top,
    ResetHandler,
    {FaultHandler, FaultHandler, FaultHandler, FaultHandler, FaultHandler},
    {FaultHandler, FaultHandler, FaultHandler, FaultHandler, FaultHandler, FaultHandler, FaultHandler, FaultHandler},
    SysTickHandler};

}  // namespace

// Nothing of Start may be inlined here: the compiler uses float or vector registers where it likes.
extern "C" void ResetHandler() {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
  board::Register(kCoprocessorAccess) |= 0xFu << 20;  // full access to CP10 and CP11
  board::Barrier();
#endif
#if __ARM_ARCH >= 8
  asm volatile("msr msplim, %0" ::"r"(board_stack_bottom));
#endif
  Start();
}

namespace board {

std::size_t StackUsed() {
  const std::uint32_t* word = board_stack_bottom;
  while (word < board_stack_top && *word == kPaint) ++word;
  return static_cast<std::size_t>(reinterpret_cast<const char*>(board_stack_top) -
                                  reinterpret_cast<const char*>(word));
}

}  // namespace board
