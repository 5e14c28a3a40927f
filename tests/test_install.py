"""The package as people get it: sdist and wheel, installed into clean environments, used from another folder."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest
import yaml

Done: TypeAlias = subprocess.CompletedProcess[str]
ROOT = Path(__file__).parents[1]
MODEL = ROOT / "benchmarks/firmware/models/attention.tflite"
MAX_WHEEL, MAX_INSTALLED, MAX_SECONDS = 5_000_000, 60_000_000, 0.4
HEAVY = {"numpy", "tensorflow", "tf_keras", "tflite_micro", "tokenizers", "pytest"}
COMMANDS = ("embbert", "tflm-check", "tflm-arena", "tflm-boards", "tflm-optimize")
OLDEST, *BETWEEN, NEWEST = ("3.10", "3.11", "3.12", "3.13", "3.14")
QUICK = "3.11"  # the one that the action's tests share
EXPORTED = (
    "tflm_app/app/app_config.h.in",
    "tflm_app/embbert/classifier.cc",
    "convert/bundle/layouts/arduino/sketch.ino.j2",
)


def find_python(version: str) -> str | None:
    """A Python of a version: this one, one on the path, or one of pyenv's or uv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", Path.home() / ".local/share/uv/python"))
    here = [sys.executable] if version == f"{sys.version_info[0]}.{sys.version_info[1]}" else []
    installed = [*pyenv.glob(f"{version}.*/bin/python"), *uv.glob(f"cpython-{version}.*/bin/python{version}")]
    candidates = [*here, shutil.which(f"python{version}"), *sorted(installed, reverse=True)]
    return next((str(path) for path in candidates if path and _has_venv(str(path), version)), None)


def _has_venv(python: str, version: str) -> bool:
    told = subprocess.run([python, "-c", "import ensurepip, sys; print(sys.version)"], capture_output=True, text=True)
    return told.stdout.startswith(version + ".")


def tracked(*folders: str) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git has of the project, without tests and benchmarks."""
    tree = tmp_path_factory.mktemp("tree")
    for name in tracked():
        if not name.startswith(("tests/", "benchmarks/")):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    return tree


@pytest.fixture(scope="module")
def built(tree: Path) -> Path:
    """A folder with the sdist, and the wheel built from it."""
    done = subprocess.run([sys.executable, "-m", "build", str(tree)], capture_output=True, text=True)
    if done.returncode and re.search(r"No matching distribution|Connection|timed out", done.stdout + done.stderr):
        pytest.skip("no package index to get setuptools from")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return tree / "dist"


class Clean:
    """An environment with a package and what it needs, and an empty folder to run its commands in."""

    def __init__(self, folder: Path, python: str, package: Path) -> None:
        self.folder = folder
        subprocess.run([python, "-m", "venv", str(folder / "venv")], check=True)
        self.programs = next(path for path in (folder / "venv/bin", folder / "venv/Scripts") if path.is_dir())
        done = self.run("python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package)
        assert done.returncode == 0, done.stderr

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return kept | {"PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}"}

    def run(self, program: str, *words: object) -> Done:
        command = [str(self.programs / program), *map(str, words)]
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)


def make_clean(built: Path, kind: str, version: str, folder: Path) -> Clean:
    python = find_python(version)
    if python is None:
        pytest.skip(f"no Python {version} with ensurepip on the path or among pyenv's and uv's")
    (package,) = built.glob(kind)
    return Clean(folder, python, package)


@pytest.fixture(scope="module")
def quick(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Clean:
    return make_clean(built, "*.whl", QUICK, tmp_path_factory.mktemp("clean"))


def test_the_wheel_is_small_and_whole(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    entries = zipfile.ZipFile(wheel).infolist()
    print(f"{wheel.stat().st_size:,} B")
    assert wheel.name.endswith("-py3-none-any.whl") and wheel.stat().st_size < MAX_WHEEL
    names = {entry.filename for entry in entries}
    left_out = [name for name in tracked("convert", "tf_embbert", "tflm_app") if name not in names]
    assert not [name for name in left_out if not Path(name).name.startswith(".")] and set(EXPORTED) <= names


def test_a_clean_installation_works_from_another_folder(quick: Clean) -> None:
    assert_small(quick)
    assert_commands_answer(quick)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
@pytest.mark.parametrize("version", [OLDEST, *BETWEEN, NEWEST])
def test_wheel_and_sdist_install_on_every_python(built: Path, tmp_path: Path, version: str, kind: str) -> None:
    clean = make_clean(built, kind, version, tmp_path)
    assert_small(clean)
    assert_commands_answer(clean)


def assert_small(clean: Clean) -> None:
    """What was installed, pip and setuptools aside, and that nothing heavy came along."""
    packages = next((clean.folder / "venv").rglob("site-packages"))
    assert not {path.name for path in packages.iterdir()} & HEAVY
    own = [path for path in packages.iterdir() if not path.name.startswith(("pip", "setuptools", "pkg_resources"))]
    files = [file for path in own for file in ([path] if path.is_file() else path.rglob("*"))]
    size = sum(file.stat().st_size for file in files if file.is_file() and file.suffix != ".pyc")
    print(f"{size / 1e6:.1f} MB installed")
    assert size < MAX_INSTALLED


def assert_commands_answer(clean: Clean) -> None:
    """Each console command, a model's answers as this tree gives them, and one line for what is not installed."""
    for name in COMMANDS:
        spent, done = processor_seconds(partial(clean.run, name, "--help"))
        print(f"{name} --help: {spent:.2f} s of a processor")
        assert done.returncode == 0 and "usage" in done.stdout and spent < MAX_SECONDS, done.stderr
    for tool in ("check", "arena", "boards"):
        command = [sys.executable, "-m", f"convert.{tool}", str(MODEL), "--json"]
        here = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        there = clean.run(f"tflm-{tool}", MODEL, "--json")
        assert there.returncode == 0, there.stderr
        assert json.loads(there.stdout) == json.loads(here.stdout)
    assert clean.run("tflm-optimize", MODEL, "--out", "smaller.tflite").returncode == 0
    done = clean.run("embbert", "finetune", "--task", "pocket", "--out", "run")
    assert done.returncode == 2 and "pip install 'tf-embbert[train]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1 and not (clean.folder / "run").exists()


