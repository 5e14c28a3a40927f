"""Folding and the deploy graph: the same function as the train graph, on any input it may meet."""

import numpy as np
import pytest
import tf_keras as keras

from tests.support.helpers import random_tokens, randomise, small_config
from tf_embbert.model.classifier import build_classifier
from tf_embbert.model.config import ACTIVATIONS
from tf_embbert.quantization.deploy import build_deploy_model, deploy_layers, read_arrays
from tf_embbert.quantization.fold import fold_model

INPUTS = {"full": [12, 12], "padded": [12, 5, 2], "single token": [1, 1]}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("expansion, blocks", [(1, 3), (2, 2), (1, 1)])
def test_deploy_graph_equals_the_train_graph(
    rng: np.random.Generator, activation: str, pair: bool, expansion: int, blocks: int
) -> None:
    config = small_config(expansion=expansion, num_blocks=blocks, activation=activation)
    model = build_classifier(config, 3)
    randomise(model, rng, 0.2)
    deployed = build_deploy_model(fold_model(model, config, pair))
    for lengths in INPUTS.values():
        tokens = random_tokens(rng, config, max(lengths), lengths, pair)
        expected = model(tokens).numpy()
        np.testing.assert_allclose(deployed(tokens), expected, rtol=1e-4, atol=1e-4 * max(1, np.abs(expected).max()))


def test_deploy_graph_of_base_equals_the_train_graph(rng: np.random.Generator) -> None:
    config = small_config(
        hidden_size=128, reduced_size=16, num_blocks=4, kernel_size=32, max_length=256, vocab_size=512
    )
    model = build_classifier(config, 2)
    randomise(model, rng, 0.03)
    tokens = random_tokens(rng, config, 256, [256, 100, 2])
    np.testing.assert_allclose(build_deploy_model(fold_model(model, config, False))(tokens), model(tokens), atol=1e-4)


def test_folded_weights_are_what_the_deploy_model_holds(rng: np.random.Generator) -> None:
    config = small_config()
    folded = fold_model(build_classifier(config, 3), config, pair=True)
    held, weights = read_arrays(build_deploy_model(folded)), folded.arrays()
    assert held.keys() == weights.keys()
    for name in weights:
        np.testing.assert_array_equal(held[name], weights[name], err_msg=name)


def test_last_block_is_computed_for_the_cls_row_only(rng: np.random.Generator) -> None:
    config = small_config()
    model = build_deploy_model(fold_model(build_classifier(config, 3), config, pair=False))
    tokens = random_tokens(rng, config, 10, [10])
    outputs = keras.Model(model.input, {layer.name: layer.output for layer in deploy_layers(model)})(tokens)
    last = [name for name in outputs if name.startswith("block2.") and not name.endswith(".norm")]
    assert last and all(outputs[name].shape[1] == 1 for name in last)
    assert outputs["block2.scores"].shape == (1, 1, 10)
