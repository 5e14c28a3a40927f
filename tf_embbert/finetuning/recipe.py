"""The recipe from a task to a run: float training, folding, calibration, QAT, and the choice between the last two."""

from pathlib import Path
from typing import Any, TypeVar

import tensorflow as tf
import tf_keras as keras

from tf_embbert.common.console import Report
from tf_embbert.data.soft_labels import SoftLabels, together
from tf_embbert.data.tasks import Task
from tf_embbert.finetuning.budget import passes
from tf_embbert.finetuning.config import FinetuneConfig
from tf_embbert.finetuning.objective import calibrate_prior, choose_objective
from tf_embbert.finetuning.plan import SENTENCES, Plan
from tf_embbert.finetuning.prepare import PreparedTask
from tf_embbert.finetuning.scoring import sample, score_variants, verification_texts
from tf_embbert.quantization.variants import calibrate_model, train_variant
from tf_embbert.run import Array, History, Quantised, Run, load_run, weight_names
from tf_embbert.teaching.lesson import Lesson, take_lesson
from tf_embbert.teaching.own_model import learner_of
from tf_embbert.teaching.vectors import EncoderVectors
from tf_embbert.training.cluster import Helped
from tf_embbert.training.distribution import barrier, chief_first, in_step, is_chief, mirrored, open_strategy
from tf_embbert.training.fitting import EncodedRows, Recipe, train

Number = TypeVar("Number", int, float)

QAT_ROWS, QAT_EPOCHS = 20_000, (1, 10)  # rows seen in a phase of QAT; epochs, the fewest and the most
SELECTION_ROWS = 1000  # of the selection rows: QAT's epochs are chosen on them, and in TFLM PTQ or QAT


@tf.autograph.experimental.do_not_convert  # no layer branches on a tensor; to look at each took seconds
def train_run(
    task: Task, plan: Plan, folder: Path, report: Report, soft: SoftLabels | None = None
) -> tuple[Run, History]:
    """Trains on a task.

    Args:
        task: the task of the plan's config.
        plan: how to train on it.
        folder: of the checkpoints; those there are resumed from, by the plan that is there.
        report: called with one line at a time.
        soft: rows with soft labels to train on as well.

    Returns:
        The run, and its history.

    Raises:
        UserError: a length the model cannot take, a loss that became NaN, or a pretrained run that does not fit.
        Helped: this worker is not the chief, and has done its part.
    """
    strategy = open_strategy(plan.config.distribute)
    if plan.config.deterministic:
        keras.utils.set_random_seed(plan.config.seed)
        tf.config.experimental.enable_op_determinism()
    with chief_first(strategy):
        plan, lesson = prepare_lesson(task, plan, folder, report)
    config, soft = plan.config, together([lesson.soft if lesson else None, soft])
    keras.utils.set_random_seed(config.seed)  # after the workers have met, which draws numbers too
    data = PreparedTask(task, config, report, soft)
    initial = data.initial_model()
    model = mirrored(strategy, initial)
    rows, selection = data.training_rows(), data.encode("selection")
    report(
        f"{len(rows)} training rows, {data.config.vocab_size} tokens, {data.reading()}, "
        f"{model.count_params():,} parameters"
    )
    objective = choose_objective(task, lesson.targets if lesson else None, soft)
    few = sample(selection, SELECTION_ROWS, config.seed)
    with in_step(strategy):
        history = train_float(model, objective, rows, selection, config, folder / "float", report)
        variants, qat_history = quantise(model, data, rows, few, config, folder / "qat", report)
    if not is_chief(strategy):
        barrier(strategy)
        raise Helped
    report("scoring in TFLM")
    initial.set_weights(model.get_weights())  # a strategy's variables have other names
    model = initial
    metrics = score_variants(model, variants, data, few, config.report_rows, config.seed)
    metrics["recipe"] = plan.choices() | ({"teacher": lesson.about} if lesson else {})
    run = make_run(model, data, rows, config, variants, metrics)
    barrier(strategy)  # the others wait as long
    return run, [{"phase": "float", **row} for row in history] + qat_history


