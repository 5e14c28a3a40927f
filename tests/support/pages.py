"""The pages of the project, and the commands that they show."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(path for folder in ("tflm_app", "benchmarks", "tf_embbert") for path in (ROOT / folder).rglob("README.md")),
]
OURS = ("convert", "tf_embbert", "benchmarks")
COMMAND = re.compile(r"python (?:-m ([\w.]+)|([\w/]+)\.py)([^`\n]*)")  # after a backslash at a line's end was joined


def text_of(page: Path) -> str:
    """The page, its commands each on one line."""
    return re.sub(r"\\\n\s+", "", page.read_text(encoding="utf-8"))


def run_as_main(module: str) -> str:
    """The module whose code `python -m MODULE` runs: of a package its `__main__`."""
    return f"{module}.__main__" if (ROOT / module.replace(".", "/")).is_dir() else module


def shown_commands(page: Path) -> list[tuple[str, list[str]]]:
    """(module, words) of our commands in blocks of code; what is in brackets is given, of a choice the first."""
    found = []
    for line in re.findall(r"^ {4,}(.*python .*)$", text_of(page), re.MULTILINE):
        for module, script, rest in COMMAND.findall(line):
            module = module.rstrip(".") or script.replace("/", ".")
            if module.split(".")[0] in OURS:
                plain = re.split(r"\s[#<>|]", rest.replace("..", " "))[0]
                words = shlex.split(plain.translate(str.maketrans("[]", "  ")))
                found.append((module, [word.split("|")[0] for word in words if word.strip(".")]))
    return found
