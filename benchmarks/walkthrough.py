"""Runs the Python blocks of docs/architecture.md as one session, and writes under each what it printed.

    python -m benchmarks.walkthrough

The blocks read build/walk-run and build/walk here; the page says how to make them. What the device answers, the last
block of the page, is copied from a terminal by hand; a test holds it to what Python answered.
"""

import contextlib
import io
import os
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs/architecture.md"
BLOCK = re.compile(r"(```python\n(.*?)```\n)(?:\n```text\n.*?```\n)?", re.DOTALL)


def run_blocks(text: str) -> tuple[str, dict[str, Any]]:
    """The page's text with what its blocks print now, and the names that they leave behind."""
    names: dict[str, Any] = {}

    def with_output(block: re.Match[str]) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(block[2], names)
        lines = [line.rstrip() for line in printed.getvalue().rstrip().split("\n")]
        return "\n".join([block[1], "```text", *lines, "```", ""])

    return BLOCK.sub(with_output, text), names


def main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    text, _ = run_blocks(PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
