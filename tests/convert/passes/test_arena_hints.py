"""What would shrink an arena, tried out: the changed models in TFLM's own interpreter."""

import numpy as np
import pytest

from benchmarks.firmware.models import FOLDER
from convert.lowering.to_tflite import write_model
from convert.passes.hints import EXACT, explain_arena, find_hints, shrink
from convert.passes.in_place import find_overwriting, share_places
from convert.passes.reorder import reorder
from convert.passes.rewrites import float_end, scales_per_channel
from convert.tflite.editing import Draft
from convert.tflite.model import read_model, schema
from convert.tflite.offline_plan import offline_offsets, write_plan
from convert.tflm.allocator import allocate
from convert.tflm.builds import BUILDS, WHEEL_BUILD
from convert.tflm.planner import tensor_offsets
from tests.support.graphs import assert_equal_to_tflm, one_op, pack, random_graph, with_offline_plan

MODELS = {path.stem: path.read_bytes() for path in sorted(FOLDER.glob("*.tflite"))}
MODELS = {name: data for name, data in MODELS.items() if offline_offsets(read_model(data)) is None}


def answers(data, seed: int = 5):
    """Outputs in TFLM's interpreter for random inputs."""
    from tflite_micro import runtime

    rng, model = np.random.default_rng(seed), read_model(data)
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=1 << 22)
    for number in range(len(model.subgraphs[0].inputs)):
        detail = interpreter.get_input_details(number)
        dtype = np.dtype(detail["dtype"])
        low, high = (-128, 128) if dtype == np.int8 else (0, 2)
        interpreter.set_input(rng.integers(low, high, detail["shape"]).astype(dtype), number)
    interpreter.invoke()
    return [interpreter.get_output(number) for number in range(len(model.subgraphs[0].outputs))]


def assert_same_answers(data, changed) -> None:
    for one, other in zip(answers(data), answers(changed), strict=True):
        np.testing.assert_array_equal(one.reshape(-1), other.reshape(-1))


def hints_of(data, target=WHEEL_BUILD):
    model = read_model(data)
    return {hint["rule"]: hint for hint in find_hints(model, target, allocate(model, *target))}


@pytest.mark.parametrize("rule", EXACT)
def test_exact_rules_keep_the_answers(rule) -> None:
    changed = {}
    for name, data in MODELS.items():
        draft = Draft(read_model(data))
        if [op for op in list(draft.operators) if rule(draft, op)]:
            changed[name] = pack(draft.model)
            assert_same_answers(data, changed[name])
    assert changed, "no model has anything to change"
    assert_equal_to_tflm(changed)


def test_a_rule_saves_what_it_says() -> None:
    """The smallest arenas in which TFLM succeeds, before and after, are as far apart as the hint says."""
    hint = hints_of(MODELS["attention"])["transposed_copy"]
    draft = Draft(read_model(MODELS["attention"]))
    for op in [draft.operators[place["index"]] for place in hint["operators"]]:
        assert EXACT[0](draft, op)
    both = {"before": MODELS["attention"], "after": pack(draft.model)}
    assert_equal_to_tflm(both)
    before, after = (allocate(read_model(data), *WHEEL_BUILD).total for data in both.values())
    assert before - after == hint["bytes"] > 0
    assert [place["name"] for place in hint["operators"]] == ["BATCH_MATMUL"] * 2


def test_outputs_on_inputs_keep_the_answers() -> None:
    planned = {}
    for name, data in MODELS.items():
        model = read_model(data)
        allocation = allocate(model, *WHEEL_BUILD)
        pairs = find_overwriting(model, allocation.buffers)
        if pairs:
            offsets = share_places(allocation.buffers, pairs.values())
            planned[name] = pack(write_plan(model, tensor_offsets(allocation.buffers, offsets)))
            assert_same_answers(data, planned[name])
    assert len(planned) >= 8
    assert_equal_to_tflm(planned)


