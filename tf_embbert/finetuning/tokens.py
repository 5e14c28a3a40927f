"""Whose tokens a task's texts are read by: the shipped encoder's, or their own where it knows little of their language.

The shipped encoders have read English. Texts in another language fall to them into pieces, or, in a script that they
have never met, into nothing but [UNK].
"""

from collections.abc import Sequence

import numpy as np

from tf_embbert.data.rows import Task, parts_of
from tf_embbert.model.config import UNK
from tf_embbert.tokenizer import WHOLE, Tokenizer

SAMPLE, LONGEST = 5_000, 2_000  # texts that are asked, spread over all, and characters of each
UNKNOWN = 0.05  # the largest share of [UNK] that is borne
# Own tokens are taken where the texts are at most so many times as many of them. English tasks have 0.99 to 1.8, few
# rows more as they have few merges; German tweets 0.64, Indonesian reviews 0.55 (docs/training.md).
FEWER = 0.8


def own_tokens_pay(task: Task, pretrained: Tokenizer) -> str | None:
    """Why a task's training texts should have tokens of their own, for people; None where the encoder's do."""
    rows = task.rows("train").whole_texts
    texts = [part[:LONGEST] for text in rows[:: -(-len(rows) // SAMPLE)] for part in parts_of(text)]
    read = count_tokens(texts, pretrained)
    unknown = read[UNK] / read.sum()
    if unknown > UNKNOWN:
        return f"own, for {100 * unknown:.0f} % of the encoder's tokens are unknown"
    ratio = count_tokens(texts, Tokenizer.train(texts)).sum() / read.sum()
    return f"own, which are {ratio:.2f} times as many" if ratio <= FEWER else None


def count_tokens(texts: Sequence[str], tokenizer: Tokenizer) -> np.ndarray:
    """How often each token occurs in texts: int [V]."""
    ids = tokenizer.encode(texts, max_length=WHOLE).ids
    return np.bincount(np.concatenate(ids), minlength=tokenizer.vocab_size)
