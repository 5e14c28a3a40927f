"""Every pass alone, what `optimize` makes of the committed models, and the verifier that watches over all."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.firmware.models import FOLDER, read_models
from convert.lowering.graph import Graph
from convert.lowering.lower import lower_model
from convert.lowering.to_tflite import write_model
from convert.optimize import main
from convert.passes import pipeline
from convert.passes.measure import Measure
from convert.passes.optimizer import optimize_model
from convert.passes.pipeline import FINISH, PASSES, REWRITES, SCRATCH, Settings, run_graph_pass, run_model_pass, select
from convert.passes.tiling import Tiling
from convert.passes.verifier import BrokenInvariant, verify_graph, verify_model, verify_plan
from convert.tflite.editing import set_operators
from convert.tflite.offline_plan import offline_offsets, write_plan
from convert.tflite.view import view_model
from convert.tflm.builds import WHEEL_BUILD
from tests.support.graphs import assert_equal_to_tflm, random_graph
from tests.support.running import M7, invoke
from tests.support.transcription import random_model

MODELS = read_models()
MODELS = {name: data for name, data in MODELS.items() if offline_offsets(view_model(data)) is None}
LIMITS = {"INT8": (-128, 128), "FLOAT32": (0, 2), "INT32": (0, 2)}
TO_REACH = {"attention-long": 17_376, "embbert-pair-96": 18_688}  # bytes of arena


def random_inputs(data: bytes, seed: int = 5) -> list[np.ndarray]:
    rng, graph = np.random.default_rng(seed), view_model(data).graphs[0]
    tensors = [graph.tensors[index] for index in graph.inputs]
    return [rng.integers(*LIMITS[t.type], t.shape).astype(t.type.lower()) for t in tensors]


def assert_same_answers(data: bytes, changed: bytes) -> None:
    inputs = random_inputs(data)
    for one, other in zip(invoke(data, inputs), invoke(changed, inputs), strict=True):
        np.testing.assert_array_equal(one.reshape(-1), other.reshape(-1))


@pytest.mark.parametrize("one", [*REWRITES, *FINISH], ids=lambda one: one.name)
def test_a_pass_alone_keeps_the_answers(one: Any) -> None:
    """On every committed model that it changes; and TFLM takes the arena that is computed."""
    changed = {}
    for name, data in MODELS.items():
        measure = Measure.of_file(data, WHEEL_BUILD)
        made = run_model_pass(one, measure) if measure.is_plain else None
        if made:
            changed[name] = made[0]
            assert_same_answers(data, changed[name])
    assert changed, "no model has anything to change"
    assert_equal_to_tflm(changed)


def test_an_order_of_operators_keeps_the_answers() -> None:
    seed = 11
    print("seed", seed)
    rng, (order,) = np.random.default_rng(seed), select("operator order")
    for _ in range(12):
        data = write_model(random_graph(rng, 14))
        assert_same_answers(data, run_model_pass(order, Measure.of_file(data, WHEEL_BUILD))[0])


@pytest.mark.parametrize("name", MODELS)
def test_optimised_models_answer_the_same(name: str) -> None:
    """In TFLM's interpreter; the arena never grows, and for two of them falls as far as it was to."""
    smaller, stages = optimize_model(MODELS[name], M7)
    assert_same_answers(MODELS[name], smaller)
    print(name, stages[0], stages[-1])
    assert stages[-1].total == Measure.of_file(smaller, M7).total <= stages[0].total
    assert stages[-1].total <= TO_REACH.get(name, stages[-1].total)


def test_a_file_that_may_not_grow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """embbert-pair-96 gets its smallest arena for more operators in the file; without these it gets another."""
    path, data = FOLDER / "embbert-pair-96.tflite", MODELS["embbert-pair-96"]
    arenas, files = {}, {}
    for option in ("--json", "--keep-file-size"):
        out = tmp_path / "out.tflite"
        assert main([str(path), "--out", str(out), option]) == 0
        arenas[option] = Measure.of_file(out.read_bytes(), M7).total
        files[option] = len(out.read_bytes())
    assert arenas["--json"] < arenas["--keep-file-size"] < Measure.of_file(data, M7).total
    assert files["--json"] > len(data) >= files["--keep-file-size"]
    said = capsys.readouterr().out
    assert f"to {arenas['--keep-file-size']:,} B" in said and f"to {files['--keep-file-size']:,} B" in said


