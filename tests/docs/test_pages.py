"""What the pages name is there: links, files, commands with their options, make targets, imports, texts of messages."""

import argparse
import ast
import importlib
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import tf_embbert
from tests.support.pages import COMMAND, OURS, PAGES, run_as_main, shown_commands, text_of

ROOT = Path(__file__).parents[2]
README_LINES = 160
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(
    r"(?<![\w/.{}-])((?:benchmarks|convert|docs|notebooks|tests|tf_embbert|tflm_app|\.ci)/[\w./*-]*[\w*/])"
)
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
TARGET = re.compile(r"(?:^ {4}|`)make ([a-z][\w-]*)", re.MULTILINE)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@cache
def anchors_of(page: Path) -> set[str]:
    """What `#...` may name on a page: its headings, as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def help_of(module: str) -> str:
    """What `python -m MODULE --help` prints, asked in this process."""
    printed: list[str] = []
    arguments = sys.argv
    try:
        sys.argv = [module, "--help"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("argparse.ArgumentParser.print_help", lambda self: printed.append(self.format_help()))
            with pytest.raises(SystemExit) as ended:
                importlib.import_module(run_as_main(module)).main()
    finally:
        sys.argv = arguments
    assert ended.value.code == 0, module
    return "".join(printed)


def commands_of(page: Path) -> list[tuple[str, list[str]]]:
    """(module, options) of every command of ours that a page shows."""
    found = []
    for module, script, rest in COMMAND.findall(text_of(page)):
        module = module.rstrip(".") or script.replace("/", ".")
        if module.split(".")[0] in OURS:
            found.append((module, OPTION.findall(rest.split("#")[0])))
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists() and linked.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors_of(linked), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    missing = [path for path in PATH.findall(text_of(page)) if not list(ROOT.glob(path.rstrip("/")))]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_and_their_options_are_there(page: Path) -> None:
    for module, options in commands_of(page):
        source = (ROOT / run_as_main(module).replace(".", "/")).with_suffix(".py")
        assert source.is_file() and "__main__" in source.read_text(encoding="utf-8"), f"python -m {module}"
        for option in options:
            assert re.search(rf"{option}(?![\w-])", help_of(module)), f"python -m {module} has no {option}"


class Parsed(BaseException):
    """A command's arguments were good; it is left there, before it works for minutes."""


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_shown_are_taken_by_their_own_parsers(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parse_args = argparse.ArgumentParser.parse_args

    def stop(self: argparse.ArgumentParser, *arguments: Any) -> None:
        parse_args(self, *arguments)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)
    for module, words in shown_commands(page):
        monkeypatch.setattr(sys, "argv", [module, *words])
        with pytest.raises(Parsed):
            importlib.import_module(run_as_main(module)).main()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_make_targets_are_there(page: Path) -> None:
    targets = re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(TARGET.findall(text_of(page))) <= set(targets)


def test_options_named_alone_belong_to_a_command_of_the_page_set() -> None:
    known = set(
        OPTION.findall("".join(help_of(module) for page in PAGES for module, options in commands_of(page) if options))
    )
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        alone = {code.split()[0] for code in CODE.findall(text_of(page)) if code.startswith("--")}
        assert alone <= known, name_of(page)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_imports_what_is_there(page: Path) -> None:
    for block in PYTHON.findall(page.read_text(encoding="utf-8")):
        tree = ast.parse(block)
        tree.body = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        exec(compile(tree, name_of(page), "exec"), {})


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


def test_messages_are_those_of_the_code() -> None:
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8").split("## From TFLM on the board")[0]
    cells = [line.split(" | ")[0] for line in page.splitlines() if line.startswith("| `")]
    fragments = [code for cell in cells for code in CODE.findall(cell)]
    said = "\n".join(texts_in(path) for folder in ("convert", "tf_embbert") for path in (ROOT / folder).rglob("*.py"))
    said += (ROOT / "Makefile").read_text(encoding="utf-8")
    assert len(fragments) > 20
    assert not [code for code in fragments if not code.startswith("-") and code not in said]


def test_notes_and_messages_on_data_are_those_of_the_code() -> None:
    page = (ROOT / "docs/data.md").read_text(encoding="utf-8").split("## What is read with a note")[1]
    cells = [line.split(" | ")[-1] for line in page.splitlines() if line.startswith("| ")]
    fragments = [code for cell in cells for code in CODE.findall(cell)]
    said = "\n".join(texts_in(path) for path in (ROOT / "tf_embbert/data").glob("*.py"))
    assert len(fragments) > 30
    assert not [code for code in fragments if code.strip() not in said]


def test_messages_of_the_keras_page_are_those_of_the_code() -> None:
    page = (ROOT / "docs/keras.md").read_text(encoding="utf-8").split("## What is refused")[1]
    cells = [line.split(" | ")[-1] for line in page.splitlines() if line.startswith("| ")]
    fragments = [code for cell in cells for code in CODE.findall(cell)]
    said = "\n".join(texts_in(path) for path in (ROOT / "tf_embbert").rglob("*.py"))
    assert len(fragments) > 6
    assert not [code for code in fragments if code not in said]


def test_the_reference_has_every_public_name() -> None:
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    named = re.findall(r"^::: (\S+)$", page, re.MULTILINE)
    assert sorted(named) == sorted(f"tf_embbert.{module}.{name}" for name, module in tf_embbert._EXPORTS.items())


def texts_in(path: Path) -> str:
    """All strings of a module, those of an f-string apart, with single spaces."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    constants = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return "\n".join(" ".join(text.split()) for text in constants)
