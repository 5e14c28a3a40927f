"""The arena's figures against firmware: what QEMU measured (benchmarks/results/arena_firmware.json), replayed."""

import hashlib
import json
from collections import Counter

import pytest

from benchmarks.arena_firmware import RESULT, base_models
from benchmarks.common.base import ARENA_BUDGETS
from benchmarks.common.sources import ROOT
from benchmarks.firmware.models import read_models
from benchmarks.kernels import RESULT as KERNELS
from convert.tflm.arena import plan_arena
from convert.tflm.builds import NOT_MEASURED
from convert.tflm.targets import CORES

MEASURED = json.loads(RESULT.read_text())["measured"]
WITHIN = 1.01
BASE = "embbert-base-"


def assert_predicted(models: dict[str, bytes], entries: list[dict]) -> None:
    """Never under the smallest arena that firmware runs in, and at most 1 % over it; prints how many are exact."""
    exact = 0
    for entry in entries:
        planned = plan_arena(models[entry["model"]], entry["core"], entry["kernels"])
        said = f"{entry['model']} on {entry['core']} {entry['kernels']}: {planned['total']}, measured {entry['total']}"
        assert entry["total"] <= planned["total"] <= WITHIN * entry["total"], said
        assert not planned["at_least"] and planned["measured"], said
        exact += (planned["used"], planned["total"]) == (entry["used"], entry["total"])
    print(f"{exact} of {len(entries)} exact to the byte, used and total")


def test_committed_models() -> None:
    models = read_models()
    entries = [entry for entry in MEASURED if not entry["model"].startswith(BASE)]
    changed = {
        entry["model"]
        for entry in entries
        if hashlib.sha256(models[entry["model"]]).hexdigest() != entry["model_sha256"]
    }
    assert not changed, "measured with other bytes"
    assert_predicted(models, entries)


@pytest.mark.slow
def test_base_preset() -> None:
    models = base_models()
    entries = [
        entry
        for entry in MEASURED
        if entry["model"].startswith(BASE)
        and hashlib.sha256(models[entry["model"]]).hexdigest() == entry["model_sha256"]
    ]
    if not entries:
        pytest.skip("the converter writes other bytes than were measured: run benchmarks.arena_firmware")
    assert_predicted(models, entries)


def test_our_own_kernels_take_what_is_predicted() -> None:
    models = {hashlib.sha256(data).hexdigest(): data for data in read_models().values()}
    entries = [entry for entry in json.loads(KERNELS.read_text())["measured"] if entry["model_sha256"] in models]
    for entry in entries:
        planned = plan_arena(models[entry["model_sha256"]], entry["core"], "fast")["total"]
        assert planned == entry["fast"]["arena"], f"{entry['model']} on {entry['core']}"
    assert {entry["core"] for entry in entries} >= {"cortex-m7", "cortex-m55"}


def test_what_was_measured() -> None:
    """Every core that is called measured was, with both kernel sets: eight models on M4, M7 and M55, two elsewhere."""
    counts = Counter((entry["core"], entry["kernels"]) for entry in MEASURED)
    for core in set(CORES) - set(NOT_MEASURED):
        for kernels in ("cmsis_nn", "reference"):
            least = 8 if core in ("cortex-m4", "cortex-m7", "cortex-m55") else 2
            assert counts[core, kernels] >= least, (core, kernels, counts)


def test_make_base256_asks_for_the_arena_that_the_figures_are_of() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert f"benchmarks/base256 --out $(BUILD)/base256 --arena-budget {ARENA_BUDGETS[256]} " in makefile
