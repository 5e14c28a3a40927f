"""Files damaged part by part through check, arena and optimize, and against TFLM's interpreter: a seeded sample."""

import pytest

from benchmarks.mutations.__main__ import good_models
from benchmarks.mutations.judging import SECONDS, compare, judge_all
from benchmarks.mutations.structure import structure_mutants

SEED, SAMPLE = 17, 2000


@pytest.mark.slow  # its limit is of processor time, of which a child of a process with TensorFlow needs more
def test_a_sample_of_structures_never_crashes_and_is_judged_as_tflm_does() -> None:
    print(f"seed {SEED}")
    files = structure_mutants(good_models(), range(SAMPLE), SEED)
    outcomes = judge_all(files)
    assert [(i, one) for i, one in enumerate(outcomes) if one["verdict"] in ("crash", "hang")] == []
    assert max(outcome["seconds"] for outcome in outcomes) < SECONDS
    counts, differences = compare(files, outcomes)
    assert differences == []
    assert counts["agree"] > SAMPLE / 2


def test_a_mutant_is_the_same_however_many_are_made() -> None:
    models = good_models()
    assert structure_mutants(models, [7], SEED) == structure_mutants(models, range(5, 9), SEED)[2:3]
