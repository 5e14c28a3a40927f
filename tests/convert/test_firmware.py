"""Exports of a bundle: their files, and what a compiler and the tools of each world take of them.

With the headers of a checkout that the environment names (PICO_SDK_PATH) where it does, of stubs otherwise.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from convert.bundle.bundle import write_folder
from convert.bundle.export_files import APP
from convert.bundle.exports import EXPORT, list_layouts
from convert.bundle.tflm_tree import NEEDED
from convert.firmware import main
from convert.tflm.libraries import library_of, words
from tests.support import arduino_core, zephyr_base
from tests.support.bundles import converted
from tests.support.chain import refused
from tests.support.exports import export

LAYOUTS = ("arduino", "folder", "pico", "platformio", "zephyr")
PARTS = {"classifier", "app", "model_data", "tokenizer_data", "golden_data", "app_config"}
OURS = {"kernels", "softmax"}  # not where the TFLM is an older library
STUBS = {
    **arduino_core.HEADERS,
    **zephyr_base.HEADERS,
    "pico/stdlib.h": """
#include <cstdint>
#define LIB_PICO_STDIO_USB 1
enum { PICO_ERROR_TIMEOUT = -1 };
extern "C" {
bool stdio_init_all(void);
int putchar_raw(int c);
int getchar_timeout_us(std::uint32_t timeout_us);
void sleep_ms(std::uint32_t ms);
std::uint64_t time_us_64(void);
}
""",
    "pico/stdio_usb.h": 'extern "C" bool stdio_usb_connected(void);',
}
needs_compiler = pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    write_folder(folder, converted())
    return folder


def reserved(out: Path) -> int:
    """The bytes of arena that an export's app_config.h takes of its bundle.h."""
    config, facts = (next(out.rglob(name)).read_text() for name in ("app_config.h", "bundle.h"))
    core, kernels = re.findall(r'kArenas, "(\S+)", "(\w+)"', config)[0]
    return int(re.findall(rf'"{core}", "{kernels}", (\d+)', facts)[0])


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_layouts_are_tried() -> None:
    assert tuple(list_layouts()) == LAYOUTS


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_export_is_whole(layout: str, bundle: Path, tmp_path: Path) -> None:
    out = export(bundle, layout, tmp_path / "commands")
    manifest, files = json.loads((bundle / "manifest.json").read_text()), files_of(out)
    stems = {Path(name).stem for name in files}
    assert stems >= PARTS and bool(OURS & stems) == (library_of(list_layouts()[layout].tflm) is None)
    assert json.loads(files[EXPORT])["bundle_sha256"] == manifest["bundle_sha256"]
    config = next(data for name, data in files.items() if name.endswith("app_config.h")).decode()
    assert manifest["bundle_sha256"] in config and "@" not in config
    for name, data in files.items():
        for header in re.findall(r'#include "([^"]+)"', data.decode()):
            found = [path for path in files if path.endswith(f"/{header}") or path == header]
            assert found or header.startswith("tensorflow/") or Path(name).parts[0] == "kernels", (name, header)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_readme_has_the_commands_the_memory_and_what_was_not_measured(
    layout: str, bundle: Path, tmp_path: Path
) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    core, tflm = list_layouts()[layout].core, list_layouts()[layout].tflm
    out = export(bundle, layout, tmp_path / "commands")
    readme = (out / "README.md").read_text()
    assert manifest["bundle_sha256"] in readme and f"For {core} with cmsis_nn kernels" in readme
    arena = reserved(out)
    assert f"| arena | {arena:,} |" in readme and words(tflm if library_of(tflm) else "cmsis_nn") in readme
    size = int(re.findall(r"kModelSize = (\d+)", next(out.rglob("model_data.h")).read_text())[0])
    assert f"| model | {size:,} |" in readme
    if library_of(tflm) is None:  # for kernels of ours and TFLM's alone
        assert arena == max(manifest["arena"][core][kernels]["total"] for kernels in ("cmsis_nn", "fast"))
    assert "Not measured: " in readme and ("    " in readme or "`" in readme)
    assert not re.search(r"\{[{%]|/(tmp|work|home)/", readme)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_written_over_an_older_one_nothing_is_left_of_it(layout: str, bundle: Path, tmp_path: Path) -> None:
    out = export(bundle, layout, tmp_path / "commands")
    first = files_of(out)
    (out / "src").mkdir(exist_ok=True)
    (out / "src/stale.cc").write_text("#error\n")
    assert files_of(export(bundle, layout, out, "--force")) == first


