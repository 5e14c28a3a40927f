"""A bundle as an Arduino sketch: the app's sources and the bundle's in one folder that the Arduino IDE opens.

    python -m convert.arduino BUNDLE --out SKETCH [--core ID] [--tflm arduino|main] [--kernels NAME] [--force]
    python -m convert.arduino BUNDLE --out SKETCH --tflm-tree DIR [--core ID] [--force]

The sketch takes your own library of TensorFlow Lite Micro, which its .ino includes by name: TFLM's Arduino library of
2023, for which model and arena are made anew, or one of today (`--tflm main`). With --tflm-tree the sketch takes a
source tree of TFLM along instead, as its create_tflm_tree.py writes it, and needs no library. Exit status: 0, or 2 on
bad input with nothing written. The same bundle gives the same bytes.
"""

import re
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from convert.tflm.targets import CORES
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import UserError, run_command

if TYPE_CHECKING:  # imported when the options are read: --help answers at once
    from convert.bundle.bundle import Bundle

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")  # of a sketch: arduino-cli, docs/sketch-specification.md
INCLUDE_LIBRARY = re.compile(rb"#include <TensorFlowLite\.h>[^\n]*\n+")


def export_sketch(
    bundle: "Bundle", name: str, core: str, kernels: str, tflm: str = "main", tree: Path | None = None
) -> dict[str, bytes]:
    """The files of a sketch, by name.

    Args:
        bundle: as `read_bundle` gives it.
        name: of the sketch and of its folder.
        core: whose arena figure the sketch takes, 'cortex-m4'.
        kernels: likewise, 'cmsis_nn' or 'reference'.
        tflm: the library that it is compiled with, 'main' or 'arduino'.
        tree: a source tree of TFLM that goes along in its place, with the kernels named.

    Raises:
        UserError: the name is none for a sketch, the bundle has no sources or others than its manifest says, the
            library does not answer its model, or the tree is none.
    """
    from convert.bundle.exports import APP, app_sources, list_layouts, require_sources
    from convert.bundle.for_library import bundle_for
    from convert.bundle.tflm_tree import point_into_tree, read_tree, tree_kernels
    from convert.tflm.libraries import library_of

    if not NAME.fullmatch(name):
        raise UserError(
            f"{name!r} is no name of an Arduino sketch, which has up to 63 letters, digits, dots, dashes and "
            "underscores"
        )
    require_sources(bundle)
    layout, library = list_layouts()["arduino"], library_of(tflm)
    sketch = (APP / "boards/arduino/sketch.ino").read_bytes()
    if library:
        bundle = bundle_for(bundle, library, core)
        return {f"{name}.ino": sketch, **app_sources(bundle, layout, core, library.kernels, own_kernels=False)}
    if tree is None:
        return {f"{name}.ino": sketch, **app_sources(bundle, layout, core, kernels)}
    copied = read_tree(tree)
    if tree_kernels(copied) != kernels:
        raise UserError(f"{tree} has {tree_kernels(copied)} kernels, not {kernels}: name them with --kernels")
    sources = {path: point_into_tree(data, copied) for path, data in app_sources(bundle, layout, core, kernels).items()}
    return {f"{name}.ino": INCLUDE_LIBRARY.sub(b"", sketch), **sources, **copied}


def _read_options(arguments: list[str] | None) -> Namespace:
    parse = CommandParser(prog="python -m convert.arduino", description="A bundle as an Arduino sketch.")
    parse.add_argument("bundle", type=Path)
    parse.add_argument("--out", type=Path, required=True, metavar="SKETCH", help="the folder; its name is the sketch's")
    parse.add_argument("--core", choices=CORES, default="cortex-m4", help="whose arena it takes (default: cortex-m4)")
    parse.add_argument(
        "--tflm",
        choices=("arduino", "main"),
        help="the library that it is compiled with: tflite-micro-arduino-examples (default), or one of today",
    )
    parse.add_argument(
        "--tflm-tree",
        type=Path,
        metavar="DIR",
        help="take this source tree of TFLM along, as create_tflm_tree.py writes it",
    )
    parse.add_argument("--kernels", choices=("cmsis_nn", "reference"), help="that TFLM has (default: cmsis_nn)")
    parse.add_argument("--force", action="store_true", help="replace the sketch that is there")
    return parse.parse_args(arguments)


@run_command
def main(arguments: list[str] | None = None) -> None:
    options = _read_options(arguments)
    from convert.bundle.bundle import read_bundle, require_free, write_folder
    from convert.tflm.builds import choose_kernels
    from convert.tflm.libraries import MAIN, library_of

    if options.tflm_tree and options.tflm == "arduino":
        raise UserError("--tflm-tree takes a TFLM along; leave --tflm out")
    tflm = MAIN if options.tflm_tree else options.tflm or "arduino"
    chosen = choose_kernels(options.core, options.kernels, tflm)
    kernels = library.kernels if (library := library_of(chosen)) else chosen
    require_free(options.out, options.force, "sketch")
    out = options.out.absolute()
    files = export_sketch(read_bundle(options.bundle), out.name, options.core, kernels, tflm, options.tflm_tree)
    write_folder(out, files, options.force, "sketch")
    print(f"{options.out}: {len(files)} files, {sum(map(len, files.values())):,} bytes; open {out.name}.ino")


if __name__ == "__main__":
    raise SystemExit(main())
