"""Forms that CMSIS-NN answers right: the same bytes in TFLM's interpreter, and nothing left for the rules to say.

What firmware makes of them is in benchmarks/results/kernel_agreement.json (tests/convert/tflm/test_kernels.py).
"""

import itertools
import json
import random
from pathlib import Path

import numpy as np
import pytest

from benchmarks.firmware.random_models import MAKERS, random_model
from benchmarks.kernel_agreement import random_inputs
from convert import check, optimize
from convert.passes.kernel_forms import FORMS, mend_model
from convert.passes.kernel_shapes import merge_axes, merge_broadcast
from convert.tflite.offline_plan import offline_offsets
from convert.tflite.view import view_model
from convert.tflm.builds import find_build
from convert.tflm.libraries import LIBRARIES
from convert.tflm.rules.registry import RULES
from convert.tflm.support import check_bytes
from tests.support.agreement_models import Spec, Tensor
from tests.support.kernel_cases import PAIRS, data, extreme, transpose, transpose_conv
from tests.support.running import invoke, planned

CORE = "cortex-m55"  # has every rule
TARGET = find_build(CORE, "cmsis_nn")
RANDOM_MODELS = 40  # of an operator


def assert_same_bytes(before: bytes, after: bytes, seed: int = 0) -> None:
    for inputs in random_inputs(before, seed):
        for one, other in zip(invoke(before, inputs), invoke(after, inputs), strict=True):
            assert one.shape == other.shape and one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


def broken_rules(model: bytes) -> set[str]:
    report = check_bytes(model, "the model", "cmsis_nn", CORE)
    return {entry["rule"] for entry in report["refusals"] + report["warnings"]} & set(FORMS)


def test_every_form_mends_a_rule_of_these_kernels() -> None:
    assert set(FORMS) <= {rule.name for rule in RULES if rule.kernels == "cmsis_nn" or rule.kernels in LIBRARIES}


OF_CMSIS_NN = [name for name in FORMS if name in PAIRS]


@pytest.mark.parametrize("name", OF_CMSIS_NN)
def test_a_form_keeps_the_bytes_and_the_rule(name: str) -> None:
    before = PAIRS[name][0].build()
    mended = mend_model(before, TARGET)
    assert name in broken_rules(before) and not broken_rules(mended.data) and mended.rewritten
    assert_same_bytes(before, mended.data)
    kept = PAIRS[name][1].build()
    if not broken_rules(kept):
        assert mend_model(kept, TARGET) == (kept, [])
    assert mend_model(before, find_build("cortex-m7", "reference")) == (before, [])


@pytest.mark.parametrize(
    "op", [op for op in MAKERS if op in {rule for r in RULES if r.name in FORMS for rule in r.operators}]
)
def test_random_models_keep_their_bytes(op: str) -> None:
    seed = random.randrange(1 << 20)
    print("seed", seed)
    models = (random_model(op, seed + number) for number in range(RANDOM_MODELS))
    for number, model in enumerate(models):
        if check_bytes(model, op, "reference")["supported"] and broken_rules(model):
            mended = mend_model(model, TARGET)
            if mended.rewritten:
                assert_same_bytes(model, mended.data, number)


def test_every_order_of_five_dimensions() -> None:
    shape = (2, 3, 2, 2, 3)
    for order in itertools.permutations(range(5)):
        before = transpose(shape, *order).build()
        mended = mend_model(before, TARGET).data
        assert not broken_rules(mended), order
        assert_same_bytes(before, mended)


def test_a_pad_of_every_dimension() -> None:
    amounts = [[1, 0], [0, 2], [1, 1], [2, 0], [0, 1]]
    shape = (2, 1, 2, 3, 2)
    outputs = [data(*(n + sum(more) for n, more in zip(shape, amounts)), zero=3)]
    pads = Tensor("int32", (5, 2), data=amounts)
    for op, more in (("PAD", []), ("PADV2", [data(1, data=[-7], zero=3)])):
        before = Spec(op, [data(*shape, zero=3), pads, *more], outputs, "PadOptions" if op == "PAD" else None).build()
        mended = mend_model(before, TARGET).data
        assert not broken_rules(mended)
        assert_same_bytes(before, mended)


def test_broadcasts_that_have_no_form_are_left() -> None:
    before = extreme((2, 1, 2, 1, 2), (1, 3, 1, 2, 2), (2, 3, 2, 2, 2)).build()
    assert mend_model(before, TARGET) == (before, []) and broken_rules(before) == {"extreme_rank"}


def test_a_form_that_no_tensor_can_hold_is_none() -> None:
    before = transpose_conv((4, 4), (2**29, 2), (8, 8)).build()
    assert broken_rules(before) == {"transpose_conv_rows"} and mend_model(before, TARGET) == (before, [])


def test_dimensions_are_merged() -> None:
    assert merge_axes((1, 6, 3, 2, 4), (0, 2, 3, 1, 4)) == ([6, 6, 4], [1, 0, 2])
    assert merge_axes((1, 1), (1, 0)) == ([1], [0]) and merge_axes((2, 3), (0, 1)) == ([6], [0])
    assert merge_broadcast((2, 3, 1, 1), (2, 3, 3, 5)) == ([6, 1], [6, 15])
    assert merge_broadcast((1, 1), (1,)) == ([1], [1])


def test_optimize_mends_what_the_check_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "model.tflite", tmp_path / "out.tflite"
    for rule in ("transpose_dimensions", "extreme_rank"):  # answers otherwise; never ends
        path.write_bytes(PAIRS[rule][0].build())
        check.main([str(path)])
        assert "python -m convert.optimize rewrites" in capsys.readouterr().out
        assert optimize.main([str(path), "--out", str(out), "--json"]) == 0
        captured = capsys.readouterr()
        document = json.loads(captured.out)
        assert len(document["rewritten"]) == 1 and not captured.err
        assert [stage["step"] for stage in document["stages"][:2]] == ["as it was", "kernel forms"]
        assert document["stages"][0]["file"] == path.stat().st_size
        assert check.main([str(out)]) == 0
        assert "does not answer" not in capsys.readouterr().out
        assert_same_bytes(path.read_bytes(), out.read_bytes())
    out.unlink()
    path.write_bytes(PAIRS["matmul_dimensions"][0].build())
    assert optimize.main([str(path), "--out", str(out), "--keep-file-size"]) == 2 and not out.exists()
    assert "leave --keep-file-size out" in capsys.readouterr().err


def test_a_planned_model_loses_its_plan_with_its_indices() -> None:
    before, *_ = planned(PAIRS["transpose_dimensions"][0].build())
    mended = mend_model(before, TARGET).data
    assert offline_offsets(view_model(before)) is not None and offline_offsets(view_model(mended)) is None
    assert_same_bytes(before, mended)
