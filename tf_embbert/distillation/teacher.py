"""A larger teacher for a task on short texts, and what it says of plain text: rows for `finetune --soft-rows`.

    python -m tf_embbert.distillation.teacher --task sst2 --related imdb --data-dir DIR --out sst2.jsonl.gz
    python -m tf_embbert.distillation.teacher --task limit --data-dir DIR --out limit.jsonl.gz
    python -m tf_embbert.distillation.teacher --task snips --variants 15 --encoders 3 --epochs 10 --data-dir DIR --out snips.jsonl.gz

The teacher is a few convolutional networks (Kim, 2014) over fixed token vectors, 8 MB of them, counted from all text
there is, and a linear model of weighed word pairs beside them. They are trained on the task and, with --related, on the
sentences of a task with the same classes on longer texts as well, under a head of its own. With --encoders as many
EmbBERTs of the task vote too. The rows are the related task's sentences, whose texts' labels are heard too; or, with
--variants, the task's own texts with words changed, moved, added or left out (`tf_embbert.distillation.disturbed`); or else sentences
of the folder's plain text. The temperature of the answers is chosen on the task's selection rows; the reported split is
not read, but to leave its texts out of the rows.
"""

import gzip
import itertools
import json
import re
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_embbert.common.arguments import CommandParser, positive_int, whole_number
from tf_embbert.common.errors import UserError, run_command
from tf_embbert.common.files import write_atomically
from tf_embbert.data.tasks import Rows, load_task
from tf_embbert.distillation.disturbed import disturbed_texts
from tf_embbert.distillation.encoders import train_encoder
from tf_embbert.distillation.fluency import Fluency, plain_files
from tf_embbert.distillation.ngrams import BUCKETS, count_grams, fit_grams, split_words
from tf_embbert.pretraining.cooccurrence import token_vectors
from tf_embbert.pretraining.corpus import bare_ids, read_paragraphs
from tf_embbert.tokenizer import Tokenizer
from tf_embbert.training.metrics import score

VOCAB, WIDTH, LENGTH = 16_384, 128, 56  # tokens, numbers of a vector, tokens of a text
WORDS = (3, 45)  # of a sentence, the fewest and the most
FILTERS, REACHES = 100, (1, 2, 3)
SEEDS, BATCH = 3, 128
RELATED_WEIGHT = 0.5  # of the related task's loss
LINEAR_VOTES = 1.5  # of the linear model, where each network has one
TOKEN_DROPOUT, DROPOUT = 0.25, 0.5


def sentences(texts, labels):
    """The sentences of long texts, each with its text's label: Rows in lower case with spaces between words."""
    parts, theirs = [], []
    for text, label in zip(texts, labels):
        for sentence in re.split(r"(?<=[.!?])\s+", text.replace("<br />", " . ")):
            words = split_words(sentence)
            if WORDS[0] <= len(words) <= WORDS[1]:
                parts.append(" ".join(words))
                theirs.append(label)
    return Rows(parts, None, np.array(theirs, np.int32))


class Encoder:
    """Texts to padded token ids, with vectors of the tokens counted from texts and files."""

    def __init__(self, texts, files):
        self.tokenizer = Tokenizer.train(texts, VOCAB)
        corpus = bare_ids(self.tokenizer, [*texts, *read_paragraphs(files)])
        self.vectors = token_vectors(np.concatenate(corpus), self.tokenizer.vocab_size, WIDTH, seed=0)

    def __call__(self, texts):
        """int32 [rows, LENGTH], pads (0) on the right."""
        ids = self.tokenizer.encode(texts, max_length=LENGTH).ids
        return np.array([np.pad(row, (0, LENGTH - len(row))) for row in ids], np.int32).reshape(-1, LENGTH)


def build_network(vectors, classes, related_classes):
    """Tokens int32 [B, LENGTH] -> logits of both tasks, [B, classes] and [B, related classes]."""
    tokens = keras.Input((LENGTH,), dtype="int32")
    kept = keras.layers.Lambda(lambda ids: tf.cast(ids > 0, tf.float32)[..., None])(tokens)
    x = keras.layers.Embedding(*vectors.shape, weights=[vectors], trainable=False)(tokens)  # [B, LENGTH, WIDTH]
    x = keras.layers.Dropout(TOKEN_DROPOUT, noise_shape=(None, LENGTH, 1))(x)  # whole tokens
    x = keras.layers.Multiply()([keras.layers.Dense(FILTERS)(x), kept])
    pooled = [
        keras.layers.GlobalMaxPool1D()(keras.layers.Conv1D(FILTERS, reach, padding="same", activation="relu")(x))
        for reach in REACHES
    ]
    x = keras.layers.Dropout(DROPOUT)(keras.layers.Concatenate()(pooled))  # [B, FILTERS * reaches]
    return keras.Model(tokens, [keras.layers.Dense(classes)(x), keras.layers.Dense(related_classes)(x)])


