"""The arena that firmware with TFLM's Arduino library needs, measured under QEMU on a Cortex-M4.

    python -m benchmarks.arduino_arena --library DIR [--archive FILE] [MODEL.tflite ...]

DIR is a checkout of tensorflow/tflite-micro-arduino-examples; it is compiled as it is, without
TF_LITE_STATIC_MEMORY and with stubs of an Arduino core, which takes some minutes. FILE is where the compiled library is
kept, or already lies. Without models: those of benchmarks/firmware/models. Each is rewritten first for what the library
lacks, where there is a form for it. Writes results/arduino_arena.json.
"""

import hashlib
import subprocess
import tempfile
from pathlib import Path

from benchmarks.arena_firmware import named_models
from benchmarks.firmware.models import FOLDER
from benchmarks.firmware.results import Results
from benchmarks.firmware.runner import SOURCE, Firmware, smallest_arena
from convert.passes.kernel_forms import mend_model
from convert.tflm.builds import find_build
from convert.tflm.support import check_bytes
from tests.support.arduino_core import DRIVERS, LANGUAGES, compile_files, write_core
from tests.support.mps2 import BOARDS, CORE, QEMU
from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import run_command

RESULT = Path(__file__).parent / "results/arduino_arena.json"
CORE_ID, LIBRARY = "cortex-m4", "arduino"
BOARD_SOURCES = ("cmsdk_uart", "semihosting", "runtime", "startup", "ticks")
BOARD_DEFINES = ["-DBOARD_UART_BASE=0x40004000u", "-DBOARD_PERIPHERAL_HZ=25000000u", "-DBOARD_CLOCK_HZ=25000000u"]
THIRD_PARTY = ("flatbuffers/include", "gemmlowp", "ruy", "kissfft", "cmsis_nn/Include", "cmsis/CMSIS/Core/Include")
# What tflite-micro has and this library has not: the resolver of benchmarks/firmware, and where a log goes.
STAND_INS = {
    "all_ops.h": '#include "tensorflow/lite/micro/all_ops_resolver.h"\nusing Operators = tflite::AllOpsResolver;\n',
    "tensorflow/lite/micro/cortex_m_generic/debug_log_callback.h": (
        "void RegisterDebugLogCallback(void (*)(const char*));\n"
    ),
    "log.cc": '#include <cstring>\n#include "boards/board.h"\nvoid RegisterDebugLogCallback(void (*)(const char*)) {}\n'
    'extern "C" void DebugLog(const char* text) { board::Write(text, std::strlen(text)); }\n'
    "namespace peripherals {\nunsigned long MicrosecondsCounter() { return 0; }\n}\n",
}


def build(library: Path, archive: Path, folder: Path) -> Firmware:
    """The measuring firmware (firmware/main.cc), linked with the library."""
    source = library / "src"
    write_core(folder / "core")
    folders = [
        folder / "stand-ins",
        folder / "core",
        BOARDS.parent,
        source,
        *(source / "third_party" / n for n in THIRD_PARTY),
    ]
    includes = [f"-I{path}" for path in folders]
    for name, text in STAND_INS.items():
        (folder / "stand-ins" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "stand-ins" / name).write_text(text)
    if not archive.exists():
        sources = [
            path
            for path in sorted(source.rglob("*.c*"))
            if not DRIVERS & {*path.parts, path.stem} and "tools" not in path.parts
        ]
        objects = compile_files(sources, folder / "library", *includes)
        subprocess.run(["arm-none-eabi-ar", "rcs", archive, *objects], check=True)
    main = folder / "stand-ins/main.cc"
    main.write_text((SOURCE / "main.cc").read_text())
    (folder / "stand-ins/tensor_files.h").write_text((SOURCE / "tensor_files.h").read_text())
    files = [main, folder / "stand-ins/log.cc", *(BOARDS / f"common/{name}.cc" for name in BOARD_SOURCES)]
    objects = compile_files(files, folder / "objects", *includes, *BOARD_DEFINES)
    script: list[str | Path] = [
        "-T",
        BOARDS / "mps2-an386/memory.ld",
        "-L",
        BOARDS / "common",
        "-Wl,--defsym=BOARD_STACK_BYTES=65536",
    ]
    options: list[str | Path] = [
        "-nostartfiles",
        "--specs=nano.specs",
        "-Wl,--gc-sections",
        *script,
        "-lm",
        "-o",
        folder / "measure",
    ]
    subprocess.run([*LANGUAGES[".cpp"], *CORE, *objects, archive, *options], check=True)
    (folder / "run").write_text(f'#!/bin/sh\nexec {" ".join(QEMU)} "$@"\n')
    (folder / "run").chmod(0o755)
    return Firmware(CORE_ID, LIBRARY, folder / "measure")


@run_command
def main(arguments: list[str] | None = None) -> None:
    parser = CommandParser(prog="python -m benchmarks.arduino_arena", description=__doc__.split("\n")[0])
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL.tflite")
    parser.add_argument("--library", type=Path, required=True, metavar="DIR", help="the checkout")
    parser.add_argument("--archive", type=Path, metavar="FILE", help="the library as it was compiled before")
    options = parser.parse_args(arguments)
    commit = subprocess.run(
        ["git", "-C", options.library, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    results = Results(RESULT, {"library_commit": commit.stdout.strip()})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        firmware = build(options.library, options.archive or folder / "library.a", folder)
        for model, data in named_models(options.models or sorted(FOLDER.glob("*.tflite"))).items():
            data = mend_model(data, find_build(CORE_ID, LIBRARY)).data
            if not check_bytes(data, model, LIBRARY)["supported"]:
                print(f"{model}: the library lacks an operator")
                continue
            used, total = smallest_arena(firmware, data)
            digest = hashlib.sha256(data).hexdigest()
            results.add("arenas", ("model",), {"model": model, "model_sha256": digest, "used": used, "total": total})
            print(f"{model}: {total:,} B", flush=True)


if __name__ == "__main__":
    main()
