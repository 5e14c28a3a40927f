"""A pretrained encoder that has a large one's sentence vectors: `finetune`'s start for single texts. Wants torch.

    python -m tf_embbert.distillation.sentence_encoder --data-dir DIR --init tf_embbert/encoders/words --out RUN

Short sentences of the folder's plain text, and runs of words cut from long ones, are read by all-MiniLM-L6-v2; the
[CLS] of EmbBERT learns to give the same vectors through one dense layer, and sentences the likeness that they have
there. What it learns so is what words mean, beyond the few that a task's rows have.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_embbert.common.console import Report, quiet_import
from tf_embbert.common.errors import run_command
from tf_embbert.distillation.encoder_command import EncoderKind, make_encoder
from tf_embbert.distillation.sentences import CUT, LONG
from tf_embbert.run import Array, History, Run
from tf_embbert.teaching.alike import unit

HELD_OUT = 4000  # sentences
LONGEST = 48  # tokens of a row
LIKENESS_WEIGHT = 10.0  # of the squared error of the sentences' cosines beside 1 - the cosine with the teacher's vector


def train_encoder(
    start: Run, sentences: Sequence[str], vectors: Array, epochs: int, batch_size: int, report: Report
) -> tuple[Any, History]:
    """The Keras model with the vectors as its output, and the history.

    Args:
        start: whose tokenizer and encoder it begins with.
        sentences: to be read.
        vectors: of the large encoder, float16 [sentences, width].
        epochs: passes over all but the held-out ones.
        batch_size: sentences a step.
        report: called with one line an epoch.
    """
    with quiet_import():
        from tf_embbert.distillation.vector_training import model_from, train_on_vectors

    model = model_from(start, vectors.shape[1])
    ids = start.tokenizer.encode(list(sentences), max_length=LONGEST).ids
    learnt = ids[HELD_OUT:], np.arange(HELD_OUT, len(ids), dtype=np.int32)

    def judge() -> dict[str, float]:
        return {"held_out_cosine": mean_cosine(model, ids[:HELD_OUT], vectors[:HELD_OUT])}

    return model, train_on_vectors(model, lambda epoch: learnt, loss_of(vectors), epochs, batch_size, judge, report)


def loss_of(vectors: Array) -> Any:
    """What a sentence costs: numbers int32 [B] and outputs [B, width] -> [B]."""
    import tensorflow as tf

    table = tf.constant(vectors)

    def loss(numbers: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        wanted = tf.cast(tf.gather(table, tf.reshape(numbers, [-1])), tf.float32)
        given = tf.math.l2_normalize(outputs, -1)
        likeness = tf.matmul(given, given, transpose_b=True) - tf.matmul(wanted, wanted, transpose_b=True)  # [B, B]
        return 1 - tf.reduce_sum(given * wanted, -1) + LIKENESS_WEIGHT * tf.reduce_mean(tf.square(likeness), -1)

    return loss


def mean_cosine(model: Any, ids: Sequence[Array], vectors: Array) -> float:
    """Mean cosine of the model's vectors with the large encoder's."""
    from tf_embbert.training.batching import predict_in_order

    return float(np.mean(np.sum(unit(predict_in_order(model, ids)) * vectors.astype(np.float32), axis=1)))


@run_command
def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the encoder's run."""
    kind = EncoderKind(
        name="sentences",
        module="sentence_encoder",
        about=__doc__ or "",
        words=LONG,
        cut=CUT,
        texts_of=list,
        train=train_encoder,
        longest=LONGEST,
        sentences=350_000,
        epochs=14,
        batch_size=256,
    )
    make_encoder(kind, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
