"""A larger teacher for a task on short texts, and what it says of plain text: soft labels for `finetune --soft-rows`.

    python -m tf_embbert.distillation.teacher --task sst2 --related imdb --data-dir DIR --out sst2.jsonl.gz
    python -m tf_embbert.distillation.teacher --task limit --data-dir DIR --out limit.jsonl.gz
    python -m tf_embbert.distillation.teacher --task snips --variants 15 --encoders 3 --epochs 10 --data-dir DIR --out F

The teacher is a few convolutional networks (`tf_embbert.distillation.networks`) and a linear model of weighed word
pairs. They are trained on the task and, with --related, on the sentences of a task with the same classes on longer
texts as well. With --encoders as many EmbBERTs of the task vote too.

What it judges are the related task's sentences, whose texts' labels are heard too; or, with --variants, the task's own
texts with words changed, moved, added or left out (`tf_embbert.distillation.disturbed`); or else sentences of the
folder's plain text. The temperature of the answers is chosen on the task's selection rows; the reported split is read
only to leave its texts out.
"""

import functools
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import tf_keras as keras
from scipy.special import log_softmax

from tf_embbert.common.arguments import CommandParser, positive_int, whole_number
from tf_embbert.common.console import Report
from tf_embbert.common.errors import run_command
from tf_embbert.data.tasks import Rows, Task
from tf_embbert.distillation.disturbed import disturbed_texts
from tf_embbert.distillation.encoders import train_encoder
from tf_embbert.distillation.fluency import Fluency, plain_files
from tf_embbert.distillation.networks import TextEncoder, build_network, train_network
from tf_embbert.distillation.soft_labels import hear_labels, write_soft_labels
from tf_embbert.distillation.texts import draw, open_task, related_sentences, sentences
from tf_embbert.pretraining.corpus import read_paragraphs
from tf_embbert.run import Array
from tf_embbert.training.metrics import cross_entropy, score
from tf_embbert.training.ngrams import BUCKETS, count_grams, fit_grams

NETWORKS = 3
LINEAR_VOTES = 1.5  # of the linear model, where each network has one

Voter: TypeAlias = Callable[[Sequence[str]], Array]  # texts -> logits [texts, classes]


class Teacher:
    """Networks, encoders and a linear model that judge texts together.

    Args:
        task: to be trained on.
        related: rows of a related task, or none.
        files: plain text.
        epochs: of each network.
        encoders: how many EmbBERTs vote.
        report: called with one line at a time.
    """

    def __init__(
        self, task: Task, related: Rows, files: Sequence[Path], epochs: int, encoders: int, report: Report
    ) -> None:
        self.voters: dict[str, Voter] = train_voters(task, related, files, epochs, report)
        for seed in range(encoders):
            keras.utils.set_random_seed(seed)
            self.voters[f"encoder {seed + 1}"] = train_encoder(task, seed, report)
        rows = task.rows("train")
        self.weights, self.linear = fit_grams(count_grams(rows, BUCKETS), rows.labels)
        self.temperature = 1.0
        self.cool(task.rows("selection"), report)

    def votes(self, rows: Rows) -> Array:
        """Log-probabilities of each voter and of the linear model: float64 [voters + 1, rows, classes]."""
        linear = self.linear.predict_log_proba(count_grams(rows, BUCKETS) @ self.weights)
        said = (np.asarray(voter(rows.texts), np.float64) for voter in self.voters.values())
        return np.stack([*(log_softmax(logits, axis=1) for logits in said), linear])

    def logits(self, rows: Rows) -> Array:
        """What all say together: float64 [rows, classes]."""
        return self.together(self.votes(rows))

    def together(self, votes: Array) -> Array:
        """The votes as one, at the temperature: float64 [rows, classes]."""
        return (votes[:-1].sum(axis=0) + LINEAR_VOTES * votes[-1]) / len(self.voters) / self.temperature

    def cool(self, selection: Rows, report: Report) -> None:
        """Chooses the temperature by the cross entropy of the selection rows."""
        votes = self.votes(selection)
        for name, vote in zip([*self.voters, "linear"], votes):
            report(f"{name}: {score('accuracy', selection.labels, vote):.2f} % of {len(selection)} selection rows")
        logits = self.together(votes)
        self.temperature = min(np.linspace(0.5, 4, 36), key=lambda t: cross_entropy(logits / t, selection.labels))
        report(
            f"together {score('accuracy', selection.labels, logits):.2f} %, cross entropy "
            f"{cross_entropy(self.together(votes), selection.labels):.3f} at temperature {self.temperature:.1f}"
        )


def train_voters(task: Task, related: Rows, files: Sequence[Path], epochs: int, report: Report) -> dict[str, Voter]:
    """The networks, each from another seed; see `Teacher`."""
    rows, classes = task.rows("train"), len(task.labels or [])
    encode = TextEncoder([*rows.texts, *related.texts], files)
    own, other = (encode(rows.texts), rows.labels), (encode(related.texts), related.labels)
    voters: dict[str, Voter] = {}
    for seed in range(NETWORKS):
        keras.utils.set_random_seed(seed)
        network = build_network(encode.vectors, classes, 1 + related.labels.max(initial=0))
        train_network(network, own, other, epochs, seed)
        voters[f"network {seed + 1}"] = functools.partial(judge, network, encode)
        report(f"network {seed + 1} of {NETWORKS} trained")
    return voters


def judge(network: keras.Model, encode: TextEncoder, texts: Sequence[str]) -> Array:
    """A network's logits for the task's classes: float32 [texts, classes]."""
    return network.predict(encode(texts), 1024, verbose=0)[0]


def texts_to_judge(task: Task, related: Rows | None, variants: int | None, files: Sequence[Path]) -> Rows:
    """The related task's sentences, or variants of the task's own texts, or plain sentences."""
    if related is not None:
        return related
    if variants:
        own, rng = task.rows("train").texts, np.random.default_rng(0)
        texts = disturbed_texts(own, variants, 0, Fluency(files), files, rng)
        return Rows(texts, None, np.zeros(len(texts), np.int32))
    return sentences(read_paragraphs(files), itertools.repeat(0))


@run_command
def main(arguments: Sequence[str] | None = None) -> None:
    """Trains a teacher, and writes what it says."""
    parse = CommandParser(prog="python -m tf_embbert.distillation.teacher", description=(__doc__ or "").split("\n")[0])
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
    task, files = open_task(options.task, options.data_dir, options.out), plain_files(options.data_dir)
    related = related_sentences(options.related, task, options.data_dir)
    teacher = Teacher(task, related, files, options.epochs, options.encoders, lambda line: print(line, flush=True))
    judged = texts_to_judge(task, related if options.related else None, options.variants, files)
    rows = draw(judged, task, options.rows)
    logits = teacher.logits(rows)
    if options.related:
        logits = hear_labels(logits, rows.labels)
    write_soft_labels(options.out, rows.texts, np.exp(log_softmax(logits, axis=1)), task.labels or [])


if __name__ == "__main__":
    raise SystemExit(main())
