"""A bundle as a project of some firmware world: a layout says where the app's sources and the bundle's go.

A layout is a folder of `layouts/`: `layout.yaml` and templates (Jinja2). Every export has the classifier, kernels of
our own, a main that answers on serial, the bundle's hash, and golden rows that it checks on start. No TFLM is in it.
"""

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from convert.bundle.bundle import MARKS, Bundle, json_bytes
from convert.bundle.firmware import CONSTANTS, Firmware
from convert.bundle.integrity import require_own_files
from tf_embbert.common.errors import UserError

APP = Path(__file__).resolve().parents[2] / "tflm_app"
LAYOUTS = Path(__file__).with_name("layouts")
GENERATED = ("model_data", "tokenizer_data", "golden_data", "op_resolver", "bundle")
LINE_BYTES = 1024
# The app, by folders of its own; a layout adds its board.
SOURCES = (
    "embbert/*.h",
    "embbert/*.cc",
    "kernels/*.h",
    "kernels/*.cc",
    "app/app.*",
    "app/console.*",
    "app/parts.*",
    "app/sha256.*",
    "boards/board.h",
)
EXPORT = MARKS["project"]


@dataclass(frozen=True)
class Layout:
    """Where things go in a kind of project.

    Args:
        name: the layout's folder.
        title: what it is, for people.
        board: what the firmware prints as its board.
        sources: folder of the export for the app's folders and the bundle's.
        more: further files of tflm_app, patterns.
        flat: no folders in `sources`, and .cpp for .cc: includes name files alone.
        files: {path in the export: file of tflm_app, or template of the layout that ends in .j2}.
        cores: those it is for; None for all.
        core: the default.
    """

    name: str
    title: str
    board: str
    sources: str
    core: str
    more: list[str] = field(default_factory=list)
    flat: bool = False
    files: dict[str, str] = field(default_factory=dict)
    cores: list[str] | None = None


@cache
def list_layouts() -> dict[str, Layout]:
    """All layouts by name."""
    found = {}
    for path in sorted(LAYOUTS.glob("*/layout.yaml")):
        found[path.parent.name] = Layout(path.parent.name, **yaml.safe_load(path.read_text(encoding="utf-8")))
    return found


def export_firmware(bundle: Bundle, layout: Layout, name: str, core: str, kernels: str) -> dict[str, bytes]:
    """The files of an export, by path.

    Args:
        bundle: as `read_bundle` gives it.
        layout: of `list_layouts`.
        name: of the project.
        core: whose arena figure it takes, 'cortex-m4'.
        kernels: likewise, 'cmsis_nn' or 'reference'.

    Raises:
        UserError: the bundle has no sources or others than its manifest says, or the layout is not for this core.
    """
    require_sources(bundle)
    if layout.cores and core not in layout.cores:
        raise UserError(f"{layout.title}: for {', '.join(layout.cores)}, not for {core}")
    sources = app_sources(bundle, layout, core, kernels)
    values = _values(bundle, layout, name, core, kernels, list(sources))
    files = {path.format(name=name): _content(layout, source, values) for path, source in layout.files.items()}
    about = {"format": 1, "as": layout.name, "core": core, "kernels": kernels, "bundle_sha256": values["bundle_sha256"]}
    return {**sources, **files, EXPORT: json_bytes(about)}


def require_sources(bundle: Bundle) -> None:
    """Raises UserError where a bundle has no C++ sources, or is not as it was written."""
    if "bundle.h" not in bundle.files:
        raise UserError(f"{bundle.path} has no C++ sources; convert the run again")
    require_own_files(bundle)


def app_sources(bundle: Bundle, layout: Layout, core: str, kernels: str, own_kernels: bool = True) -> dict[str, bytes]:
    """The app's sources and the bundle's at their paths in an export; the bundle's lie in `bundle`. Without
    `own_kernels` those of tflm_app/kernels stay away, which need a TFLM of today.
    """
    patterns = [pattern for pattern in (*SOURCES, *layout.more) if own_kernels or not pattern.startswith("kernels/")]
    paths = sorted(path for pattern in patterns for path in APP.glob(pattern))
    sources = {path.relative_to(APP).as_posix(): path.read_bytes() for path in paths}
    generated = {file: data for file, data in bundle.files.items() if Path(file).stem in GENERATED}
    generated["app_config.h"] = _app_config(bundle, layout, core, kernels)
    sources |= {f"bundle/{file}": data for file, data in generated.items()}
    if layout.flat:
        sources = {re.sub(r"\.cc$", ".cpp", Path(path).name): _flatten(data) for path, data in sources.items()}
    return {f"{layout.sources}/{path}".removeprefix("./"): data for path, data in sources.items()}


def _app_config(bundle: Bundle, layout: Layout, core: str, kernels: str) -> bytes:
    """app_config.h, filled in as tflm_app/CMakeLists.txt does."""
    values = {
        "BOARD_TITLE": layout.board,
        "BUNDLE_SHA256": bundle.manifest["bundle_sha256"],
        "ECHO": "true",
        "LINE_BYTES": str(LINE_BYTES),
        "core": core,
        "arena_kernels": kernels,
    }
    template = (APP / "app/app_config.h.in").read_text(encoding="utf-8")
    return re.sub(r"@(\w+)@", lambda found: values[found[1]], template).encode()


def _flatten(source: bytes) -> bytes:
    """Includes of our own headers without folders: a sketch's src is one folder, and on no include path."""
    return re.sub(rb'#include "(?:app|boards|embbert|kernels)/', b'#include "', source)


def _content(layout: Layout, source: str, values: dict) -> bytes:
    if not source.endswith(".j2"):
        return (APP / source).read_bytes()
    environment = Environment(
        loader=FileSystemLoader([LAYOUTS / layout.name, LAYOUTS]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["bytes"] = lambda value: f"{value:,}"
    return environment.get_template(source).render(values).encode()


def _values(bundle: Bundle, layout: Layout, name: str, core: str, kernels: str, sources: list[str]) -> dict:
    """What templates may say."""
    manifest = bundle.manifest
    firmware = Firmware(bundle.files["model.tflite"], manifest["tokenizer"]["vocab_size"], kernels)
    arena = manifest["arena"][core][kernels]["total"]
    ram = {"arena": arena, **{part: entry["bytes"] for part, entry in CONSTANTS["ram"].items()}}
    return {
        "name": name,
        "identifier": re.sub(r"\W", "_", name),
        "layout": layout,
        "m": manifest,
        "bundle_sha256": manifest["bundle_sha256"],
        "core": core,
        "kernels": kernels,
        "flash": firmware.flash_parts(core),
        "ram": ram,
        "sources": [path for path in sources if path.endswith((".cc", ".cpp"))],
        "board": _qemu_board(core),
        "golden": bundle.golden,
    }


def _qemu_board(core: str) -> dict[str, str] | None:
    """The settings of the port for the board of a core that QEMU has, by name; None where it has none."""
    boards = {
        "cortex-m3": "mps2-an385",
        "cortex-m4": "mps2-an386",
        "cortex-m7": "mps2-an500",
        "cortex-m33": "mps2-an505",
        "cortex-m55": "mps3-an547",
    }
    if core not in boards:
        return None
    text = (APP / "boards" / boards[core] / "board.cmake").read_text(encoding="utf-8")
    settings = {key.lower(): value for key, value in re.findall(r"^set\(BOARD_(\w+) (.*)\)$", text, re.M)}
    return {"name": boards[core], **settings}
