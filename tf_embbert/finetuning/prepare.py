"""A task made ready to train on: its tokenizer, the model's config and length, its rows as token ids."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tf_keras as keras

from tf_embbert.common.console import Report
from tf_embbert.common.errors import UserError
from tf_embbert.data.soft_labels import SoftLabels
from tf_embbert.data.tasks import Task
from tf_embbert.finetuning.config import FinetuneConfig
from tf_embbert.run import Run, load_run
from tf_embbert.tokenizer import WHOLE, Encoded, Tokenizer
from tf_embbert.training.fitting import EncodedRows
from tf_embbert.training.transfer import start_from
from tf_embbert.windows import count_windows, require_single_texts, room

LENGTH_STEP, LONGEST_DEFAULT = 8, 256
WINDOW, MOST_WINDOWS = 64, 16  # tokens of a window, and the most that a text gets, where nobody says


class PreparedTask:
    """A task with the tokenizer, the config and the length its model has.

    Args:
        task: the task.
        given: how to train on it, with everything chosen.
        report: called with one line at a time.
        soft: rows with soft labels to train on as well.

    Attributes:
        pretrained: the run of `given.init`, or None.
        tokenizer: trained on the task's texts, or the pretrained run's.
        config: sizes of the model.
        length: tokens that the model takes.
        windows: of so many tokens, in which a text is read at most.

    Raises:
        UserError: a length that the model cannot have, or `given.init` is no run.
    """

    def __init__(self, task: Task, given: FinetuneConfig, report: Report, soft: SoftLabels | None = None) -> None:
        self.task, self.soft, self.report = task, soft, report
        self.pretrained: Run | None = load_run(given.init) if given.init != "none" else None
        config = self.pretrained.encoder if self.pretrained else given.sizes()
        self.tokenizer = self.choose_tokenizer(given.tokenizer, config.vocab_size)
        asked = {"activation": given.activation, "dropout": given.dropout, "token_dropout": given.token_dropout}
        chosen: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        self.config = dataclasses.replace(config, **chosen, vocab_size=self.tokenizer.vocab_size)
        self.length, self.windows = self.choose_length(given.max_length, given.windows)
        if given.pad_to and not self.seen <= given.pad_to <= self.config.max_length:
            raise UserError(
                f"--pad-to {given.pad_to} is not within {self.seen}..{self.config.max_length}: from "
                "the length of the texts to that of the position table"
            )

    def choose_tokenizer(self, kind: str, vocab_size: int) -> Tokenizer:
        """The pretrained run's, or one trained on the texts to learn from."""
        if self.pretrained and kind == "init":
            return self.pretrained.tokenizer
        rows, soft = self.task.rows("train"), self.soft
        texts = rows.texts + (rows.pairs or []) + (soft.texts + (soft.pairs or []) if soft else [])
        return Tokenizer.train(texts, vocab_size)

    def choose_length(self, length: int | None, windows: int | None) -> tuple[int, int]:
        """Tokens that the model takes, and in how many windows of them a text is read: what was asked for, or
        what 99 % of the training texts need.
        """
        shortest, longest = (4 if self.task.is_pair else 2), self.config.max_length
        require_single_texts(windows, self.task.is_pair)
        if length is not None and not shortest <= length <= longest:
            raise UserError(
                f"--max-length {length} is not within {shortest}..{longest}, the rows of the position table"
            )
        if length is not None and windows is not None:
            return length, windows
        lengths = [len(row) for row in self.tokens("train", WHOLE).ids]
        if windows is None:
            cut = length is None and not self.task.is_pair and needed_by_most(lengths) > min(LONGEST_DEFAULT, longest)
            windows = min(count_windows(needed_by_most(lengths), min(WINDOW, longest)), MOST_WINDOWS) if cut else 1
        if length is None:
            length = min(default_length(lengths), longest, WINDOW if windows > 1 else longest)
        return length, windows

    def tokens(self, split: str, length: int) -> Encoded:
        """A split's texts as token ids."""
        rows = self.task.rows(split)
        return self.tokenizer.encode(rows.texts, rows.pairs, max_length=length)

    @property
    def room(self) -> int:
        """Tokens of a text at most, over all its windows."""
        return room(self.length, self.windows)

    def reading(self) -> str:
        """How texts are read, for people."""
        return f"length {self.length}" + (f" in up to {self.windows} windows" if self.windows > 1 else "")

    @property
    def seen(self) -> int:
        """Tokens of a text at most that training sees, at once: a window of a text need not have its label."""
        return self.length if self.windows == 1 else max(self.length, min(LONGEST_DEFAULT, self.config.max_length))

    def encode(self, split: str, most: int | None = None) -> EncodedRows:
        """The split's rows, a text each, which may need several windows; says how many texts were cut, to the room that
        windows have or to what is given.
        """
        most = self.room if most is None else most
        encoded = self.tokens(split, most)
        if encoded.truncated:
            self.report(f"{split}: {encoded.truncated} of {len(encoded.ids)} texts cut to {most} tokens")
        return EncodedRows(encoded.ids, self.task.rows(split).labels, self.task.metric, self.length)

    def training_rows(self) -> EncodedRows:
        """The training split's rows, then those with soft labels under the number or the likeliest label."""
        rows = self.encode("train", self.seen)
        if not self.soft:
            return rows
        ids = self.tokenizer.encode(self.soft.texts, self.soft.pairs, max_length=self.seen).ids
        judged = self.soft.targets
        labels = judged[:, 0] if self.task.is_regression else judged.argmax(axis=1)
        labels = np.concatenate([rows.labels, labels.astype(rows.labels.dtype)])
        return dataclasses.replace(rows, ids=rows.ids + ids, labels=labels)

    def initial_model(self) -> keras.Model:
        """A new model, or one with the pretrained encoder; a regression starts at the mean label."""
        model = self.config.build(len(self.task.labels or [None]))
        if self.pretrained:
            start_from(self.pretrained, model, self.tokenizer)
        if self.task.is_regression:
            model.get_layer("head").bias.assign([np.mean(self.task.rows("train").labels)])
        return model


def needed_by_most(lengths: Sequence[int]) -> float:
    """Tokens that 99 % of the texts have at most."""
    return float(np.percentile(lengths, 99))


def default_length(lengths: Sequence[int]) -> int:
    """What 99 % of the texts need, rounded up to a multiple of 8, at most 256."""
    return min(LONGEST_DEFAULT, math.ceil(needed_by_most(lengths) / LENGTH_STEP) * LENGTH_STEP)
