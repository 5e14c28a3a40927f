"""What fits into the minutes: how often the teacher and EmbBERT may see how many texts, on this machine."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tf_embbert.data.rows import Task, Text, parts_of
from tf_embbert.finetuning.config import FinetuneConfig
from tf_embbert.teaching.disturb import words_of_copies
from tf_embbert.teaching.voting import FOLDS
from tf_embbert.teaching.words import split_words

# Rows seen in a training on labels alone, so that epochs = this / rows: what Snips (13 k rows) and Emotion (16 k) need
# until they stop gaining.
FLOAT_ROWS, EPOCHS = 160_000, (4, 40)
# Processor seconds of a token where the multiplication of `machine_factor` takes USUAL_PROBE; padding is in them.
STUDENT, ENCODER_LEARNS, ENCODER_JUDGES = 1 / 34_000, 1 / 1_000, 1 / 7_000
LINEAR_LEARNS, LINEAR_JUDGES = 1 / 2_000, 1 / 50_000
OWN_JUDGES = STUDENT / 3
DOUBLE_AT = 250  # tokens of a text at which one of EmbBERT's tokens takes twice as long as a short text's
WITHOUT_BFLOAT16 = 2  # times as long for the sentence encoder
INT8_SECONDS = 60.0  # QAT and scoring in TFLM
ALIKE_SECONDS = 20.0  # in which the sentence encoder reads single words
USUAL_PROBE = 0.0022
FACTORS = (0.5, 6.0)  # believed, the least and the most
SECOND_CORE = 0.6  # what a second core adds to the first
TOKENS_OF_A_WORD = 1.3
LONGEST_ROW, LONGEST_READ = 200, 100  # words of a text beyond which EmbBERT's is cut, and the sentence encoder's

ENCODER_ROWS, ENCODER_EPOCHS = 15_000, (1, 10)  # rows that the sentence encoder sees in its training
ENCODER_FEWEST = 2_000  # or all, that it must see
OWN_ROWS, OWN_EPOCHS = 10_000, (3, 30)  # rows that EmbBERT sees where it is a voter
OWN_BEGINS = 10.0  # seconds before the first step of its training
ALONE, BESIDE = 0.5, 0.25  # of the minutes, that it may take at most: where it judges alone, or linear models do too
COPIES = (10_000, 100_000)  # disturbed texts, the fewest and the most
TAUGHT_EPOCHS = (4, 15)
USUAL_EPOCHS = 10  # there are no more copies than can be seen so often


def passes(seen: int, rows: int, bounds: tuple[int, int]) -> int:
    """Epochs of so many rows, within bounds, in which about `seen` rows are seen."""
    return int(np.clip(round(seen / rows), *bounds))


def epochs_on_labels(rows: int) -> int:
    """Epochs in which about FLOAT_ROWS rows are seen."""
    return passes(FLOAT_ROWS, rows, EPOCHS)


def encoder_epochs_of(rows: int) -> int:
    """Passes of the sentence encoder over so many rows, where there is time for them."""
    return passes(ENCODER_ROWS, rows, ENCODER_EPOCHS)


class Budget:
    """What fits into the minutes, by the task's words and the speed of this machine.

    Args:
        config: says how many minutes, and whether the machine's speed may matter (not where it is deterministic).
        task: its rows.
    """

    def __init__(self, config: FinetuneConfig, task: Task) -> None:
        self.config, self.rows = config, len(task.rows("train"))
        self.by_words = task.by_words
        words = words_of_parts(task.rows("train").whole_texts)
        self.tokens = tokens_of(float(np.mean(np.minimum(words, LONGEST_ROW))), task.is_pair)  # of a text
        self.read_tokens = tokens_of(float(np.mean(np.minimum(words, LONGEST_READ))), task.is_pair)
        copied = words_of_copies(words)
        if task.unlabelled:  # half of the copies
            copied = (copied + words_of_copies(words_of_parts(task.unlabelled))) / 2
        self.copy_tokens = tokens_of(copied, task.is_pair)
        factor = 1.0 if config.deterministic else machine_factor()
        cores = 1 + (SECOND_CORE if len(os.sched_getaffinity(0)) > 1 else 0)
        self.encoder_factor = 1 if has_bfloat16() else WITHOUT_BFLOAT16
        self.seconds = 60 * config.minutes * cores / factor - INT8_SECONDS  # processor seconds of the usual machine

    def encoder_lesson(self, must: bool) -> tuple[int, int]:
        """How many rows the sentence encoder learns from, and its passes over them.

        It sees all rows, or where there is no time for that a part of them once; of too small a part it does not learn.

        Args:
            must: whether it teaches even so.
        """
        part, fewest = BESIDE if self.by_words else ALONE, min(self.rows, ENCODER_FEWEST)
        spared = min(part * self.seconds, self.beside_voters() - self.least_of_student())
        seen = int(spared / (self.read_tokens * ENCODER_LEARNS * self.encoder_factor))
        if seen >= self.rows:
            return self.rows, min(encoder_epochs_of(self.rows), seen // self.rows)
        return (max(seen, fewest), 1) if must or seen >= fewest else (0, 0)

    def beside_voters(self) -> float:
        """Processor seconds of the usual machine that the linear models leave."""
        return self.seconds - self.rows * self.tokens * LINEAR_LEARNS

    def least_of_student(self) -> float:
        """Those in which the sentence encoder judges the fewest copies, and EmbBERT learns from them the least."""
        judged = self.judging(encoder=self.encoder_factor, own=0)
        seen = self.rows * seen_once(self.tokens) + COPIES[0] * seen_once(self.copy_tokens)
        return ALIKE_SECONDS + COPIES[0] * judged + TAUGHT_EPOCHS[0] * seen

    def judging(self, encoder: int, own: int) -> float:
        """Those in which the teachers judge a copy.

        Args:
            encoder: `encoder_factor`, or 0 where the sentence encoder does not judge.
            own: 1 where EmbBERT does.
        """
        return self.copy_tokens * (LINEAR_JUDGES + encoder * ENCODER_JUDGES + own * OWN_JUDGES)

    def own_epochs(self) -> int:
        """Passes of EmbBERT as a voter over the rows; 0 where there is no time for them."""
        epochs = passes(OWN_ROWS, self.rows, OWN_EPOCHS)
        return epochs if self.own_seconds(epochs) <= BESIDE * self.seconds else 0

    def own_seconds(self, epochs: int) -> float:
        """Processor seconds of the usual machine in which EmbBERT becomes a voter in so many epochs: it learns without
        each fold and from all rows, which is FOLDS - 1 times the rows and once.
        """
        seen = self.rows * epochs * seen_once(self.read_tokens)
        return bool(epochs) * (FOLDS * seen + (FOLDS + 1) * OWN_BEGINS)

    def student(self, encoder_rows: int, encoder_epochs: int, own_epochs: int) -> tuple[int, int]:
        """Copies and epochs that take what the teacher leaves.

        Args:
            encoder_rows: that the sentence encoder learns from, 0 without one.
            encoder_epochs: its passes over them.
            own_epochs: of EmbBERT as a voter, 0 without it.
        """
        encoder, own = bool(encoder_epochs) * self.encoder_factor, bool(own_epochs)
        left = self.beside_voters() - self.own_seconds(own_epochs)
        left -= encoder * (ALIKE_SECONDS + encoder_rows * self.read_tokens * encoder_epochs * ENCODER_LEARNS)
        judged = self.judging(encoder, own)
        row, copy = seen_once(self.tokens), seen_once(self.copy_tokens)
        copies = self.config.variants
        if copies is None:
            most = (left - self.rows * USUAL_EPOCHS * row) / (judged + USUAL_EPOCHS * copy)
            copies = int(np.clip(most, *COPIES))
        epochs = (left - copies * judged) / (self.rows * row + copies * copy)
        return copies, int(np.clip(epochs, *TAUGHT_EPOCHS)) if copies else epochs_on_labels(self.rows)


def words_of_parts(texts: Sequence[Text]) -> NDArray:
    """Words of each text, and of each part of a pair: int [parts]."""
    return np.array([len(split_words(part)) for text in texts for part in parts_of(text)])


def tokens_of(words: float, is_pair: bool) -> float:
    """Tokens of a text of so many words, about; of a pair whose parts have as many."""
    return (1 + is_pair) * (2 + TOKENS_OF_A_WORD * words)


def seen_once(tokens: float) -> float:
    """Processor seconds of the usual machine in which EmbBERT learns from a text of so many tokens once."""
    return STUDENT * tokens * (1 + tokens / DOUBLE_AT)


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16."""
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def machine_factor() -> float:
    """How many times slower than the usual machine this one is; other work on it does not count."""
    a = np.random.default_rng(0).random((512, 512), np.float32)
    times = []
    with threadpool_limits(1):  # threads that wait for each other would count too
        for _ in range(20):
            started = time.process_time()
            a @ a
            times.append(time.process_time() - started)
    return float(np.clip(min(times) / USUAL_PROBE, *FACTORS))
