"""What would shrink an arena, tried out: a hint's bytes are those of the model that the pass makes."""

import numpy as np

from benchmarks.firmware.models import read_models
from convert.lowering.to_tflite import write_model
from convert.passes.hints import explain_arena, find_hints
from convert.passes.measure import Measure
from convert.passes.optimizer import optimize_model
from convert.passes.pipeline import PASSES, select
from convert.tflite.offline_plan import offline_offsets
from convert.tflite.view import view_model
from convert.tflite.writer import pack_model
from convert.tflm.builds import BUILDS, WHEEL_BUILD, Target
from tests.support.graphs import assert_equal_to_tflm, one_op, random_graph, with_offline_plan

MODELS = read_models()
MODELS = {name: data for name, data in MODELS.items() if offline_offsets(view_model(data)) is None}
COMMAND = "python -m convert.optimize MODEL.tflite --out SMALLER.tflite --core cortex-m7 --kernels cmsis_nn"


def hints_of(data: bytes, target: Target = WHEEL_BUILD) -> dict[str, dict]:
    return {hint["rule"]: hint for hint in find_hints(data, target)}


def test_a_rewrite_saves_what_its_hint_says() -> None:
    """The smallest arenas in which TFLM succeeds, before and after, are as far apart as the hint says."""
    hint = hints_of(MODELS["attention"])["transposed operands"]
    (transposed,) = select("transposed operands")
    model = view_model(MODELS["attention"])
    for op in [model.operators[place["index"]] for place in hint["operators"]]:
        assert transposed.rule(model.graphs[0], op)
    both = {"before": MODELS["attention"], "after": pack_model(model)}
    assert_equal_to_tflm(both)
    before, after = (Measure.of_file(data, WHEEL_BUILD).total for data in both.values())
    assert before - after == hint["bytes"] > 0
    assert [place["name"] for place in hint["operators"]] == ["BATCH_MATMUL"] * 2


def test_what_the_command_makes_of_it() -> None:
    """The hint of all passes together is what `convert.optimize` does, and nothing by itself saves more."""
    for name in ("embbert-pair-96", "attention-long", "gates"):
        report = explain_arena(MODELS[name], "cortex-m7", "cmsis_nn")
        made = {hint["rule"]: hint for hint in report["hints"] if hint["command"]}
        assert {hint["command"] for hint in made.values()} == {COMMAND}
        _, stages = optimize_model(MODELS[name], BUILDS["cortex-m7", "cmsis_nn"])
        assert made["together"]["bytes"] == report["total"] - stages[-1].total
        assert made["together"]["bytes"] == max(hint["bytes"] for hint in made.values())


def test_what_the_command_does_not_make_names_none() -> None:
    exact = {one.name for one in PASSES if one.exact} | {"together"}
    for name, data in MODELS.items():
        for hint in explain_arena(data, "cortex-m55", "cmsis_nn")["hints"]:
            assert (hint["command"] is None) == (hint["rule"] not in exact), name


def test_another_order_saves() -> None:
    """Of the random graphs, in which operators stand in any order, some take less in another."""
    rng = np.random.default_rng(11)
    hints = [hints_of(write_model(random_graph(rng, 14))) for _ in range(12)]
    assert any("operator order" in found for found in hints)


def test_one_scale_for_dense_weights() -> None:
    model = view_model(MODELS["dense-per-channel"])
    (one_scale,) = select("scales per channel")
    assert len(one_scale.change(model.graphs[0])) == 3
    assert_equal_to_tflm({"one scale": pack_model(model)})
    saved = Measure.of_file(MODELS["dense-per-channel"], WHEEL_BUILD).total - Measure(model, WHEEL_BUILD).total
    assert hints_of(MODELS["dense-per-channel"])["scales per channel"]["bytes"] == saved > 0


def test_float_ends() -> None:
    real, byte = ("FLOAT32", (50, 6)), ("INT8", (50, 6))
    (float_ends,) = select("float ends")
    for name, ends in (("QUANTIZE", (real, byte)), ("DEQUANTIZE", (byte, real))):
        data = one_op(name, [ends[0]], [ends[1]])
        graph = view_model(data).graphs[0]
        assert float_ends.change(graph) == [0] and graph.operators == []
        left = {*graph.inputs, *graph.outputs}
        assert [graph.tensors[index].type for index in left] == ["INT8"]
        hint = hints_of(data)["float ends"]
        assert hint["bytes"] > 50 * 6 * 4 and hint["operators"][0]["index"] == 0


def test_sums_of_weights_are_kept_on_helium_only() -> None:
    data = MODELS["autoencoder"]
    assert "sums_of_weights" not in hints_of(data, BUILDS["cortex-m7", "cmsis_nn"])
    assert hints_of(data, BUILDS["cortex-m55", "cmsis_nn"])["sums_of_weights"]["bytes"] > 0


def test_float_tensors_take_a_quarter_as_int8() -> None:
    real = one_op("ADD", [("FLOAT32", (50, 6))] * 2, [("FLOAT32", (50, 6))])
    hint = hints_of(real)["float tensors"]
    assert hint["at_most"] and 2 * 50 * 6 * 3 <= hint["bytes"] <= 3 * 50 * 6 * 4


def test_a_model_with_an_offline_plan_stays_as_it_is() -> None:
    """What is left is a bound: as far as the lower bound."""
    data = with_offline_plan(np.random.default_rng(1), MODELS["attention"])
    allocation = Measure.of_file(data, WHEEL_BUILD).allocation
    found = hints_of(data)
    assert set(found) <= {"gaps"}
    for gaps in found.values():
        assert gaps["at_most"] and gaps["bytes"] <= allocation.planned - allocation.lower_bound + 16
