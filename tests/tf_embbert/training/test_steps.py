"""A training step against Keras' own `fit`, and random layers on a part of a batch against the whole of it."""

from typing import Any

import numpy as np
import pytest

from tests.support.helpers import random_tokens, small_config
from tf_embbert.model.config import EmbBERTConfig


@pytest.mark.parametrize(
    "kind",
    ["classes", pytest.param("regression", marks=pytest.mark.slow), pytest.param("teacher", marks=pytest.mark.slow)],
)
def test_steps_are_those_of_fit(kind: str) -> None:
    """With dropout, in batches of several lengths of which some are small: the same bits."""
    import tensorflow as tf
    import tf_keras as keras

    from tf_embbert import build_classifier
    from tf_embbert.quantization.quantize import distil
    from tf_embbert.training.batching import make_batches
    from tf_embbert.training.fitting import Recipe, compile_model, train_epoch
    from tf_embbert.training.steps import make_step

    rng = np.random.default_rng(0)
    config = EmbBERTConfig.from_dict({**small_config().to_dict(), "dropout": 0.3, "token_dropout": 0.2})
    ids = [row for length in (3, 5, 9) for row in random_tokens(rng, config, length, [length] * 7)]
    given: dict[str, tuple[Any, np.ndarray]] = {
        "classes": (keras.losses.SparseCategoricalCrossentropy(from_logits=True), rng.integers(0, 2, len(ids))),
        "regression": (keras.losses.MeanSquaredError(), rng.random(len(ids), np.float32)),
        "teacher": (distil, rng.random((len(ids), 2), np.float32)),
    }
    loss, targets = given[kind]
    outputs = 1 if kind == "regression" else 2

    def model_to_train() -> keras.Model:
        keras.utils.set_random_seed(0)
        model = build_classifier(config, outputs)
        compile_model(model, Recipe(1, learning_rate=1e-2), 10)
        return model

    ours, theirs = model_to_train(), model_to_train()
    batches, again = (make_batches(ids, targets, 4, seed=1) for _ in range(2))
    step = make_step(ours, loss, tf.TensorSpec([None, *targets.shape[1:]], targets.dtype))
    mean = train_epoch(step, batches, "", len(batches))
    theirs.compile(theirs.optimizer, loss)
    assert mean == pytest.approx(theirs.fit(again, verbose=0).history["loss"][0], rel=1e-6)
    for got, wanted in zip(ours.get_weights(), theirs.get_weights()):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("shape", [(3, 5), (7, 6, 6), (5, 3, 3)])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 8])
def test_rows_draw_the_same_numbers_whoever_has_them(shape: tuple[int, ...], count: int) -> None:
    """Those that TensorFlow's generator of the same state draws for the whole batch; the state is then the same too."""
    import tensorflow as tf

    from tf_embbert.model.layers import RandomLayer, whole_batch

    layer = RandomLayer(0.5)
    for _ in range(2):
        state = layer.generator.state.numpy()
        generator = tf.random.Generator.from_state(state, "philox")
        expected, parts = generator.uniform(shape).numpy(), []
        for number in range(count):
            first, last = (shape[0] * i // count for i in (number, number + 1))
            layer.generator.reset(state)
            with whole_batch(tf.constant(first), tf.constant(shape[0])):
                parts.append(layer.uniform(tf.constant([last - first, *shape[1:]])).numpy())
            np.testing.assert_array_equal(layer.generator.state.numpy(), generator.state.numpy())
        np.testing.assert_array_equal(np.concatenate(parts), expected)
