"""Models for TFLM's own planner: no plan in the file, the same bytes out, and as little arena as its gaps allow."""

import functools
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from convert import convert
from convert.export.build import Built, build_model, build_stages
from convert.export.build_lengths import build_lengths
from convert.export.stock_search import stock_graph
from convert.lowering.lower import lower_model
from convert.lowering.to_tflite import write_model
from convert.passes.gather_rows import gather_rows
from convert.passes.optimizer import optimize_model
from convert.passes.pipeline import tile_graph
from convert.passes.strip import strip_model
from convert.passes.tensor_order import arrange_buffers, planner_queue
from convert.passes.tiling import Tiling
from convert.tflite.lengths import split_lengths
from convert.tflite.model import read_model
from convert.tflite.offline_plan import offline_offsets
from convert.tflite.view import view_model
from convert.tflite.writer import pack_model
from convert.tflm.allocator import allocate
from convert.tflm.arena import plan_arena
from convert.tflm.builds import find_build
from convert.tflm.instructions import estimate_instructions
from convert.tflm.interpreters import TFLiteReferenceRunner, TFLMRunner, predict
from convert.tflm.planner import Buffer, head_bytes, plan_buffers
from tests.support.bundles import make_run
from tests.support.chain import refused
from tests.support.graphs import assert_equal_to_tflm, random_graph
from tests.support.running import run
from tests.support.transcription import RandomModel, random_model, random_rows
from tf_embbert.run import load_run

M7 = find_build("cortex-m7", "cmsis_nn")
BASE = Path(__file__).parents[3] / "benchmarks/base256"
RESULT = BASE.parent / "results/optimisation.json"
LENGTH = 24
TILINGS = {
    "none": None,
    "queries": Tiling((11, 8, 5), (32,), (24,)),
    "values": Tiling((24,), (12, 16, 4), (24,)),
    "convolution": Tiling((6, 8, 10), (32,), (6, 18)),
    "shorter than the kernel": Tiling((2, 3, 1, 18), (16, 16), (2, 3, 1, 18)),
    "all": Tiling((11, 8, 5), (12, 16, 4), (11, 13)),
}


@functools.cache
def long_model() -> RandomModel:
    """A model large enough to be cut."""
    return random_model(
        np.random.default_rng(1), hidden_size=64, blocks=3, kernel=9, max_length=160, calibration_rows=2
    )


@functools.cache
def stock_stages() -> Built:
    return build_stages(long_model().weights, long_model().ranges, 160, plan="stock")


@pytest.mark.parametrize("name, taps", itertools.product(TILINGS, (1, 7)))
def test_the_form_changes_no_byte(name: str, taps: int) -> None:
    seed = list(TILINGS).index(name) + 10 * taps
    print("seed", seed)
    rng = np.random.default_rng(seed)
    activation = "hard_swish" if seed % 3 == 0 else "silu"
    model = random_model(
        rng, hidden_size=32, blocks=4, multiplier=1 + seed % 2, kernel=taps, pair=bool(seed % 2), activation=activation
    )
    rows = random_rows(rng, model, 9, LENGTH)
    plain = lower_model(model.weights, model.ranges, LENGTH)
    wanted = run(TFLMRunner(write_model(plain)), model, rows)
    stock = write_model(stock_graph(plain, TILINGS[name]))
    np.testing.assert_array_equal(run(TFLMRunner(stock), model, rows), wanted)
    np.testing.assert_array_equal(run(TFLiteReferenceRunner(stock), model, rows), wanted)


