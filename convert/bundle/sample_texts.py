"""A run's sample texts as the models of a bundle read them: what a conversion is verified on, and the golden rows."""

import numpy as np

from convert.bundle.bundle import golden_rows
from convert.bundle.firmware import GOLDEN_WINDOWS
from convert.bundle.verification import Answers
from convert.tflite.lengths import answer_by_length, rows_by_length
from convert.tflm.interpreters import predict
from tf_embbert.run import Run
from tf_embbert.tokenizer import segments
from tf_embbert.windows import room, split_all

GOLDEN_ROWS = 8


class SampleTexts:
    """The sample texts of a run.

    Args:
        run: the run.
        length: tokens that the longest model takes.
        windows: of so many tokens, in which a text is read at most.
    """

    def __init__(self, run: Run, length: int, windows: int) -> None:
        self.run, self.length = run, length
        self.ids = self._encode(room(length, windows))
        self.windows, self.texts = split_all(self.ids, length)  # of each window the number of its text

    def _encode(self, room: int) -> list[np.ndarray]:
        """Token ids of the texts, cut to a room."""
        first, second = zip(*self.run.sample_texts)
        return self.run.tokenizer.encode(list(first), list(second) if self.run.is_pair else None, max_length=room).ids

    def rows_for(self, length: int) -> list[np.ndarray]:
        """What a length is verified on: the longest on all windows, a shorter one on the texts cut to it."""
        return self.windows if length == self.length else self._encode(length)

    def same_at_longest(self, answers: dict[int, Answers]) -> int:
        """On how many texts the length that each goes to answers what the longest does: the class, or the number.

        Args:
            answers: of each length, to `rows_for` it.
        """
        first_window = np.searchsorted(self.texts, np.arange(len(self.ids)))

        def said(length: int, rows: list[int]) -> np.ndarray:
            return self._said(answers[length].tflm[first_window[rows] if length == self.length else rows])

        by_length = rows_by_length(answers, self.ids)
        return sum(int((said(length, rows) == said(self.length, rows)).sum()) for length, rows in by_length.items())

    def same_as_another(self, models: dict[int, bytes], other: bytes) -> int:
        """On how many texts the models answer what another of the longest length does: the class, or the number."""
        both = [answer_by_length(each, self.ids, self._ask_tflm) for each in (models, {self.length: other})]
        said = [self._said(logits) for logits in both]
        return int((said[0] == said[1]).sum())

    def _said(self, logits: np.ndarray) -> np.ndarray:
        """What logits [n, C] mean: classes, or of a regression its numbers."""
        return logits.ravel() if self.run.labels is None else logits.argmax(axis=-1)

    def golden(self, models: dict[int, bytes]) -> list[dict]:
        """Golden rows: of each length some of the texts that go to it, spread evenly, with what TFLM answers.

        Args:
            models: bytes of the model of each length.
        """
        golden = []
        for length, rows in rows_by_length(models, self.ids).items():
            few = max(GOLDEN_ROWS // len(models), 1)
            rows = [row for row in rows if len(self.ids[row]) <= room(self.length, GOLDEN_WINDOWS)] or rows
            chosen = [rows[index] for index in np.unique(np.linspace(0, len(rows) - 1, few).astype(int))]
            some = [self.ids[row] for row in chosen]
            second = self._segments(some)
            texts = [self.run.sample_texts[row] for row in chosen]
            answers = answer_by_length(models, some, self._ask_tflm)
            golden += golden_rows(models[length], texts, some, second, answers, self.run.labels)
        return golden

    def _segments(self, ids: list[np.ndarray]) -> list[np.ndarray] | None:
        return [segments(row) for row in ids] if self.run.is_pair else None

    def _ask_tflm(self, model: bytes, ids: list[np.ndarray]) -> np.ndarray:
        return predict(model, ids, self._segments(ids), processes=1)
