"""report.html: all that it must show, nothing from outside, nothing unescaped, and a timeline that is the plan."""

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from convert.bundle import conversion
from convert.bundle.boards import list_boards, verdict_text
from convert.bundle.firmware import CONSTANTS
from convert.bundle.report import DRAWN, make_report
from convert.bundle.timeline import lay_out
from convert.lowering.to_tflite import write_model
from convert.tflite.model import read_model
from convert.tflite.view import view_model
from convert.tflm.allocator import allocate
from convert.tflm.arena import plan_arena
from convert.tflm.builds import BUILDS
from convert.tflm.targets import CORES
from tests.support.bundles import contents, converted, make_run
from tests.support.graphs import pack, random_graph, shuffled

DATE = r"20\d\d-\d\d-\d\d"
VOID = {"meta", "br"}
HOSTILE = '</style><script>alert("1")</script>&amp;'


class Page(HTMLParser):
    """Elements [(tag, attributes)] and the text; tags must close in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def of(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def bundle() -> dict[str, bytes]:
    return converted()


@pytest.fixture(scope="module")
def page(bundle: dict[str, bytes]) -> Page:
    return Page(bundle["report.html"].decode())


def test_all_boards_cores_and_operators_are_there(bundle: dict[str, bytes], page: Page) -> None:
    manifest = json.loads(bundle["manifest.json"])
    text = "".join(page.text)
    ids = {attributes.get("id") for _, attributes in page.elements}
    for verdict, board in zip(manifest["boards"], list_boards(), strict=True):
        assert f"board-{board.id}" in ids and board.name in text and verdict_text(verdict) in text
    operators = read_model(bundle["model.tflite"]).subgraphs[0].operators
    assert {f"op-{number}" for number in range(len(operators))} <= ids
    for core in CORES:
        assert core in text
    for builds in manifest["arena"].values():
        for figures in builds.values():
            assert f"{figures['total']:,}" in text and f"{figures['persistent']:,}" in text
    assert [stage["step"] for stage in manifest["export"]][-1] == "offline plan"
    for stage in manifest["export"]:
        assert stage["step"] in text and f"{stage['total']:,}" in text and f"{stage['file']:,}" in text
    for value in ("94.25", "93.50", "94.00", "200 of 200", manifest["model"]["sha256"]):
        assert value in text


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    assert not {tag for tag, _ in page.elements} & {"script", "link", "img", "iframe", "object", "embed"}
    assert not [attributes for _, attributes in page.elements if "src" in attributes]
    assert {attributes["href"].split(":")[0] for attributes in page.of("a")} == {"https"}


def test_no_date_of_the_conversion(bundle: dict[str, bytes]) -> None:
    """The only dates are those on which sources of boards were opened and what a firmware takes was measured."""
    opened = {str(source["opened"]) for board in list_boards() for source in board.sources.values()}
    measured = set(re.findall(DATE, json.dumps(CONSTANTS)))
    assert set(re.findall(DATE, bundle["report.html"].decode())) <= opened | measured


def test_the_same_input_gives_the_same_bytes(bundle: dict[str, bytes]) -> None:
    manifest, golden = json.loads(bundle["manifest.json"]), json.loads(bundle["golden.json"])["rows"]
    assert make_report(manifest, bundle["model.tflite"], golden) == bundle["report.html"]


def test_what_users_write_is_escaped(tmp_path: Path, no_interpreters: None) -> None:
    run = make_run()
    texts = [(f"{HOSTILE} {text}", pair) for text, pair in run.sample_texts]
    metrics = {**run.metrics, "dataset": HOSTILE, "metric": HOSTILE}
    run = dataclasses.replace(
        run,
        labels=[HOSTILE, "alarm", "lights"],
        name=HOSTILE,
        sample_texts=texts,
        arguments={"task": HOSTILE},
        metrics=metrics,
    )
    conversion.convert_run(run, tmp_path / "bundle")
    page = Page(contents(tmp_path / "bundle")["report.html"].decode())
    assert not page.of("script")
    assert "".join(page.text).count(HOSTILE) >= 6


def test_what_training_chose_and_further_metrics_are_there(tmp_path: Path, no_interpreters: None) -> None:
    teacher = {"selection": {"encoder": 81.25}, "judged_texts": 4321}
    recipe = {"epochs": 7, "reasons": {"time": "7 epochs <in> 3 minutes"}, "teacher": teacher}
    also = {"f1": {"float": 71.0, "ptq_tflm": 72.0, "qat_tflm": 73.25}}
    run = make_run()
    run = dataclasses.replace(run, metrics={**run.metrics, "recipe": recipe, "also": also})
    manifest = conversion.convert_run(run, tmp_path / "bundle")
    assert manifest["recipe"] == recipe and manifest["accuracy"]["also"] == also
    page = Page((tmp_path / "bundle/report.html").read_text())
    text = " ".join(page.text)
    for shown in ("7 epochs <in> 3 minutes", "epochs 7", "81.25 on the selection rows", "4,321", "qat by f1", "73.25"):
        assert shown in text, shown
    assert "recipe" not in conversion.convert_run(make_run(), tmp_path / "other")


def test_a_regression_has_a_report(tmp_path: Path, no_interpreters: None) -> None:
    conversion.convert_run(make_run(regression=True), tmp_path / "bundle")
    text = "".join(Page(contents(tmp_path / "bundle")["report.html"].decode()).text)
    assert "regression" in text and "Classes" not in text


def test_the_timeline_is_the_plan(bundle: dict[str, bytes], page: Page) -> None:
    """As many boxes as buffers, the peak where the arena's figures have it, its bytes those of all that lives."""
    model = bundle["model.tflite"]
    plan = plan_arena(model, *DRAWN)
    timeline = lay_out(view_model(model), allocate(view_model(model), *BUILDS[DRAWN]))
    boxes = [attributes for attributes in page.of("rect") if attributes["class"].startswith("box")]
    assert len(boxes) == len(timeline.boxes) and timeline.head == plan["planned"]
    assert timeline.alive[timeline.peak] == plan["lower_bound"]
    assert timeline.operators[timeline.peak] == plan["peak"]["op"]["name"]
    assert [box.nbytes for box in timeline.at_peak[:5]] == [tensor["bytes"] for tensor in plan["peak"]["tensors"]]
    assert f"{plan['lower_bound']:,} B alive" in "".join(page.text)


def test_boxes_of_the_stock_planner_do_not_overlap() -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        model = view_model(write_model(shuffled(rng, random_graph(rng, 20))))
        boxes = lay_out(model, allocate(model, *BUILDS[DRAWN])).boxes
        for index, one in enumerate(boxes):
            for other in boxes[:index]:
                together = one.first <= other.last and other.first <= one.last
                apart = one.offset + one.nbytes <= other.offset or other.offset + other.nbytes <= one.offset
                assert not together or apart, (seed, one, other)


def test_tensors_are_called_by_their_names(bundle: dict[str, bytes]) -> None:
    model = read_model(bundle["model.tflite"])
    model.subgraphs[0].tensors[int(model.subgraphs[0].inputs[0])].name = HOSTILE
    manifest, golden = json.loads(bundle["manifest.json"]), json.loads(bundle["golden.json"])["rows"]
    page = make_report(manifest, pack(model), golden).decode()
    assert "".join(Page(page).text).count(HOSTILE) >= 1 and "<script" not in page
