"""A bundle as a project of the firmware world you work in.

    python -m convert.firmware BUNDLE --as {arduino,folder,pico,platformio,zephyr} --out DIR [--core ID]
                                      [--tflm NAME [--kernels NAME] | --tflm-tree TREE] [--force]

Each is a folder with the classifier, a main that answers on serial, the golden rows that it answers on start, and a
README with the commands. TensorFlow Lite Micro is your own: the library that such a project takes, for which model and
arena are made anew where it is of another age; or a source tree of TFLM, as its create_tflm_tree.py writes it, which
goes along. Exit status: 0, or 2 on bad input with nothing written. The same bundle gives the same bytes.
"""

from argparse import Namespace
from pathlib import Path

from convert.options import LIBRARIES
from convert.tflm.targets import CORES
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import run_command

LAYOUTS = sorted(path.parent.name for path in Path(__file__).parent.glob("bundle/layouts/*/layout.yaml"))


def read_options(arguments: list[str] | None, prog: str, layout: str | None = None) -> Namespace:
    """The options of this command, or of one that makes a single layout."""
    parse = CommandParser(prog=prog, description="A bundle as a project for firmware.")
    parse.add_argument("bundle", type=Path)
    parse.set_defaults(layout=layout)
    if layout is None:
        parse.add_argument("--as", dest="layout", choices=LAYOUTS, required=True, help="the kind of project")
    parse.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder; its name is the project's")
    parse.add_argument("--core", choices=CORES, help="whose arena it takes (default: cortex-m4; pico: cortex-m0plus)")
    parse.add_argument(
        "--tflm",
        choices=LIBRARIES,
        help="the TFLM that it is compiled with: main is one of today (default: what such projects have, TFLM's "
        "Arduino library for arduino and platformio, pico-tflmicro for pico, otherwise main)",
    )
    parse.add_argument(
        "--tflm-tree",
        type=Path,
        metavar="TREE",
        help="take this source tree of TFLM along, as create_tflm_tree.py writes it",
    )
    parse.add_argument("--kernels", choices=("cmsis_nn", "reference"), help="that TFLM has (default: cmsis_nn)")
    parse.add_argument("--force", action="store_true", help="replace the project that is there, whole")
    return parse.parse_args(arguments)


def write_export(options: Namespace) -> None:
    """Writes the project that the options name."""
    from convert.bundle.bundle import read_bundle, require_free, write_folder
    from convert.bundle.exports import choose_tflm, export_firmware, list_layouts

    layout = list_layouts()[options.layout]
    tflm = choose_tflm(layout, options.core, options.kernels, options.tflm, options.tflm_tree)
    require_free(options.out, options.force, "project")
    out = options.out.absolute()
    files = export_firmware(read_bundle(options.bundle), layout, out.name, tflm)
    write_folder(out, files, options.force, "project")
    print(f"{options.out}: {layout.title}, {len(files)} files, {sum(map(len, files.values())):,} bytes; see README.md")


@run_command
def main(arguments: list[str] | None = None) -> None:
    write_export(read_options(arguments, "python -m convert.firmware"))


if __name__ == "__main__":
    raise SystemExit(main())