def train_network(network, rows, related, epochs, seed):
    """Trains on the rows of both tasks, in an epoch on as many of the related one: pairs of (tokens, labels)."""
    rng = np.random.default_rng(seed)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(1e-3, clipnorm=1.0), [loss, loss])
    for _ in range(epochs):
        chosen = rng.permutation(len(related[1]))[: len(rows[1])]
        order = rng.permutation(len(rows[1]) + len(chosen))
        of_related = order >= len(rows[1])
        tokens = np.concatenate([rows[0], related[0][chosen]])[order]
        labels = np.concatenate([rows[1], related[1][chosen]])[order]
        weights = [np.where(of_related, 0.0, 1.0), np.where(of_related, RELATED_WEIGHT, 0.0)]
        labels = [np.where(of_related, 0, labels), np.where(of_related, labels, 0)]  # each head's own, else none
        network.fit(tokens, labels, BATCH, sample_weight=weights, verbose=0)


class Teacher:
    """What networks, encoders and a linear model say of texts together: `logits` float64 [rows, classes]."""

    def __init__(self, task, parts, files, epochs, encoders, report):
        rows, classes = task.rows("train"), len(task.labels)
        encode = Encoder([*rows.texts, *parts.texts], files)
        encoded, other = (encode(rows.texts), rows.labels), (encode(parts.texts), parts.labels)
        self.voters = {}
        for seed in range(SEEDS):
            keras.utils.set_random_seed(seed)
            network = build_network(encode.vectors, classes, 1 + parts.labels.max(initial=0))
            train_network(network, encoded, other, epochs, seed)
            self.voters[f"network {seed + 1}"] = lambda texts, own=network: own.predict(encode(texts), 1024, verbose=0)[
                0
            ]
            report(f"network {seed + 1} of {SEEDS} trained")
        for seed in range(encoders):
            keras.utils.set_random_seed(seed)
            self.voters[f"encoder {seed + 1}"] = train_encoder(task, seed, report)
        self.weights, self.linear = fit_grams(count_grams(rows, BUCKETS), rows.labels)
        self.temperature = 1.0
        self.cool(task.rows("selection"), report)

    def votes(self, rows):
        """Log-probabilities of each voter and of the linear model: float64 [voters + 1, rows, classes]."""
        linear = self.linear.predict_log_proba(count_grams(rows, BUCKETS) @ self.weights)
        return np.stack([*(log_softmax(voter(rows.texts)) for voter in self.voters.values()), linear])

    def logits(self, rows):
        return self.together(self.votes(rows))

    def together(self, votes):
        """The votes as one, at the temperature: float64 [rows, classes]."""
        return (votes[:-1].sum(axis=0) + LINEAR_VOTES * votes[-1]) / len(self.voters) / self.temperature

    def cool(self, selection, report):
        """Chooses the temperature by the cross entropy of the selection rows."""
        votes = self.votes(selection)
        for name, vote in zip([*self.voters, "linear"], votes):
            report(f"{name}: {score('accuracy', selection.labels, vote):.2f} % of {len(selection)} selection rows")
        logits = self.together(votes)
        self.temperature = min(np.linspace(0.5, 4, 36), key=lambda t: cross_entropy(logits / t, selection))
        report(
            f"together {score('accuracy', selection.labels, logits):.2f} %, cross entropy "
            f"{cross_entropy(self.together(votes), selection):.3f} at temperature {self.temperature:.1f}"
        )


