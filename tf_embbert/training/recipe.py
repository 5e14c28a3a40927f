"""The one recipe from a task to a run: float training, folding, calibration, QAT, and the choice between the last two."""

import math

import numpy as np
import tensorflow as tf
import tf_keras as keras

from convert.lowering.lower import lower_model
from convert.lowering.to_tflite import write_model
from convert.tflm.interpreters import predict
from tf_embbert.common.errors import UserError
from tf_embbert.distillation.ngrams import taught_labels
from tf_embbert.model.classifier import build_classifier
from tf_embbert.model.config import EmbBERTConfig
from tf_embbert.quantization.calibrate import calibrate
from tf_embbert.quantization.fold import fold_model
from tf_embbert.quantization.quantize import train_quantized
from tf_embbert.run import Quantised, Run, load_run, weight_names
from tf_embbert.tokenizer import Tokenizer, segments
from tf_embbert.training.batching import predict_in_order
from tf_embbert.training.fitting import Encoded, Recipe, train
from tf_embbert.training.metrics import score, share_gap
from tf_embbert.training.transfer import copy_encoder, translate_table

# Rows seen in a training, so that epochs = this / rows: what Snips (13 k rows) and Emotion (16 k) need to stop gaining.
FLOAT_ROWS, QAT_ROWS = 160_000, 20_000
EPOCHS, QAT_EPOCHS = (4, 40), (1, 10)  # the fewest and the most
SELECTION_ROWS = 1000  # of the selection rows: QAT's epochs are chosen on them, and in TFLM PTQ or QAT
LENGTH_STEP, LONGEST_DEFAULT = 8, 256
VERIFICATION_ROWS = 200
# Texts that every conversion is verified on beside real ones: nothing, one word, and more than fits.
EDGE_TEXTS = ["", "yes", "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 40]


def train_run(task, options, arguments, folder, report, soft=None):
    """Trains on a task.

    Args:
        task: Task.
        options: as `finetune.parser` gives them.
        arguments: what of them the run records.
        folder: of the checkpoints (`pathlib.Path`); those there are resumed from.
        report: called with one line at a time.
        soft: SoftRows to train on as well, or None.
    Returns:
        (Run, history rows).
    Raises:
        UserError: a length the model cannot take, a loss that became NaN, or an --init that does not fit.
    """
    keras.utils.set_random_seed(options.seed)
    if options.deterministic:
        tf.config.experimental.enable_op_determinism()
    data = Data(task, options, report, soft)
    model = initial_model(data, options)
    rows, selection = data.training_rows(), data.encode("selection")
    report(
        f"{len(rows)} training rows, {data.config.vocab_size} tokens, length {data.length}, "
        f"{model.count_params():,} parameters"
    )
    floating = make_recipe(options, len(rows))
    loss, targets = goal(task, soft, options)
    history = train(model, loss, rows, selection, floating, folder / "float", options.seed, targets, report)
    if task.metric == "mcc":
        match_shares(model, selection)
    few = sample(selection, SELECTION_ROWS, options.seed)
    variants, qat_history = quantise(model, data, rows, few, options, folder / "qat", report)
    report("scoring in TFLM")
    metrics = score_variants(model, variants, data, few, options)
    run = Run(
        config=data.config,
        tokenizer=data.tokenizer,
        labels=task.labels,
        float_weights=dict(zip(weight_names(model), model.get_weights())),
        variants=variants,
        metrics=metrics,
        sample_texts=verification_texts(task.rows("selection"), options.seed),
        name=task.name,
        seed=options.seed,
        arguments=arguments,
        is_pair=task.is_pair,
        max_length=data.length,
        longest=max(map(len, rows.ids)),
        parameters=model.count_params(),
        chosen=metrics["chosen"],
    )
    return run, [{"phase": "float", **row} for row in history] + qat_history


class Data:
    """A task with the tokenizer, the config and the length its model has."""

    def __init__(self, task, options, report, soft=None):
        self.task, self.soft, self.report = task, soft, report
        self.start = load_run(options.init) if options.init else None
        chosen = {"token_dropout": options.token_dropout}
        chosen |= {name: value for name in ("activation", "dropout") if (value := getattr(options, name)) is not None}
        config = self.start.config if self.start else EmbBERTConfig.preset(options.preset)
        self.tokenizer = self.choose_tokenizer(options.tokenizer, config.vocab_size)
        sizes = {**config.to_dict(), **chosen, "vocab_size": self.tokenizer.vocab_size}
        self.config = EmbBERTConfig.from_dict(sizes)
        self.length = self.choose_length(options.max_length)
        if options.pad_to and not self.length <= options.pad_to <= self.config.max_length:
            raise UserError(
                f"--pad-to {options.pad_to} is not within {self.length}..{self.config.max_length}: from "
                "the length of the texts to that of the position table"
            )

    def choose_tokenizer(self, kind, vocab_size):
        if self.start and kind == "init":
            return self.start.tokenizer
        sources = [self.task.rows("train"), *filter(None, [self.soft])]
        return Tokenizer.train([text for rows in sources for text in rows.texts + (rows.pairs or [])], vocab_size)

    def start_table(self):
        """The start's token table for this tokenizer; None where that is the start's."""
        if self.tokenizer is self.start.tokenizer:
            return None
        return translate_table(self.start.float_weights["embed/token_table"], self.start.tokenizer, self.tokenizer)

    def choose_length(self, asked):
        shortest, longest = (4 if self.task.is_pair else 2), self.config.max_length
        if asked is None:
            lengths = [len(row) for row in self.tokens("train", longest).ids]
            return min(default_length(lengths), longest)
        if not shortest <= asked <= longest:
            raise UserError(f"--max-length {asked} is not within {shortest}..{longest}, the rows of the position table")
        return asked

    def tokens(self, split, length):
        rows = self.task.rows(split)
        return self.tokenizer.encode(rows.texts, rows.pairs, max_length=length)

    def encode(self, split):
        """The split's rows as training takes them; says how many texts were cut."""
        encoded = self.tokens(split, self.length)
        if encoded.truncated:
            self.report(f"{split}: {encoded.truncated} of {len(encoded.ids)} texts cut to {self.length} tokens")
        return Encoded(encoded.ids, self.task.rows(split).labels, self.task.metric)

    def training_rows(self):
        """The training split's rows, then the soft ones under the label most likely."""
        rows = self.encode("train")
        if not self.soft:
            return rows
        ids = self.tokenizer.encode(self.soft.texts, self.soft.pairs, max_length=self.length).ids
        labels = self.soft.probabilities.argmax(axis=1).astype(rows.labels.dtype)
        return Encoded(rows.ids + ids, np.concatenate([rows.labels, labels]), rows.metric)


def default_length(lengths):
    """99th percentile of the training lengths, rounded up to a multiple of 8, at most 256."""
    return min(LONGEST_DEFAULT, math.ceil(np.percentile(lengths, 99) / LENGTH_STEP) * LENGTH_STEP)


def initial_model(data, options):
    """A new model, or one with the encoder of the run given by --init; a regression starts at the mean label."""
    model = build_classifier(data.config, len(data.task.labels or [None]))
    if data.start:
        copy_encoder(data.start.model, model, data.start_table())
    if data.task.is_regression:
        model.get_layer("head").bias.assign([np.mean(data.task.rows("train").labels)])
    return model


def float_loss(task):
    if task.is_regression:
        return keras.losses.MeanSquaredError()
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def goal(task, soft, options):
    """(loss, targets) of the float training: of the labels, where targets is None, or of what teachers make of them."""
    if not (options.teacher or soft):
        return float_loss(task), None
    rows, classes = task.rows("train"), len(task.labels)
    targets = np.eye(classes, dtype=np.float32)[rows.labels]
    if options.teacher:
        targets = taught_labels(rows, classes, options.teacher, options.seed)
    if soft:
        targets = np.concatenate([targets, soft.probabilities])
    return keras.losses.CategoricalCrossentropy(from_logits=True), targets


def match_shares(model, rows):
    """Moves the head's bias of a two-class model until it gives each class the share of the rows that the labels do."""
    gap = share_gap(predict_in_order(model, rows.ids), np.mean(rows.labels))
    bias = model.get_layer("head").bias
    bias.assign(bias.numpy() + np.array([gap / 2, -gap / 2], np.float32))


def make_recipe(options, rows):
    epochs = options.epochs or epochs_for(rows, FLOAT_ROWS, EPOCHS)
    return Recipe(epochs, options.learning_rate, options.weight_decay, options.batch_size, pad_to=options.pad_to)


def make_qat_recipe(options, rows):
    epochs = options.qat_epochs or epochs_for(rows, QAT_ROWS, QAT_EPOCHS)
    # No weight decay: it would shrink the trained ranges too.
    return Recipe(epochs, options.qat_learning_rate, weight_decay=0.0, batch_size=options.batch_size)


def epochs_for(rows, total, bounds):
    return int(np.clip(round(total / rows), *bounds))


def quantise(model, data, rows, selection, options, folder, report):
    """Both integer variants: {"ptq": (weights, ranges), "qat": (weights, ranges)}, and QAT's history."""
    folded = fold_model(model, data.config, data.task.is_pair)
    ranges = calibrate(folded, rows.ids, options.seed)
    rows = sample(rows, options.qat_rows or len(rows), options.seed)
    teacher = predict_in_order(model, rows.ids)
    recipe = make_qat_recipe(options, len(rows))
    *trained, history = train_quantized(folded, ranges, teacher, rows, selection, recipe, folder, options.seed, report)
    return {"ptq": Quantised(folded, ranges), "qat": Quantised(*trained)}, history


def score_variants(model, variants, data, selection, options):
    """Scores float, PTQ and QAT: on selection rows, which choose, and on the reported split, which is read here once."""
    # As lowered: the passes of the export, which take longer, make a model smaller and change no answer.
    models = {variant: write_model(lower_model(*parts, data.length)) for variant, parts in variants.items()}
    chooser = scores(model, models, data.task, selection, "selection")
    reported = sample(data.encode(data.task.reported_split), options.report_rows, options.seed)
    result = scores(model, models, data.task, reported, data.task.reported_split)
    chosen = "qat" if chooser["qat_tflm"] >= chooser["ptq_tflm"] else "ptq"
    return {"dataset": data.task.name, "metric": data.task.metric, **result, "chosen": chosen, "selection": chooser}


def scores(model, int8_models, task, rows, split):
    """The metric of the float model and of the int8 ones in TFLM, on the same rows."""
    second = [segments(row) for row in rows.ids] if task.is_pair else None
    result = {
        "split": split,
        "rows": len(rows),
        "float": score(rows.metric, rows.labels, predict_in_order(model, rows.ids)),
    }
    for variant, int8_model in int8_models.items():
        result[f"{variant}_tflm"] = score(rows.metric, rows.labels, predict(int8_model, rows.ids, second))
    return result


def sample(rows, count, seed):
    """A seeded subset of at most `count` rows, in their order."""
    chosen = np.sort(np.random.default_rng(seed).permutation(len(rows))[:count])
    return Encoded([rows.ids[i] for i in chosen], rows.labels[chosen], rows.metric)


def verification_texts(rows, seed):
    """At least 200 (text, second text or None) rows: edge cases and a seeded sample of the given rows."""
    order = np.random.default_rng(seed).permutation(max(len(rows), VERIFICATION_ROWS)) % len(rows)
    chosen = rows.select(order[: VERIFICATION_ROWS - len(EDGE_TEXTS)])
    if rows.pairs is None:
        return [(text, None) for text in EDGE_TEXTS + chosen.texts]
    return [(text, text) for text in EDGE_TEXTS] + list(zip(chosen.texts, chosen.pairs))