def test_all_exact_changes_together() -> None:
    changed = {}
    for name in ("embbert-pair-96", "attention-long"):
        model = read_model(MODELS[name])
        shrunk, offsets, rules = shrink(model, WHEEL_BUILD)
        assert rules
        changed[name] = pack(write_plan(shrunk, tensor_offsets(allocate(shrunk, *WHEEL_BUILD).buffers, offsets)))
        assert_same_answers(MODELS[name], changed[name])
        total = allocate(read_model(changed[name]), *WHEEL_BUILD).total
        assert allocate(model, *WHEEL_BUILD).total - total == hints_of(MODELS[name])["together"]["bytes"]
    assert_equal_to_tflm(changed)


def test_another_order_keeps_the_answers() -> None:
    seed = 11
    print("seed", seed)
    rng = np.random.default_rng(seed)
    reordered = {}
    for number in range(12):
        data = write_model(random_graph(rng, 14))
        draft = Draft(read_model(data))
        assert sorted(reorder(draft)) == list(range(len(draft.operators)))
        reordered[str(number)] = pack(draft.model)
        assert_same_answers(data, reordered[str(number)])
    assert_equal_to_tflm(reordered)


def test_another_order_saves() -> None:
    """Of the random graphs, in which operators stand in any order, some take less in another."""
    rng = np.random.default_rng(11)
    hints = [hints_of(write_model(random_graph(rng, 14))) for _ in range(12)]
    assert any("order" in found for found in hints)


def test_one_scale_for_dense_weights() -> None:
    draft = Draft(read_model(MODELS["dense-per-channel"]))
    assert [scales_per_channel(draft, op) for op in draft.operators].count(True) == 3
    assert_equal_to_tflm({"one scale": pack(draft.model)})
    total = allocate(read_model(MODELS["dense-per-channel"]), *WHEEL_BUILD).total
    saved = total - allocate(draft.model, *WHEEL_BUILD).total
    assert hints_of(MODELS["dense-per-channel"])["scales_per_channel"]["bytes"] == saved > 0


def test_float_ends() -> None:
    real, byte = ("FLOAT32", (50, 6)), ("INT8", (50, 6))
    for name, ends in (("QUANTIZE", (real, byte)), ("DEQUANTIZE", (byte, real))):
        data = one_op(name, [ends[0]], [ends[1]])
        draft = Draft(read_model(data))
        assert float_end(draft, draft.operators[0]) and draft.operators == []
        left = {tensor for tensor in (*draft.graph.inputs, *draft.graph.outputs)}
        assert [draft.tensors[index].type for index in left] == [schema.TensorType.INT8]
        hint = hints_of(data)["float_end"]
        assert hint["bytes"] > 50 * 6 * 4 and hint["operators"][0]["index"] == 0


def test_sums_of_weights_are_kept_on_helium_only() -> None:
    data = MODELS["autoencoder"]
    assert "sums_of_weights" not in hints_of(data, BUILDS["cortex-m7", "cmsis_nn"])
    assert hints_of(data, BUILDS["cortex-m55", "cmsis_nn"])["sums_of_weights"]["bytes"] > 0


def test_bounds() -> None:
    """A bound is as far as the lower bound, and float tensors a quarter of their size as int8."""
    report = explain_arena(MODELS["gates"], "cortex-m7", "cmsis_nn")
    gaps = next(hint for hint in report["hints"] if hint["rule"] == "gaps")
    assert gaps["at_most"] and gaps["bytes"] <= report["planned"] - report["lower_bound"] + 16
    real = one_op("ADD", [("FLOAT32", (50, 6))] * 2, [("FLOAT32", (50, 6))])
    hint = hints_of(real)["float_tensors"]
    assert hint["at_most"] and 2 * 50 * 6 * 3 <= hint["bytes"] <= 3 * 50 * 6 * 4


def test_a_model_with_an_offline_plan_stays_as_it_is() -> None:
    found = hints_of(with_offline_plan(np.random.default_rng(1), MODELS["attention"]))
    assert set(found) <= {"gaps"}
