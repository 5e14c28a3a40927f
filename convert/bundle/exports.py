"""A bundle as a project of some firmware world: a layout says where the app's sources and the bundle's go.

A layout is a folder of `layouts/`: `layout.yaml` and templates (Jinja2). Every export has the classifier, a main that
answers on serial, the bundle's hash, and golden rows that it checks on start. No TFLM is in it but a tree of the user's
own, where one is given.
"""

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

from convert.bundle.bundle import MARKS, Bundle, json_bytes
from convert.bundle.export_files import APP, LAYOUTS, arena_kernels, fill_template, template_values
from convert.bundle.for_library import bundle_for
from convert.bundle.integrity import require_own_files
from convert.bundle.tflm_tree import point_into_tree, read_tree, sketch_tree, tree_kernels
from convert.tflm.builds import choose_kernels
from convert.tflm.libraries import MAIN, Library, library_of
from tf_embbert.common.errors import UserError

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
        tree: likewise for a tree of TFLM.
        core: the default.
        tflm: the TFLM that such a project takes by itself, as --tflm names it.
        more: further files of tflm_app, patterns.
        flat: no folders in `sources`, and .cpp for .cc: includes name files alone.
        files: {path in the export: file of tflm_app, or template of the layout that ends in .j2}.
        tree_files: further files of an export with a tree, likewise.
        cores: those it is for; None for all.
        names, named: what a project's name matches, and that in words.
    """

    name: str
    title: str
    board: str
    sources: str
    core: str
    tree: str = "tflm"
    tflm: str = MAIN
    more: list[str] = field(default_factory=list)
    flat: bool = False
    files: dict[str, str] = field(default_factory=dict)
    tree_files: dict[str, str] = field(default_factory=dict)
    cores: list[str] | None = None
    names: str = "[A-Za-z_][A-Za-z0-9_-]*"
    named: str = "letters, digits, dashes, underscores, a letter first"


@dataclass(frozen=True)
class Tflm:
    """The TFLM that an export is compiled with.

    Args:
        core: whose arena figure the export takes, 'cortex-m4'.
        kernels: likewise, 'cmsis_nn' or 'reference'.
        library: an older library in place of a TFLM of today.
        tree: the files of a source tree that goes along.
    """

    core: str
    kernels: str
    library: Library | None = None
    tree: dict[str, bytes] | None = None

    @property
    def name(self) -> str:
        """As --tflm names it; 'tree' of one that goes along."""
        return "tree" if self.tree else self.library.id if self.library else MAIN


@cache
def list_layouts() -> dict[str, Layout]:
    """All layouts by name."""
    found = {}
    for path in sorted(LAYOUTS.glob("*/layout.yaml")):
        found[path.parent.name] = Layout(path.parent.name, **yaml.safe_load(path.read_text(encoding="utf-8")))
    return found


def choose_tflm(
    layout: Layout,
    core: str | None = None,
    kernels: str | None = None,
    tflm: str | None = None,
    tree: Path | None = None,
) -> Tflm:
    """The TFLM that the options of a command mean; what is not named is the layout's.

    Raises:
        UserError: the layout or the library is not for the core, has no such kernels, or the tree is none.
    """
    core = core or layout.core
    if layout.cores and core not in layout.cores:
        raise UserError(f"{layout.title}: for {', '.join(layout.cores)}, not for {core}")
    if tree is None:
        chosen = choose_kernels(core, kernels, tflm or layout.tflm)
        library = library_of(chosen)
        return Tflm(core, library.kernels if library else chosen, library)
    if tflm not in (None, MAIN):
        raise UserError("--tflm-tree takes a TFLM along; leave --tflm out")
    files = read_tree(tree)
    if kernels not in (None, tree_kernels(files)):
        raise UserError(f"{tree} has {tree_kernels(files)} kernels, not {kernels}: leave --kernels out")
    return Tflm(core, tree_kernels(files), tree=files)


def export_firmware(bundle: Bundle, layout: Layout, name: str, tflm: Tflm) -> dict[str, bytes]:
    """The files of an export, by path.

    Args:
        bundle: as `read_bundle` gives it.
        layout: of `list_layouts`.
        name: of the project.
        tflm: as `choose_tflm` gives it.

    Raises:
        UserError: the name is none for such a project, the bundle has no sources or others than its manifest says, or
            an older library does not answer its model.
    """
    if not re.fullmatch(layout.names, name):
        raise UserError(f"{name!r} names no {layout.title}: {layout.named}")
    require_sources(bundle)
    if tflm.library:
        bundle = bundle_for(bundle, tflm.library, tflm.core)
    sources = _app_sources(bundle, layout, tflm)
    values = template_values(bundle, layout, name, tflm, list(sources))
    made = layout.files | (layout.tree_files if tflm.tree else {})
    files = {path.format(name=name): fill_template(layout.name, source, values) for path, source in made.items()}
    about = {"format": 1, "as": layout.name, "core": tflm.core, "kernels": tflm.kernels}
    about |= {"tflm": tflm.name, "bundle_sha256": values["bundle_sha256"]}
    return {**sources, **files, **_tree_files(layout, tflm), EXPORT: json_bytes(about)}


def _tree_files(layout: Layout, tflm: Tflm) -> dict[str, bytes]:
    if tflm.tree is None:
        return {}
    return sketch_tree(tflm.tree) if layout.flat else {f"{layout.tree}/{name}": tflm.tree[name] for name in tflm.tree}


def require_sources(bundle: Bundle) -> None:
    """Raises UserError where a bundle has no C++ sources, or is not as it was written."""
    if "bundle.h" not in bundle.files:
        raise UserError(f"{bundle.path} has no C++ sources; convert the run again")
    require_own_files(bundle)


def _app_sources(bundle: Bundle, layout: Layout, tflm: Tflm) -> dict[str, bytes]:
    """The app's sources and the bundle's at their paths in an export; the bundle's lie in `bundle`. Kernels of ours,
    which need a TFLM of today, stay away from an older library.
    """
    patterns = [
        pattern for pattern in (*SOURCES, *layout.more) if not (tflm.library and pattern.startswith("kernels/"))
    ]
    paths = sorted(path for pattern in patterns for path in APP.glob(pattern))
    sources = {path.relative_to(APP).as_posix(): path.read_bytes() for path in paths}
    generated = {file: data for file, data in bundle.files.items() if Path(file).stem in GENERATED}
    generated["app_config.h"] = _app_config(bundle, layout, tflm)
    sources |= {f"bundle/{file}": data for file, data in generated.items()}
    if layout.flat:
        sources = {re.sub(r"\.cc$", ".cpp", Path(path).name): _flatten(data) for path, data in sources.items()}
        sources = {path: point_into_tree(data, tflm.tree) for path, data in sources.items()} if tflm.tree else sources
    return {f"{layout.sources}/{path}".removeprefix("./"): data for path, data in sources.items()}


def _app_config(bundle: Bundle, layout: Layout, tflm: Tflm) -> bytes:
    """app_config.h, filled in as tflm_app/CMakeLists.txt does."""
    values = {
        "BOARD_TITLE": layout.board,
        "BUNDLE_SHA256": bundle.manifest["bundle_sha256"],
        "ECHO": "true",
        "LINE_BYTES": str(LINE_BYTES),
        "core": tflm.core,
        "arena_kernels": arena_kernels(bundle.manifest, tflm),
    }
    template = (APP / "app/app_config.h.in").read_text(encoding="utf-8")
    return re.sub(r"@(\w+)@", lambda found: values[found[1]], template).encode()


def _flatten(source: bytes) -> bytes:
    """Includes of our own headers without folders: a sketch's src is one folder, and on no include path."""
    return re.sub(rb'#include "(?:app|boards|embbert|kernels)/', b'#include "', source)
