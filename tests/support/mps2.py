"""A bare machine for what has none here: an MPS2 board under QEMU, Cortex-M4, on which stubs of a world run."""

import subprocess
from pathlib import Path

BOARDS = Path(__file__).parents[2] / "tflm_app/boards"
CORE = ["-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"]
LINK = [
    "-nostartfiles",
    "--specs=nano.specs",
    "-Wl,--gc-sections",
    "-Wl,--defsym=BOARD_STACK_BYTES=16384",
    "-T",
    str(BOARDS / "mps2-an386/memory.ld"),
    "-L",
    str(BOARDS / "common"),
]
QEMU = [
    "qemu-system-arm",
    "-M",
    "mps2-an386",
    "-display",
    "none",
    "-monitor",
    "none",
    "-serial",
    "stdio",
    "-semihosting",
    "-kernel",
]
# From reset to Run, which the stubs of a world define; its CMSDK UART, of which Ctrl-D ends the program.
SOURCE = """
#include <cstddef>
#include <cstdint>
#include <cstring>

void Run();

extern "C" {
extern std::uint32_t board_data_load[], board_data_start[], board_data_end[], board_bss_start[], board_bss_end[];
extern std::uint32_t board_stack_top[];
extern void (*board_init_start[])();
extern void (*board_init_end[])();
void* __dso_handle;
int __aeabi_atexit(void*, void (*)(void*), void*) { return 0; }
void* _sbrk(std::ptrdiff_t) { __builtin_trap(); }
void abort() { __builtin_trap(); }
void __assert_func(const char*, int, const char*, const char*) { __builtin_trap(); }

void Quit(int status) {
  const std::uint32_t block[2] = {0x20026, static_cast<std::uint32_t>(status)};
  asm volatile("mov r0, #0x20\\n mov r1, %0\\n bkpt 0xab" ::"r"(block) : "r0", "r1", "memory");
  for (;;) {
  }
}

void Fault() { Quit(70); }

void ResetHandler() {
  *reinterpret_cast<volatile std::uint32_t*>(0xE000ED88) |= 0xFu << 20;
  asm volatile("dsb\\n isb");
  std::memcpy(board_data_start, board_data_load,
              reinterpret_cast<char*>(board_data_end) - reinterpret_cast<char*>(board_data_start));
  std::memset(board_bss_start, 0, reinterpret_cast<char*>(board_bss_end) - reinterpret_cast<char*>(board_bss_start));
  for (auto construct = board_init_start; construct != board_init_end; ++construct) (*construct)();
  Run();
}

__attribute__((section(".vectors"), used)) void* const kVectors[16] = {
    board_stack_top, (void*)ResetHandler, (void*)Fault, (void*)Fault, (void*)Fault, (void*)Fault, (void*)Fault};
}

static volatile std::uint32_t* const uart = reinterpret_cast<std::uint32_t*>(0x40004000);
void Listen() { uart[4] = 16, uart[2] = 3; }
void Send(std::uint8_t byte) {
  while (uart[1] & 1) {
  }
  uart[0] = byte;
}
bool HasByte() { return (uart[1] & 2) != 0; }
int TakeByte() {
  const int byte = static_cast<int>(uart[0] & 0xFF);
  if (byte == 4) Quit(0);
  return byte;
}
"""


def talk(elf: Path, text: str) -> str:
    """What a program says on its line, given some text and then Ctrl-D."""
    done = subprocess.run([*QEMU, str(elf)], input=f"{text}\x04".encode(), capture_output=True, timeout=300)
    return done.stdout.decode()
