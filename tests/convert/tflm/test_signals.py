"""The operators of TFLM's signal library: verdicts and bytes against TFLM's interpreter."""

import random
from collections.abc import Callable

import pytest

from convert.tflm.support import check_bytes
from tests.support.agreement import Case, built, compare, describe
from tests.support.agreement_models import Spec
from tests.support.agreement_sweep import sweep
from tests.support.graphs import assert_equal_to_tflm
from tests.support.signal_bases import SIGNAL_BASES, SIGNAL_BROKEN, SIGNAL_KEPT, irfft, rfft

SAMPLE, SEED = 300, 29


def free(specs: dict[str, Spec]) -> list[Case]:
    models = {what: built(spec) for what, spec in specs.items()}
    return [Case("free", None, what, model) for what, model in models.items() if model]


def test_what_runs_passes_and_its_bytes_are_those_of_the_interpreter() -> None:
    models = {name: spec.build() for name, spec in {**SIGNAL_BASES, **SIGNAL_KEPT}.items()}
    judged = compare([Case("kept", None, name, model) for name, model in models.items()])
    assert describe(judged) == []
    assert_equal_to_tflm(models)


@pytest.mark.parametrize("transform", [rfft, irfft])
def test_states_of_transforms_of_every_length_and_type(transform: Callable[..., Spec]) -> None:
    makers = [("int16", 7), ("int32", 2), ("float32", 0)]
    models = {f"{name} {n}": transform(name, number, n).build() for name, number in makers for n in range(12, 40, 2)}
    assert_equal_to_tflm(models)


@pytest.mark.parametrize("rule", SIGNAL_BROKEN)
def test_a_broken_rule_is_named(rule: str) -> None:
    for spec in SIGNAL_BROKEN[rule]:
        refusals = check_bytes(spec.build(), "the model", "reference")["refusals"]
        assert rule in [refusal["rule"] for refusal in refusals], spec


def test_no_broken_model_is_refused_in_vain() -> None:
    """Those that TFLM checks are refused by it as well; the others may do anything."""
    checked = {rule: SIGNAL_BROKEN[rule] for rule in ("signal_ranks", "signal_frames_ranks", "signal_frame_step")}
    cases = free({f"{rule} {i}": spec for rule, specs in checked.items() for i, spec in enumerate(specs)})
    assert {outcome for _, outcome, _, _ in compare(cases)} == {"agree"}


def test_a_sample_of_all_single_changes_is_judged_as_the_interpreter_does() -> None:
    print(f"seed {SEED}")
    changed = [(f"{op}: {what}", spec) for op, base in SIGNAL_BASES.items() for what, spec in sweep(base)]
    judged = compare(free(dict(random.Random(SEED).sample(changed, SAMPLE))))
    assert describe(judged) == []
