"""Blocks of one operator on firmware under QEMU: the bytes of plain operators, in the arena that was computed."""

import os
from pathlib import Path

import pytest

from benchmarks.firmware.inputs import join, seeded_inputs
from benchmarks.firmware.runner import BOARDS, BORROWED_BOARDS, build_firmware, missing_tools, smallest_arena
from convert.lowering.expand import expand_model
from convert.tflite.view import view_model
from convert.tflm.arena import plan_arena
from tests.support.fused_cases import FUSED
from tf_embbert.common.errors import UserError


@pytest.mark.skipif(bool(missing_tools()), reason=f"needs {', '.join(missing_tools())}")
@pytest.mark.parametrize("core", [*BOARDS, *BORROWED_BOARDS])
def test_the_bytes_are_those_of_plain_operators(core: str, tmp_path: Path) -> None:
    root = os.environ.get("TFLM_ROOT") or pytest.skip("TFLM_ROOT is not set")
    try:
        firmware = build_firmware(core, "cmsis_nn", root, tmp_path, "measure_embbert", "fast")
    except UserError as error:
        if "libtensorflow-microlite.a" in str(error):
            pytest.skip(f"TFLM has no library for {core}")
        raise
    for name, model in FUSED.items():
        plain, inputs = expand_model(model), join(seeded_inputs(model))
        if any(op.name == "HARD_SWISH" for op in view_model(plain).operators):  # not among the firmware's operators
            continue
        arena = plan_arena(model, core, "fast")["total"]
        assert smallest_arena(firmware, model)[1] == arena, name
        fused = firmware.run(model, arena, inputs)
        assert fused.output is not None and fused.output == firmware.run(plain, inputs=inputs).output, name
