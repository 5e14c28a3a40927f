"""A pretrained encoder that tells how alike a large one finds two texts: `finetune`'s start for pairs. Wants torch.

    python -m tf_embbert.distillation.pair_encoder --data-dir DIR --init tf_embbert/encoders/sentences --out RUN

Sentences of the folder's plain text and a disturbed copy of each are read by all-MiniLM-L6-v2 once; that gives the
cosine of any two of them. EmbBERT reads two as one row, and its [CLS] learns that cosine and both vectors, so that it
knows what it compares. Pairs are drawn anew for each epoch: a text and its copy, one of its nearest neighbours, one
that is less near, or any other.
"""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_embbert.common.console import Report, progress_bar, quiet_import
from tf_embbert.common.errors import UserError, run_command
from tf_embbert.distillation.encoder_command import EncoderKind, make_encoder
from tf_embbert.model.config import CLS, SEP
from tf_embbert.run import Array, History, Run
from tf_embbert.teaching.disturb import disturb
from tf_embbert.training.metrics import spearman

LONG, CUT = 26, (5, 24)  # words of a sentence, as `sentences.cut_sentences` takes them
LONGEST = 64  # tokens of a text
HELD_OUT = 2000  # sentences, and their copies
NEAREST, NEAR = 8, 60  # neighbours of a text that are its nearest, and that are looked for
AMONG = 30_000  # texts among which neighbours are looked for
COPY, NEXT, NEARBY = 0.3, 0.3, 0.2  # shares of the pairs that are a text and its copy, a nearest one, one less near


def with_copies(sentences: Sequence[str], seed: int) -> list[str]:
    """The sentences, then a disturbed copy of each, in their order."""
    rng, words = random.Random(seed), [sentence.split() for sentence in sentences]
    bag = [word for text in words for word in text]
    return [*sentences, *(" ".join(disturb(list(text), words, bag, rng)) for text in words)]


def neighbours(vectors: Array, among: int = AMONG) -> Array:
    """The NEAR nearest of each text, nearest first, among as many others at random: int32 [texts, NEAR].

    Args:
        vectors: of length 1, [texts, width].
        among: texts of a group, in which neighbours are looked for.
    """
    found = np.zeros((len(vectors), NEAR), np.int32)
    order, done = np.random.default_rng(0).permutation(len(vectors)), 0
    with progress_bar("looking for neighbours", len(vectors), "texts") as update:
        for group in np.array_split(order, max(1, len(order) // among)):
            of_group = vectors[group].astype(np.float32)
            for rows in np.array_split(np.arange(len(group)), max(1, len(group) // 1000)):
                cosines = of_group[rows] @ of_group.T
                cosines[np.arange(len(rows)), rows] = -2.0  # itself
                near = np.argpartition(-cosines, NEAR, axis=1)[:, :NEAR]
                by_cosine = np.argsort(-np.take_along_axis(cosines, near, axis=1), axis=1)
                found[group[rows]] = group[np.take_along_axis(near, by_cosine, axis=1)]
                done += len(rows)
                update(done)
    return found


def draw_pairs(near: Array, seed: Sequence[int]) -> Array:
    """A partner for every text, in either order: int32 [texts, 2].

    Args:
        near: of each text its neighbours, int32 [texts, NEAR]; the copies are the second half.
        seed: of all choices.
    """
    rng, count = np.random.default_rng(seed), len(near)
    first, way = np.arange(count), rng.random(count)
    nearest, nearby = (near[first, rng.integers(*bounds, count)] for bounds in ((0, NEAREST), (NEAREST, NEAR)))
    ways = [way < COPY, way < COPY + NEXT, way < COPY + NEXT + NEARBY]
    second = np.select(ways, [(first + count // 2) % count, nearest, nearby], rng.integers(0, count, count))
    turned = rng.random(count) < 0.5
    return np.stack([np.where(turned, second, first), np.where(turned, first, second)], axis=1).astype(np.int32)


def train_encoder(
    start: Run, texts: Sequence[str], vectors: Array, epochs: int, batch_size: int, report: Report
) -> tuple[Any, History]:
    """The Keras model that gives a cosine and two vectors, and the history.

    Args:
        start: whose tokenizer and encoder it begins with.
        texts: sentences, then a copy of each.
        vectors: of the large encoder, float16 [texts, width].
        epochs: in each of which every text stands in a pair.
        batch_size: pairs a step.
        report: called with one line an epoch.

    Raises:
        UserError: there are too few sentences to be held out and to be neighbours.
    """
    with quiet_import():
        from tf_embbert.distillation.vector_training import model_from, train_on_vectors
        from tf_embbert.training.batching import predict_in_order

    half = len(texts) // 2
    if half <= HELD_OUT + NEAR:
        raise UserError(f"{half} sentences: more than {HELD_OUT + NEAR} are needed")
    held = np.arange(len(texts)) % half < HELD_OUT
    model = model_from(start, 1 + 2 * vectors.shape[1])
    parts = [ids[1:] for ids in start.tokenizer.encode(list(texts), max_length=LONGEST).ids]  # without [CLS]

    def rows_of(pairs: Array) -> list[Array]:
        return [np.concatenate([[CLS], parts[a], [SEP], parts[b]]).astype(np.int32) for a, b in pairs]

    def pairs_among(some: Array, near: Array, seed: Sequence[int]) -> Array:
        return some[draw_pairs(near, seed)].astype(np.int32)

    learnt, others = np.flatnonzero(~held), np.flatnonzero(held)
    near = neighbours(vectors[learnt])
    unseen = pairs_among(others, neighbours(vectors[others]), [0])
    unseen_rows, cosines = rows_of(unseen), cosines_of(vectors, unseen)

    def draw(epoch: int) -> tuple[list[Array], Array]:
        pairs = pairs_among(learnt, near, [1, epoch])
        return rows_of(pairs), pairs

    def judge() -> dict[str, float]:
        return {"held_out_spearman": spearman(cosines, predict_in_order(model, unseen_rows)[:, 0])}

    return model, train_on_vectors(model, draw, loss_of(vectors), epochs, batch_size, judge, report)


def cosines_of(vectors: Array, pairs: Array) -> Array:
    """Of the pairs' vectors: float32 [pairs]."""
    first, second = (vectors[column].astype(np.float32) for column in pairs.T)
    return np.sum(first * second, axis=1)


def loss_of(vectors: Array) -> Any:
    """What a pair costs: its texts' numbers int32 [B, 2] and outputs [B, 1 + 2 width] -> [B]."""
    import tensorflow as tf

    table = tf.constant(vectors)

    def loss(pairs: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        wanted = tf.cast(tf.gather(table, pairs), tf.float32)  # [B, 2, width]
        alike = tf.clip_by_value(tf.reduce_sum(wanted[:, 0] * wanted[:, 1], -1), 0.0, 1.0)
        given = tf.math.l2_normalize(tf.reshape(outputs[:, 1:], tf.shape(wanted)), -1)
        apart = 1 - tf.reduce_mean(tf.reduce_sum(given * wanted, -1), -1)
        return tf.nn.sigmoid_cross_entropy_with_logits(alike, outputs[:, 0]) + apart

    return loss


@run_command
def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the encoder's run."""
    kind = EncoderKind(
        name="pairs",
        module="pair_encoder",
        about=__doc__ or "",
        words=LONG,
        cut=CUT,
        texts_of=lambda sentences: with_copies(sentences, seed=1),
        train=train_encoder,
        longest=2 * LONGEST,
        sentences=90_000,
        epochs=8,
        batch_size=128,
    )
    make_encoder(kind, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
