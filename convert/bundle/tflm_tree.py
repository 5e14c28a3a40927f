"""A source tree of TFLM as a part of an export: as it is, or, in an Arduino sketch, as a folder that compiles without
include paths or definitions.

The tree is the user's own, as TFLM's project generator writes it (tensorflow/lite/micro/tools/project_generation/
create_tflm_tree.py). Files are copied with their licences; in a sketch, includes become paths from the file that has
them.
"""

import os
import re
from pathlib import Path, PurePosixPath

from tf_embbert.common.errors import UserError

NEEDED = "tensorflow/lite/micro/micro_interpreter.h"
CMSIS_NN = "tensorflow/lite/micro/kernels/cmsis_nn"
# What TFLM's Makefile puts on the include path.
ROOTS = (
    "",
    "third_party/flatbuffers/include",
    "third_party/gemmlowp",
    "third_party/ruy",
    "third_party/kissfft",
    "third_party/cmsis_nn",
    "third_party/cmsis_nn/Include",
    "third_party/cmsis",
    "third_party/cmsis/CMSIS/Core/Include",
)
FOLDER, SETTINGS = "src/tflm", "settings.h"
SOURCES, HEADERS = (".c", ".cc", ".cpp"), (".h", ".hpp", ".inc")
LICENCES = re.compile(r"(LICENSE|COPYING|NOTICE|AUTHORS)(\.\w+)?")
# micro_time.cc names a header of the device by a macro; only a profiler needs it.
LEFT_OUT = re.compile(r"_test\.cc$|/examples/|cortex_m_generic/micro_time\.cc$")
INCLUDE = re.compile(rb'^(\s*#\s*include\s*)"([^"\n]+)"', re.M)


def read_tree(tree: Path) -> dict[str, bytes]:
    """The files of a tree of TFLM that a firmware takes, by name: sources, headers, licences.

    Raises:
        UserError: the folder is no such tree, or cannot be read.
    """
    if not (tree / NEEDED).is_file():
        raise UserError(f"{tree} is no tree of TFLM: it has no {NEEDED}; write one with create_tflm_tree.py of TFLM")
    try:
        files = {
            path.relative_to(tree).as_posix(): path.read_bytes() for path in sorted(tree.rglob("*")) if _is_taken(path)
        }
    except OSError as error:
        raise UserError(f"cannot read {tree}: {error.strerror}") from None
    return {name: data for name, data in files.items() if not LEFT_OUT.search(name)}


def tree_kernels(files: dict[str, bytes]) -> str:
    """The kernels that a tree has."""
    return "cmsis_nn" if any(name.startswith(f"{CMSIS_NN}/") for name in files) else "reference"


def definitions(kernels: str, today: bool = True) -> list[str]:
    """What TFLM's Makefile defines for every file of TFLM, and for what includes it; an older library for itself.

    Without NDEBUG a check of its own (kernels/cmsis_nn/fully_connected.cc, TFLITE_DCHECK_GE of a scratch buffer's index
    and 4) stops a dense layer of more than two dimensions that runs rightly.
    """
    kept = ["KERNELS_OPTIMIZED_FOR_SPEED"] * today  # where sums of weights lie, on cores with Helium
    return ["TF_LITE_STATIC_MEMORY", "NDEBUG", *kept] + ["CMSIS_NN"] * (kernels == "cmsis_nn")


def sketch_tree(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a sketch that are a tree, by name: sources as Arduino compiles them."""
    copied = {f"{FOLDER}/{file_name(name)}": _copied(name, data, files) for name, data in files.items()}
    return {**copied, f"{FOLDER}/{SETTINGS}": _settings(files)}


def point_into_tree(source: bytes, files: dict[str, bytes]) -> bytes:
    """A source of a sketch's `src` with its includes of TFLM as paths into the tree."""

    def path(match: re.Match[bytes]) -> bytes:
        inside = match[2].decode()
        return match[1] + b'"tflm/' + inside.encode() + b'"' if inside in files else match[0]

    return b'#include "tflm/' + SETTINGS.encode() + b'"\n' + INCLUDE.sub(path, source)


def file_name(name: str) -> str:
    """Arduino compiles .cpp, not .cc."""
    return re.sub(r"\.cc$", ".cpp", name)


def _is_taken(path: Path) -> bool:
    return path.is_file() and (path.suffix in SOURCES + HEADERS or bool(LICENCES.fullmatch(path.name)))


def _copied(name: str, data: bytes, files: dict[str, bytes]) -> bytes:
    folder = PurePosixPath(name).parent

    def path(match: re.Match[bytes]) -> bytes:
        included = match[2].decode("utf-8", "replace")
        found = _find(included, folder, files)
        return match[0] if found is None else match[1] + b'"' + _relative(found, folder).encode() + b'"'

    if PurePosixPath(name).suffix not in SOURCES + HEADERS:
        return data
    text = INCLUDE.sub(path, data)
    prelude = f'#include "{_relative(SETTINGS, folder)}"\n' if name.endswith(SOURCES) else ""
    return prelude.encode() + text


def _find(included: str, folder: PurePosixPath, files: dict[str, bytes]) -> str | None:
    """The file of the tree that an include means; None where it is beside the includer, or not in the tree."""
    if os.path.normpath(folder / included) in files:
        return None
    return next((name for root in ROOTS if (name := os.path.normpath(os.path.join(root, included))) in files), None)


def _relative(name: str, folder: PurePosixPath) -> str:
    return os.path.relpath(file_name(name), folder)


def _settings(files: dict[str, bytes]) -> bytes:
    lines = [f"#ifndef {name}\n#define {name} 1\n#endif\n" for name in definitions(tree_kernels(files))]
    return ("#pragma once\n" + "".join(lines)).encode()
