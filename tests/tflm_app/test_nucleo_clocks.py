"""What the port of the Nucleo-H743ZI2 writes into its registers, on this machine, read by the formulas of RM0433."""

import shutil
import subprocess
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[2] / "tflm_app"
# RM0433 and stm32h743xx.h: PWR, SYSCFG, FLASH, RCC, USART3 and the core's own.
PWR_CR3, PWR_D3CR, SYSCFG_PWRCR, FLASH_ACR = 0x5802480C, 0x58024818, 0x5800042C, 0x52002000
RCC = 0x58024400
RCC_CR, RCC_CFGR, RCC_D1CFGR, RCC_D2CFGR, RCC_D3CFGR = RCC, RCC + 0x10, RCC + 0x18, RCC + 0x1C, RCC + 0x20
RCC_PLLCKSELR, RCC_PLLCFGR, RCC_PLL1DIVR = RCC + 0x28, RCC + 0x2C, RCC + 0x30
USART3_BRR, CCR, ICIALLU, DCISW = 0x4000480C, 0xE000ED14, 0xE000EF50, 0xE000EF60
OSCILLATOR, BAUD = 64_000_000, 115_200
pytestmark = pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")


@pytest.fixture(scope="module")
def writes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, int]]:
    """(address, value) of each write of the port's start, in order."""
    program = tmp_path_factory.mktemp("registers") / "start"
    files = ["tests/registers/main.cc", "boards/nucleo-h743zi2/stm32h743.cc", "boards/common/caches.cc"]
    board = (APP / "boards/nucleo-h743zi2/board.cmake").read_text()
    clock = board[board.index("BOARD_CLOCK_HZ=") :].split(")")[0]
    command = ["g++", "-std=c++17", f"-I{APP / 'tests/registers'}", f"-I{APP}", f"-D{clock}"]
    subprocess.run([*command, *(APP / file for file in files), "-o", program], check=True)
    lines = subprocess.run([program], capture_output=True, text=True, check=True, timeout=20).stdout.splitlines()
    return [(int(address, 16), int(value, 16)) for address, value in map(str.split, lines)]


def field(value: int, low: int, bits: int) -> int:
    return value >> low & (1 << bits) - 1


def divided(code: int, bits: int) -> int:
    """By what a prescaler of RCC divides: its highest bit says that it does."""
    steps = {3: [2, 4, 8, 16], 4: [2, 4, 8, 16, 64, 128, 256, 512]}[bits]
    return steps[code - (1 << bits - 1)] if code >> bits - 1 else 1


def test_the_clocks_are_what_the_board_says(writes: list[tuple[int, int]]) -> None:
    final = dict(writes)
    pll, dividers = final[RCC_PLLCFGR], final[RCC_PLL1DIVR]
    assert field(final[RCC_PLLCKSELR], 0, 2) == 0  # from the internal oscillator
    reference = OSCILLATOR / field(final[RCC_PLLCKSELR], 4, 6)
    low, high = [(1e6, 2e6), (2e6, 4e6), (4e6, 8e6), (8e6, 16e6)][field(pll, 2, 2)]
    assert low <= reference <= high and not field(pll, 0, 2)  # no fraction; the wide range of the oscillator
    vco = reference * (field(dividers, 0, 9) + 1)
    assert 192e6 <= vco <= 960e6 and field(pll, 16, 1)
    core = vco / (field(dividers, 9, 7) + 1) / divided(field(final[RCC_D1CFGR], 8, 4), 4)
    assert core == 480e6 and field(final[RCC_CFGR], 0, 3) == 3
    bus = core / divided(field(final[RCC_D1CFGR], 0, 4), 4)
    assert bus <= 240e6
    peripherals = [
        bus / divided(field(final[register], low, 3), 3)
        for register, low in ((RCC_D1CFGR, 4), (RCC_D2CFGR, 4), (RCC_D2CFGR, 8), (RCC_D3CFGR, 4))
    ]
    assert max(peripherals) <= 120e6
    assert abs(peripherals[1] / final[USART3_BRR] / BAUD - 1) < 0.01


def test_what_is_faster_comes_after_what_bears_it(writes: list[tuple[int, int]]) -> None:
    """The supply, VOS1, the overdrive that makes it VOS0; wait states and prescalers; the PLL; only then is it used."""
    order = [address for address, _ in writes]
    steps = [PWR_CR3, PWR_D3CR, SYSCFG_PWRCR, FLASH_ACR, RCC_D1CFGR, RCC_D2CFGR, RCC_D3CFGR]
    steps += [RCC_PLLCKSELR, RCC_PLLCFGR, RCC_PLL1DIVR, RCC_CR, RCC_CFGR, USART3_BRR]
    assert [order.index(step) for step in steps] == sorted(order.index(step) for step in steps)
    final = dict(writes)
    assert field(final[PWR_CR3], 0, 3) == 0b010 and field(final[PWR_D3CR], 14, 2) == 0b11 and final[SYSCFG_PWRCR] & 1
    assert (field(final[FLASH_ACR], 0, 4), field(final[FLASH_ACR], 4, 2)) == (4, 2)  # of 225 to 240 MHz at VOS0
    assert final[RCC_CR] & 1 and field(final[RCC_CR], 24, 1)


def test_caches_are_empty_before_they_are_on(writes: list[tuple[int, int]]) -> None:
    order = [address for address, _ in writes]
    sets = [value for address, value in writes if address == DCISW]
    assert sorted(sets) == sorted(way << 30 | line << 5 for way in range(4) for line in range(128))
    last = len(order) - 1 - order[::-1].index(DCISW)
    assert order.index(ICIALLU) < order.index(CCR) and last < order.index(CCR)
    assert field(dict(writes)[CCR], 16, 2) == 0b11
