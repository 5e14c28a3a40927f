"""A stand-in for Zephyr, too large for a test: `ZEPHYR_BASE` with its CMake package (zephyr/ZephyrConfig.cmake), stubs
of the headers that an export takes, and a kernel that is one thread on an MPS2 board under QEMU.
"""

import shutil
from pathlib import Path

from tests.support import mps2
from tests.support.exports import run

PACKAGE = Path(__file__).with_name("zephyr") / "ZephyrConfig.cmake"
HEADERS = {
    "zephyr/device.h": """
#pragma once
#include <cstdint>
struct device {};
extern const device the_console;
#define DT_CHOSEN(name) name
#define DEVICE_DT_GET(node) (&the_console)
extern "C" bool device_is_ready(const device*);
""",
    "zephyr/drivers/uart.h": """
extern "C" int uart_poll_in(const device*, unsigned char*);
extern "C" void uart_poll_out(const device*, unsigned char);
""",
    "zephyr/kernel.h": """
#include <cstdint>
extern "C" std::int32_t k_msleep(std::int32_t ms);
extern "C" void k_yield(void);
extern "C" std::uint32_t k_cycle_get_32(void);
extern "C" int sys_clock_hw_cycles_per_sec(void);
""",
}
# An app that sleeps has stopped: no one waits for it.
KERNEL = """
#include <zephyr/device.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/kernel.h>

int main();
extern const device the_console{};

extern "C" {
bool device_is_ready(const device* it) { return it == &the_console; }
int uart_poll_in(const device*, unsigned char* byte) {
  if (!HasByte()) return -1;
  *byte = static_cast<unsigned char>(TakeByte());
  return 0;
}
void uart_poll_out(const device*, unsigned char byte) { Send(byte); }
std::int32_t k_msleep(std::int32_t) { Quit(0); return 0; }
void k_yield() {}
std::uint32_t k_cycle_get_32() {
  static std::uint32_t count = 0;
  return ++count;
}
int sys_clock_hw_cycles_per_sec() { return 25000000; }
}

void Run() {
  Listen();
  main();
  Quit(0);
}
"""


def write_base(folder: Path) -> None:
    """The folder that ZEPHYR_BASE names."""
    files = {f"include/{name}": text for name, text in HEADERS.items()} | {"kernel.cc": mps2.SOURCE + KERNEL}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    place = folder / "share/zephyr-package/cmake"  # as in Zephyr
    place.mkdir(parents=True)
    shutil.copy(PACKAGE, place)


def build_sample(sample: Path, folder: Path, *definitions: str) -> Path:
    """The program of a sample; AssertionError with what CMake or the compiler says."""
    write_base(folder / "zephyr")
    environment = {"ZEPHYR_BASE": str(folder / "zephyr")}
    build = folder / "build"
    configure = ["cmake", "-G", "Ninja", "-S", str(sample), "-B", str(build), *definitions]
    configure.append(f"-DLINK={';'.join(mps2.LINK)}")
    run(*configure, environment=environment)
    run("cmake", "--build", build, "-j2", environment=environment)
    return build / "zephyr.elf"
