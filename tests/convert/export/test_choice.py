"""What the default choice says that it costs: figures of two models that are built, and that the budget named gives."""

import functools

import numpy as np
import pytest

from benchmarks.common.base import BASE
from convert.export.build import build_model
from convert.export.choice import WORTH, cost_text, find_faster, measure_form
from convert.tflm.arena import plan_arena
from convert.tflm.instructions import estimate_instructions
from tests.support.transcription import random_model
from tf_embbert.run import FoldedModel, Ranges, Run, load_run

CORE, LENGTH = "cortex-m55", 128


@functools.cache
def base() -> Run:
    return load_run(BASE)


def small() -> tuple[FoldedModel, Ranges]:
    model = random_model(np.random.default_rng(3))
    return model.weights, model.ranges


@pytest.mark.slow
def test_the_budget_that_is_named_gives_the_arena_and_the_instructions_that_are_named() -> None:
    run = base()
    assert isinstance(run.weights, FoldedModel)
    model = build_model(run.weights, run.ranges, LENGTH, CORE)
    forms = find_faster(model, run.weights, run.ranges, LENGTH, CORE)
    assert forms is not None
    chosen, faster = forms
    assert chosen.arena < faster.arena and faster.instructions < WORTH * chosen.instructions
    again = build_model(run.weights, run.ranges, LENGTH, CORE, faster.arena)
    assert plan_arena(again, CORE, "cmsis_nn")["total"] == faster.arena
    estimates = [estimate_instructions(one, CORE, "cmsis_nn") for one in (model, again)]
    assert [one and one["total"] for one in estimates] == [chosen.instructions, faster.instructions]
    line = cost_text(chosen, faster, CORE)
    assert f"{chosen.arena:,} B" in line and f"--arena-budget {faster.arena})" in line
    assert f"{faster.instructions / 1e6:.1f} M" in line


def test_what_is_the_fastest_form_already_has_nothing_faster() -> None:
    weights, ranges = small()
    model = build_model(weights, ranges, 8, CORE)
    forms = find_faster(model, weights, ranges, 8, CORE)
    assert forms is not None
    fastest = build_model(weights, ranges, 8, CORE, forms[1].arena)
    assert find_faster(fastest, weights, ranges, 8, CORE) is None


def test_a_core_that_was_not_measured_has_no_line() -> None:
    weights, ranges = small()
    model = build_model(weights, ranges, 8, CORE)
    assert measure_form(model, "cortex-m85") is None
