"""What the firmware of a model takes of a microcontroller's flash and RAM; the constants are in firmware.yaml."""

from functools import cached_property
from pathlib import Path

import yaml

from convert.tflite.model import input_length
from convert.tflm.arena import plan_arenas
from convert.tflm.builds import find_build
from convert.tflm.libraries import library_of, shown
from convert.tflm.support import check_bytes, difference_texts
from convert.tflm.targets import CORES
from tf_embbert.windows import room

CONSTANTS = yaml.safe_load(Path(__file__).with_name("firmware.yaml").read_text(encoding="utf-8"))

GOLDEN_WINDOWS = 3  # of a golden row, where some texts need no more: its ids lie in flash


def tokenizer_bytes(vocab_size: int) -> int:
    """Bytes of flash that a tokenizer's tables take."""
    tables = CONSTANTS["flash"]["tokenizer"]
    return tables["bytes"] + round(tables["bytes_per_token"] * vocab_size)


def app_bytes(core: str) -> int:
    """Bytes of flash that the app and its libraries take on a core, kernels of our own among them."""
    return CONSTANTS["flash"]["app"]["bytes"][find_build(core, "cmsis_nn").build.simd]


class Firmware:
    """A model as it lies in a firmware.

    Args:
        model: bytes of a .tflite file that TFLM runs.
        vocab_size: tokens of the tokenizer beside it; None of a model that has none.
        kernels: 'cmsis_nn', 'reference' or 'fast' (kernels of our own over CMSIS-NN's), or another library than
            tensorflow/tflite-micro, of which the flash is taken to be that of the same kernels there.
        windows: in which a text is read at most.
    """

    def __init__(
        self, model: bytes, vocab_size: int | None = None, kernels: str = "cmsis_nn", windows: int = 1
    ) -> None:
        self.model, self.vocab_size, self.kernels, self.windows = model, vocab_size, kernels, windows

    def flash_parts(self, core: str) -> dict[str, int]:
        """Bytes of flash by part: model, runtime, app, and of a model with a tokenizer that and the golden rows."""
        flash = CONSTANTS["flash"]
        kernels = shown(self.kernels)["kernels"]
        runtime = flash["runtime"]["cmsis_nn" if kernels == "fast" else kernels]  # ours are counted with the app
        parts = {"model": len(self.model), "runtime": runtime, "app": app_bytes(core)}
        if self.vocab_size is None:
            return parts
        tokens = room(input_length(self.model), min(self.windows, GOLDEN_WINDOWS))
        golden = round(flash["golden"]["bytes_per_token"] * tokens)
        return parts | {"tokenizer": tokenizer_bytes(self.vocab_size), "golden": golden}

    def ram_parts(self, core: str) -> dict[str, int]:
        """Bytes of RAM by part: arena, runtime, stack, app, and the ids of a text of several windows."""
        constants = {part: entry["bytes"] for part, entry in CONSTANTS["ram"].items()}
        ids = {"ids": 4 * room(input_length(self.model), self.windows)} if self.windows > 1 else {}
        return {"arena": self.arenas[core]["total"], **constants, **ids}

    @cached_property
    def arenas(self) -> dict[str, dict]:
        """`plan_arena` of each Cortex-M that there are figures for, with the firmware's kernels."""
        return dict(zip(self.cores, plan_arenas(self.model, [(core, self.kernels) for core in self.cores])))

    @property
    def cores(self) -> list[str]:
        """The Cortex-M that there are figures for."""
        library = library_of(self.kernels)
        return list(library.cores if library else CORES)

    @cached_property
    def differences(self) -> dict[str, list[str]]:
        """Of each Cortex-M in which ways the kernels answer otherwise there than TFLM's reference kernels."""
        return {core: difference_texts(check_bytes(self.model, "the model", self.kernels, core)) for core in self.cores}

    def flash(self, core: str) -> int:
        """Bytes of flash."""
        return sum(self.flash_parts(core).values())

    def ram(self, core: str) -> int | None:
        """Bytes of RAM; None for a core that there are no figures for."""
        return sum(self.ram_parts(core).values()) if core in self.arenas else None