def processor_seconds(call: Callable[[], Done]) -> tuple[float, Done]:
    """What a child process takes of a processor, and what it gives: other work on the machine counts little."""
    before = os.times()
    result = call()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system, result


def run_action(clean: Clean, tree: Path, given: dict[str, str], install: bool) -> Done:
    """The steps of .github/action.yml, one after the other while they succeed, with bash as a workflow runs them."""
    action = yaml.safe_load((ROOT / ".github/action.yml").read_text())
    inputs = {name: each.get("default") for name, each in action["inputs"].items()} | given
    assert inputs.keys() == action["inputs"].keys() and None not in inputs.values()
    for step in action["runs"]["steps"][0 if install else 1 :]:
        values = {
            name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: inputs[found[1]], value)
            for name, value in step.get("env", {}).items()
        }
        environment = clean.environment | values | {"GITHUB_ACTION_PATH": str(tree / ".github")}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(command, cwd=clean.folder, env=environment, capture_output=True, text=True)
        if done.returncode:
            break
    return done


@pytest.mark.parametrize(
    "given, status, says",
    [
        ({"fits": "nano-33-ble", "max-bytes": "98304"}, 0, "fits"),
        ({"fits": "nano-33-ble uno-r4"}, 2, "unknown board"),
        ({"max-bytes": "1000", "core": "cortex-m4"}, 1, "is over 1,000 B"),
        ({}, 0, "TFLM runs this model"),
    ],
)
def test_the_action_checks_a_model(quick: Clean, tree: Path, given: dict[str, str], status: int, says: str) -> None:
    done = run_action(quick, tree, {"model": str(MODEL), **given}, install=False)
    assert done.returncode == status and says in done.stdout + done.stderr


def test_the_action_refuses_what_is_no_model(quick: Clean, tree: Path) -> None:
    done = run_action(quick, tree, {"model": str(ROOT / "README.md")}, install=False)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_the_action_installs_what_it_runs(quick: Clean, tree: Path) -> None:
    assert quick.run("python", "-m", "pip", "uninstall", "--yes", "tf-embbert").returncode == 0
    assert run_action(quick, tree, {"model": str(MODEL), "fits": "nano-33-ble"}, install=True).returncode == 0
