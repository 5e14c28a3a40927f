"""A pretrained encoder that has a large one's sentence vectors: `finetune`'s start for single texts. Wants torch.

    python -m tf_embbert.distillation.sentence_encoder --data-dir DIR --init tf_embbert/encoders/words --out RUN

Short sentences of the folder's plain text, and runs of words cut from long ones, are read by all-MiniLM-L6-v2; the
[CLS] of EmbBERT learns to give the same vectors through one dense layer, and sentences the likeness that they have
there. What it learns so is what words mean, beyond the few that a task's rows have.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tf_embbert.common.arguments import CommandParser, positive_int
from tf_embbert.common.console import Report, quiet_import
from tf_embbert.common.errors import run_command
from tf_embbert.distillation.fluency import plain_files
from tf_embbert.distillation.sentences import read_sentences, read_vectors
from tf_embbert.pretraining.corpus import file_hashes
from tf_embbert.run import Array, History, Run, load_run
from tf_embbert.teaching.config import find_encoder
from tf_embbert.training.partial import work_aside

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

    given = predict_in_order(model, ids)
    given /= np.linalg.norm(given, axis=1, keepdims=True)
    return float(np.mean(np.sum(given * vectors.astype(np.float32), axis=1)))


def add_encoder_options(parse: argparse.ArgumentParser) -> None:
    """The options of what is read, by whom, and where to begin."""
    parse.add_argument("--data-dir", required=True, type=Path, help="folder with pretrain/books.txt.gz and its like")
    parse.add_argument("--init", required=True, metavar="RUN", help="its tokenizer and first values")
    parse.add_argument("--encoder", default="minilm", help="minilm, or the folder of another sentence encoder")
    parse.add_argument("--out", required=True)


@run_command
def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the encoder's run."""
    parse = CommandParser(prog="python -m tf_embbert.distillation.sentence_encoder", description=(__doc__ or "")[:120])
    add_encoder_options(parse)
    parse.add_argument("--sentences", type=positive_int, default=350_000)
    parse.add_argument("--epochs", type=positive_int, default=14)
    parse.add_argument("--batch-size", type=positive_int, default=256)
    options = parse.parse_args(arguments)
    encoder, start = find_encoder(options.encoder), load_run(options.init)

    def work(folder: Path) -> tuple[Run, History]:
        from tf_embbert.pretraining.encoder_run import encoder_run

        sentences = read_sentences(options.data_dir / "pretrain", options.sentences)
        vectors = read_vectors(str(encoder), sentences, folder / "training", print)
        model, history = train_encoder(start, sentences, vectors, options.epochs, options.batch_size, print)
        about = {"name": "sentences", "seed": 0, "arguments": {"sentences": len(sentences), "epochs": options.epochs}}
        metrics = {**history[-1], "corpus": file_hashes([str(path) for path in plain_files(options.data_dir)])}
        return encoder_run(model, start.encoder, start.tokenizer, metrics, LONGEST, about), history

    work_aside(options.out, False, {}, work, print)


if __name__ == "__main__":
    raise SystemExit(main())
