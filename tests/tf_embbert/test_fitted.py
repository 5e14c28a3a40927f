"""From Keras' `fit` to a bundle in one call, and what the bundle answers in Python."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras as keras

from convert.bundle.bundle import read_bundle
from convert.bundle.verification import verify_bundle
from tests.support.chain import FolderOf, make_rows
from tf_embbert import (
    Classifier,
    EmbBERTConfig,
    EvaluateConfig,
    Tokenizer,
    build_classifier,
    build_encoder,
    build_regressor,
    convert_model,
    evaluate_model,
    load_run,
    load_task,
    make_batches,
    quantize,
)
from tf_embbert.common.errors import UserError
from tf_embbert.run import save_run

QUIET: Any = {"report": lambda line: None}


def fitted(kind: str = "classes", epochs: int = 4) -> tuple[Any, Tokenizer, Any]:
    """A small model that `fit` trained, its tokenizer and its task."""
    keras.utils.set_random_seed(1)
    columns = {"text_column": "body", "label_column": "queue"} if kind == "classes" else {}
    task = load_task(make_rows(kind), **columns)
    rows = task.rows("train")
    tokenizer = Tokenizer.train([*rows.texts, *(rows.pairs or [])], 200)
    config = EmbBERTConfig.preset("nano", vocab_size=tokenizer.vocab_size, max_length=48)
    model = build_classifier(config, len(task.labels)) if task.labels else build_regressor(config)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True) if task.labels else "mse"
    model.compile(keras.optimizers.AdamW(2e-3), loss)
    model.fit(make_batches(tokenizer.encode(rows.texts, rows.pairs).ids, rows.labels, seed=0), epochs=epochs, verbose=0)
    return model, tokenizer, task


@pytest.fixture(scope="module")
def classes() -> tuple[Any, Tokenizer, Any]:
    return fitted()


@pytest.fixture(scope="module")
def bundle(classes: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained quantisation-aware for an epoch, and scored on its test rows."""
    model, tokenizer, task = classes
    out = tmp_path_factory.mktemp("fitted") / "bundle"
    splits = {"selection": task.rows("selection"), "test": task.rows("test")}
    train = task.rows("train")
    convert_model(model, tokenizer, task.labels, train.texts, out=out, qat_epochs=1, **splits, **QUIET)
    return out


def test_one_call_makes_a_bundle_that_verifies(bundle: Path, classes: Any) -> None:
    model, tokenizer, task = classes
    manifest = read_bundle(bundle).manifest
    assert verify_bundle(bundle)["ok"] and manifest["labels"] == task.labels
    accuracy, rows = manifest["accuracy"], task.rows("test")
    answers = model.predict(tokenizer(rows.texts), verbose=0).argmax(axis=1)
    assert accuracy["float"] == pytest.approx(100 * np.mean(answers == rows.labels))
    assert (accuracy["split"], accuracy["rows"], accuracy["metric"]) == ("test", len(rows), "accuracy")
    assert {accuracy["ptq_tflm"], accuracy["qat_tflm"]} >= {accuracy["int8_tflm"]}


def test_the_classifier_answers_as_the_bundle_says(bundle: Path, classes: Any) -> None:
    classifier, task, opened = Classifier(bundle), classes[2], read_bundle(bundle)
    texts = [row["text"] for row in opened.golden]
    assert classifier.predict(texts) == [row["label"] for row in opened.golden]
    shares = classifier.predict_proba(texts)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    assert [classifier.labels[i] for i in shares.argmax(axis=1)] == classifier.predict(texts)
    logits = classifier.logits(texts)
    np.testing.assert_allclose(np.log(shares / shares[:, :1]), logits - logits[:, :1], atol=1e-4)
    rows = task.rows("test")
    by_name = classifier.evaluate(rows.texts, [task.labels[i] for i in rows.labels])
    figure = opened.manifest["accuracy"]["int8_tflm"]
    assert by_name == {"model": "int8 in TFLM", "rows": len(rows), "accuracy": figure}
    assert classifier.evaluate(rows.texts, rows.labels) == by_name
    assert classifier.predict([]) == [] and classifier.predict_proba([]).shape == (0, 3)


def test_it_answers_as_evaluate_does(bundle_of: FolderOf, data: dict[str, Path]) -> None:
    folder = bundle_of("regression")
    task = load_task(data["regression"], seed=3)
    rows = task.rows("test")
    ours = Classifier(folder).evaluate(rows.texts, rows.labels)
    theirs = evaluate_model(folder, EvaluateConfig(task=str(data["regression"])))
    assert ours["spearman"] == theirs["spearman"]
    assert Classifier(folder).predict(rows.texts).dtype == np.float32
    with pytest.raises(UserError, match="predicts a number"):
        Classifier(folder).predict_proba(rows.texts)


