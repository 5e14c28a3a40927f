"""Commands that the pages show are run, from top to bottom of a page, in a folder with what they name in it.

Trainings run as shown, with options after their own that make them small. What is not run here is run by another test,
or takes hours: ELSEWHERE says which, so that no command is shown that nothing runs.
"""

import importlib
import io
import re
import shutil
from pathlib import Path

import pytest

from tests.support.chain import FolderOf
from tests.support.pages import PAGES, ROOT, run_as_main, shown_commands, text_of

GUIDES = [page for page in PAGES if page.parent in (ROOT, ROOT / "docs", ROOT / "tflm_app")]
TRAINING = ("tf_embbert.finetune", "tf_embbert.pretrain")
SMALL = {
    "tf_embbert.finetune": "--epochs 1 --qat-epochs 1 --qat-rows 60 --report-rows 20 --teacher none --force",
    "tf_embbert.pretrain": "--preset nano --steps 2 --evaluate-every 1 --batch-tokens 256 --max-length 32 --force",
    "convert.convert": "--force",
    "tf_embbert.checkpoints": "--force",
}
# Of a module, or of one with an option: what runs it.
ELSEWHERE = {
    "benchmarks": "hours, a TFLM or the tasks' data; what they wrote is committed: test_tables.py",
    "convert.page": "Pyodide: test_page.py",
    "convert.firmware --tflm-tree": "a tree of TFLM: test_firmware.py",
    "convert.arduino --tflm-tree": "a tree of TFLM: test_arduino_library.py",
    "convert.convert --seq-len": "a run at 256 tokens: test_lengths.py",
    "tf_embbert.distillation.teacher": "a large network's weights: test_teacher.py runs it with a small one",
    "tf_embbert.distillation.fluent_teacher": "GLUE: test_fluent_teacher.py runs it on made rows",
    "tf_embbert.finetune --unlabelled": "a teacher: test_unlabelled.py",
    "tf_embbert.pretrain --distribute": "several processes: test_distribution.py",
}
WALK = ROOT / "docs/architecture.md"  # test_walkthrough.py


def elsewhere(module: str, words: list[str]) -> bool:
    """Whether another test has the command, or none in minutes."""
    names = [module, module.split(".")[0], *(f"{module} {word}" for word in words if word.startswith("--"))]
    return any(name in ELSEWHERE for name in names)


def commands_to_run(page: Path) -> list[tuple[str, list[str]]]:
    return [] if page == WALK else [(m, words) for m, words in shown_commands(page) if not elsewhere(m, words)]


@pytest.fixture
def folder(run_of: FolderOf, bundle_of: FolderOf, data: dict[str, Path], tmp_path: Path) -> Path:
    """What the pages' commands name: rows, runs, bundles, models, checkpoints and text."""
    from tf_embbert import load_run
    from tf_embbert.reference.conversion import export_checkpoint

    run, bundle = run_of("classes"), bundle_of("classes")
    shutil.copy(data["classes"], tmp_path / "tickets.csv")
    for name in ("RUN", "runs/tickets", "runs/sst2", "runs/bert"):
        shutil.copytree(run, tmp_path / name)
    for name in ("BUNDLE", "build/tickets", "build/demo"):
        shutil.copytree(bundle, tmp_path / name)
    for name in ("MODEL.tflite", "OTHER.tflite"):
        shutil.copy(bundle / "model.tflite", tmp_path / name)
    export_checkpoint(run, tmp_path / "model.safetensors")
    load_run(run).tokenizer.save(tmp_path / "tokenizer.json")
    (tmp_path / "FILE").write_text(
        "\n".join(f"The bus number {i} was late again. It came at noon." for i in range(999))
    )
    return tmp_path


def run_all(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, modules: tuple[str, ...] | None) -> None:
    """Runs the commands of a page; those of the modules alone where some are given."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.stdin", io.StringIO("my card does not work\n"))
    for module, words in commands_to_run(page):
        if modules is None or module in modules:
            words = [word.replace("~", str(folder)).replace("ID", "cortex-m4") for word in words]
            words = ["nano-33-ble" if before == "--board" else word for before, word in zip(["", *words], words)]
            small = SMALL.get(module, "").split()
            small += ["--preset", "nano", "--init", "none"] if module == TRAINING[0] and "--model" not in words else []
            status = importlib.import_module(run_as_main(module)).main([*words, *small])
            assert status in (0, None), (module, words)


def has(page: Path, modules: tuple[str, ...]) -> bool:
    return any(module in modules for module, _ in commands_to_run(page))


QUICK = (
    "convert.check",
    "convert.arena",
    "convert.boards",
    "convert.optimize",
    "convert.verify",
    "convert.predict",
    "convert.arduino",
    "convert.firmware",
    "tf_embbert.evaluate",
    "tf_embbert.checkpoints",
)


@pytest.mark.parametrize("page", [page for page in GUIDES if has(page, QUICK)], ids=lambda page: page.name)
def test_commands_that_answer_at_once(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_all(page, folder, monkeypatch, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in GUIDES if commands_to_run(page)], ids=lambda page: page.name)
def test_all_commands_from_top_to_bottom(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings and conversions too: what one makes the next one takes."""
    run_all(page, folder, monkeypatch, None)


def test_what_runs_elsewhere_is_there() -> None:
    tests = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert {name for says in ELSEWHERE.values() for name in re.findall(r"test_\w+\.py", says)} <= tests


def test_cmake_is_given_variables_and_targets_that_there_are() -> None:
    lists = "".join(path.read_text() for path in (ROOT / "tflm_app").rglob("*") if path.name in CMAKE)
    lists += "".join(path.read_text() for path in (ROOT / "benchmarks/firmware").glob("CMakeLists.txt"))
    for page in PAGES:
        for line in re.findall(r"^ {4,}(cmake .*)$", text_of(page), re.MULTILINE):
            for name in re.findall(r" -D(\w+)=", line):
                assert re.search(rf"\b{name}\b", lists), (page.name, name)
            for target in re.findall(r" --target (\w+)", line):
                assert re.search(rf"add_custom_target\(\s*{target}\b", lists), (page.name, target)


CMAKE = {"CMakeLists.txt", *(path.name for path in (ROOT / "tflm_app").rglob("*.cmake"))}


def test_console_commands_are_those_that_are_installed() -> None:
    from tf_embbert.__main__ import COMMANDS

    scripts = re.findall(r"^(tflm-\w+) = ", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    for page in PAGES:
        said = re.findall(r"(?:^ {4}|`)(embbert \w+|tflm-[a-z]+)", text_of(page), re.MULTILINE)
        assert {name for name in said if name.startswith("tflm")} <= set(scripts), page.name
        assert {name.split()[1] for name in said if name.startswith("embbert ")} <= set(COMMANDS), page.name