def hear_labels(logits, labels):
    """Adds to what is said of sentences that they stand in a text of some label, as far as the two agree at all.

    A sentence of a text that has label y has it too with a probability a, the mean share that the logits give to the
    texts' labels; so y's logit rises by log(a / (1 - a)) against two classes, by more against many.

    Args:
        logits: float [sentences, classes].
        labels: int [sentences], of their texts, from the same classes.
    Returns:
        float [sentences, classes].
    """
    own = np.eye(logits.shape[1])[labels]
    agreement = np.mean(np.sum(np.exp(log_softmax(logits)) * own, axis=1))
    agreement = min(agreement, 1 - 0.5 / len(labels))  # no sample makes certain
    return logits + own * np.log(agreement * (logits.shape[1] - 1) / (1 - agreement))


def log_softmax(logits):
    logits = np.asarray(logits, np.float64)
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def cross_entropy(logits, rows):
    return -log_softmax(logits)[np.arange(len(rows)), rows.labels].mean()


def write_rows(path, texts, probabilities, labels):
    """Writes soft rows, JSON Lines, gzipped; the same rows give the same bytes."""
    lines = [
        json.dumps({"text": text, "probabilities": dict(zip(labels, np.round(shares, 4).tolist()))})
        for text, shares in zip(texts, probabilities)
    ]
    write_atomically(path, gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))


@run_command
def main(arguments=None):
    parse = CommandParser(prog="python -m tf_embbert.distillation.teacher", description=__doc__.split("\n")[0])
    parse.add_argument("--task", required=True)
    texts = parse.add_mutually_exclusive_group()
    texts.add_argument("--related", help="a task with the same classes on longer texts")
    texts.add_argument("--variants", type=positive_int, help="write disturbed ones of each training text, no sentences")
    parse.add_argument("--data-dir", required=True, type=Path)
    parse.add_argument("--rows", type=positive_int, default=160_000, help="texts to write at most, a seeded sample")
    parse.add_argument("--epochs", type=positive_int, default=5, help="of each network")
    parse.add_argument("--encoders", type=whole_number(0), default=0, help="EmbBERTs that vote as well")
    parse.add_argument("--out", required=True, type=Path, help="a .jsonl.gz file")
    options = parse.parse_args(arguments)
    task, files = open_task(options), plain_files(options.data_dir)
    parts = related_sentences(options.related, task, options.data_dir)
    teacher = Teacher(task, parts, files, options.epochs, options.encoders, lambda line: print(line, flush=True))
    rows = drawn(more_rows(task, parts, files, options), task, options.rows)
    logits = teacher.logits(rows)
    if options.related:
        logits = hear_labels(logits, rows.labels)
    write_rows(options.out, rows.texts, np.exp(log_softmax(logits)), task.labels)


def open_task(options, seed=0):
    """The task to teach, where it can be taught and what is said of it can be written."""
    if not options.out.absolute().parent.is_dir():
        raise UserError(f"no such folder: {options.out.parent}; make it, or choose another --out")
    task = load_task(options.task, options.data_dir, seed=seed)
    if task.is_pair or task.is_regression:
        raise UserError(f"task {task.name} is not one of single texts and classes, which alone are taught here")
    return task


def more_rows(task, parts, files, options):
    """The texts to speak of: those of the related task, variants of the task's own, or plain sentences."""
    if options.related:
        return parts
    if options.variants:
        texts = disturbed_texts(
            task.rows("train").texts, options.variants, 0, Fluency(files), files, np.random.default_rng(0)
        )
        return Rows(texts, None, np.zeros(len(texts), np.int32))
    return sentences(read_paragraphs(files), itertools.repeat(0))


def related_sentences(name, task, data_dir):
    """The sentences of another task's training texts, with their texts' labels; none where no task is named."""
    if name is None:
        return sentences([], [])
    related = load_task(name, data_dir)
    if related.is_regression or len(related.labels) != len(task.labels):
        raise UserError(f"--related {name} has other classes than {task.name}")
    rows = related.rows("train")
    return sentences(rows.texts, rows.labels)


def drawn(rows, task, count):
    """A seeded sample of at most `count` rows, in their order, none of which the reported split has."""
    known = {words_of(text) for text in task.rows(task.reported_split).texts}
    others = [i for i, text in enumerate(rows.texts) if words_of(text) not in known]
    if not others:
        raise UserError("no sentence is left that the reported split does not have: give a task on other texts")
    return rows.select(np.sort(np.random.default_rng(0).permutation(others)[:count]))


def words_of(text):
    """A text's words, by which it is known again whatever stands between them."""
    return " ".join(re.findall(r"\w+", text.lower()))


if __name__ == "__main__":
    raise SystemExit(main())
