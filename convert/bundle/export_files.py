"""The files of an export that its layout makes: the templates, and what they may say."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convert.bundle.bundle import Bundle
from convert.bundle.firmware import CONSTANTS, Firmware
from convert.bundle.rendering import plain_environment
from convert.bundle.tflm_tree import ROOTS, definitions
from convert.tflm.libraries import words

if TYPE_CHECKING:
    from convert.bundle.exports import Layout, Tflm

APP = Path(__file__).resolve().parents[2] / "tflm_app"
LAYOUTS = Path(__file__).with_name("layouts")
QEMU_BOARDS = {
    "cortex-m3": "mps2-an385",
    "cortex-m4": "mps2-an386",
    "cortex-m7": "mps2-an500",
    "cortex-m33": "mps2-an505",
    "cortex-m55": "mps3-an547",
}


def fill_template(layout: str, source: str, values: dict[str, Any]) -> bytes:
    """A file of an export: a template of the layout, which ends in .j2, or a file of tflm_app as it is."""
    if not source.endswith(".j2"):
        return (APP / source).read_bytes()
    return plain_environment(LAYOUTS / layout, LAYOUTS).get_template(source).render(values).encode()


def arena_kernels(manifest: dict[str, Any], tflm: "Tflm") -> str:
    """The kernels whose arena an export reserves: TFLM's, or where ours go along and need more, ours over them."""
    figures = manifest["arena"][tflm.core]
    ours = ["fast"] if tflm.library is None and tflm.kernels == "cmsis_nn" and "fast" in figures else []
    return max((tflm.kernels, *ours), key=lambda kernels: figures[kernels]["total"])


def template_values(bundle: Bundle, layout: "Layout", name: str, tflm: "Tflm", sources: list[str]) -> dict[str, Any]:
    """What templates may say."""
    manifest = bundle.manifest
    firmware = Firmware(bundle.files["model.tflite"], manifest["tokenizer"]["vocab_size"], tflm.kernels, bundle.windows)
    arena = manifest["arena"][tflm.core][arena_kernels(manifest, tflm)]["total"]
    ram = {"arena": arena, **{part: entry["bytes"] for part, entry in CONSTANTS["ram"].items()}}
    return {
        "name": name,
        "identifier": re.sub(r"\W", "_", name),
        "layout": layout,
        "m": manifest,
        "bundle_sha256": manifest["bundle_sha256"],
        "core": tflm.core,
        "kernels": tflm.kernels,
        "library": tflm.library,
        "tflm": words(tflm.library.id if tflm.library else tflm.kernels),
        "tree": tflm.tree is not None,
        "roots": [root for root in ROOTS if tflm.tree is None or any(path.startswith(root) for path in tflm.tree)],
        "definitions": definitions(tflm.kernels, today=tflm.library is None),
        "flash": firmware.flash_parts(tflm.core),
        "ram": ram,
        "sources": [path for path in sources if path.endswith((".cc", ".cpp"))],
        "board": _qemu_board(tflm.core),
        "golden": bundle.golden,
    }


def _qemu_board(core: str) -> dict[str, str] | None:
    """The settings of the port for the board of a core that QEMU has, by name; None where it has none."""
    board = QEMU_BOARDS.get(core)
    if board is None:
        return None
    text = (APP / "boards" / board / "board.cmake").read_text(encoding="utf-8")
    settings = {key.lower(): value for key, value in re.findall(r"^set\(BOARD_(\w+) (.*)\)$", text, re.M)}
    return {"name": board, **settings}
