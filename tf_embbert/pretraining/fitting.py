"""The pretraining loop: MLM + NSP with AdamW, held-out losses and a checkpoint at every evaluation.

Two things make it fast on a CPU. The MLM head computes logits at the hidden positions only, 15 % of all, before its
product with the vocabulary; and gradients of the tables are made dense before AdamW, whose sparse path is slower.
"""

import dataclasses
import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_embbert.common.console import Report, progress_bar
from tf_embbert.common.files import write_atomically
from tf_embbert.pretraining.batches import Batch
from tf_embbert.run import Array, History
from tf_embbert.training.distribution import is_chief, replicas
from tf_embbert.training.fitting import require_finite, warmup_cosine

Tensors: TypeAlias = dict[str, tf.Tensor]  # the fields of a Batch
Step: TypeAlias = Callable[[list[Tensors], tf.Tensor], tf.Tensor]

WARMUP = 0.03  # share of the steps
SIGNATURE = {
    "tokens": tf.TensorSpec([None, None], tf.int32),
    "positions": tf.TensorSpec([None], tf.int32),
    "targets": tf.TensorSpec([None], tf.int32),
    "follows": tf.TensorSpec([None], tf.float32),
    "paired": tf.TensorSpec([None], tf.float32),
}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How the model is pretrained.

    Args:
        steps: of the whole training.
        learning_rate: peak of AdamW's.
        weight_decay: AdamW's.
        evaluate_every: steps between evaluations.
        mlm_weight: what MLM's loss weighs beside that of the pairs.
    """

    steps: int
    learning_rate: float
    weight_decay: float
    evaluate_every: int
    mlm_weight: float = 1.0


class Objectives:
    """MLM and NSP losses of a pretraining model (`build_pretraining_model`), logits at the hidden positions only."""

    def __init__(self, model: keras.Model) -> None:
        self.model, self.mlm, self.nsp = model, model.get_layer("mlm"), model.get_layer("nsp")
        self.encoder = keras.Model(model.input, self.mlm.input)

    def __call__(self, batch: Tensors) -> tf.Tensor:
        """Sums over the batch, as `summarise` takes them: float32 [6]."""
        hidden = self.encoder(batch["tokens"], training=True)  # [B, L, d]
        guessed = tf.gather(tf.reshape(hidden, [-1, hidden.shape[-1]]), batch["positions"])  # [M, d]
        mlm = weighed(self.mlm(guessed), batch["targets"], tf.ones_like(batch["targets"], tf.float32))
        return tf.stack([*mlm, *weighed_pairs(self.nsp(hidden[:, 0]), batch["follows"], batch["paired"])])


def weighed(logits: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor) -> list[tf.Tensor]:
    """Weighed sums of cross entropy, of right answers, and of the weights themselves: three float32 scalars."""
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
    right = tf.equal(tf.argmax(logits, -1, tf.int32), targets)
    return [tf.reduce_sum(value * weights) for value in (loss, tf.cast(right, tf.float32), tf.ones_like(weights))]


def weighed_pairs(logits: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor) -> list[tf.Tensor]:
    """As `weighed`, of logits [B, 2] and the probability float32 [B] that the second of them should have."""
    loss = tf.nn.softmax_cross_entropy_with_logits(tf.stack([1 - targets, targets], axis=1), logits)
    right = tf.equal(logits[:, 1] > logits[:, 0], targets > 0.5)
    return [tf.reduce_sum(value * weights) for value in (loss, tf.cast(right, tf.float32), tf.ones_like(weights))]


def summarise(sums: Array) -> dict[str, float]:
    """Means of summed objectives: {"mlm_loss", "mlm_accuracy", "nsp_loss", "nsp_accuracy"}, accuracies in percent.

    Args:
        sums: float [6]: MLM loss, right ones, tokens, NSP loss, right ones, rows.
    """
    with np.errstate(invalid="ignore"):
        mlm_loss, mlm_right, _, nsp_loss, nsp_right, _ = (sums / sums[[2, 2, 2, 5, 5, 5]]).tolist()
    return {
        "mlm_loss": mlm_loss,
        "mlm_accuracy": 100 * mlm_right,
        "nsp_loss": nsp_loss,
        "nsp_accuracy": 100 * nsp_right,
    }


def make_step(model: keras.Model, objectives: Objectives, mlm_weight: float = 1.0) -> Step:
    """A compiled training step under the present scope's strategy. One graph takes batches of all shapes.

    Returns:
        Of this process's parts of a batch, one a replica, and the numbers float32 [2] of hidden tokens and of pairs in
        the whole of it: the sums of the objectives over the whole of it.
    """
    strategy, (own, _) = tf.distribute.get_strategy(), replicas()

    def train(batch: Tensors, totals: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            sums = objectives(batch)
            loss = mlm_weight * sums[0] / tf.maximum(totals[0], 1.0) + sums[3] / tf.maximum(totals[1], 1.0)
        gradients = tape.gradient(loss, model.trainable_variables)
        # Summed over the replicas before they are clipped and applied.
        model.optimizer.apply_gradients(zip(map(tf.convert_to_tensor, gradients), model.trainable_variables))
        return sums

    @tf.function(autograph=False, input_signature=[[SIGNATURE] * len(own), tf.TensorSpec([2], tf.float32)])
    def step(parts: list[Tensors], totals: tf.Tensor) -> tf.Tensor:
        mine = strategy.experimental_distribute_values_from_function(
            lambda context: parts[context.replica_id_in_sync_group - own.start]
        )
        return strategy.reduce("sum", strategy.run(train, (mine, totals)), axis=None)

    return step


def pretrain_model(
    model: keras.Model,
    batch_of: Callable[[int], Batch],
    held_out: Sequence[Batch],
    recipe: Recipe,
    folder: Path,
    report: Report,
) -> History:
    """Trains a pretraining model in place; goes on from the checkpoint in `folder` where there is one.

    Args:
        model: of `build_pretraining_model`.
        batch_of: step -> Batch, the same one whenever it is asked.
        held_out: batches to evaluate on.
        recipe: how to train.
        folder: of the checkpoint and the history.
        report: called with one line at an evaluation.

    Returns:
        A row an evaluation, the first before any step.

    Raises:
        UserError: the loss became NaN or infinite.
    """
    schedule = warmup_cosine(recipe.learning_rate, WARMUP * recipe.steps, recipe.steps)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay, global_clipnorm=1.0)
    optimizer.build(model.trainable_variables)
    model.optimizer = optimizer
    objectives = Objectives(model)
    step = make_step(model, objectives, recipe.mlm_weight)
    evaluate = tf.function(objectives, autograph=False, input_signature=[SIGNATURE])
    state = State(model, folder)
    with progress_bar("pretraining", recipe.steps, "steps", loss=np.nan) as update:
        while not state.history or state.step < recipe.steps:
            until = min(recipe.steps, state.step + recipe.evaluate_every) if state.history else 0
            row = {"step": until, **run_steps(step, map(batch_of, range(state.step, until)), state.step, update)}
            held = summarise(np.sum([evaluate(tensors(batch)).numpy().astype(float) for batch in held_out], axis=0))
            require_finite(held["mlm_loss"], "the loss")
            state.add(row | {f"held_out_{name}": value for name, value in held.items()})
            report(
                f"step {until}/{recipe.steps}  held out: MLM {held['mlm_loss']:.3f}, {held['mlm_accuracy']:.1f} %; "
                f"pairs {held['nsp_loss']:.3f}, {held['nsp_accuracy']:.1f} %  {row['tokens_per_second']:.0f} tokens/s"
            )
    return state.history


def run_steps(step: Step, batches: Iterable[Batch], done: int, update: Callable[..., None]) -> dict[str, float]:
    """Trains on some batches: means of their objectives and real tokens a second, NaN where there are none."""
    started, tokens, sums = time.monotonic(), 0, np.zeros(6)
    for number, batch in enumerate(batches, done + 1):
        sums += step(parts_of(batch), totals_of(batch)).numpy()
        tokens += np.count_nonzero(batch.tokens)
        update(number, loss=sums[0] / sums[2])
    return {**summarise(sums), "tokens_per_second": tokens / (time.monotonic() - started)}


def parts_of(batch: Batch) -> list[Tensors]:
    """The rows of this process's replicas."""
    own, total = replicas()
    return [tensors(batch.part(number, total)) for number in own]


