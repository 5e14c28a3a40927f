"""The texts that a teacher judges: sentences of a related task or of plain text, none of the reported split."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tf_embbert.common.errors import UserError
from tf_embbert.data.checks import words_of
from tf_embbert.data.tasks import Rows, Task, load_task
from tf_embbert.training.ngrams import split_words

WORDS = (3, 45)  # of a sentence, the fewest and the most


def open_task(name: str, data_dir: Path, out: Path, seed: int = 0) -> Task:
    """The task to teach.

    Args:
        name: of the task.
        data_dir: folder with one folder a named task.
        out: file that is to hold what is said.
        seed: of the task's splits.

    Raises:
        UserError: the task is not one of single texts and classes, or the file cannot be written.
    """
    if not out.absolute().parent.is_dir():
        raise UserError(f"no such folder: {out.parent}; make it, or choose another --out")
    task = load_task(name, data_dir, seed=seed)
    if task.is_pair or task.is_regression:
        raise UserError(f"task {task.name} is not one of single texts and classes, which alone are taught here")
    return task


def sentences(texts: Iterable[str], labels: Iterable[int]) -> Rows:
    """The sentences of long texts, each with its text's label: in lower case, with spaces between words."""
    parts, theirs = [], []
    for text, label in zip(texts, labels):
        for sentence in re.split(r"(?<=[.!?])\s+", text.replace("<br />", " . ")):
            words = split_words(sentence)
            if WORDS[0] <= len(words) <= WORDS[1]:
                parts.append(" ".join(words))
                theirs.append(label)
    return Rows(parts, None, np.array(theirs, np.int32))


def related_sentences(name: str | None, task: Task, data_dir: Path) -> Rows:
    """The sentences of another task's training texts, with their texts' labels; none where no task is named."""
    if name is None:
        return sentences([], [])
    related = load_task(name, data_dir)
    if related.labels is None or len(related.labels) != len(task.labels or []):
        raise UserError(f"--related {name} has other classes than {task.name}")
    rows = related.rows("train")
    return sentences(rows.texts, rows.labels)


def draw(rows: Rows, task: Task, count: int) -> Rows:
    """A seeded sample of at most `count` rows, in their order, none of which the reported split has."""
    known = {words_of(text) for text in task.rows(task.reported_split).texts}
    others = [i for i, text in enumerate(rows.texts) if words_of(text) not in known]
    if not others:
        raise UserError("no sentence is left that the reported split does not have: give a task on other texts")
    return rows.select(np.sort(np.random.default_rng(0).permutation(others)[:count]))
