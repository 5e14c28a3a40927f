"""The page in headless Chromium: its documents are the commands' own, whether it is opened from a disk or a server."""

import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from convert import page
from convert.bundle.page import tools_archive
from convert.lowering.lower import lower_model
from convert.lowering.to_tflite import write_model
from tf_embbert.run import load_run

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "benchmarks/firmware/models"
PUBLIC = sorted((ROOT.parent / "shared/cases/models").glob("*.tflite"))  # other people's, where they are
CHOSEN = [MODELS / f"{name}.tflite" for name in ("attention", "cnn", "dense-float", "embbert-64", "lstm", "svdf")]
PYODIDE = Path(os.environ.get("PYODIDE_DIR", ROOT / page.PYODIDE))
PARTS = ("check", "arena", "boards")
FIRST_SECONDS, LARGE_BYTES = 5.0, 350_000  # until the first answer to a model so large
PATIENCE = 300.0  # for a loaded machine


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page, made by its command."""
    if not (PYODIDE / "pyodide.js").is_file():
        pytest.skip(f"no Pyodide in {PYODIDE}: `npm install --no-save pyodide`, or set PYODIDE_DIR")
    out = tmp_path_factory.mktemp("page") / "page"
    assert page.main(["--out", str(out), "--pyodide", str(PYODIDE)]) == 0
    return out


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium, driven by Selenium."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="no selenium: pip install 'tf-embbert[dev]'")
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    if None in programs.values():
        pytest.skip("no chromium and chromedriver: on Debian `apt-get install chromium chromium-driver`")
    options = webdriver.ChromeOptions()
    options.binary_location = programs["chromium"]
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1100,1400"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(programs["chromedriver"]))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def opened(chromium: Any, folder: Path) -> Any:
    """The page as it is opened from a disk, ready."""
    return open_page(chromium, (folder / "index.html").as_uri())


def open_page(driver: Any, address: str) -> Any:
    driver.get(address)
    wait(lambda: state(driver).text != "Starting Python ..")
    assert state(driver).text == "Ready: Python runs in this page."
    return driver


def state(driver: Any) -> Any:
    return driver.find_element("id", "state")


def wait(happened: Any) -> None:
    until = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < until, "the page does not answer"
        time.sleep(0.05)


def drop(driver: Any, path: Path) -> dict[str, Any]:
    """Gives the page a file: what it says, the documents that it shows, and how long it took in milliseconds."""
    driver.find_element("id", "file").send_keys(str(path))
    wait(lambda: state(driver).get_attribute("data-done") == path.name)
    documents = {}
    for part in PARTS:
        section = driver.find_element("id", part)
        if section.is_displayed():
            documents[part] = json.loads(section.find_element("class name", "json").get_attribute("textContent"))
    said, first = state(driver), state(driver).get_attribute("data-first")
    return {"says": said.text, "class": said.get_attribute("class"), "documents": documents, "first": first}


def command(part: str, path: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", f"convert.{part}", str(path), "--json"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("path", [*CHOSEN, *PUBLIC], ids=lambda path: path.stem)
def test_the_documents_are_those_of_the_commands(opened: Any, path: Path) -> None:
    done = {part: command(part, path) for part in PARTS}
    answered = {part: json.loads(each.stdout) for part, each in done.items() if part == "check" or not each.returncode}
    shown = drop(opened, path)
    assert shown["documents"] == answered and not shown["class"], shown["says"]
    assert "arena" in answered or not answered["check"]["supported"]


def test_what_is_drawn_is_what_the_command_counts(opened: Any) -> None:
    drop(opened, CHOSEN[0])
    reports = json.loads(command("arena", CHOSEN[0]).stdout)
    totals = {f"{report['total']:,}" for report in reports}
    shown = opened.find_element("css selector", "#arena table").text
    assert all(total in shown for total in totals)
    (drawn,) = [report for report in reports if (report["core"], report["kernels"]) == ("cortex-m4", "cmsis_nn")]
    assert f"{drawn['planned']:,}" in opened.find_element("css selector", "#arena svg").get_attribute("aria-label")


def test_a_large_model_is_answered_soon(opened: Any, tmp_path: Path) -> None:
    """The base preset's, with zeros behind it up to that size: from the drop on to the first answer."""
    large = tmp_path / "large.tflite"
    run = load_run(ROOT / "benchmarks/base256")
    model = write_model(lower_model(run.weights, run.ranges, run.max_length))
    large.write_bytes(model.ljust(LARGE_BYTES, b"\0"))
    seconds = int(drop(opened, large)["first"]) / 1000
    print(f"{len(model):,} B: first answer after {seconds} s")
    assert seconds < FIRST_SECONDS


def test_a_damaged_file_gets_the_line_of_the_command(opened: Any, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(CHOSEN[0].read_bytes()[:1000])
    shown, done = drop(opened, damaged), command("check", damaged)
    assert done.returncode == 2 and shown["class"] == "error" and shown["documents"] == {}
    line = done.stderr.removeprefix("error: ").strip()
    assert shown["says"] == line.replace(str(damaged), damaged.name)


def test_a_static_server_serves_it(chromium: Any, folder: Path) -> None:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        opened = open_page(chromium, f"http://127.0.0.1:{server.server_port}/")
        shown = drop(opened, CHOSEN[2])["documents"]
        server.shutdown()
    assert shown["check"] == json.loads(command("check", CHOSEN[2]).stdout)


def test_the_page_asks_for_nothing_else(folder: Path) -> None:
    """No address of another machine, and a policy that lets none be asked."""
    text = (folder / "index.html").read_text() + (folder / "page.js").read_text()
    assert "://" not in text and "connect-src 'none'" in text


def test_equal_tools_make_equal_archives() -> None:
    assert tools_archive() == tools_archive()


def test_without_pyodide_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert page.main(["--out", str(tmp_path / "page"), "--pyodide", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "npm install" in said and len(said.splitlines()) == 1 and not (tmp_path / "page").exists()