def totals_of(batch: Batch) -> tf.Tensor:
    """How many hidden tokens and how many pairs a batch has: float32 [2]."""
    return tf.constant([len(batch.targets), batch.paired.sum()], tf.float32)


def tensors(batch: Batch) -> Tensors:
    """A batch as TensorFlow takes it."""
    return {name: tf.constant(value) for name, value in vars(batch).items()}


class State:
    """History and checkpoint of a pretraining in one folder; each evaluation lands whole or not at all."""

    def __init__(self, model: keras.Model, folder: Path) -> None:
        self.folder = folder
        self.history: History = []
        self.checkpoint = tf.train.Checkpoint(model=model, optimizer=model.optimizer)
        if is_chief():
            folder.mkdir(parents=True, exist_ok=True)
        if (folder / "progress.json").exists():
            self.history = json.loads((folder / "progress.json").read_text())
            self.checkpoint.read(str(folder / f"step-{self.step}")).assert_existing_objects_matched()

    @property
    def step(self) -> int:
        """Steps done so far."""
        return self.history[-1]["step"] if self.history else 0

    def add(self, row: dict[str, Any]) -> None:
        """Records an evaluation. The small progress.json is written last and says which checkpoint counts."""
        self.history.append(row)
        if not is_chief():
            return
        self.checkpoint.write(str(self.folder / f"step-{self.step}"))
        write_atomically(self.folder / "progress.json", json.dumps(self.history))
        for path in self.folder.glob("step-*"):
            if not path.name.startswith(f"step-{self.step}."):
                path.unlink()
