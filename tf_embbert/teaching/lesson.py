"""What a teacher says of a task's own rows and of disturbed ones: the targets that EmbBERT learns from.

The training rows keep their labels, softened by what the voters say of rows that they have not seen. Disturbed
copies of them have no label: all teachers together judge them. Of pairs and numbers linear models know little; there
the sentence encoder judges alone. No row that selects or is reported is ever judged here, nor stays a copy that has the
words of one.
"""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from scipy.special import softmax

from tf_embbert.common.console import Report
from tf_embbert.data.checks import words_of
from tf_embbert.data.rows import Rows, Task, Text, parts_of, sampled
from tf_embbert.data.soft_labels import SoftLabels
from tf_embbert.run import Array
from tf_embbert.teaching.alike import Alike, vocabulary_of, words_alike
from tf_embbert.teaching.config import Teaching
from tf_embbert.teaching.disturb import disturbed_pairs, disturbed_texts, some_of
from tf_embbert.teaching.voting import Learn, Read, VotingTeacher, best_temperature
from tf_embbert.training.metrics import cross_entropy, score

if TYPE_CHECKING:  # wants torch
    from tf_embbert.teaching.sentence_model import SentenceTeacher

AnyText = TypeVar("AnyText", bound=Text)
SHARES = (0.3, 0.5, 0.7, 0.9)  # that the sentence encoder may have in the votes, the others are the voters'
USUAL_SHARE = 0.7
ROWS_TO_CHOOSE = 100  # selection rows below which the usual share is taken
TINY = 1e-9  # beside probabilities whose logarithm is taken
LESSON = "lesson.npz"


class Judge(Protocol):
    """Who judges texts."""

    def judge(self, texts: Sequence[str]) -> Array:
        """Probabilities [texts, classes]."""
        ...


@dataclasses.dataclass(frozen=True)
class Lesson:
    """What there is to learn from.

    Args:
        targets: of the training rows, float32 [rows, classes], distributions; of a regression the numbers [rows, 1].
        soft: judged copies, or None.
        about: who judged and how well, as the run's metrics have it.
    """

    targets: Array
    soft: SoftLabels | None
    about: dict[str, Any]


def take_lesson(
    task: Task, how: Teaching, folder: Path, report: Report, read: Read | None = None, learn: Learn | None = None
) -> Lesson:
    """Trains the teachers and lets them judge; what was judged before in this folder is read again.

    Args:
        task: the rows.
        how: who judges, and how much; pairs and numbers only a sentence encoder can judge.
        folder: of the training's work.
        report: called with one line at a time.
        read: gives a pretrained encoder's vectors of texts, or None.
        learn: fine-tunes that encoder on texts and labels, or None.

    Raises:
        UserError: the rows are all of one class.
    """
    path = folder / LESSON
    if path.is_file():
        return read_lesson(path)
    if task.by_words:
        lesson = lesson_of_classes(task, how, report, read, learn)
    else:
        lesson = lesson_of_encoder(task, how, report)
    write_lesson(path, lesson)
    return lesson


def lesson_of_classes(task: Task, how: Teaching, report: Report, read: Read | None, learn: Learn | None) -> Lesson:
    """Of single texts with classes: the voters judge, and the sentence encoder where there is one."""
    rows, classes = task.rows("train"), len(task.labels or [])
    linear = VotingTeacher(rows.texts, rows.labels, classes, how.seed, read, learn)
    unseen = score("accuracy", rows.labels, linear.unseen)
    report(f"teacher: {', '.join(linear.chosen)}: {unseen:.2f} % of training rows that it had not seen")
    about: dict[str, Any] = {"voters": list(linear.chosen), "unseen_training_rows": unseen}
    texts = [str(text) for text in texts_to_judge(task, how)]
    votes = linear.judge(texts) if texts else np.zeros((0, classes))
    if how.encoder and texts:
        large, part, temperature, figures = large_teacher(task, linear, how, report)
        votes = part * sharpened(large.judge(texts), temperature) + (1 - part) * votes
        about |= figures
    targets = how.share * linear.unseen + (1 - how.share) * np.eye(classes)[rows.labels]
    soft = soft_rows(texts, votes) if texts else None
    return Lesson(targets.astype(np.float32), soft, {**about, "judged_texts": len(texts)})


def lesson_of_encoder(task: Task, how: Teaching, report: Report) -> Lesson:
    """Of pairs or numbers: the sentence encoder alone judges, and the rows keep their labels."""
    selection, large = task.rows("selection"), fine_tuned(task, how, report)
    figure = score(task.metric, selection.labels, large.judge(selection.whole_texts))
    report(f"teacher: {task.metric} {figure:.2f} of {len(selection)} selection rows")
    about = {"encoder_epochs": how.epochs, "selection": {"encoder": figure}}
    copies = texts_to_judge(task, how)
    soft = soft_rows(copies, large.judge(copies)) if copies else None
    return Lesson(label_targets(task), soft, {**about, "judged_texts": len(copies)})


def known_alike(task: Task, how: Teaching) -> Alike | None:
    """Words that the sentence encoder finds alike; None where it is not asked."""
    if not (how.encoder and how.variants and how.alike):
        return None
    from tf_embbert.teaching.sentence_model import SentenceModel, in_fast_numbers

    model = in_fast_numbers(SentenceModel(how.encoder, 1))
    texts = [part for text in [*task.rows("train").whole_texts, *task.unlabelled] for part in parts_of(text)]
    vocabulary = vocabulary_of(model.tokenizer)
    return words_alike(texts, vocabulary, lambda words: model.of_all(words, model.vectors, "reading words"))


