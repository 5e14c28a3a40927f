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
from tf_embbert.run import Array, Run, load_run
from tf_embbert.tokenizer import Encoded, Tokenizer
from tf_embbert.training.fitting import EncodedRows
from tf_embbert.training.transfer import copy_encoder, translate_table

LENGTH_STEP, LONGEST_DEFAULT = 8, 256


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
        length: tokens of a text at most.

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
        self.length = self.choose_length(given.max_length)
        if given.pad_to and not self.length <= given.pad_to <= self.config.max_length:
            raise UserError(
                f"--pad-to {given.pad_to} is not within {self.length}..{self.config.max_length}: from "
                "the length of the texts to that of the position table"
            )

    def choose_tokenizer(self, kind: str, vocab_size: int) -> Tokenizer:
        """The pretrained run's, or one trained on the texts to learn from."""
        if self.pretrained and kind == "init":
            return self.pretrained.tokenizer
        rows, soft = self.task.rows("train"), self.soft
        texts = rows.texts + (rows.pairs or []) + (soft.texts + (soft.pairs or []) if soft else [])
        return Tokenizer.train(texts, vocab_size)

    def choose_length(self, asked: int | None) -> int:
        """The length asked for, or what 99 % of the training texts need."""
        shortest, longest = (4 if self.task.is_pair else 2), self.config.max_length
        if asked is None:
            return min(default_length([len(row) for row in self.tokens("train", longest).ids]), longest)
        if not shortest <= asked <= longest:
            raise UserError(f"--max-length {asked} is not within {shortest}..{longest}, the rows of the position table")
        return asked

    def tokens(self, split: str, length: int) -> Encoded:
        """A split's texts as token ids."""
        rows = self.task.rows(split)
        return self.tokenizer.encode(rows.texts, rows.pairs, max_length=length)

    def encode(self, split: str) -> EncodedRows:
        """The split's rows as training takes them; says how many texts were cut."""
        encoded = self.tokens(split, self.length)
        if encoded.truncated:
            self.report(f"{split}: {encoded.truncated} of {len(encoded.ids)} texts cut to {self.length} tokens")
        return EncodedRows(encoded.ids, self.task.rows(split).labels, self.task.metric)

    def training_rows(self) -> EncodedRows:
        """The training split's rows, then those with soft labels under the number or the likeliest label."""
        rows = self.encode("train")
        if not self.soft:
            return rows
        ids = self.tokenizer.encode(self.soft.texts, self.soft.pairs, max_length=self.length).ids
        judged = self.soft.targets
        labels = judged[:, 0] if self.task.is_regression else judged.argmax(axis=1)
        return EncodedRows(rows.ids + ids, np.concatenate([rows.labels, labels.astype(rows.labels.dtype)]), rows.metric)

    def initial_model(self) -> keras.Model:
        """A new model, or one with the pretrained encoder; a regression starts at the mean label."""
        model = self.config.build(len(self.task.labels or [None]))
        if self.pretrained:
            copy_encoder(self.pretrained.model, model, self.translated_table(self.pretrained))
        if self.task.is_regression:
            model.get_layer("head").bias.assign([np.mean(self.task.rows("train").labels)])
        return model

    def translated_table(self, pretrained: Run) -> Array | None:
        """The pretrained token table for this tokenizer; None where it is the pretrained run's."""
        if self.tokenizer is pretrained.tokenizer:
            return None
        return translate_table(pretrained.float_weights["embed/token_table"], pretrained.tokenizer, self.tokenizer)


def default_length(lengths: Sequence[int]) -> int:
    """99th percentile of the training lengths, rounded up to a multiple of 8, at most 256."""
    return min(LONGEST_DEFAULT, math.ceil(np.percentile(lengths, 99) / LENGTH_STEP) * LENGTH_STEP)
