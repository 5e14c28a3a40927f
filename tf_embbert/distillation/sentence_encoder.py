"""A pretrained encoder that has a large one's sentence vectors: `finetune`'s start for single texts. Wants torch.

    python -m tf_embbert.distillation.sentence_encoder --data-dir DIR --init tf_embbert/encoders/words --out RUN

Short sentences of the folder's plain text, and runs of words cut from long ones, are read by all-MiniLM-L6-v2; the
[CLS] of EmbBERT learns to give the same vectors through one dense layer, and sentences the likeness that they have
there. What it learns so is what words mean, beyond the few that a task's rows have.
"""

import gzip
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tf_embbert.common.arguments import CommandParser, positive_int
from tf_embbert.common.console import Report, progress_bar, quiet_import
from tf_embbert.common.errors import UserError, run_command
from tf_embbert.distillation.fluency import plain_files
from tf_embbert.pretraining.corpus import file_hashes
from tf_embbert.run import Array, History, Run, load_run
from tf_embbert.teaching.config import find_encoder
from tf_embbert.training.partial import work_aside

# A sentence ends at a mark, a dash or a quotation mark: what is said in a novel is nearest to what people write.
ENDS = re.compile(r"(?<=[.!?;:])\s+|\s+--?\s+|(?<=[.!?])['\"”’]\s+|[\"“”]")
LONG, CUT = 18, (4, 16)  # words: a longer sentence is left out, or one run of so many words of it is taken
MIXED = {"books": 520_000, "wikinews": 300_000, "wikipedia": 320_000}  # sentences of each file, of which some are read
HELD_OUT = 4000  # sentences
LONGEST, STEP = 48, 4  # tokens of a row; rows are padded up to a multiple
POOL = 40  # batches that are sorted by length together
RATE, WEIGHT_DECAY, WARMUP = 2e-3, 0.01, 0.04
LIKENESS_WEIGHT = 10.0  # of the squared error of the sentences' cosines beside 1 - the cosine with the teacher's vector


def cut_sentences(text: str, rng: random.Random) -> Iterator[str]:
    """The sentences of a paragraph of up to LONG words, and of half of the longer ones a run of words."""
    for part in ENDS.split(text.strip()):
        words = (part or "").strip(" '\"”’“‘,;:-").split()
        if len(words) > LONG:
            if rng.random() < 0.5:
                continue
            count = rng.randint(*CUT)
            start = rng.randrange(len(words) - count)
            words = words[start : start + count]
        if sum(any(letter.isalpha() for letter in word) for word in words) >= 2:
            yield " ".join(words)


def read_sentences(folder: Path, count: int) -> list[str]:
    """Different sentences of the plain text, the first of a seeded order."""
    rng, chosen = random.Random(0), dict[str, None]()
    for name, most in MIXED.items():
        path = folder / f"{name}.txt.gz"
        if not path.is_file():
            raise UserError(f"no such file: {path}; --data-dir must hold pretrain/{path.name}")
        with gzip.open(path, "rt", encoding="utf-8") as file:
            found = list(dict.fromkeys(sentence for line in file for sentence in cut_sentences(line, rng)))
        rng.shuffle(found)
        chosen.update(dict.fromkeys(found[:most]))
    sentences = list(chosen)
    rng.shuffle(sentences)
    return sentences[:count]


def read_vectors(encoder: str, sentences: Sequence[str], folder: Path, report: Report) -> Array:
    """The large encoder's vectors of length 1, float16 [sentences, width]; kept in the folder for a resumed work."""
    path = folder / "vectors.npy"
    if not path.is_file():
        from tf_embbert.teaching.sentence_model import SentenceModel, in_fast_numbers

        report(f"the sentence encoder reads {len(sentences):,} sentences")
        model = in_fast_numbers(SentenceModel(encoder, 1))
        vectors = model.of_all(sentences, model.vectors, "reading")
        folder.mkdir(parents=True, exist_ok=True)
        np.save(path, (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16))
    return np.load(path)


