"""Pairs of texts and how much they say alike, made from plain text and counted: what a model of pairs learns first.

The second part is an edited copy of the first, the text that came after it, or a foreign one, which may have taken a
piece of the first. How alike the two are is the cosine of their sets of tokens, a token weighing a / (a + p) for its
share p of the corpus (Arora, Liang and Ma, 2017). That number alone agrees with what people say of STS-B's pairs by a
Spearman correlation of 0.70; a model that has learnt to compute it in its [CLS] has learnt to compare two texts.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tf_embbert.model.config import CLS, PAD, SEP
from tf_embbert.model.folded import Array
from tf_embbert.pretraining.cooccurrence import count_tokens
from tf_embbert.pretraining.masking import cut_in_two
from tf_embbert.tokenizer import FIRST_ORDINARY

RARITY = 1e-3  # a of the weights
COPIES, FOLLOWING = 0.65, 0.17  # shares of the rows whose second part is a copy, and the text that follows
MOST_EDITED = 0.9  # share of a copy's tokens that are dropped or replaced, at most
REPLACED = 0.4  # of those, the others are dropped
TURNED, MIXED = 0.4, 0.3  # shares of the copies turned around, and mixed
TAKEN = 0.5  # share of the other texts that have a piece of the first
REACH = 3  # places that mixing moves a token, about


class Vocabulary:
    """How often a corpus has its tokens: their weights, and tokens drawn as often as they occur.

    Args:
        ids: int32 [tokens], the corpus.
        vocab_size: V.
    """

    def __init__(self, ids: Array, vocab_size: int) -> None:
        counts = count_tokens(ids, vocab_size).astype(float)
        shares = counts / counts.sum()
        self.weights = RARITY / (RARITY + shares)  # [V]
        self.cumulative = np.cumsum(shares)

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """Tokens at random: int32 [count]."""
        return np.searchsorted(self.cumulative, rng.random(count)).clip(FIRST_ORDINARY, len(self.weights) - 1)

    def likeness(self, first: Array, second: Array) -> float:
        """Cosine of the two sets of tokens, from 0 to 1; 0 where one of them is empty."""
        first, second = np.unique(first), np.unique(second)
        common = np.intersect1d(first, second, assume_unique=True)
        shared, own, other = (np.sum(self.weights[tokens] ** 2) for tokens in (common, first, second))
        return shared / np.sqrt(own * other) if len(common) else 0.0


def similar_parts(
    rng: np.random.Generator, pieces: Sequence[Array], length: int, sentence_ends: ArrayLike, vocabulary: Vocabulary
) -> tuple[Array, Array, Array]:
    """Rows of pairs, and how alike the two parts of each are.

    Args:
        rng: of all choices.
        pieces: int32 [n] each, n at least 2 and at most length - 2.
        length: L.
        sentence_ends: ids of the tokens that end a sentence.
        vocabulary: of the corpus.

    Returns:
        Tokens, int32 [B, L]; how alike the parts are, 0..1, float32 [B]; and ones, for all are pairs, float32 [B].
    """
    halves = [np.split(piece, [cut_in_two(piece, sentence_ends)]) for piece in pieces]
    foreign = np.roll(rng.permutation(len(halves)), 1)
    tokens = np.full((len(pieces), length), PAD, np.int32)
    likeness = np.zeros(len(pieces), np.float32)
    for row, (first, following) in enumerate(halves):
        lot = rng.random()
        if lot < COPIES:
            second = edited_copy(rng, first, vocabulary)
        else:
            other = following if lot < COPIES + FOLLOWING else halves[foreign[row]][0]
            second = with_piece(rng, other, first) if rng.random() < TAKEN else other
        before, after = (first, second) if rng.random() < 0.5 else (second, first)
        parts = cut_to_fit(before, after, length - 2)
        whole = np.concatenate([[CLS], parts[0], [SEP], parts[1]])
        tokens[row, : len(whole)] = whole
        likeness[row] = vocabulary.likeness(*parts)
    return tokens, likeness, np.ones(len(pieces), np.float32)


def cut_to_fit(first: Array, second: Array, room: int) -> tuple[Array, Array]:
    """Two texts that have room together: the longer one is cut first."""
    first = first[: max(room - len(second), room // 2)]
    return first, second[: room - len(first)]


def edited_copy(rng: np.random.Generator, text: Array, vocabulary: Vocabulary) -> Array:
    """The text with some tokens dropped, replaced and moved: int32 [n], n at least 1."""
    edited = rng.random(len(text)) < rng.random() * MOST_EDITED
    replaced = edited & (rng.random(len(text)) < REPLACED)
    copy = np.where(replaced, vocabulary.draw(rng, len(text)), text)[~edited | replaced]
    if len(copy) < 2:
        return text
    if rng.random() < TURNED:
        copy = np.roll(copy, rng.integers(1, len(copy)))
    if rng.random() < MIXED:
        copy = copy[np.argsort(np.arange(len(copy)) + REACH * rng.random(len(copy)))]
    return copy


def with_piece(rng: np.random.Generator, text: Array, source: Array) -> Array:
    """A text with a piece of another one somewhere in it."""
    start, end = np.sort(rng.integers(0, len(source) + 1, 2))
    place = rng.integers(0, len(text) + 1)
    return np.concatenate([text[:place], source[start:end], text[place:]])