def test_each_reader_has_its_own_rows_of_n() -> None:
    """No tensor of n but the matrix itself has two readers, and no copy waits for its reader."""
    model = random_model(np.random.default_rng(2), hidden_size=32, blocks=3, kernel=7)
    graph = gather_rows(tile_graph(lower_model(model.weights, model.ranges, LENGTH), TILINGS["all"]))
    kinds = {op.kind for op in graph.ops}
    gathers = [op for op in graph.ops if op.kind == "GATHER" and op.inputs[0].name.endswith((".norm", ".keys"))]
    assert not kinds & {"SPLIT_V", "SLICE"} and len(gathers) == 2 * (3 + 2) + 1  # and the row of [CLS]
    for op in gathers[:-1]:
        (reader,) = graph.consumers(op.outputs[0])
        assert graph.ops.index(reader) == graph.ops.index(op) + 1


def test_the_model_has_no_plan_and_needs_less() -> None:
    """Less than the model for an offline plan without it, and what TFLM's interpreter takes to the last 16 bytes."""
    model, built = long_model(), stock_stages()
    assert offline_offsets(view_model(built.model)) is None and built.tiling is not None
    offline = build_model(model.weights, model.ranges, 160)
    stripped = pack_model(strip_model(view_model(offline)))

    def total(data: bytes) -> int:
        return plan_arena(data, "cortex-m7", "cmsis_nn")["total"]

    assert built.stages[-1].total == total(built.model) < 0.8 * total(stripped)
    assert_equal_to_tflm({"stock": built.model})


def test_the_model_answers_as_the_plain_graph() -> None:
    rng = np.random.default_rng(3)
    rows = random_rows(rng, long_model(), 6, 160)
    plain = write_model(lower_model(long_model().weights, long_model().ranges, 160))
    wanted = run(TFLMRunner(plain), long_model(), rows)
    np.testing.assert_array_equal(run(TFLMRunner(stock_stages().model), long_model(), rows), wanted)
    np.testing.assert_array_equal(run(TFLiteReferenceRunner(stock_stages().model), long_model(), rows), wanted)


@pytest.mark.slow
def test_a_larger_arena_buys_speed_and_one_too_small_nothing() -> None:
    given = stock_stages().stages[-1].total + 8192
    fast = build_model(long_model().weights, long_model().ranges, 160, arena=given, plan="stock")
    assert plan_arena(fast, "cortex-m7", "cmsis_nn")["total"] <= given
    taken = [estimate_instructions(data, "cortex-m7", "cmsis_nn")["total"] for data in (fast, stock_stages().model)]
    assert taken[0] <= taken[1]
    assert build_model(long_model().weights, long_model().ranges, 160, arena=1000, plan="stock") == stock_stages().model


@pytest.mark.parametrize("seed", range(6))
def test_the_queue_found_is_one_that_the_planner_takes(seed: int) -> None:
    """The head that the search promises is that of TFLM's planner on buffers that only changed places among equals."""
    rng = np.random.default_rng(seed)
    lives = np.sort(rng.integers(0, 40, (60, 2)))
    sizes = rng.choice([16, 32, 48, 160, 320, 1600], 60)
    buffers = [
        Buffer(int(size), int(first), int(last), owner=(0, i) if i < 50 else None)
        for i, (size, (first, last)) in enumerate(zip(sizes, lives))
    ]
    queue, head = arrange_buffers(buffers, 300)
    moved = list(buffers)
    for place, number in zip(planner_queue(buffers), queue):
        assert buffers[place].size == buffers[number].size
        assert (buffers[number].owner is None) <= (place == number)
        moved[place] = buffers[number]
    assert head == head_bytes(moved, plan_buffers(moved)) <= head_bytes(buffers, plan_buffers(buffers))


@pytest.mark.parametrize("seed", range(4))
def test_any_model_keeps_its_head_or_gets_a_smaller_one(seed: int) -> None:
    buffers = allocate(view_model(write_model(random_graph(np.random.default_rng(seed), 25))), *M7).buffers
    assert planner_queue(buffers) == sorted(range(len(buffers)), key=lambda i: (-buffers[i].size, -i))
    assert arrange_buffers(buffers)[1] <= head_bytes(buffers, plan_buffers(buffers))


