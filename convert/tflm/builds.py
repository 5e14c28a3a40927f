"""The builds of TFLM that there are arena figures for."""

from dataclasses import replace
from typing import NamedTuple

from convert.tflm.kernels_arduino import ARDUINO_KERNELS, PICO_KERNELS
from convert.tflm.kernels_cmsis_nn import CMSIS_NN_KERNELS
from convert.tflm.kernels_custom import CUSTOM_KERNELS
from convert.tflm.kernels_fast import FAST_KERNELS
from convert.tflm.kernels_reference import REFERENCE_KERNELS, Kernel
from convert.tflm.kernels_signal import SIGNAL_KERNELS
from convert.tflm.libraries import LIBRARIES, MAIN, library_of
from convert.tflm.rules.engine import asked_of
from convert.tflm.rules.registry import Asked
from convert.tflm.structs import ARDUINO, ARM32, ARM32_DSP, ARM32_MVE, HOST64, PICO, WHEEL, Build
from convert.tflm.targets import CORES
from tf_embbert.common.errors import UserError, nearest


class Target(NamedTuple):
    """A build of TFLM and the kernels in it, by operator."""

    build: Build
    kernels: dict[str, Kernel]

    @property
    def name(self) -> str:
        """Of its kernels, on the first core that has such a build."""
        return next((kernels for (_, kernels), target in KNOWN.items() if target == self), "reference")

    @property
    def asked(self) -> Asked:
        """Whose rules hold for it: those of its kernels, and of the first core with such a build."""
        found = (key for key, target in KNOWN.items() if target == self)
        core, kernels = next(found, (None, "reference"))
        return asked_of(kernels, core)


HOST = "host64"
NOT_MEASURED = {"cortex-m0plus": "cortex-m3", "cortex-m85": "cortex-m55"}  # and the core whose code they run
REFERENCE, OPTIMISED = REFERENCE_KERNELS | CUSTOM_KERNELS, CMSIS_NN_KERNELS | CUSTOM_KERNELS
OURS = FAST_KERNELS | CUSTOM_KERNELS
ON_HOST = Target(HOST64, REFERENCE)
ON_ARM = {build: Target(build, REFERENCE) for build in (ARM32, ARM32_DSP, ARM32_MVE)}
CMSIS_NN = {build: Target(build, OPTIMISED) for build in (ARM32, ARM32_DSP, ARM32_MVE)}
BUILDS = {(HOST, "reference"): ON_HOST}
BUILDS |= {(core, "cmsis_nn"): CMSIS_NN[build] for core, build in CORES.items()}
BUILDS |= {(core, "reference"): ON_ARM[build] for core, build in CORES.items()}
FAST = {build: Target(build, OURS) for build in (ARM32, ARM32_DSP, ARM32_MVE)}
WITH_OURS = {(core, "fast"): FAST[build] for core, build in CORES.items()}  # kernels of our own over CMSIS-NN's
# Those of other libraries, which the kernels' place names: plain structs, or the core's with DSP instructions.
OLDER = {"arduino": (ARDUINO, ARDUINO_KERNELS), "pico": (PICO, PICO_KERNELS | SIGNAL_KERNELS)}
LIBRARY_BUILDS = {
    (core, name): Target(replace(build, simd=CORES[core].simd), kernels)
    for name, (build, kernels) in OLDER.items()
    for core in LIBRARIES[name].cores
}
KNOWN = BUILDS | WITH_OURS | LIBRARY_BUILDS
WHEEL_BUILD = Target(WHEEL, REFERENCE)  # the interpreter of the tflite-micro package: for checking ours


def find_build(core: str, kernels: str) -> Target:
    """The build of a core and kernels, or of a library; UserError when there are no figures for them."""
    if (core, kernels) in KNOWN:
        return KNOWN[core, kernels]
    cores = [HOST, *CORES]
    if core not in cores:
        raise UserError(f"unknown core {core!r}: {nearest(core, cores) or ', '.join(cores)}")
    if library := library_of(kernels):
        known = f"there are figures for {', '.join(library.cores)}" if library.cores else "there are no figures at all"
        raise UserError(f"no figures of {library.title} for {core}: {known}")
    raise UserError(
        f"{core} has no kernels {kernels!r}; it has {', '.join(k for c, k in BUILDS | WITH_OURS if c == core)}"
    )


def choose_kernels(core: str | None, kernels: str | None, tflm: str = MAIN) -> str:
    """The kernels that a command means, or the library in their place; UserError when there is no such core, or it has
    no such kernels.
    """
    if library := library_of(tflm):
        if kernels not in (None, library.kernels):
            raise UserError(f"{library.title} has {library.kernels} kernels alone; leave --kernels out")
        if core:
            find_build(core, library.id)
        return library.id
    chosen = kernels or (default_kernels(core) if core else "cmsis_nn")
    if core:
        find_build(core, chosen)
    return chosen


def default_kernels(core: str) -> str:
    """The kernels that a firmware for the core would take."""
    return "reference" if core == HOST else "cmsis_nn"
