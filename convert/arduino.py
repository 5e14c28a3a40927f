"""A bundle as an Arduino sketch: the app's sources and the bundle's in one folder that the Arduino IDE opens.

    python -m convert.arduino BUNDLE --out SKETCH [--core ID] [--kernels NAME] [--force]

The sketch takes your own library of TensorFlow Lite Micro, which its .ino includes by name. Exit status: 0, or 2 on bad
input with nothing written. The same bundle gives the same bytes.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from convert.tflm.targets import CORES
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import UserError, run_command

if TYPE_CHECKING:  # imported when the options are read: --help answers at once
    from convert.bundle.bundle import Bundle

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")  # of a sketch: arduino-cli, docs/sketch-specification.md


def export_sketch(bundle: "Bundle", name: str, core: str, kernels: str) -> dict[str, bytes]:
    """The files of a sketch, by name.

    Args:
        bundle: as `read_bundle` gives it.
        name: of the sketch and of its folder.
        core: whose arena figure the sketch takes, 'cortex-m4'.
        kernels: likewise, 'cmsis_nn' or 'reference'.

    Raises:
        UserError: the name is none for a sketch, or the bundle has no sources or others than its manifest says.
    """
    from convert.bundle.exports import APP, app_sources, list_layouts, require_sources

    if not NAME.fullmatch(name):
        raise UserError(
            f"{name!r} is no name of an Arduino sketch, which has up to 63 letters, digits, dots, dashes and "
            "underscores"
        )
    require_sources(bundle)
    sketch = (APP / "boards/arduino/sketch.ino").read_bytes()
    return {f"{name}.ino": sketch, **app_sources(bundle, list_layouts()["arduino"], core, kernels)}


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = CommandParser(prog="python -m convert.arduino", description=__doc__.split("\n")[0])
    parse.add_argument("bundle", type=Path)
    parse.add_argument("--out", type=Path, required=True, metavar="SKETCH", help="the folder; its name is the sketch's")
    parse.add_argument("--core", choices=CORES, default="cortex-m4", help="whose arena it takes (default: cortex-m4)")
    parse.add_argument(
        "--kernels",
        choices=("cmsis_nn", "reference"),
        default="cmsis_nn",
        help="that your TFLM library has (default: cmsis_nn)",
    )
    parse.add_argument("--force", action="store_true", help="replace the sketch that is there")
    options = parse.parse_args(arguments)
    from convert.bundle.bundle import read_bundle, require_free, write_folder

    require_free(options.out, options.force, "sketch")
    out = options.out.absolute()
    files = export_sketch(read_bundle(options.bundle), out.name, options.core, options.kernels)
    write_folder(out, files, options.force, "sketch")
    print(f"{options.out}: {len(files)} files, {sum(map(len, files.values())):,} bytes; open {out.name}.ino")


if __name__ == "__main__":
    raise SystemExit(main())
