"""What a firmware needs of TFLM's sources, found as a linker would: from its operators on, by what a file includes and
which functions of CMSIS-NN it names. All that is left out would take minutes to compile, and be thrown away.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from convert.tflm.rules.operators import OPERATORS

SOURCES = (".ino", ".cpp", ".cc", ".c")
ENTRIES = ("micro_interpreter", "micro_mutable_op_resolver", "micro_log", "debug_log")
THEIRS = {"tensorflow", "third_party"}
LEFT_OUT = {"signal", "kissfft"}
INCLUDED = re.compile(r'#\s*include\s*[<"](?:[^">]*/)?([\w-]+)\.\w+[">]')
FUNCTION = re.compile(r"\barm_\w+")
DEFINED = re.compile(r"^[A-Za-z].*\b(arm_\w+)\s*\(", re.M)
KERNELS = {_stem for kernel in OPERATORS.values() if (_stem := Path(kernel.path).stem.removesuffix("_common"))}


def sources_needed(folder: Path, resolver: str) -> list[Path]:
    """The sources in a folder that a firmware needs: all that are not TFLM's, and of TFLM's those that these and the
    operators of a resolver (its text) come to.
    """
    methods = {name.lower() for name in re.findall(r"->Add(\w+)\(", resolver)}
    used = {
        Path(kernel.path).stem.removesuffix("_common")
        for name, kernel in OPERATORS.items()
        if name.replace("_", "").lower() in methods
    }
    files = _files(folder)
    known = _by_name(files)
    waiting = [path for path in files if not THEIRS & {*path.relative_to(folder).parts}]
    waiting += [path for name in (*ENTRIES, *used) for path in known[name]]
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found and not _is_idle(path, used):
            found.add(path)
            waiting += [other for name in _names(path) for other in known[name]]
    return sorted(path for path in found if path.suffix in SOURCES)


def leave_needed(folder: Path, resolver: Path) -> None:
    """Removes the other sources."""
    needed = set(sources_needed(folder, resolver.read_text()))
    for path in folder.rglob("*"):
        if path.suffix in SOURCES and path not in needed:
            path.unlink()


def _files(folder: Path) -> list[Path]:
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in (*SOURCES, ".h", ".hpp")]
    return [path for path in files if not LEFT_OUT & {*path.relative_to(folder).parts}]


def _by_name(files: Iterable[Path]) -> defaultdict[str, list[Path]]:
    """Files by their stems, what several kernels share by the kernel's, and those of CMSIS-NN by their functions."""
    known = defaultdict(list)
    for path in files:
        known[path.stem.removesuffix("_common")].append(path)
        if path.suffix == ".c":
            for name in DEFINED.findall(path.read_text(errors="replace")):
                known[name].append(path)
    return known


def _is_idle(path: Path, used: set[str]) -> bool:
    """Whether a file registers an operator that is not used; what several kernels share does not."""
    return path.suffix in SOURCES and "kernels" in path.parts and path.stem in KERNELS - used


def _names(path: Path) -> set[str]:
    """What a file includes, and the functions of CMSIS-NN that it names; a header names them all."""
    text = path.read_text(errors="replace")
    functions = FUNCTION.findall(text) if path.suffix in SOURCES else []
    return {name.removesuffix("_common") for name in INCLUDED.findall(text)} | set(functions)
