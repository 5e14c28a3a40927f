"""Several models in one firmware: what they need together, against firmware that was given one MicroAllocator.

The firmware's figure is `arena_together` of benchmarks/results/lengths.json (`python -m benchmarks.lengths`).
"""

import json
from pathlib import Path

import pytest

from benchmarks.common.base import BASE
from convert import arena
from convert.bundle.manifest import sha256
from convert.export.build_lengths import build_lengths
from convert.tflite.lengths import split_lengths
from convert.tflite.view import view_model
from convert.tflm.allocator import allocate_together
from convert.tflm.arena import plan_arena, plan_together
from convert.tflm.builds import find_build
from tests.support.chain import refused
from tf_embbert.run import load_run

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
MODELS = [BENCHMARKS / "firmware/models" / f"{name}.tflite" for name in ("attention", "dense-per-channel")]
MEASURED = json.loads((BENCHMARKS / "results/lengths.json").read_text())


@pytest.mark.slow
def test_one_allocator_takes_what_firmware_took() -> None:
    run = load_run(BASE)
    core, kernels = MEASURED["core"], MEASURED["kernels"]
    built, offsets = build_lengths(run.weights, run.ranges, MEASURED["lengths"], core, 114688)
    assert sha256(built.model) == MEASURED["model_sha256"]
    models = split_lengths(built.model, offsets)
    assert {str(length): plan_arena(models[length], core, kernels)["total"] for length in models} == MEASURED["bytes"][
        "arenas"
    ]
    for order in (sorted(models), sorted(models, reverse=True)):
        views = [view_model(models[length]) for length in order]
        assert allocate_together(views, *find_build(core, kernels)).used == MEASURED["arena_together"]


def test_sharing_needs_less_than_an_arena_each_and_more_than_turns() -> None:
    models = [path.read_bytes() for path in MODELS]
    alone = [plan_arena(model, "cortex-m4", "cmsis_nn")["total"] for model in models]
    together = plan_together(models, "cortex-m4", "cmsis_nn")
    assert together["apart"] == sum(alone) and together["taking_turns"] == max(alone) and not together["at_least"]
    assert max(alone) < together["one_allocator"] < sum(alone)
    same = plan_together(models[:1], "cortex-m4", "cmsis_nn")
    assert same["apart"] == same["one_allocator"] == same["taking_turns"] == alone[0]


def test_the_command_says_all_three(capsys: pytest.CaptureFixture[str]) -> None:
    first, other = map(str, MODELS)
    asked = [first, "--core", "cortex-m4", "--beside", other]
    assert arena.main([*asked, "--json"]) == 0
    together = json.loads(capsys.readouterr().out)["together"]
    assert together == plan_together([path.read_bytes() for path in MODELS], "cortex-m4", "cmsis_nn")
    assert arena.main(asked) == 0
    said = capsys.readouterr().out
    assert all(f"{together[key]:,} B" in said for key in ("apart", "one_allocator", "taking_turns"))
    refused(capsys, arena.main, [first, "--beside", other, "--json"], "name it with --core")
