"""Calibration and fake quantisation: the graph that QAT trains answers as the int8 model in TFLM does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.export.build import build_model
from convert.tflite.model import output_quantization, read_model
from convert.tflm.interpreters import predict
from tests.support.helpers import random_tokens, randomise, small_config
from tf_embbert.model.classifier import build_classifier
from tf_embbert.model.config import ACTIVATIONS, EmbBERTConfig
from tf_embbert.model.folded import FoldedModel
from tf_embbert.quantization.calibrate import MASK_DEPTH, best_clip, calibrate
from tf_embbert.quantization.deploy import build_deploy_model
from tf_embbert.quantization.fold import fold_model
from tf_embbert.quantization.quantize import QuantizedModel, distil, train_quantized
from tf_embbert.training.batching import predict_in_order
from tf_embbert.training.fitting import EncodedRows, Recipe, train

LENGTH = 12
SPREAD = 0.5  # of the logits of a random model; three of four have it


def make_rows(rng: np.random.Generator, config: EmbBERTConfig, count: int = 96) -> list[np.ndarray]:
    lengths = rng.integers(1, LENGTH + 1, count)
    return [row[:length] for row, length in zip(random_tokens(rng, config, LENGTH, lengths), lengths)]


@pytest.fixture
def folded(rng: np.random.Generator) -> Any:
    """(folded weights, token ids) of a small random model with a spread of attention and of logits."""
    return random_folded(rng, small_config())


def random_folded(rng: np.random.Generator, config: EmbBERTConfig) -> tuple[FoldedModel, list[np.ndarray]]:
    """As `folded`, drawn until texts get different answers: where all are alike, only roundings are to see."""
    while True:
        model, rows = build_classifier(config, 3), make_rows(rng, config)
        randomise(model, rng, 0.2)
        if predict_in_order(model, rows).std() > SPREAD:
            return fold_model(model, config, pair=False), rows


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_fake_quantised_graph_answers_as_tflm_does(rng: np.random.Generator, activation: str) -> None:
    weights, rows = random_folded(rng, small_config(activation=activation))
    ranges = calibrate(weights, rows, seed=0)
    trained_graph = predict_in_order(QuantizedModel(weights, ranges).model, rows)
    model = build_model(weights, ranges, LENGTH)
    scale, zero_point = output_quantization(read_model(model))
    on_device = (predict(model, rows).astype(np.float64) - zero_point) * scale
    # Roundings of single values go either way and spread through three blocks; the answers must stay together.
    exact = predict_in_order(build_deploy_model(weights), rows)
    spread = exact.std()
    assert np.sqrt(np.mean((on_device - trained_graph) ** 2)) < 0.05 * spread
    assert np.sqrt(np.mean((on_device - exact) ** 2)) < 0.2 * spread


def test_fixed_ranges_need_no_calibration_and_pads_do_not_count(folded: Any) -> None:
    weights, rows = folded
    ranges = calibrate(weights, rows, seed=0)
    assert not [name for name in ranges if name.endswith((".norm", ".weights", ".gate"))]
    # The position table far beyond every text changes nothing: only pads could reach it.
    weights.embed.position[LENGTH:] += 100
    again = calibrate(weights, rows, seed=0)
    different = [n for n in ranges if n != "embed.features" and not np.array_equal(ranges[n], again[n])]
    assert not different


def test_masked_scores_lie_far_below_the_peaks(folded: Any) -> None:
    weights, rows = folded
    low, high = calibrate(weights, rows, seed=0)["block0.scores"]
    assert low <= -MASK_DEPTH + high


def test_best_clip_gives_up_an_outlier() -> None:
    values = np.concatenate([np.random.default_rng(0).normal(size=100_000), [60.0]])
    limit = best_clip(values, np.ones_like(values), lambda c: (-c, c), 60.0)
    assert limit < 60.0
    assert best_clip(values, np.where(values == 60.0, 1e6, 1.0), lambda c: (-c, c), 60.0) == 60.0


@pytest.mark.parametrize("phase", ["ranges", pytest.param("frozen", marks=pytest.mark.slow)])
def test_training_moves_the_weights_and_in_its_first_phase_the_ranges(folded: Any, tmp_path: Path, phase: str) -> None:
    weights, ids = folded
    ranges = calibrate(weights, ids, seed=0)
    teacher = predict_in_order(build_deploy_model(weights), ids)
    rows = EncodedRows(ids, teacher.argmax(1).astype(np.int32), "accuracy")
    recipe = Recipe(epochs=1, learning_rate=1e-3, weight_decay=0.0)
    quantized = QuantizedModel(weights, ranges, train_ranges=phase == "ranges")
    train(quantized.model, distil, rows, rows, recipe, tmp_path, 0, teacher, lambda line: None)
    trained, moved = quantized.read()
    assert isinstance(trained, FoldedModel)
    assert not np.array_equal(trained.blocks[0].query_kernel, weights.blocks[0].query_kernel)
    assert moved["block0.values"][0] == -moved["block0.values"][1]
    # A range gets its gradient from the values it clips, so one that clips nothing stays.
    of_tensors = [name for name in ranges if not name.endswith(".kernel")]
    changed = [name for name in of_tensors if not np.allclose(moved[name], ranges[name], rtol=1e-6)]
    assert bool(changed) == (phase == "ranges")


@pytest.mark.slow
def test_qat_that_does_not_help_leaves_things_as_they_were(folded: Any, tmp_path: Path) -> None:
    weights, ids = folded
    ranges = calibrate(weights, ids, seed=0)
    teacher = predict_in_order(build_deploy_model(weights), ids)
    answers = predict_in_order(QuantizedModel(weights, ranges).model, ids).argmax(1)
    rows = EncodedRows(ids, answers.astype(np.int32), "accuracy")  # nothing can be better than the start
    recipe = Recipe(epochs=1, learning_rate=0.1, weight_decay=0.0)
    trained, kept, history = train_quantized(
        weights, ranges, teacher, rows, rows, recipe, tmp_path, 0, lambda line: None
    )
    assert [row["phase"] for row in history] == ["qat ranges", "qat frozen"]
    assert isinstance(trained, FoldedModel)
    np.testing.assert_array_equal(trained.blocks[0].query_kernel, weights.blocks[0].query_kernel)
    np.testing.assert_allclose(kept["x1"], ranges["x1"], rtol=1e-6)


def test_reading_back_gives_what_was_set(folded: Any) -> None:
    weights, rows = folded
    ranges = calibrate(weights, rows, seed=0)
    held, held_ranges = QuantizedModel(weights, ranges).read()
    assert isinstance(held, FoldedModel) and held_ranges.keys() == ranges.keys()
    for name in ranges:
        np.testing.assert_allclose(held_ranges[name], ranges[name], rtol=1e-6, err_msg=name)
    assert held.activation == weights.activation and held.arrays().keys() == weights.arrays().keys()
    for name, value in weights.arrays().items():
        np.testing.assert_array_equal(held.arrays()[name], value, err_msg=name)
