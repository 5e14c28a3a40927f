"""What a program or a library has on flash: bytes of its sections, and of its symbols by whose code they are."""

import re
import subprocess
from collections import Counter
from pathlib import Path

OUR_KERNELS, OUR_APP = "kernels of ours", "app, tokenizer and board"
# What a symbol is for, by its name; the first that matches.
PARTS = {
    "the model": r"embbert::bundle::kModel$",
    "tables of tokenizer and golden rows": r"embbert::bundle::",
    OUR_KERNELS: r"embbert::kernels::",
    OUR_APP: r"embbert::|app::|board::|^main$",
    "TFLM": r"tflite|gemmlowp|TfLite",
    "CMSIS-NN": r"^arm_",
    "C library and what has no name": r"",
}
SYMBOL = re.compile(r"^\w+ (\w+) [tTrRwWvV] (.+)$", re.MULTILINE)


def section_bytes(file: Path) -> dict[str, int]:
    """Bytes of the sections of a program, or of all objects of a library: text, data and bss."""
    listing = subprocess.run(["arm-none-eabi-size", file], capture_output=True, text=True, check=True).stdout
    rows = [map(int, line.split()[:3]) for line in listing.splitlines()[1:]]
    return dict(zip(("text", "data", "bss"), map(sum, zip(*rows))))


def flash_bytes(file: Path) -> int:
    """Bytes of code and constants, and of what variables begin with."""
    sections = section_bytes(file)
    return sections["text"] + sections["data"]


def part_of(name: str) -> str:
    """Which of `PARTS` a symbol belongs to."""
    return next(part for part, pattern in PARTS.items() if re.search(pattern, name))


def bytes_by_part(elf: Path) -> dict[str, int]:
    """Bytes of flash of each part; what no symbol names is in the last one, so that they are all there is."""
    listing = subprocess.run(["arm-none-eabi-nm", "-S", "-C", elf], capture_output=True, text=True, check=True).stdout
    found: Counter[str] = Counter()
    for size, name in SYMBOL.findall(listing):
        found[part_of(name)] += int(size, 16)
    *named, last = PARTS
    counted = {part: found[part] for part in named}
    return counted | {last: flash_bytes(elf) - sum(counted.values())}
