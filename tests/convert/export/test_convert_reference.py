"""The folded model in NumPy float64, written from its formulas and not from the lowering, with random models to try.

Other test files take `FoldedModel`, `random_model` and `random_rows` from here; the tests at the end hold it to
properties that need no other implementation.
"""

import numpy as np
import pytest

from tests.support.transcription import float_logits, random_model, random_rows, segments_of


@pytest.mark.parametrize("pair", [False, True])
def test_pads_change_nothing(pair: bool) -> None:
    rng = np.random.default_rng(11)
    model = random_model(rng, pair=pair)
    tokens = random_rows(rng, model, 1, 9, 9)[0]
    padded = np.concatenate([tokens, np.zeros(7, np.int32)])
    short = float_logits(model.weights, tokens, segments_of(tokens))
    np.testing.assert_allclose(float_logits(model.weights, padded, segments_of(padded)), short, rtol=1e-12)