def test_bad_input_is_one_line(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def wrong(source: Path, out: Path, *parts: str, layout: str = "pico", options: tuple[str, ...] = ()) -> None:
        refused(capsys, main, [source, "--as", layout, "--out", out, *options], *parts)

    wrong(bundle, tmp_path / "out", "choose from", layout="esp")
    wrong(tmp_path, tmp_path / "out", "is not a bundle")
    wrong(bundle, tmp_path / "9 lives", "names no Raspberry Pi Pico project: letters")
    wrong(bundle, tmp_path / "out", "is no tree of TFLM", options=("--tflm-tree", str(tmp_path)))
    wrong(bundle, tmp_path / "out", "no figures of esp-tflite-micro", layout="folder", options=("--tflm", "esp"))
    wrong(
        bundle, tmp_path / "out", ": for cortex-m0plus, cortex-m33, not for cortex-m7", options=("--core", "cortex-m7")
    )
    wrong(bundle, bundle, "exists; --force replaces it")
    wrong(bundle, bundle, "is not a project", options=("--force",))
    changed = shutil.copytree(bundle, tmp_path / "changed")
    (changed / "labels.txt").write_text("others\n")
    wrong(changed, tmp_path / "out", "files are not those of its manifest")
    assert not (tmp_path / "out").exists()


def compile_with_stubs(folder: Path, out: Path, *files: Path) -> None:
    for name, text in STUBS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    options = [
        "-std=c++17",
        "-fsyntax-only",
        "-Wall",
        "-Wextra",
        "-Werror",
        f"-I{folder}",
        f"-I{out}",
        f"-I{out}/bundle",
    ]
    done = subprocess.run(["g++", *options, "-x", "c++", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@needs_compiler
@pytest.mark.parametrize(
    "layout, sources, files",
    [
        ("pico", ".", ["boards/pico/pico.cc"]),
        ("zephyr", "src", ["boards/zephyr/zephyr.cc"]),
        ("platformio", "lib/embbert", ["boards/arduino/arduino.cc", "../../src/main.cpp"]),
    ],
)
def test_the_board_of_an_export_compiles_with_stubs(
    layout: str, sources: str, files: list[str], bundle: Path, tmp_path: Path
) -> None:
    out = export(bundle, layout, tmp_path / "commands") / sources
    compile_with_stubs(tmp_path / "stubs", out, *(out / file for file in files))


@pytest.mark.skipif(not shutil.which("arm-none-eabi-g++"), reason="needs arm-none-eabi-g++")
def test_the_board_of_a_pico_compiles_with_the_headers_of_its_sdk(bundle: Path, tmp_path: Path) -> None:
    """The SDK's own headers, but for those that its CMake generates: version and configuration."""
    sdk = Path(os.environ.get("PICO_SDK_PATH") or pytest.skip("PICO_SDK_PATH is not set"))
    generated = {"pico/version.h": "", "pico/config_autogen.h": '#include "boards/pico.h"\n'}
    for name, text in generated.items():
        (tmp_path / "generated" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "generated" / name).write_text(text)
    folders = [*sdk.glob("src/common/*/include"), *sdk.glob("src/rp2_common/*/include"), sdk / "src/boards/include"]
    folders += [*sdk.glob("src/rp2040/*/include"), tmp_path / "generated"]
    out = export(bundle, "pico", tmp_path / "commands")
    options = [
        "-std=c++17",
        "-mcpu=cortex-m0plus",
        "-mthumb",
        "-fsyntax-only",
        "-DPICO_RP2040=1",
        "-DLIB_PICO_STDIO_USB=1",
    ]
    options += ["-DPICO_ON_DEVICE=1", "-D__ARM_ARCH_6M__=1", f"-I{out}", *(f"-isystem{folder}" for folder in folders)]
    done = subprocess.run(["arm-none-eabi-g++", *options, out / "boards/pico/pico.cc"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_yaml_and_json_of_exports_can_be_read(bundle: Path, tmp_path: Path) -> None:
    zephyr = export(bundle, "zephyr", tmp_path / "zephyr_module")
    module = yaml.safe_load((zephyr / "zephyr/module.yml").read_text())
    assert all((zephyr / folder).is_dir() for folder in [module["build"]["cmake"], *module["samples"]])
    assert (zephyr / module["build"]["kconfig"]).is_file()
    listed = set(re.findall(r"\$\{folder\}/(src/\S+\.cc)", (zephyr / "zephyr/CMakeLists.txt").read_text()))
    assert listed == {name for name in files_of(zephyr) if name.startswith("src/") and name.endswith(".cc")}
    yaml.safe_load((zephyr / "samples/serial/sample.yaml").read_text())
    platformio = export(bundle, "platformio", tmp_path / "platformio")
    assert json.loads((platformio / "lib/embbert/library.json").read_text())["name"] == "embbert"


@pytest.mark.parametrize("options", [(), ("--tflm-tree",)])
def test_zephyrs_parser_takes_the_kconfig(options: tuple[str, ...], bundle: Path, tree: Path, tmp_path: Path) -> None:
    kconfiglib = pytest.importorskip("kconfiglib")
    out = export(bundle, "zephyr", tmp_path / "module", *options, *([str(tree)] if options else []))
    around = "".join(f'config {name}\n\tbool "{name}"\n' for name in ("CPP", "TENSORFLOW_LITE_MICRO"))
    (tmp_path / "Kconfig").write_text(f'{around}source "{out}/zephyr/Kconfig"\n')
    read = kconfiglib.Kconfig(str(tmp_path / "Kconfig"))
    read.syms["EMBBERT"].set_value(2)
    assert read.syms["EMBBERT"].str_value == "n"
    for name in ("CPP", *(() if options else ("TENSORFLOW_LITE_MICRO",))):
        read.syms[name].set_value(2)
    assert read.syms["EMBBERT"].str_value == "y" and not read.warnings


@pytest.mark.skipif(not shutil.which("pio"), reason="needs PlatformIO")
@pytest.mark.parametrize("options", [(), ("--tflm-tree",)])
def test_platformio_reads_its_project(options: tuple[str, ...], bundle: Path, tree: Path, tmp_path: Path) -> None:
    out = export(bundle, "platformio", tmp_path / "project", *options, *([str(tree)] if options else []))
    done = subprocess.run(["pio", "project", "config", "-d", out, "--json-output"], capture_output=True, text=True)
    settings = dict(dict(json.loads(done.stdout))["env:board"])
    assert settings["framework"] == ["arduino"] and any("-I lib/embbert" in flag for flag in settings["build_flags"])
    assert ("lib_deps" in settings) != bool(options)
    packed = subprocess.run(["pio", "pkg", "pack", "-o", tmp_path, out / "lib/embbert"], capture_output=True, text=True)
    assert packed.returncode == 0, packed.stderr


def test_the_makefile_says_what_is_missing(bundle: Path, tmp_path: Path) -> None:
    if not shutil.which("make"):
        pytest.skip("needs make")
    out = export(bundle, "folder", tmp_path / "commands")
    environment = {name: value for name, value in os.environ.items() if name != "TFLM_ROOT"}
    done = subprocess.run(["make", "-C", out], capture_output=True, text=True, env=environment)
    assert done.returncode and "TFLM_ROOT is not set" in done.stderr


def test_a_core_that_no_emulator_has_is_exported_as_a_library(bundle: Path, tmp_path: Path) -> None:
    makefile = (export(bundle, "folder", tmp_path / "commands", "--core", "cortex-m85") / "Makefile").read_text()
    assert "qemu" not in makefile and "-mcpu=cortex-m85" in makefile and "libembbert.a" in makefile


def test_sources_of_an_export_are_those_of_the_app(bundle: Path, tmp_path: Path) -> None:
    out = export(bundle, "folder", tmp_path / "commands")
    for name in ("app/app.cc", "embbert/classifier.cc", "kernels/dense.cc", "boards/common/startup.cc"):
        assert (out / name).read_bytes() == (APP / name).read_bytes()
    assert (out / "bundle/model_data.cc").read_bytes() == (bundle / "model_data.cc").read_bytes()


TREE = {  # a file of each kind, as create_tflm_tree.py writes them
    NEEDED: '#include "flatbuffers/flatbuffers.h"\n',
    "tensorflow/lite/micro/micro_interpreter.cc": '#include "tensorflow/lite/micro/micro_interpreter.h"\n',
    "tensorflow/lite/micro/micro_interpreter_test.cc": "",
    "tensorflow/lite/micro/kernels/cmsis_nn/add.cc": '#include "Include/arm_nnfunctions.h"\n',
    "third_party/cmsis_nn/Include/arm_nnfunctions.h": "",
    "third_party/cmsis_nn/Source/arm_add.c": "",
    "third_party/cmsis_nn/LICENSE": "its licence\n",
    "third_party/flatbuffers/include/flatbuffers/flatbuffers.h": "",
    "LICENSE": "the licence\n",
}
PLACES = {"folder": "tflm", "pico": "tflm", "platformio": "lib/tflm", "zephyr": "tflm"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in TREE.items():
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_text(text)
    return tmp_path / "tree"


@pytest.mark.parametrize("layout", PLACES)
def test_a_tree_goes_along_as_it_is(layout: str, bundle: Path, tree: Path, tmp_path: Path) -> None:
    files = files_of(export(bundle, layout, tmp_path / "commands", "--tflm-tree", str(tree)))
    taken = {name: text for name, text in TREE.items() if not name.endswith("_test.cc")}
    place = PLACES[layout]
    assert {name: files[f"{place}/{name}"].decode() for name in taken} == taken
    assert not any("_test.cc" in name for name in files) and {Path(name).stem for name in files} >= OURS
    assert json.loads(files[EXPORT])["tflm"] == "tree"
    manifest = json.loads((bundle / "manifest.json").read_text())
    core = list_layouts()[layout].core
    assert reserved(tmp_path / "commands") >= manifest["arena"][core]["cmsis_nn"]["total"]
    made = "".join(data.decode() for name, data in files.items() if not name.startswith((place + "/tensor", "bundle/")))
    for outside in ("TFLM_ROOT", "PICO_TFLMICRO_PATH", "TENSORFLOW_LITE_MICRO", "lib_deps", "<TensorFlowLite.h>"):
        assert outside not in made
    assert "TF_LITE_STATIC_MEMORY" in made and "KERNELS_OPTIMIZED_FOR_SPEED" in made and "CMSIS_NN" in made