@pytest.mark.slow
def test_several_lengths_share_the_planner_too() -> None:
    weights, ranges = long_model().weights, long_model().ranges
    built, offsets = build_lengths(weights, ranges, [16, 160], plan="stock")
    models = split_lengths(built.model, offsets)
    totals = {length: plan_arena(data, "cortex-m7", "cmsis_nn")["total"] for length, data in models.items()}
    assert totals[16] <= totals[160] == built.stages[-1].total
    assert all(offline_offsets(view_model(data)) is None for data in models.values())
    ids = [np.array([2, 7, 8, 9], np.int32), np.arange(2, 18, dtype=np.int32)]
    segments = [np.zeros_like(row) for row in ids] if weights.is_pair else None
    alone = write_model(lower_model(weights, ranges, 16))
    np.testing.assert_array_equal(predict(models[16], ids, segments, 1), predict(alone, ids, segments, 1))


def test_the_command_says_which_plan_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tf_embbert.run.load_run", lambda path: make_run())
    assert convert.main(["run", "--out", str(tmp_path / "bundle"), "--plan", "stock"]) == 0
    manifest = json.loads((tmp_path / "bundle/manifest.json").read_text())
    assert manifest["arguments"]["plan"] == "stock"
    assert manifest["verification"]["equal"] == manifest["verification"]["rows"] > 0
    assert offline_offsets(view_model((tmp_path / "bundle/model.tflite").read_bytes())) is None
    assert "plan stock" in (tmp_path / "bundle/report.html").read_text()


def test_a_plan_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(capsys, convert.main, [tmp_path, "--out", tmp_path / "bundle", "--plan", "mine"], "--plan", "mine", "stock")


@pytest.mark.parametrize("core", ["cortex-m7", "cortex-m55"])
def test_a_model_with_a_plan_is_planned_anew_or_left_as_it_is(core: str) -> None:
    """For the core that it was made for, and for another whose scratch the plan did not reckon with."""
    model = random_model(
        np.random.default_rng(4), hidden_size=32, blocks=3, kernel=9, max_length=96, calibration_rows=2
    )
    rows = random_rows(np.random.default_rng(5), model, 6, 96)
    before = build_model(model.weights, model.ranges, 96)
    after, stages = optimize_model(before, find_build(core, "cmsis_nn"))
    assert (after == before) == (core == "cortex-m7") and stages[-1].total <= stages[0].total
    assert len(read_model(after).metadata) == 1
    np.testing.assert_array_equal(run(TFLMRunner(after), model, rows), run(TFLMRunner(before), model, rows))


def test_what_was_measured_under_qemu() -> None:
    """Firmware takes the arena that was computed, and answers as the plain graph does."""
    ideas = [
        idea
        for idea in json.loads(RESULT.read_text())["ideas"]
        if idea["idea"].startswith("stock") and idea["measured"]
    ]
    assert any(idea["kept"] and idea["measured"]["arena"]["cortex-m7"] <= 126_976 for idea in ideas)
    for measured in (idea["measured"] for idea in ideas):
        assert measured["qemu"]["arena"] == measured["arena"]["cortex-m7"] and measured["qemu"]["equal"]
        assert measured["equal_rows"] == measured["rows"] > 0


@pytest.mark.slow
def test_base_fits_without_metadata() -> None:
    """The whole text of 256 tokens, the stock planner, 126,976 bytes; real texts are answered as by the plain graph."""
    base = load_run(BASE)
    data = build_model(base.weights, base.ranges, 256, plan="stock")
    assert plan_arena(data, "cortex-m7", "cmsis_nn")["total"] <= 126_976
    ids = base.tokenizer.encode([text for text, _ in base.sample_texts[:40]], max_length=256).ids
    plain = write_model(lower_model(base.weights, base.ranges, 256))
    np.testing.assert_array_equal(predict(data, ids, processes=1), predict(plain, ids, processes=1))
