"""The verdict of `convert.check` equals what TFLM's interpreter does: on two models or more for every rule, on a sample
of all single changes of every operator's model, and on models from TensorFlow's converter.
"""

from collections import Counter
from pathlib import Path

import pytest

from convert.tflm.rules.operators import OPERATORS
from convert.tflm.rules.registry import RULES
from convert.tflm.rules.structure import STRUCTURE
from convert.tflm.support import check_bytes
from convert.tflm.supported_ops import supported_operators
from tests.support.agreement import KERAS_ARENA_BYTES, compare, describe, rule_cases, sweep_cases
from tests.support.agreement_bases import BASES
from tests.support.agreement_cases import CASES, WARNED, table_cases
from tests.support.agreement_truth import measure
from tests.support.fused_cases import FUSED_BROKEN
from tests.support.kernel_cases import PAIRS
from tests.support.library_cases import LIBRARY_PAIRS
from tests.support.signal_bases import SIGNAL_BASES, SIGNAL_BROKEN

SAMPLE, SEED = 250, 20


def test_every_rule_has_a_model_that_breaks_it() -> None:
    names = [rule.name for rule in RULES] + [rule.name for rule in STRUCTURE]
    broken = {rule for rule, examples in {**CASES, **WARNED}.items() if examples} | {rule for rule, *_ in table_cases()}
    broken |= {*PAIRS, *LIBRARY_PAIRS, *SIGNAL_BROKEN, *FUSED_BROKEN}
    assert broken == set(names)
    assert max(Counter(names).values()) == 1


def test_every_operator_has_a_model_that_runs() -> None:
    assert set(BASES) | set(SIGNAL_BASES) == set(OPERATORS)


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_rules_say_what_the_interpreter_does(step: int) -> None:
    """Of every fifth model, or of all."""
    judged = compare(rule_cases()[::step])
    assert describe(judged) == []
    assert len(judged) > 400 / step


def test_a_softmax_of_512_like_values_ends_the_interpreter_and_one_of_511_does_not() -> None:
    shapes = [{"shape": (1, values)} for values in (511, 512)]
    models = [BASES["SOFTMAX"].edited({"i0": shape, "o0": shape}).build() for shape in shapes]
    assert [truth["runs"] for truth in measure(models)] == [True, False]
    warnings = [{entry["rule"] for entry in check_bytes(model, "m", "reference")["warnings"]} for model in models]
    assert ["softmax_sum" in found for found in warnings] == [False, True]


def test_a_sample_of_all_single_changes_agrees() -> None:
    print(f"seed {SEED}")
    assert describe(compare(sweep_cases(SAMPLE, SEED))) == []


def test_converted_models_agree() -> None:
    pytest.importorskip("tensorflow")
    from tests.support.agreement_keras import common_cases

    judged = compare(common_cases(), KERAS_ARENA_BYTES)
    assert describe(judged) == []
    runs = {case.what: truth["runs"] for case, _, _, truth in judged}
    refused = {name for name, ran in runs.items() if not ran}
    assert refused == {"dynamic range dense", "float gelu", "float open_batch"}


def test_supported_ops_is_up_to_date() -> None:
    assert Path(__file__).parents[3].joinpath("SUPPORTED_OPS.md").read_text() == supported_operators()
