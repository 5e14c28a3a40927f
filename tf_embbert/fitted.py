"""A model that Keras' `fit` trained, to integers and to a bundle: what `finetune` does after its own training.

from tf_embbert import Classifier, convert_model

model.fit(..)
convert_model(model, tokenizer, task.labels, train.texts, out="build/mine")
Classifier("build/mine").predict(["turn on the light"])
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tf_embbert.common.console import Report
from tf_embbert.common.errors import UserError
from tf_embbert.data.memory import list_of_texts
from tf_embbert.data.rows import Rows, sampled
from tf_embbert.finetuning.prepare import default_length
from tf_embbert.finetuning.recipe import SELECTION_ROWS
from tf_embbert.finetuning.scoring import choose_variant, sample, score_all, verification_texts
from tf_embbert.int8 import build_int8, convert_run, require_no_bundle
from tf_embbert.quantization.variants import Fold, calibrate_model, sizes_of, train_variant
from tf_embbert.run import Quantised, Run, weight_names
from tf_embbert.tokenizer import Tokenizer
from tf_embbert.training.batching import predict_in_order
from tf_embbert.training.fitting import EncodedRows, Recipe

QAT_LEARNING_RATE = 3e-5  # the peak that finetune takes by default


def convert_model(
    model: Any,
    tokenizer: Tokenizer,
    labels: Sequence[str] | None,
    texts: Any,
    pairs: Any = None,
    *,
    out: str | Path,
    force: bool = False,
    report: Report = print,
    **options: Any,
) -> dict[str, Any]:
    """Turns a fitted Keras model into a bundle: `quantize`, then `convert_run`.

    Args:
        model, tokenizer, labels, texts, pairs, **options: as `quantize` takes them.
        out: the bundle's folder.
        force: replace the bundle that is there.
        report: called with one line at a time.

    Returns:
        The bundle's manifest.

    Raises:
        UserError: as `quantize` raises it, or the folder exists.

    Examples:
        >>> manifest = convert_model(model, tokenizer, task.labels, train.texts, out="build/mine")  # doctest: +SKIP
        >>> manifest["model"]["bytes"], manifest["arena"]["cortex-m4"]["cmsis_nn"]["total"]  # doctest: +SKIP
        (81632, 8384)
    """
    require_no_bundle(out, force)
    run = quantize(model, tokenizer, labels, texts, pairs, report=report, **options)
    return convert_run(run, out, force=force, step=report)


def quantize(
    model: Any,
    tokenizer: Tokenizer,
    labels: Sequence[str] | None,
    texts: Any,
    pairs: Any = None,
    *,
    qat_epochs: int = 0,
    qat_learning_rate: float = QAT_LEARNING_RATE,
    selection: Rows | None = None,
    test: Rows | None = None,
    max_length: int | None = None,
    fold: Fold | None = None,
    name: str = "classifier",
    seed: int = 0,
    report: Report = print,
) -> Run:
    """Folds and calibrates a fitted Keras model, and trains it quantisation-aware where asked to.

    Args:
        model: of `build_classifier` or `build_regressor`, EmbBERT's or a baseline's, fitted; also one that `load_model`
            gave; or any that `fold` takes.
        tokenizer: that it was fitted with.
        labels: class names in the order of the logits; None for a regression.
        texts: the training texts, as `Tokenizer.encode` takes them.
        pairs: their second texts, for a model of pairs.
        qat_epochs: of each of the two phases of QAT; 0 leaves the model as calibrated, which takes seconds.
        qat_learning_rate: peak of QAT's.
        selection: labelled rows that choose QAT's epochs, and PTQ or QAT; without them a tenth of the texts, and
            what the float model says of them.
        test: labelled rows to score float and int8 on; without them the bundle states no accuracy.
        max_length: tokens of a text at most; by default what 99 % of the texts need.
        fold: makes a program of a model that is not ours: docs/own-block.md.
        name: of the task, for the bundle.
        seed: of everything random.
        report: called with one line at a time.

    Returns:
        The run in memory, for `convert_run`, or `save_run` of `tf_embbert.run`.

    Raises:
        UserError: not a model of ours, labels or ids that it does not have, or no texts.
    """
    given = _Fitted(model, tokenizer, labels, texts, pairs, max_length, fold)
    report(f"calibrating on {len(given.ids)} texts of at most {given.length} tokens")
    variants = {"ptq": calibrate_model(model, given.is_pair, given.ids, seed, fold)}
    metrics: dict[str, Any] = {"dataset": name, "metric": given.metric if test else None}
    if qat_epochs:
        rows, few = given.rows_for_qat(selection, seed)
        recipe = Recipe(qat_epochs, qat_learning_rate, weight_decay=0.0)
        with tempfile.TemporaryDirectory() as folder:
            variants["qat"], _ = train_variant(model, variants["ptq"], rows, few, recipe, Path(folder), seed, report)
        metrics["selection"] = given.score(variants, few, "selection")
    metrics["chosen"] = choose_variant(metrics["selection"]) if qat_epochs else "ptq"
    if test:
        metrics |= given.score(variants, given.encode(test), "test")
    about = {"qat_epochs": qat_epochs, "qat_learning_rate": qat_learning_rate, "max_length": given.length}
    return Run(
        config=given.config,
        tokenizer=tokenizer,
        labels=given.labels,
        float_weights=dict(zip(weight_names(model), model.get_weights())),
        variants=variants,
        metrics=metrics,
        sample_texts=verification_texts(given.texts, seed),
        name=name,
        seed=seed,
        arguments=about,
        is_pair=given.is_pair,
        max_length=given.length,
        longest=max(map(len, given.ids)),
        parameters=model.count_params(),
        chosen=metrics["chosen"],
    )


class _Fitted:
    """A fitted model with its texts, made sure to belong together."""

    def __init__(
        self,
        model: Any,
        tokenizer: Tokenizer,
        labels: Sequence[str] | None,
        texts: Any,
        pairs: Any,
        max_length: int | None,
        fold: Fold | None,
    ) -> None:
        self.model, self.tokenizer, self.is_pair = model, tokenizer, pairs is not None
        self.config = sizes_of(model, self.is_pair, fold)
        self.labels = None if labels is None else list_of_texts(labels)
        self.metric = "spearman" if labels is None else "accuracy"
        first, second = list_of_texts(texts), list_of_texts(pairs) if self.is_pair else None
        self.texts = Rows(first, second, np.zeros(len(first), np.int32))
        self._require_same_sizes()
        self.length = self._choose_length(max_length)
        self.ids = tokenizer.encode(first, second, max_length=self.length).ids

    def _require_same_sizes(self) -> None:
        outputs, named = self.model.output_shape[-1], len(self.labels or [None])
        if outputs != named:
            what = "a regression (labels=None)" if self.labels is None else f"{named} labels"
            raise UserError(f"the model has {outputs} outputs, and you give {what}: give a name for each output")
        if self.tokenizer.vocab_size > self.config.vocab_size:
            raise UserError(
                f"the tokenizer has {self.tokenizer.vocab_size} ids and the model {self.config.vocab_size} rows for "
                "them: give the tokenizer that it was fitted with"
            )
        if not len(self.texts):
            raise UserError("no texts: calibration needs some of those that the model was fitted on")

    def _choose_length(self, asked: int | None) -> int:
        """The length asked for, or what 99 % of the texts need."""
        shortest, longest = (4 if self.is_pair else 2), self.config.max_length
        if asked is None:
            ids = self.tokenizer.encode(self.texts.texts, self.texts.pairs, max_length=longest).ids
            return min(default_length([len(row) for row in ids]), longest)
        if not shortest <= asked <= longest:
            raise UserError(f"max_length {asked} is not within {shortest}..{longest}, what the model was built for")
        return asked

    def encode(self, rows: Rows) -> EncodedRows:
        """Labelled rows as they are scored."""
        if (rows.pairs is None) == self.is_pair:
            raise UserError("these rows are pairs and the texts are not, or the other way round: give the same kind")
        ids = self.tokenizer.encode(rows.texts, rows.pairs, max_length=self.length).ids
        return EncodedRows(ids, rows.labels, self.metric)

    def rows_for_qat(self, selection: Rows | None, seed: int) -> tuple[EncodedRows, EncodedRows]:
        """Rows to train on, whose labels nobody reads, and a sample of those that choose."""
        if selection is not None:
            few = sample(self.encode(selection), SELECTION_ROWS, seed)
            return EncodedRows(self.ids, self.texts.labels, self.metric), few
        held = set(sampled(len(self.ids), min(max(len(self.ids) // 10, 1), SELECTION_ROWS), seed).tolist())
        outputs = predict_in_order(self.model, [self.ids[i] for i in sorted(held)])
        answers = outputs[:, 0] if self.labels is None else outputs.argmax(axis=1)
        kept = [row for i, row in enumerate(self.ids) if i not in held] or self.ids
        few = EncodedRows([self.ids[i] for i in sorted(held)], answers, self.metric)
        return EncodedRows(kept, np.zeros(len(kept), np.int32), self.metric), few

    def score(self, variants: dict[str, Quantised], rows: EncodedRows, split: str) -> dict[str, Any]:
        """The metric of the float model and of the integer variants."""
        models = {name: build_int8(variant, self.length) for name, variant in variants.items()}
        return score_all(self.model, models, self.is_pair, rows, split)