def test_without_tflms_package_it_says_who_answers(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TFLite's reference kernels of TensorFlow 2.19 give the same bytes."""
    texts = ["play a song", "set a timer now", "lights off"]
    expected = Classifier(bundle).logits(texts)
    real = importlib.util.find_spec
    monkeypatch.setattr("tf_embbert.int8.find_spec", lambda name: None if name == "tflite_micro" else real(name))
    classifier = Classifier(bundle)
    assert classifier.backend == "int8 in TFLite's reference kernels"
    np.testing.assert_array_equal(classifier.logits(texts), expected)
    monkeypatch.setattr("tf_embbert.int8.find_spec", lambda name: None)
    with pytest.raises(UserError, match="install tflite-micro"):
        Classifier(bundle)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pairs", "regression"])
def test_pairs_and_numbers_without_labelled_rows(kind: str, tmp_path: Path) -> None:
    model, tokenizer, task = fitted(kind, epochs=1)
    rows = task.rows("train")
    run = quantize(model, tokenizer, task.labels, rows.texts, rows.pairs, qat_epochs=1, **QUIET)
    assert set(run.variants) == {"ptq", "qat"} and run.is_pair == (kind == "pairs")
    assert run.metrics["metric"] is None and set(run.metrics["selection"]) >= {"float", "ptq_tflm", "qat_tflm"}
    assert run.metrics["selection"]["float"] == pytest.approx(100)  # what chooses is what the float model says


def test_calibration_alone_states_no_accuracy_and_the_run_is_one(classes: Any, tmp_path: Path) -> None:
    model, tokenizer, task = classes
    run = quantize(model, tokenizer, task.labels, task.rows("train").texts, max_length=16, **QUIET)
    assert (run.chosen, list(run.variants), run.max_length) == ("ptq", ["ptq"], 16)
    (tmp_path / "run").mkdir()
    save_run(run, tmp_path / "run", [{"phase": "float"}])
    again = load_run(tmp_path / "run")
    tokens = tokenizer(task.rows("test").texts)
    np.testing.assert_array_equal(again.model.predict(tokens, verbose=0), model.predict(tokens, verbose=0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["a", "b"]}, "the model has 3 outputs, and you give 2 labels"),
        ({"labels": None}, r"the model has 3 outputs, and you give a regression \(labels=None\)"),
        ({"texts": []}, "no texts: calibration needs some"),
        ({"texts": "one"}, "'one' is one text where several are wanted"),
        ({"texts": ["a", None]}, "texts, row 2: None is not a text"),
        ({"max_length": 49}, "max_length 49 is not within 2..48"),
        ({"model": 3}, "is not a tf_keras model"),
        ({"pairs": ["a"]}, "texts and 1 second texts"),
    ],
)
def test_what_does_not_belong_together_is_refused(
    change: dict[str, Any], message: str, classes: Any, tmp_path: Path
) -> None:
    model, tokenizer, task = classes
    given = {"model": model, "tokenizer": tokenizer, "labels": task.labels, "texts": task.rows("train").texts}
    with pytest.raises(UserError, match=message) as refused:
        convert_model(**{**given, **change}, out=tmp_path / "b", **QUIET)
    assert len(str(refused.value).splitlines()) == 1 and not (tmp_path / "b").exists()


def test_another_models_parts_are_refused(classes: Any, bundle: Path) -> None:
    model, tokenizer, task = classes
    large = Tokenizer.train([chr(code) * 10 for code in range(0x4E00, 0x4E00 + 300)], 400)
    with pytest.raises(UserError, match="give the tokenizer that it was fitted with"):
        quantize(model, large, task.labels, ["a"], **QUIET)
    with pytest.raises(UserError, match="is not a model of build_classifier"):
        quantize(build_encoder(EmbBERTConfig.preset("nano", vocab_size=99)), tokenizer, task.labels, ["a"], **QUIET)
    with pytest.raises(UserError, match="exists; --force replaces it"):
        convert_model(model, tokenizer, task.labels, ["a"], out=bundle, **QUIET)
    with pytest.raises(UserError, match="takes single texts"):
        Classifier(bundle).predict(["a"], ["b"])
    with pytest.raises(UserError, match="labels, row 1: label 'weather' was never seen in training"):
        Classifier(bundle).evaluate(["a"], ["weather"])
    with pytest.raises(UserError, match="2 labels for 1 texts"):
        Classifier(bundle).evaluate(["a"], [0, 1])


def test_importing_the_package_imports_no_tensorflow() -> None:
    import subprocess
    import sys

    code = "import sys, tf_embbert; sys.exit('tensorflow' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0
