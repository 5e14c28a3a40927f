"""Files damaged part by part through check, arena and optimize, and against TFLM's interpreter: a seeded sample."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.mutations.__main__ import good_models
from benchmarks.mutations.pieces import PIECE, add_piece, read_pieces, summary
from benchmarks.mutations.structure import structure_mutants

SEED = 17
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("count", [500, pytest.param(2000, marks=pytest.mark.slow)])
def test_a_sample_of_structures_never_crashes_and_is_judged_as_tflm_does(count: int, tmp_path: Path) -> None:
    """In a process without TensorFlow: a child forked from one with it spends its limit of time on copying pages."""
    print(f"seed {SEED}")
    place = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks.mutations", "structure"]
    options = ["--seed", str(SEED), "--count", str(count), "--results", str(place)]
    subprocess.run([*command, *options], cwd=ROOT, check=True, capture_output=True)
    found = json.loads(place.read_text())
    assert found["failures"] == [] and found["differences"] == []
    assert found["count"] == count and found["interpreter"]["agree"] > count / 2


def test_pieces_add_up_whoever_judges_them_and_in_whatever_order(tmp_path: Path) -> None:
    place = tmp_path / "results.json"
    for first, seconds in ((PIECE, 2.0), (0, 1.0), (PIECE, 3.0)):
        outcomes = [{"verdict": "refused", "rules": [], "seconds": seconds}, {"verdict": "crash", "seconds": 0.0}]
        difference = {"mutant": 1, "kind": "false pass"}
        add_piece(place, SEED, first, summary(first, outcomes, Counter(agree=2), [difference]))
    assert list(read_pieces(place, SEED)) == [0, PIECE] and read_pieces(place, SEED + 1) == {}
    found = json.loads(place.read_text())
    assert found["verdicts"] == {"crash": 2, "refused": 2} and found["interpreter"] == {"agree": 4}
    assert found["slowest_seconds"] == 3.0
    assert [entry["mutant"] for entry in found["differences"]] == [1, PIECE + 1]
    assert [entry["mutant"] for entry in found["failures"]] == [1, PIECE + 1]


def test_a_mutant_is_the_same_however_many_are_made() -> None:
    models = good_models()
    assert structure_mutants(models, [7], SEED) == structure_mutants(models, range(5, 9), SEED)[2:3]
