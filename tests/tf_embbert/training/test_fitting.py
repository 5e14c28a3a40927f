"""The learning rate over a whole training, against its formula."""

import numpy as np
import pytest


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