def batches_of(ids: Sequence[Array], rows: Array, size: int, rng: np.random.Generator) -> list[Array]:
    """Row numbers of batches of like length, in a random order."""
    batches: list[Array] = []
    for pool in np.array_split(rng.permutation(rows), max(1, len(rows) // (size * POOL))):
        pool = pool[np.argsort([len(ids[i]) for i in pool], kind="stable")]
        batches += np.array_split(pool, max(1, round(len(pool) / size)))
    return [batches[i] for i in rng.permutation(len(batches))]


def padded(ids: Sequence[Array], rows: Array) -> Array:
    """Tokens of rows, int32 [B, L]."""
    longest = -(-max(len(ids[i]) for i in rows) // STEP) * STEP
    return np.stack([np.pad(ids[i], (0, longest - len(ids[i]))) for i in rows]).astype(np.int32)


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
        import tf_keras as keras

        from tf_embbert.model.classifier import build_classifier
        from tf_embbert.model.config import EmbBERTConfig
        from tf_embbert.training.fitting import warmup_cosine
        from tf_embbert.training.transfer import copy_encoder

    keras.utils.set_random_seed(0)
    sizes = EmbBERTConfig.from_dict({**start.encoder.to_dict(), "dropout": 0.0, "token_dropout": 0.0})
    model = build_classifier(sizes, vectors.shape[1])
    copy_encoder(start.model, model)
    ids = start.tokenizer.encode(list(sentences), max_length=LONGEST).ids
    held, rows = np.arange(HELD_OUT), np.arange(HELD_OUT, len(ids))
    steps = epochs * len(batches_of(ids, rows, batch_size, np.random.default_rng(0)))
    optimizer = keras.optimizers.AdamW(
        warmup_cosine(RATE, WARMUP * steps, steps), weight_decay=WEIGHT_DECAY, global_clipnorm=1.0
    )
    step, history = make_step(model, optimizer), []
    for epoch in range(epochs):
        batches = batches_of(ids, rows, batch_size, np.random.default_rng(epoch))
        with progress_bar(f"epoch {epoch + 1}/{epochs}", len(batches), "batches") as update:
            for number, chosen in enumerate(batches):
                step(padded(ids, chosen), vectors[chosen].astype(np.float32))
                update(number + 1)
        history.append({"epoch": epoch + 1, "held_out_cosine": held_out_cosine(model, ids, held, vectors)})
        report(f"epoch {epoch + 1}/{epochs}  held-out cosine {history[-1]['held_out_cosine']:.4f}")
    return model, history


def make_step(model: Any, optimizer: Any) -> Any:
    """A training step as a TensorFlow function of tokens int32 [B, L] and vectors float32 [B, width]."""
    import tensorflow as tf

    optimizer.build(model.trainable_variables)
    signature = [tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, model.output_shape[-1]], tf.float32)]

    @tf.function(autograph=False, input_signature=signature)
    def step(tokens: tf.Tensor, wanted: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            given = tf.math.l2_normalize(model(tokens, training=True), -1)
            cosine = tf.reduce_mean(tf.reduce_sum(given * wanted, -1))
            likeness = tf.matmul(given, given, transpose_b=True) - tf.matmul(wanted, wanted, transpose_b=True)  # [B, B]
            loss = 1 - cosine + LIKENESS_WEIGHT * tf.reduce_mean(tf.square(likeness))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))

    return step


def held_out_cosine(model: Any, ids: Sequence[Array], held: Array, vectors: Array) -> float:
    """Mean cosine of the model's vectors with the large encoder's."""
    from tf_embbert.training.batching import predict_in_order

    given = predict_in_order(model, [ids[i] for i in held])
    given /= np.linalg.norm(given, axis=1, keepdims=True)
    return float(np.mean(np.sum(given * vectors[held].astype(np.float32), axis=1)))


@run_command
def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the encoder's run."""
    parse = CommandParser(prog="python -m tf_embbert.distillation.sentence_encoder", description=(__doc__ or "")[:120])
    parse.add_argument("--data-dir", required=True, type=Path, help="folder with pretrain/books.txt.gz and its like")
    parse.add_argument("--init", required=True, metavar="RUN", help="its tokenizer and first values")
    parse.add_argument("--encoder", default="minilm", help="minilm, or the folder of another sentence encoder")
    parse.add_argument("--sentences", type=positive_int, default=350_000)
    parse.add_argument("--epochs", type=positive_int, default=14)
    parse.add_argument("--batch-size", type=positive_int, default=256)
    parse.add_argument("--out", required=True)
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
