"""What an Arduino core gives a sketch, for an MPS2 board under QEMU, and a sketch linked with it: for Cortex-M4."""

import re
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from convert.tflm.rules.operators import OPERATORS

BOARDS = Path(__file__).parents[2] / "tflm_app/boards"
CORE = ["-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"]
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
DRIVERS = {"peripherals", "test_over_serial", "microfrontend", "system_setup"}
FLAGS = [*CORE, "-O2", "-ffunction-sections", "-fdata-sections", "-w", "-DARDUINO=10819"]
LANGUAGES = {
    ".c": ["arm-none-eabi-gcc", "-std=gnu11"],
    ".cpp": ["arm-none-eabi-g++", "-std=gnu++17", "-fno-rtti", "-fno-exceptions", "-fno-threadsafe-statics"],
}
HEADERS = {
    "TensorFlowLite.h": "",
    "Arduino.h": """
#pragma once
#include <cstddef>
#include <cstdint>
typedef unsigned long ulong;
struct Stream {
  void begin(unsigned long);
  std::size_t write(const std::uint8_t*, std::size_t);
  int available();
  int read();
  explicit operator bool();
};
extern Stream Serial;
unsigned long micros();
void delay(unsigned long);
void yield();
void setup();
void loop();
""",
}
# The line of the MPS2's CMSDK UART; delay ends the program, for a sketch that stops waits for ever.
SOURCE = """
#include "Arduino.h"
#include <cstring>

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
void DebugLog(const char* text) { Serial.write(reinterpret_cast<const std::uint8_t*>(text), std::strlen(text)); }

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
  setup();
  for (;;) loop();
}

__attribute__((section(".vectors"), used)) void* const kVectors[16] = {
    board_stack_top, (void*)ResetHandler, (void*)Fault, (void*)Fault, (void*)Fault, (void*)Fault, (void*)Fault};
}

namespace peripherals {
unsigned long MicrosecondsCounter() { return 0; }
}  // namespace peripherals

static volatile std::uint32_t* const uart = reinterpret_cast<std::uint32_t*>(0x40004000);
Stream Serial;
void Stream::begin(unsigned long) { uart[4] = 16, uart[2] = 3; }
std::size_t Stream::write(const std::uint8_t* bytes, std::size_t length) {
  for (std::size_t i = 0; i < length; ++i) {
    while (uart[1] & 1) {
    }
    uart[0] = bytes[i];
  }
  return length;
}
int Stream::available() { return (uart[1] & 2) != 0; }
int Stream::read() {
  const int byte = static_cast<int>(uart[0] & 0xFF);
  if (byte == 4) Quit(0);
  return byte;
}
Stream::operator bool() { return true; }
unsigned long micros() {
  static unsigned long count = 0;
  return ++count;
}
void delay(unsigned long) { Quit(0); }
void yield() {}
"""


def write_core(folder: Path) -> None:
    """The headers and the source of the core."""
    folder.mkdir()
    for name, text in HEADERS.items():
        (folder / name).write_text(text)
    (folder / "core.cpp").write_text(SOURCE)


def compile_files(files: Iterable[Path], objects: Path, *options: str) -> list[Path]:
    """Object files of sources, .ino as C++; AssertionError with what the compiler says."""
    objects.mkdir(exist_ok=True)

    def compile_one(numbered: tuple[int, Path]) -> Path:
        number, file = numbered
        made = objects / f"{number}-{file.name}.o"
        language = LANGUAGES[".c" if file.suffix == ".c" else ".cpp"]
        given = ["-include", "Arduino.h"] if file.suffix == ".ino" else []  # as Arduino does
        done = subprocess.run(
            [*language, *FLAGS, *options, *given, "-x", "c" if file.suffix == ".c" else "c++", "-c", file, "-o", made],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{file}: {done.stderr[-2000:]}"
        return made

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(compile_one, enumerate(files)))


def link(objects: Iterable[Path], elf: Path, *libraries: Path) -> Path:
    """A program for mps2-an386; AssertionError with what the linker says."""
    done = subprocess.run(
        [
            *LANGUAGES[".cpp"],
            *CORE,
            *objects,
            *libraries,
            "-nostartfiles",
            "--specs=nano.specs",
            "-Wl,--gc-sections",
            "-Wl,--defsym=BOARD_STACK_BYTES=16384",
            "-T",
            BOARDS / "mps2-an386/memory.ld",
            "-L",
            BOARDS / "common",
            "-lm",
            "-o",
            elf,
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return elf


def talk(elf: Path, text: str) -> str:
    """What a sketch says on its line, given some text and then Ctrl-D."""
    done = subprocess.run([*QEMU, str(elf)], input=f"{text}\x04".encode(), capture_output=True, timeout=300)
    return done.stdout.decode()


def sketch_sources(sketch: Path) -> list[Path]:
    """What Arduino compiles of a sketch, but for TFLM's kernels of operators that it does not register."""
    return sources_needed(sketch, (sketch / "src/op_resolver.h").read_text())


def library_sources(library: Path, sketch: Path) -> list[Path]:
    """What a sketch needs of an Arduino library of TFLM, without its drivers of boards."""
    found = sources_needed(library / "src", (sketch / "src/op_resolver.h").read_text())
    return [path for path in found if not DRIVERS & {*path.relative_to(library).parts, path.stem}]


def sources_needed(folder: Path, resolver: str) -> list[Path]:
    """The sources in a folder without TFLM's kernels of operators that a resolver (its text) does not take."""
    methods = {name.lower() for name in re.findall(r"->Add(\w+)\(", resolver)}
    used: set[str] = set()
    known: set[str] = set()
    for name, kernel in OPERATORS.items():
        stem = Path(kernel.path).stem.removesuffix("_common")
        known.add(stem)
        used |= {stem} if name.replace("_", "").lower() in methods else set()
    idle = (known - used) | {"decode", "detection_postprocess", "circular_buffer", "ethosu"}
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".ino", ".cpp", ".cc", ".c")
        and not ("kernels" in path.parts and path.stem in idle)  # what several share stays
        and not {"signal", "kissfft"} & {*path.relative_to(folder).parts}
    ]
