"""EMBBERT_BLOCK in the tools: what `check` asks of one, and what becomes of a model that has some."""

from pathlib import Path

import numpy as np
import pytest

from convert.check import main as check
from convert.lowering.expand import expand_model
from convert.tflite.block_options import BLOCK
from convert.tflite.macs import count_macs
from convert.tflite.model import input_length
from convert.tflite.view import view_model
from convert.tflm.arena import plan_arena
from convert.tflm.instructions import estimate_instructions
from convert.tflm.interpreters import predict
from convert.tflm.probe import probe_model
from convert.tflm.resolver import resolver_lines
from convert.tflm.support import check_bytes
from tests.support.fused_cases import FUSED, FUSED_BROKEN, SMALL, edited
from tests.support.helpers import one_in

SEED = 31


def rules_of(model: bytes, kernels: str) -> set[str]:
    report = check_bytes(model, "the model", kernels)
    return {entry["rule"] for entry in report["refusals"] + report["warnings"]}


@pytest.mark.parametrize("rule", FUSED_BROKEN)
def test_every_rule_is_kept_and_broken(rule: str) -> None:
    assert rule not in rules_of(SMALL, "fast")
    for change in FUSED_BROKEN[rule]:
        assert rule in rules_of(edited(change), "cmsis_nn")


@pytest.mark.parametrize("name", FUSED)
def test_our_kernels_take_it_and_tflms_alone_do_not(name: str) -> None:
    assert check_bytes(FUSED[name], name, "fast")["supported"]
    assert "block_has_a_kernel" in rules_of(FUSED[name], "reference")
    assert not check_bytes(FUSED[name], name, "arduino")["supported"]


@pytest.mark.parametrize("name", one_in(4, FUSED))
def test_interpreters_run_what_a_block_is_made_of(name: str) -> None:
    plain = expand_model(FUSED[name])
    assert BLOCK not in {op.name for op in view_model(plain).operators} and expand_model(plain) is plain
    assert check_bytes(plain, name, "reference")["same_answers"] and probe_model(FUSED[name]).runs
    rng = np.random.default_rng(SEED)
    ids = [rng.integers(2, 60, rng.integers(1, input_length(plain) + 1)).astype(np.int32) for _ in range(4)]
    first, second = (predict(FUSED[name], ids, backend=backend) for backend in ("tflm", "tflite_reference"))
    assert np.array_equal(first, second), f"seed {SEED}"
    assert len(np.unique(first, axis=0)) > 1


def test_figures_count_what_is_in_a_block() -> None:
    for name, model in FUSED.items():
        plain = expand_model(model)
        assert count_macs(view_model(model)) == count_macs(view_model(plain))
        assert plan_arena(model, "cortex-m4", "fast")["total"] < plan_arena(plain, "cortex-m4", "fast")["total"]
        for core in ("cortex-m4", "cortex-m7", "cortex-m55"):
            estimate = estimate_instructions(model, core, "fast")
            assert estimate is not None and set(estimate["unknown"]) <= {"HARD_SWISH"}, name


def test_a_firmware_registers_it_by_name() -> None:
    lines = resolver_lines([BLOCK, "ADD"])
    assert lines[1:] == ["resolver.AddAdd();", 'resolver.AddCustom("EMBBERT_BLOCK", embbert::kernels::EmbbertBlock());']


def test_check_says_where_the_kernel_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(SMALL)
    assert check([str(path)]) == 0
    assert "add tflm_app/kernels to the firmware" in " ".join(capsys.readouterr().out.split())
    assert check([str(path), "--kernels", "fast"]) == 0
    assert "tflm_app/kernels to the firmware" not in " ".join(capsys.readouterr().out.split())
