"""Programs of the Raspberry Pi Pico in rp2040js, an emulator of the RP2040 with one core, by `rp2040.mjs`."""

import os
import re
import shutil
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).with_suffix(".mjs")


def has_emulator() -> bool:
    """Whether there is Node.js, and RP2040JS names a checkout of wokwi/rp2040js that was built."""
    return bool(shutil.which("node") and os.environ.get("RP2040JS"))


def talk(program: Path, line: str, last: str | None = None) -> str:
    """What a program (.bin) says on UART 0 when it is asked for a line of text.

    Args:
        program: the flash from its first byte on.
        line: without its end.
        last: a pattern; with the line of the program that matches it the emulator is ended.
    """
    command: list[str | Path] = ["node", SCRIPT, os.environ["RP2040JS"], program, line]
    said = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        for text in process.stdout:
            said += text
            if last and re.search(last, text):
                process.kill()
    return said
