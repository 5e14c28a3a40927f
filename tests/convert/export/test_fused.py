"""Blocks as one operator each: the bytes of the plain graph, and what conversions make of it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from convert import convert, verify
from convert.bundle.bundle import read_bundle
from convert.bundle.conversion import convert_run
from convert.bundle.for_library import bundle_for
from convert.export.build import TILE_ROWS, build_model, build_stages
from convert.export.build_lengths import build_lengths
from convert.lowering.expand import expand_model
from convert.lowering.fused_block import pack_weights, unpack_weights
from convert.lowering.lower import lower_mixed, lower_model
from convert.lowering.mixtures import mixture_ranges
from convert.lowering.quantization import four_bit_scale
from convert.lowering.to_tflite import write_model
from convert.passes.fuse import fuse_blocks
from convert.tflite.block_options import BLOCK, read_options
from convert.tflite.lengths import split_lengths
from convert.tflite.view import view_model
from convert.tflm.arena import plan_arena
from convert.tflm.interpreters import predict
from convert.tflm.libraries import LIBRARIES
from tests.support.chain import refused
from tests.support.transcription import RandomModel, calibrate, random_model, random_rows, segments_of
from tf_embbert.common.errors import UserError
from tf_embbert.model.folded import FoldedModel
from tf_embbert.run import load_run

BASE = Path(__file__).parents[3] / "benchmarks/base256"
SEED, LENGTH, LONG = 5, 24, 80


def small(pair: bool = False, activation: str = "silu", multiplier: int = 1) -> RandomModel:
    rng = np.random.default_rng(SEED)
    return random_model(rng, 16, 3, multiplier, pair=pair, kernel=5, max_length=LENGTH, activation=activation)


def large() -> RandomModel:
    """A model whose arena its tiles decide on."""
    return random_model(np.random.default_rng(SEED), 64, 3, kernel=5, max_length=LONG, calibration_rows=4)


@pytest.mark.parametrize(
    "pair, activation, bits", [(False, "silu", 8), (True, "silu", 8), (False, "hard_swish", 8), (False, "silu", 4)]
)
def test_fused_blocks_answer_as_the_plain_graph(pair: bool, activation: str, bits: int) -> None:
    model = small(pair, activation)
    plain = lower_mixed(model.weights, model.ranges, LENGTH, bits)
    fused = write_model(fuse_blocks(plain, 4))
    assert [op.name for op in view_model(fused).operators].count(BLOCK) == 2
    rows = random_rows(np.random.default_rng(SEED), model, 12, LENGTH)
    segments = [segments_of(row) for row in rows] if pair else None
    first, second = (predict(each, list(rows), segments) for each in (fused, write_model(plain)))
    assert np.array_equal(first, second) and len(np.unique(first, axis=0)) > 6, f"seed {SEED}"


def test_weights_of_four_bits_are_packed_as_the_kernel_reads_them() -> None:
    weights = np.random.default_rng(SEED).integers(-8, 8, (6, 24)).astype(np.int8)
    packed = pack_weights(weights)
    assert packed.shape == (6, 12) and np.array_equal(unpack_weights(packed), weights), f"seed {SEED}"
    for row, bytes_ in zip(weights, packed.view(np.uint8)):  # kernels/unpack.h: weight i below, weight i + 4 above
        assert all(
            (row[8 * (i // 4) + i % 4 + half] & 15) == (byte >> half & 15)
            for i, byte in enumerate(bytes_)
            for half in (0, 4)
        )


def test_the_scale_of_four_bits_is_the_nearest() -> None:
    values = np.random.default_rng(SEED).standard_normal((16, 32)).astype(np.float32)
    chosen = four_bit_scale(values).per_tensor_scale

    def error(scale: float) -> float:
        return float(np.square(np.clip(np.floor(values / scale + 0.5), -7, 7) * scale - values).mean())

    grid = [error(float(bound) / 7) for bound in np.linspace(0.1, 1, 200) * np.abs(values).max()]
    assert error(chosen) <= 1.01 * min(grid) < 0.9 * grid[-1], f"seed {SEED}"


def test_four_bits_halve_the_dense_weights() -> None:
    model = large()
    eight, four = (build_model(model.weights, model.ranges, LONG, plan=plan) for plan in ("fused", "fused-int4"))
    assert 2 * 3 * 64 * 64 // 2 - 64 <= len(eight) - len(four) <= 2 * 3 * 64 * 64 // 2 + 64  # two blocks, three kernels


def test_mixing_before_projecting_is_the_same_function() -> None:
    """What differs is where it rounds: a few of 255 steps."""
    model = small()
    rows = list(random_rows(np.random.default_rng(SEED), model, 12, LENGTH))
    both = [write_model(lower(model.weights, model.ranges, LENGTH)) for lower in (lower_model, lower_mixed)]
    first, second = (predict(each, rows).astype(int) for each in both)
    assert 0 < np.abs(first - second).max() <= 16 and np.abs(first - second).mean() < 4, f"seed {SEED}"


@pytest.mark.parametrize("pair, activation, multiplier", [(False, "silu", 2), (True, "hard_swish", 1)])
def test_ranges_are_those_of_the_transcription(pair: bool, activation: str, multiplier: int) -> None:
    model = small(pair, activation, multiplier)
    rows = random_rows(np.random.default_rng(SEED + 1), model, 3, LENGTH, LENGTH)
    wanted = calibrate(model, rows)
    found = mixture_ranges(model.weights, list(rows))
    assert found.keys() == {"block0.mixed", "block1.mixed"}
    for name, span in found.items():
        np.testing.assert_allclose(span, wanted[name], rtol=1e-4)


def test_a_budget_buys_rows_of_a_tile() -> None:
    model = large()
    budget = 1_000_000
    for rows in TILE_ROWS:
        built = build_model(model.weights, model.ranges, LONG, arena=budget, plan="fused", kernels="fast")
        options = [bytes(op.packed.customOptions) for op in view_model(built).operators if op.name == BLOCK]
        assert {read_options(data).tile_rows for data in options} == {rows}
        budget = plan_arena(built, "cortex-m7", "fast")["total"] - 16


def test_stages_end_at_the_model() -> None:
    model = small()
    built = build_stages(model.weights, model.ranges, LENGTH, plan="fused")
    assert built.model == build_model(model.weights, model.ranges, LENGTH, plan="fused")
    assert [stage.step for stage in built.stages[:2]] == ["lowering", "blocks of one operator"]
    assert built.stages[-1].file == len(built.model) and built.stages[-1].total < built.stages[0].total


def test_several_lengths_share_their_weights() -> None:
    model = large()
    built, offsets = build_lengths(model.weights, model.ranges, [8, LONG], plan="fused")
    alone = build_model(model.weights, model.ranges, LONG, plan="fused")
    models = split_lengths(built.model, offsets)
    assert len(built.model) < 1.5 * len(alone)
    for core in ("cortex-m4", "cortex-m55"):
        totals = [plan_arena(each, core, "fast")["total"] for each in models.values()]
        assert totals[0] <= totals[1]
    rows = [row[:8] for row in random_rows(np.random.default_rng(SEED), model, 4, LONG, 8)]
    assert predict(models[8], rows).shape == predict(models[LONG], rows).shape


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fused") / "bundle"
    assert convert.main([str(BASE), "--out", str(out), "--seq-len", "48", "--shorter", "16", "--plan", "fused"]) == 0
    return out


def test_a_bundle_runs_registers_and_verifies(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = read_bundle(bundle)
    verification = made.manifest["verification"]
    assert verification["equal"] == verification["rows"] > 0
    assert 0.95 * verification["texts"] <= verification["same_as_scored"] <= verification["texts"]
    assert b'AddCustom("EMBBERT_BLOCK", embbert::kernels::EmbbertBlock())' in made.files["op_resolver.h"]
    assert "EMBBERT_BLOCK" in (bundle / "README.md").read_text()
    assert verify.main([str(bundle)]) == 0
    arena = made.manifest["arena"]["cortex-m4"]
    assert arena["fast"]["total"] < arena["cmsis_nn"]["total"] < 24_000  # 32,000 without


def test_an_older_library_gets_the_operators_that_blocks_are_made_of(bundle: Path) -> None:
    made = read_bundle(bundle)
    mended = bundle_for(made, LIBRARIES["arduino"], "cortex-m4")
    operators = {op.name for op in view_model(mended.files["model.tflite"]).operators}
    assert BLOCK not in operators and "BATCH_MATMUL" not in operators
    ids = [np.array(row["tokens"], np.int32) for row in mended.golden]
    assert np.array_equal(predict(mended.files["model.tflite"], ids), [row["logits"] for row in mended.golden])


def test_what_has_no_such_blocks_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = load_run(BASE)
    weights, ranges = run.quantised
    assert isinstance(weights, FoldedModel) and run.chosen
    wide = [dataclasses.replace(block, conv_kernel=np.repeat(block.conv_kernel, 2, 1)) for block in weights.blocks]
    run.variants[run.chosen] = run.quantised._replace(weights=dataclasses.replace(weights, blocks=tuple(wide)))
    with pytest.raises(UserError, match="--plan fused takes a forward expansion of 1"):
        convert_run(run, tmp_path / "out", plan="fused")
    arguments = [BASE, "--out", tmp_path / "out", "--plan", "fused", "--seq-len", "48", "--arena-budget", "9000"]
    refused(capsys, convert.main, arguments, "the smallest arena found at length 48")
    assert expand_model(write_model(lower_model(weights, ranges, 8)))
