"""A bundle as a project of the firmware world you work in.

    python -m convert.firmware BUNDLE --as {arduino,folder,pico,platformio,zephyr} --out DIR [--core ID]
                                      [--kernels NAME] [--force]

Each is a folder with the classifier, a main that answers on serial, the golden rows that it answers on start, and a
README with the commands. TensorFlow Lite Micro is your own: none of it is in the folder. Exit status: 0, or 2 on bad
input with nothing written. The same bundle gives the same bytes.
"""

from argparse import Namespace
from pathlib import Path

from convert.options import KERNELS
from convert.tflm.targets import CORES
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import UserError, run_command

LAYOUTS = sorted(path.parent.name for path in Path(__file__).parent.glob("bundle/layouts/*/layout.yaml"))


def _read_options(arguments: list[str] | None) -> Namespace:
    parse = CommandParser(prog="python -m convert.firmware", description="A bundle as a project for firmware.")
    parse.add_argument("bundle", type=Path)
    parse.add_argument("--as", dest="layout", choices=LAYOUTS, required=True, help="the kind of project")
    parse.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder; its name is the project's")
    parse.add_argument("--core", choices=CORES, help="whose arena it takes (default: cortex-m4; pico: cortex-m0plus)")
    parse.add_argument("--kernels", choices=KERNELS, default=KERNELS[0], help="that your TFLM has (default: cmsis_nn)")
    parse.add_argument("--force", action="store_true", help="replace the project that is there, whole")
    return parse.parse_args(arguments)


@run_command
def main(arguments: list[str] | None = None) -> None:
    options = _read_options(arguments)
    from convert.bundle.bundle import read_bundle, require_free, write_folder
    from convert.bundle.exports import export_firmware, list_layouts

    layout = list_layouts()[options.layout]
    require_free(options.out, options.force, "project")
    out = options.out.absolute()
    if not out.name.replace("-", "_").isidentifier():
        raise UserError(f"{out.name!r} is no name of a project: letters, digits, dashes, underscores, a letter first")
    files = export_firmware(read_bundle(options.bundle), layout, out.name, options.core or layout.core, options.kernels)
    write_folder(out, files, options.force, "project")
    print(f"{options.out}: {layout.title}, {len(files)} files, {sum(map(len, files.values())):,} bytes; see README.md")


if __name__ == "__main__":
    raise SystemExit(main())
