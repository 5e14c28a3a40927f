"""The learning rate over a whole training, against its formula; and which epoch a training leaves."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.helpers import random_tokens, small_config


@pytest.mark.parametrize(
    "peak, share, total", [(1e-3, 0.06, 1760), (3e-5, 0.06, 440), (2e-3, 0.03, 3000), (1e-3, 0.06, 5)]
)
def test_the_rate_rises_linearly_and_falls_as_a_cosine(peak: float, share: float, total: int) -> None:
    """At every step, to 1e-6 of the peak: float32's rounding."""
    import tensorflow as tf

    from tf_embbert.training.fitting import warmup_cosine

    warmup, steps = share * total, np.arange(total + 1)
    falling = 0.5 * (1 + np.cos(np.pi * (steps - warmup) / (total - warmup)))
    expected = peak * np.where(steps < warmup, steps / warmup, falling)
    schedule = tf.function(warmup_cosine(peak, warmup, total))
    rates = np.array([schedule(tf.constant(step, tf.int64)).numpy() for step in steps])
    np.testing.assert_allclose(rates, expected, rtol=0, atol=1e-6 * peak)
    assert rates[0] == 0.0 and rates.max() == pytest.approx(peak, rel=0.1)


@pytest.mark.slow
def test_the_last_epoch_is_kept_where_that_is_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation falls, then rises: the best epoch is the first, then the last, and the last one in both."""
    import tf_keras as keras

    from tf_embbert import build_classifier
    from tf_embbert.training import fitting

    ids = list(random_tokens(np.random.default_rng(0), small_config(), 8, [8] * 40))
    rows = fitting.EncodedRows(ids, np.arange(40, dtype=np.int32) % 2, "accuracy")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def weights_after(name: str, values: list[float], keep_last: bool) -> np.ndarray:
        judged = iter(values)
        monkeypatch.setattr(fitting, "validate", lambda model, rows: next(judged))
        keras.utils.set_random_seed(0)
        model, recipe = build_classifier(small_config(), 2), fitting.Recipe(3, keep_last=keep_last)
        fitting.train(model, loss, rows, rows, recipe, tmp_path / name, 0, report=lambda line: None)
        return model.get_layer("head").get_weights()[0]

    falling, rising = [90.0, 80.0, 70.0], [70.0, 80.0, 90.0]
    last = weights_after("last", falling, True)
    np.testing.assert_allclose(weights_after("rising", rising, False), last, atol=1e-6)
    assert np.abs(weights_after("falling", falling, False) - last).max() > 1e-4
