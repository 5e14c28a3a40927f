"""What an Arduino core gives a sketch, for an MPS2 board under QEMU, and a sketch linked with it: for Cortex-M4."""

import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support import mps2
from tests.support.mps2 import CORE
from tests.support.tflm_sources import sources_needed

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
# delay ends the program, for a sketch that stops waits for ever.
SOURCE = """
#include "Arduino.h"

// A tree of TFLM brings its own.
extern "C" __attribute__((weak)) void DebugLog(const char* text) {
  Serial.write(reinterpret_cast<const std::uint8_t*>(text), std::strlen(text));
}

namespace peripherals {
unsigned long MicrosecondsCounter() { return 0; }
}  // namespace peripherals

Stream Serial;
void Stream::begin(unsigned long) { Listen(); }
std::size_t Stream::write(const std::uint8_t* bytes, std::size_t length) {
  for (std::size_t i = 0; i < length; ++i) Send(bytes[i]);
  return length;
}
int Stream::available() { return HasByte(); }
int Stream::read() { return TakeByte(); }
Stream::operator bool() { return true; }
unsigned long micros() {
  static unsigned long count = 0;
  return ++count;
}
void delay(unsigned long) { Quit(0); }
void yield() {}

void Run() {
  setup();
  for (;;) loop();
}
"""


def write_core(folder: Path) -> None:
    """The headers and the source of the core."""
    folder.mkdir()
    for name, text in HEADERS.items():
        (folder / name).write_text(text)
    (folder / "core.cpp").write_text(mps2.SOURCE + SOURCE)


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
        [*LANGUAGES[".cpp"], *CORE, *objects, *libraries, *mps2.LINK, "-lm", "-o", elf], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return elf


def sketch_sources(sketch: Path) -> list[Path]:
    """What Arduino compiles of a sketch, but for TFLM's kernels of operators that it does not register."""
    return sources_needed(sketch, (sketch / "src/op_resolver.h").read_text())


def library_sources(library: Path, sketch: Path) -> list[Path]:
    """What a sketch needs of an Arduino library of TFLM, without its drivers of boards."""
    found = sources_needed(library / "src", (sketch / "src/op_resolver.h").read_text())
    return [path for path in found if not DRIVERS & {*path.relative_to(library).parts, path.stem}]
