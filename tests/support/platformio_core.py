"""A platform of PlatformIO under the name that an export's platformio.ini gives: Debian's compiler, and the stubs of an
Arduino core for mps2-an386 in place of the board's. PlatformIO's registry is not asked; `pio` and SCons are PyPI's.
"""

import json
import shutil
import subprocess
from pathlib import Path

from tests.support.arduino_core import write_core
from tests.support.exports import run
from tests.support.mps2 import CORE, LINK

PLATFORM, BOARD = "nordicnrf52", "nano33ble"
BUILDER = """
from SCons.Script import Default, DefaultEnvironment

env = DefaultEnvironment()
env.Replace(AR="arm-none-eabi-ar", CC="arm-none-eabi-gcc", CXX="arm-none-eabi-g++", LINK="arm-none-eabi-g++")
env.Replace(RANLIB="arm-none-eabi-ranlib", PROGSUFFIX=".elf")
env.Append(
    CCFLAGS={core} + ["-Os", "-ffunction-sections", "-fdata-sections"],
    CXXFLAGS=["-std=gnu++14", "-fno-rtti", "-fno-exceptions", "-fno-threadsafe-statics"],
    LINKFLAGS={core} + {link},
    LIBS=["m"],
)
env.Prepend(_LIBFLAGS="-Wl,--start-group ")
env.Append(_LIBFLAGS=" -Wl,--end-group")
Default(env.BuildProgram())
"""
FRAMEWORK = """
Import("env")
env.Append(CPPDEFINES=[("ARDUINO", 10819)], CPPPATH=[{core!r}])
env.BuildSources("$BUILD_DIR/FrameworkArduino", {core!r})
"""


def find_scons() -> tuple[Path, str] | None:
    """The folder of the SCons beside `pio`, and the version that PlatformIO asks for; None where one is missing."""
    pio = shutil.which("pio")
    ask = "import SCons, platformio.dependencies as d; print(SCons.__file__, d.get_core_dependencies()['tool-scons'])"
    done = pio and subprocess.run([Path(pio).with_name("python"), "-c", ask], capture_output=True, text=True)
    if not done or done.returncode:
        return None
    file, version = done.stdout.split()
    return Path(file).parents[1], version.strip("~")


def write_platform(home: Path, scons: tuple[Path, str]) -> None:
    """PlatformIO's own folder (PLATFORMIO_CORE_DIR) with the platform, and with SCons as the package `tool-scons`."""
    core = home / "arduino-core"
    home.mkdir()
    write_core(core)
    folder, version = scons
    package = {"type": "tool", "name": "tool-scons", "version": version}
    spec = {"owner": "platformio", "name": "tool-scons", "id": None, "requirements": None, "uri": None}
    frameworks = {"arduino": {"script": "builder/arduino.py"}}
    platform = {"name": PLATFORM, "version": "10.0.0", "title": "", "description": "", "frameworks": frameworks}
    board = {
        "build": {"cpu": "cortex-m4", "mcu": "nrf52840"},
        "frameworks": ["arduino"],
        "name": "stubs",
        "upload": {"maximum_size": 983040, "maximum_ram_size": 262144},
        "url": "",
        "vendor": "",
    }
    files = {
        "packages/tool-scons/package.json": json.dumps(package),
        "packages/tool-scons/.piopm": json.dumps(package | {"spec": spec}),  # as if its registry had sent it
        "packages/tool-scons/scons.py": (
            f"import sys\nsys.path.insert(0, {str(folder)!r})\nfrom SCons.Script import main\nmain()\n"
        ),
        f"platforms/{PLATFORM}/platform.json": json.dumps(platform | {"packages": {}}),
        f"platforms/{PLATFORM}/boards/{BOARD}.json": json.dumps(board),
        f"platforms/{PLATFORM}/builder/main.py": BUILDER.format(core=CORE, link=LINK),
        f"platforms/{PLATFORM}/builder/arduino.py": FRAMEWORK.format(core=str(core)),
    }
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)


def run_platformio(project: Path, home: Path, scons: tuple[Path, str], *flags: str) -> Path:
    """The program of a project, compiled with flags beside its own; AssertionError with what PlatformIO says."""
    write_platform(home, scons)
    around = {"PLATFORMIO_CORE_DIR": str(home), "PLATFORMIO_BUILD_FLAGS": " ".join(flags)}
    run("pio", "run", "-d", project, "-j", "2", environment=around)
    return project / ".pio/build/board/program.elf"
