"""A page that answers check, arena and boards in a browser: drop a .tflite on it; no file leaves the machine.

    npm install --no-save pyodide
    python -m convert.page --out DIR [--pyodide node_modules/pyodide] [--force]

DIR/index.html opens from the disk, and from any static server. It runs these very tools in Pyodide, which is Python in
WebAssembly, and needs no network. Exit status: 0, or 2 on bad input with nothing written.
"""

import sys
from pathlib import Path

from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import run_command

PYODIDE = Path("node_modules/pyodide")


@run_command
def main(arguments: list[str] | None = None) -> int:
    parser = CommandParser(prog="python -m convert.page", description="The model tools as a page for a browser.")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder to write")
    parser.add_argument(
        "--pyodide", type=Path, default=PYODIDE, metavar="FOLDER", help=f"npm's package of Pyodide (default: {PYODIDE})"
    )
    parser.add_argument("--force", action="store_true", help="replace the page that is there")
    options = parser.parse_args(arguments)
    from convert.bundle.bundle import require_free, write_folder
    from convert.bundle.page import page_files

    require_free(options.out, options.force, "page")
    files = page_files(options.pyodide)
    write_folder(options.out, files, options.force, "page")
    print(f"{options.out}: {sum(map(len, files.values())):,} bytes; open {options.out / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
