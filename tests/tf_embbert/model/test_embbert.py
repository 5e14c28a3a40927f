"""What Keras and TensorFlow would say in an error of a graph, the model says in one line; saved, it loads by itself."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import tensorflow as tf
import tf_keras as keras

from tests.support.helpers import random_tokens, small_config
from tf_embbert.common.errors import UserError
from tf_embbert.model.classifier import build_classifier, build_encoder, build_pretraining_model, config_of
from tf_embbert.model.config import EmbBERTConfig

ROOT = Path(__file__).parents[3]
CONFIG = small_config(num_blocks=1)
TOO_LONG = "a text has more than the 32 of max_length"
UNKNOWN = "one is not below the 64 of vocab_size"


def compiled(config: EmbBERTConfig = CONFIG) -> keras.Model:
    model = build_classifier(config, 2)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def dataset(tokens: np.ndarray) -> tf.data.Dataset:
    """Batches of a length that no graph knows before it runs."""
    specs = (tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None,), tf.int32))
    return tf.data.Dataset.from_generator(
        lambda: iter([(tokens, np.zeros(len(tokens), np.int32))]), output_signature=specs
    )


WAYS: dict[str, Callable[[keras.Model, np.ndarray], object]] = {
    "call": lambda model, tokens: model(tokens),
    "predict": lambda model, tokens: model.predict(tokens, verbose=0),
    "fit": lambda model, tokens: model.fit(tokens, np.zeros(len(tokens)), verbose=0),
    "fit on a dataset": lambda model, tokens: model.fit(dataset(tokens), verbose=0),
    "evaluate a dataset": lambda model, tokens: model.evaluate(dataset(tokens), verbose=0),
}


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=pytest.mark.slow) if way == "fit on a dataset" else way for way in WAYS]
)
def test_ids_that_it_cannot_take_are_refused_by_name(way: str) -> None:
    model = compiled()
    for tokens, reason in ((np.ones((3, 33), np.int32), TOO_LONG), (np.full((3, 32), 64, np.int32), UNKNOWN)):
        with pytest.raises(UserError, match=reason) as refused:
            WAYS[way](model, tokens)
        assert len(str(refused.value).splitlines()) == 1
    WAYS[way](model, np.full((3, 32), 63, np.int32))


@pytest.mark.parametrize("way", ["call", "predict", "fit"])
@pytest.mark.parametrize("texts", [["a text"], np.array(["a text"]), pandas.Series(["a text"])], ids=type)
def test_texts_are_no_ids(way: str, texts: Any) -> None:
    with pytest.raises(UserError, match=r"takes token ids, and these are texts: give it tokenizer\(texts\)"):
        WAYS[way](compiled(), texts)


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(ValueError, match="Dimensions must be equal"):
        compiled().predict(np.zeros((2, 3, 4), np.int32), verbose=0)


def test_the_stock_converter_gets_the_remedy() -> None:
    model = build_classifier(CONFIG, 2)
    with pytest.raises(UserError, match=r"write tf_embbert.convert_model\(model, tokenizer, labels, texts") as refused:
        tf.lite.TFLiteConverter.from_keras_model(model).convert()
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("build", [lambda config: build_classifier(config, 2), build_encoder, build_pretraining_model])
def test_another_dtype_policy_is_refused(build: Callable[[EmbBERTConfig], keras.Model]) -> None:
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        with pytest.raises(UserError, match="trains in float32, and the dtype policy is mixed_bfloat16"):
            build(CONFIG)
    finally:
        keras.mixed_precision.set_global_policy("float32")


def test_the_sizes_are_read_back() -> None:
    config = small_config(activation="hard_swish", token_dropout=0.2, expansion=2)
    assert config_of(build_classifier(config, 2)) == config
    with pytest.raises(UserError, match="is not a model of build_classifier"):
        config_of(build_encoder(config))


LOAD = """
import sys, numpy as np, tf_embbert, tf_keras as keras
assert "tf_embbert.model.layers" not in sys.modules
model = keras.models.load_model(sys.argv[1])
np.save(sys.argv[2], model.predict(np.load(sys.argv[3]), verbose=0))
"""


def test_loads_after_import_tf_embbert_alone(rng: np.random.Generator, tmp_path: Path) -> None:
    """In a process of its own, which has imported no layer."""
    model = compiled()
    tokens = random_tokens(rng, CONFIG, 8, [8, 3])
    model.save(tmp_path / "m.keras")
    np.save(tmp_path / "tokens.npy", tokens)
    files = [tmp_path / name for name in ("m.keras", "answers.npy", "tokens.npy")]
    done = subprocess.run([sys.executable, "-c", LOAD, *files], cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "answers.npy"), model.predict(tokens, verbose=0))


def test_h5_files_of_a_model_and_of_weights(rng: np.random.Generator, tmp_path: Path) -> None:
    model, other = compiled(), compiled()
    tokens = random_tokens(rng, CONFIG, 8, [8, 3])
    expected = model.predict(tokens, verbose=0)
    model.save(tmp_path / "m.h5")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "m.h5").predict(tokens, verbose=0), expected)
    for name in ("m.weights.h5", "old.h5"):  # Keras' two formats of weights
        model.save_weights(tmp_path / name)
        other.set_weights([0 * value for value in other.get_weights()])
        other.load_weights(tmp_path / name)
        np.testing.assert_array_equal(other.predict(tokens, verbose=0), expected)


def test_a_first_step_is_traced_once() -> None:
    traced = []

    def loss(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        traced.append(outputs)
        return keras.losses.sparse_categorical_crossentropy(targets, outputs, from_logits=True)

    model = build_classifier(CONFIG, 2)
    model.compile(keras.optimizers.AdamW(), loss)
    model.fit(np.ones((3, 32), np.int32), np.zeros(3), epochs=2, verbose=0)
    assert len(traced) == 1