def texts_to_judge(task: Task, how: Teaching) -> list[Text]:
    """Disturbed copies of the training rows; where there are texts without labels, half are of these."""
    rows, alike = task.rows("train").whole_texts, known_alike(task, how)
    half = how.variants // 2 if task.unlabelled else 0
    others = some_of(task.unlabelled, half, how.seed)
    copies = [*disturbed(rows, how.variants - half, how.seed, alike), *others]
    copies += disturbed(task.unlabelled, half - len(others), how.seed + 1, alike)
    own = set(rows)
    return [text for text in new_texts(task, list(dict.fromkeys(copies))) if text not in own]


def disturbed(texts: Sequence[Text], count: int, seed: int, alike: Alike | None) -> Sequence[Text]:
    """Disturbed copies of texts or of pairs."""
    pairs = [text for text in texts if not isinstance(text, str)]
    if pairs:
        return disturbed_pairs(pairs, count, seed, alike)
    return disturbed_texts([text for text in texts if isinstance(text, str)], count, seed, alike)


def soft_rows(copies: Sequence[Text], judged: Array) -> SoftLabels:
    """Copies with what was said of them, [copies, outputs]."""
    texts = [copy if isinstance(copy, str) else copy[0] for copy in copies]
    seconds = [copy[1] for copy in copies if not isinstance(copy, str)]
    return SoftLabels(texts, seconds or None, judged.astype(np.float32))


def label_targets(task: Task) -> Array:
    """The training rows' labels as targets: float32 [rows, classes] with a 1 each, or a regression's [rows, 1]."""
    labels = task.rows("train").labels
    return labels[:, None] if task.labels is None else np.eye(len(task.labels), dtype=np.float32)[labels]


def new_texts(task: Task, texts: Sequence[AnyText]) -> list[AnyText]:
    """Those of which no row that selects or is reported has the words."""
    held = {words_in(text) for split, rows in task.splits.items() if split != "train" for text in rows.whole_texts}
    return [text for text in texts if words_in(text) not in held]


def words_in(text: Text) -> tuple[str, ...]:
    """The words of a text, or of both parts of a pair."""
    return tuple(map(words_of, parts_of(text)))


def large_teacher(
    task: Task, linear: Judge, how: Teaching, report: Report
) -> tuple[Judge, float, float, dict[str, Any]]:
    """The sentence encoder after its training, its share in the votes and its temperature, and how good both are on the
    selection rows.
    """
    selection, large = task.rows("selection"), fine_tuned(task, how, report)
    part, temperature, figures = choose_share(linear, large, selection)
    report(
        f"teacher: of {len(selection)} selection rows the linear models have {figures['linear']:.2f} %, the encoder "
        f"{figures['encoder']:.2f} %, together {figures['together']:.2f} % at a share of {part} for the encoder"
    )
    about = {"encoder_share": part, "encoder_temperature": temperature, "encoder_epochs": how.epochs}
    return large, part, temperature, {**about, "selection": figures}


def fine_tuned(task: Task, how: Teaching, report: Report) -> "SentenceTeacher":
    """The sentence encoder after its training on the task's rows, or on some of them."""
    from tf_embbert.teaching.sentence_model import SentenceTeacher

    rows = task.rows("train")
    rows = rows.select(sampled(len(rows), how.rows, how.seed))
    report(f"teacher: fine-tuning the sentence encoder, {how.epochs} epochs of {len(rows)} rows")
    return SentenceTeacher(str(how.encoder), rows, len(task.labels or []), how.epochs, how.seed)


def choose_share(linear: Judge, encoder: Judge, selection: Rows) -> tuple[float, float, dict[str, float]]:
    """The encoder's share in the votes and its temperature, which both have the least cross entropy with the selection
    rows' labels; and the accuracies of each judge and of both.

    Trained on smoothed labels, the encoder is less sure than it might be, so the temperature comes first.
    """
    of_words, of_encoder = (np.asarray(judge.judge(selection.texts), np.float64) for judge in (linear, encoder))
    part, temperature = USUAL_SHARE, 1.0
    if len(selection) >= ROWS_TO_CHOOSE:
        temperature = best_temperature(np.log(of_encoder + TINY), selection.labels)
        of_encoder = sharpened(of_encoder, temperature)
        votes = {part: part * of_encoder + (1 - part) * of_words for part in SHARES}
        part = min(SHARES, key=lambda part: cross_entropy(np.log(votes[part] + TINY), selection.labels))
    said = {"linear": of_words, "encoder": of_encoder, "together": part * of_encoder + (1 - part) * of_words}
    return part, temperature, {name: score("accuracy", selection.labels, p) for name, p in said.items()}


def sharpened(probabilities: Array, temperature: float) -> Array:
    """Distributions [.., classes] whose logarithms are divided by a temperature."""
    return softmax(np.log(probabilities + TINY) / temperature, axis=-1)


def write_lesson(path: Path, lesson: Lesson) -> None:
    """Keeps a lesson for a training that is resumed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    texts, seconds = (lesson.soft.texts, lesson.soft.pairs) if lesson.soft else ([], None)
    words = np.frombuffer(json.dumps([texts, seconds, lesson.about]).encode(), np.uint8)
    judged = lesson.soft.targets if lesson.soft else lesson.targets[:0]
    part = path.with_suffix(".part.npz")
    np.savez(part, targets=lesson.targets, judged=judged, words=words)
    part.rename(path)


def read_lesson(path: Path) -> Lesson:
    """What `write_lesson` kept."""
    with np.load(path, allow_pickle=False) as arrays:
        texts, seconds, about = json.loads(arrays["words"].tobytes())
        soft = SoftLabels(texts, seconds, arrays["judged"]) if texts else None
        return Lesson(arrays["targets"], soft, about)
