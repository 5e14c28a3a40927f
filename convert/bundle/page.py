"""The files of the page in the browser (`convert/page.py`): the model tools, what they import, and Pyodide.

A page that was opened from a disk may load scripts, and read no other file. So all files that Python needs are in one
script, `files.js`, each as base64 of gzip.
"""

import base64
import gzip
import importlib.util
import io
import json
import zipfile
from pathlib import Path

from convert.bundle.rendering import environment
from tf_embbert.common.errors import UserError

TEMPLATES = Path(__file__).with_name("templates")
ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "pyodide.js"  # loads the others
RUNTIME = ("pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
OWN = ("convert", "tf_embbert/common")
MODULE = "tf_embbert/windows.py"  # the one of the others that the tools import
LIBRARIES = ("flatbuffers", "yaml", "jinja2", "markupsafe")
DATE = (1980, 1, 1, 0, 0, 0)  # of all files in an archive: equal contents give equal bytes


def page_files(pyodide: Path) -> dict[str, bytes]:
    """The page's files by name.

    Args:
        pyodide: the folder of npm's package `pyodide`.

    Raises:
        UserError: it is not there, or not whole.
    """
    for name in (SCRIPT, *RUNTIME):
        if not (pyodide / name).is_file():
            raise UserError(
                f"{pyodide} has no {name}: `npm install --no-save pyodide` makes node_modules/pyodide, or name another "
                "folder with --pyodide"
            )
    files = {name: (pyodide / name).read_bytes() for name in RUNTIME} | {"tools.zip": tools_archive()}
    packed = {name: base64.b64encode(gzip.compress(data, mtime=0)).decode() for name, data in files.items()}
    return {
        "index.html": environment().get_template("page.html").render().encode(),
        "page.js": (TEMPLATES / "page.js").read_bytes(),
        "files.js": f"const FILES = {json.dumps(packed, indent=1)};\n".encode(),
        SCRIPT: (pyodide / SCRIPT).read_bytes(),
    }


def tools_archive() -> bytes:
    """A zip of the model tools, and of the packages that they import: Python's sources and data."""
    sources = {name: ROOT / name for name in OWN} | {name: _folder_of(name) for name in LIBRARIES}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as made:  # files.js is compressed as a whole
        made.writestr(zipfile.ZipInfo("tf_embbert/__init__.py", DATE), "")
        made.writestr(zipfile.ZipInfo(MODULE, DATE), (ROOT / MODULE).read_bytes())
        for name, folder in sources.items():
            for path in sorted(folder.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".so", ".pyd"):
                    place = f"{name}/{path.relative_to(folder).as_posix()}"
                    made.writestr(zipfile.ZipInfo(place, DATE), path.read_bytes())
    return archive.getvalue()


def _folder_of(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    return Path(found.origin).parent