def prepare_lesson(task: Task, plan: Plan, folder: Path, report: Report) -> tuple[Plan, Lesson | None]:
    """The plan that is kept in the folder, and what its teachers say of the rows; None where nobody teaches."""
    plan = plan.kept(folder / "plan.json")
    for name, reason in plan.reasons.items():
        report(f"{name}: {reason}")
    PreparedTask(task, plan.config, lambda line: None)  # what it refuses is refused before a teacher is trained
    if not plan.teaching:
        return plan, None
    how, encoder, own = plan.teaching, load_run(SENTENCES), plan.config.tokenizer == "own"
    learn = learner_of(encoder, len(task.labels or []), how.own_epochs, how.seed, own) if how.own_epochs else None
    return plan, take_lesson(task, how, folder, report, EncoderVectors(encoder), learn)


def train_float(
    model: keras.Model,
    objective: tuple[keras.losses.Loss, Array | None],
    rows: EncodedRows,
    selection: EncodedRows,
    config: FinetuneConfig,
    folder: Path,
    report: Report,
) -> History:
    """Trains a model in float, in place; returns the history."""
    loss, targets = objective
    history = train(model, loss, rows, selection, float_recipe(config), folder, config.seed, targets, report)
    if rows.metric == "mcc":
        calibrate_prior(model, selection)
    return history


def quantise(
    model: keras.Model,
    data: PreparedTask,
    rows: EncodedRows,
    selection: EncodedRows,
    config: FinetuneConfig,
    folder: Path,
    report: Report,
) -> tuple[dict[str, Quantised], History]:
    """Both integer variants, "ptq" and "qat", and QAT's history."""
    ptq = calibrate_model(model, data.task.is_pair, rows.ids, config.seed)
    rows = sample(rows, config.qat_rows or len(rows), config.seed)
    qat, history = train_variant(
        model, ptq, rows, selection, qat_recipe(config, len(rows)), folder, config.seed, report
    )
    return {"ptq": ptq, "qat": qat}, history


def float_recipe(config: FinetuneConfig) -> Recipe:
    """The float training's recipe, of a config with everything chosen.

    A training on judged copies ends with its last epoch: the rate has fallen to nothing, and what a teacher says of
    tens of thousands of texts is not learnt by heart, while 30 selection rows choose an epoch by chance.
    """
    epochs, rate, batch_size = chosen(config.epochs), chosen(config.learning_rate), chosen(config.batch_size)
    return Recipe(epochs, rate, config.weight_decay, batch_size, pad_to=config.pad_to, keep_last=bool(config.variants))


def chosen(value: Number | None) -> Number:
    """A value that the plan has chosen."""
    if value is None:
        raise ValueError("the config comes from a plan")
    return value


def qat_recipe(config: FinetuneConfig, rows: int) -> Recipe:
    """The recipe of a phase of QAT on so many rows."""
    epochs = config.qat_epochs or passes(QAT_ROWS, rows, QAT_EPOCHS)
    # No weight decay: it would shrink the trained ranges too.
    return Recipe(epochs, config.qat_learning_rate, weight_decay=0.0, batch_size=chosen(config.batch_size))


def make_run(
    model: keras.Model,
    data: PreparedTask,
    rows: EncodedRows,
    config: FinetuneConfig,
    variants: dict[str, Quantised],
    metrics: dict[str, Any],
) -> Run:
    """The run of a trained model."""
    return Run(
        config=data.config,
        tokenizer=data.tokenizer,
        labels=data.task.labels,
        float_weights=dict(zip(weight_names(model), model.get_weights())),
        variants=variants,
        metrics=metrics,
        sample_texts=verification_texts(data.task.rows("selection"), config.seed),
        name=data.task.name,
        seed=config.seed,
        arguments=config.recorded(),
        is_pair=data.task.is_pair,
        max_length=data.length,
        windows=data.windows,
        longest=max(map(len, rows.ids)),
        parameters=model.count_params(),
        chosen=metrics["chosen"],
        notices=data.task.notices,
    )
