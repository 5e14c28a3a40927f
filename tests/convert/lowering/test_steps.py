"""Programs as integers: TFLM's bytes are TensorFlow Lite's, near the float model, whole or in tiles of rows."""

import numpy as np
import pytest

from convert.export.build import build_stages
from convert.export.row_search import choose_rows
from convert.lowering.lower import lower_model
from convert.lowering.to_tflite import write_model
from convert.passes.row_tiles import tile_rows
from convert.tflite.model import float_tensors, output_quantization, read_model
from convert.tflm.arena import plan_arena
from convert.tflm.builds import find_build
from convert.tflm.interpreters import TFLiteReferenceRunner, TFLMRunner
from convert.tflm.support import check_bytes
from tests.support.baselines import TEXTS_AND_PAIRS, Baseline, small_baseline
from tf_embbert.quantization.calibrate import calibrate
from tf_embbert.quantization.quantize import QuantizedModel
from tf_embbert.run import Quantised
from tf_embbert.tokenizer import segments

LENGTH = 32


def answers(runner: type, data: bytes, baseline: Baseline) -> np.ndarray:
    interpreter = runner(data)
    padded = [(np.pad(row, (0, LENGTH - len(row))), row) for row in baseline.rows]
    if not baseline.program.is_pair:
        return np.array([interpreter(tokens) for tokens, _ in padded])
    return np.array([interpreter(t, np.pad(segments(row), (0, LENGTH - len(row)))) for t, row in padded])


def in_reals(logits: np.ndarray, data: bytes) -> np.ndarray:
    """What a model's integers stand for."""
    scale, zero_point = output_quantization(read_model(data))
    return (logits.astype(float) - zero_point) * scale


@pytest.mark.parametrize("name, pair", TEXTS_AND_PAIRS)
def test_tflm_is_tflite_and_near_the_float_model(name: str, pair: bool) -> None:
    baseline = small_baseline(name, pair)
    data = write_model(lower_model(*baseline.quantised, LENGTH))
    assert not float_tensors(read_model(data)) and not check_bytes(data, name)["refusals"]
    logits = answers(TFLMRunner, data, baseline)
    np.testing.assert_array_equal(logits, answers(TFLiteReferenceRunner, data, baseline))
    wanted = np.array([baseline.model(row[None]).numpy()[0] for row in baseline.rows])
    error = in_reals(logits, data) - wanted
    assert np.sqrt(np.mean(error**2)) < 0.1 * np.ptp(wanted)


@pytest.mark.parametrize("rows", [(16, 16), (12, 10, 8, 2)])
@pytest.mark.parametrize("name", ["bert", "bert-efficient"])
def test_tiles_of_rows_answer_the_same_and_no_scores_are_whole(name: str, rows: tuple[int, ...]) -> None:
    baseline = small_baseline(name)
    graph = lower_model(*baseline.quantised, LENGTH)
    tiled = tile_rows(graph, rows)
    shapes = {tensor.shape for op in tiled.ops if op.kind == "SOFTMAX" for tensor in op.outputs}
    assert shapes == {(1, 1, 1, LENGTH), *((1, 1, count, LENGTH) for count in rows)}
    plain = answers(TFLMRunner, write_model(graph), baseline)
    np.testing.assert_array_equal(answers(TFLMRunner, write_model(tiled), baseline), plain)


@pytest.mark.parametrize("plan", ["offline", "stock"])
def test_the_export_is_the_smallest_of_its_tilings_and_fits_what_it_says(plan: str) -> None:
    baseline, target = small_baseline("bert"), find_build("cortex-m4", "cmsis_nn")
    built = build_stages(*baseline.quantised, LENGTH, plan=plan)
    assert built.stages[-1].total == plan_arena(built.model, "cortex-m4", "cmsis_nn")["total"]
    assert built.stages[-1].total <= built.stages[0].total
    found = choose_rows(lower_model(*baseline.quantised, LENGTH), "cortex-m4", target)
    assert [one.least for one in found] == sorted(one.least for one in found)
    plain = answers(TFLMRunner, write_model(lower_model(*baseline.quantised, LENGTH)), baseline)
    np.testing.assert_array_equal(answers(TFLMRunner, built.model, baseline), plain)


def test_a_scan_is_a_loop_that_ends_at_the_first_pad_and_needs_no_more_arena_for_more_tokens() -> None:
    baseline = small_baseline("mamba")
    built = [build_stages(*baseline.quantised, length) for length in (16, LENGTH)]
    short, long = (TFLMRunner(one.model) for one in built)
    rows = [row for row in baseline.rows if len(row) <= 16]
    assert len(rows) > 3
    for row in rows:
        np.testing.assert_array_equal(short(np.pad(row, (0, 16 - len(row)))), long(np.pad(row, (0, LENGTH - len(row)))))
    # The tokens [1, L] are there a few times: as input, as what the loop carries, and shifted.
    assert built[1].stages[-1].total - built[0].stages[-1].total <= 8 * 4 * (LENGTH - 16)


def test_a_length_beyond_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match=r"49 is not within 2\.\.48"):
        lower_model(*small_baseline("bert").quantised, 49)


def test_what_is_pooled_keeps_the_channels_that_are_small_beside_others() -> None:
    """The mean square of a channel a tenth as large is a hundredth: of 256 levels two, which would say little."""
    baseline = small_baseline("mamba")
    weights = dict(baseline.program.arrays())
    weights["embed.words.table"] = weights["embed.words.table"] * np.where(np.arange(12) > 0, 1.0, 24.0)
    weights["logits.kernel"] = weights["logits.kernel"] * (np.arange(12) > 0)
    program = baseline.program.with_arrays({name: value.astype(np.float32) for name, value in weights.items()})
    quantised = Quantised(program, calibrate(program, baseline.rows, seed=0))
    data = write_model(lower_model(*quantised, LENGTH))
    logits = in_reals(answers(TFLMRunner, data, baseline), data)
    fake = QuantizedModel(*quantised).model
    wanted = np.array([fake(row[None]).numpy()[0] for row in baseline.rows])
    assert np.sqrt(np.mean((logits - wanted) ** 2)) < 0.03 * np.ptp(wanted)
