"""A teacher that counts, and what it says of a task's texts, of disturbed ones and of plain ones: rows for --soft-rows.

    python -m tf_embbert.distillation.fluent_teacher --task cola --data-dir DIR --out cola.jsonl.gz

The teacher is linear. It sees weighed runs of words and of characters, and how well the words follow one another in
plain text (`tf_embbert.distillation.fluency`). A small model can't learn the latter from the few texts with labels. It
can from as many others as one likes: the task's own with words changed, moved, added or left out
(`tf_embbert.distillation.disturbed`), and sentences of the plain text, most of them disturbed too. Of the task's own
texts the teacher says what it thought before it had seen their labels. Its strength is chosen on the selection rows;
the reported split is read only to leave its texts out.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import scipy.sparse
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from tf_embbert.common.arguments import CommandParser, seed, whole_number
from tf_embbert.common.console import Report
from tf_embbert.common.errors import run_command
from tf_embbert.data.checks import words_of
from tf_embbert.data.tasks import Task
from tf_embbert.distillation.disturbed import disturbed_texts
from tf_embbert.distillation.fluency import Fluency, plain_files
from tf_embbert.distillation.soft_labels import write_soft_labels
from tf_embbert.distillation.texts import open_task
from tf_embbert.model.folded import Array
from tf_embbert.teaching.voting import FOLDS
from tf_embbert.training.metrics import cross_entropy, score
from tf_embbert.training.ngrams import Sparse, split_words, weigh_grams

Seen: TypeAlias = tuple[Sparse, Array]  # of `see`

BUCKETS = 2**20
STRENGTHS = (0.01, 0.03, 0.1)  # of the labels against the regularisation
FEATURE_PENALTY = 6.4  # a feature's, as if the strength were this, whatever that of the grams is; a gram has STRENGTHS'
BOUND = 5.0  # the most standard deviations that a feature may say
ROWS_AT_ONCE = 50_000


def runs(text: str) -> list[str]:
    """Runs of one to three words and the text's ends, of three to five characters; pairs of words not far apart."""
    words = ["^", *split_words(text), "$"]
    letters = f" {' '.join(words[1:-1])} "
    return (
        [" ".join(words[i : i + n]) for n in (1, 2, 3) for i in range(len(words) - n + 1)]
        + [f"{a} .. {b}" for i, a in enumerate(words) for b in words[i + 2 : i + 4]]
        + ["#" + letters[i : i + n] for n in (3, 4, 5) for i in range(len(letters) - n + 1)]
    )


class Teacher:
    """A linear model of a text's runs and of its fluency.

    Args:
        seen: of `see`, of the rows it is trained on.
        labels: their classes.
        strength: of STRENGTHS.
    """

    def __init__(self, seen: Seen, labels: Array, strength: float) -> None:
        grams, features = seen
        self.strength, self.used = strength, np.unique(grams.indices)
        self.weights, self.scaler = weigh_grams(grams[:, self.used], labels), StandardScaler().fit(features)
        self.linear = LogisticRegression(C=strength, max_iter=300).fit(self.inputs(seen), labels)

    def inputs(self, seen: Seen) -> Sparse:
        """What the linear model takes: grams weighed, features scaled and bounded."""
        grams, features = seen
        scaled = np.clip(self.scaler.transform(features), -BOUND, BOUND) / (FEATURE_PENALTY * self.strength**0.5)
        return scipy.sparse.hstack([grams[:, self.used] @ self.weights, scipy.sparse.csr_matrix(scaled)]).tocsr()

    def __call__(self, seen: Seen) -> Array:
        """Probabilities [rows, classes]."""
        return self.linear.predict_proba(self.inputs(seen))


def see(texts: Sequence[str], fluency: Fluency) -> Seen:
    """What the teacher sees of texts: their runs, sparse 0/1 [texts, BUCKETS], and features [texts, features]."""
    hashing = HashingVectorizer(analyzer=runs, n_features=BUCKETS, binary=True, alternate_sign=False, norm=None)
    return hashing.transform(texts), fluency.features(texts)


def unbiased(seen: Seen, labels: Array, strength: float, seed: int) -> Array:
    """What teachers say of the rows they were not trained on: probabilities [rows, classes]."""
    folds = np.random.default_rng(seed).permutation(len(labels)) % FOLDS
    said = np.zeros((len(labels), labels.max() + 1))
    for fold in range(FOLDS):
        rest, own = folds != fold, folds == fold
        grams, features = seen
        said[own] = Teacher((grams[rest], features[rest]), labels[rest], strength)((grams[own], features[own]))
    return said


def teach(
    task: Task, variants: int, plain: int, files: Sequence[Path], seed: int, report: Report
) -> tuple[list[str], Array]:
    """Texts and probabilities [texts, classes]: of a task's training rows and of `disturbed_texts`."""
    fluency, rows, selection = Fluency(files), task.rows("train"), task.rows("selection")
    report(f"{len(fluency.words):,} words, counted in {len(fluency.ids):,}")
    seen, judged = see(rows.texts, fluency), see(selection.texts, fluency)
    teachers = [Teacher(seen, rows.labels, strength) for strength in STRENGTHS]
    teacher = min(teachers, key=lambda teacher: cross_entropy(np.log(teacher(judged)), selection.labels))
    said = np.log(teacher(judged))
    report(
        f"strength {teacher.strength}: cross entropy {cross_entropy(said, selection.labels):.4f}, {task.metric} "
        f"{score(task.metric, selection.labels, said):.2f} of {len(selection)} selection rows"
    )
    known = {words_of(text) for name in ("train", "selection", task.reported_split) for text in task.rows(name).texts}
    more = disturbed_texts(rows.texts, variants, plain, fluency, files, np.random.default_rng(seed))
    more = [text for text in more if words_of(text) not in known]
    parts = [more[i : i + ROWS_AT_ONCE] for i in range(0, len(more), ROWS_AT_ONCE)]
    own = unbiased(seen, rows.labels, teacher.strength, seed)
    return rows.texts + more, np.concatenate([own, *(teacher(see(part, fluency)) for part in parts)])


@run_command
def main(arguments: Sequence[str] | None = None) -> None:
    """Teaches, and writes what the teacher says."""
    parse = CommandParser(
        prog="python -m tf_embbert.distillation.fluent_teacher", description=(__doc__ or "").split("\n")[0]
    )
    parse.add_argument("--task", required=True)
    parse.add_argument("--data-dir", required=True, type=Path)
    parse.add_argument("--variants", type=whole_number(0), default=15, help="disturbed ones of each training text")
    parse.add_argument("--plain", type=whole_number(0), default=600_000, help="sentences of the folder's plain text")
    parse.add_argument(
        "--seed",
        type=seed,
        default=0,
        help="of finetune: the rows that it selects on must be the same, or the teacher has seen them",
    )
    parse.add_argument("--out", required=True, type=Path, help="a .jsonl.gz file")
    options = parse.parse_args(arguments)
    task, files = open_task(options.task, options.data_dir, options.out, options.seed), plain_files(options.data_dir)
    texts, probabilities = teach(
        task, options.variants, options.plain, files, options.seed, lambda line: print(line, flush=True)
    )
    write_soft_labels(options.out, texts, probabilities, task.labels or [])


if __name__ == "__main__":
    raise SystemExit(main())