def test_the_list_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["--print-passes"])
    lines = capsys.readouterr().out.splitlines()
    assert done.value.code == 0 and len(lines) == len(PASSES)
    for one, line in zip(PASSES, lines):
        assert line.startswith(f"{one.works_on}  {one.name}") and ("changes answers" in line) != one.exact


def test_select_keeps_the_order_and_knows_its_names() -> None:
    assert [one.name for one in select("offline plan", "strip")] == ["strip", "offline plan"]
    with pytest.raises(KeyError, match="diet"):
        select("strip", "diet")


def small_graph() -> Graph:
    model = random_model(np.random.default_rng(3), hidden_size=32, blocks=3, kernel=7)
    return lower_model(model.weights, model.ranges, 24)


def test_a_pass_over_a_graph_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass that loses an operator is found out, by name of the tensor that nobody writes."""
    assert pipeline.VERIFY_EACH
    graph, settings = small_graph(), Settings(Tiling((24,), (32,), (24,)), M7)
    run_graph_pass(SCRATCH, graph, settings)
    lossy = replace(SCRATCH, apply=lambda graph, settings: graph.with_ops(graph.ops[:3] + graph.ops[4:]))
    with pytest.raises(BrokenInvariant, match=graph.ops[3].outputs[0].name):
        run_graph_pass(lossy, graph, settings)


def test_a_graph_must_be_written_before_it_is_read() -> None:
    graph = small_graph()
    verify_graph(graph)
    broken = {
        "before it is written": graph.with_ops(graph.ops[::-1]),
        "once more": graph.with_ops([*graph.ops, graph.ops[-1]]),
        "not a tensor of the graph": Graph(graph.tensors[:-1], graph.ops, graph.inputs, graph.outputs),
        "listed twice": Graph([*graph.tensors, graph.tensors[0]], graph.ops, graph.inputs, graph.outputs),
        "nobody writes": graph.with_ops(graph.ops[:-1]),
    }
    for words, wrong in broken.items():
        with pytest.raises(BrokenInvariant, match=words):
            verify_graph(wrong)


def test_a_model_must_be_written_before_it_is_read() -> None:
    verify_model(view_model(MODELS["embbert-64"]))
    broken = {"before it is written": slice(None, None, -1), "nobody writes": slice(0, -1)}
    for words, kept in broken.items():
        model = view_model(MODELS["embbert-64"])
        set_operators(model.graphs[0], model.operators[kept])
        with pytest.raises(BrokenInvariant, match=words):
            verify_model(model)


def test_a_plan_must_keep_apart_what_lives_at_once() -> None:
    """A plan that puts every activation at byte 0 is refused; and what the kernels allow is not."""
    measure = Measure.of_file(MODELS["attention"], M7)
    verify_plan(measure)
    verify_plan(Measure(measure.with_plan(), M7))
    at_zero = {buffer.owner[1]: 0 for buffer in measure.buffers if buffer.owner}
    with pytest.raises(BrokenInvariant, match="live at once"):
        verify_plan(Measure(write_plan(measure.model, at_zero), M7))


def test_a_rewrite_that_tflm_would_refuse_is_left_out() -> None:
    """A rewrite that takes away what SOFTMAX reads would save much, and nothing could run it."""
    data = MODELS["embbert-64"]

    def spoil(graph: Any, op: Any) -> bool:
        if op.name != "SOFTMAX":
            return False
        op.inputs = ()
        return True

    spoiled = replace(REWRITES[0], rule=spoil)
    smaller, stages = optimize_model(data, M7, [spoiled, *FINISH])
    assert smaller == optimize_model(data, M7, FINISH)[0]
    assert replace(stages[1], step="") == replace(stages[0], step="")
