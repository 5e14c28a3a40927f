"""The batch of every pretraining step, a function of (seed, step) alone: a training can go on from any of them.

Short texts come first: attention's cost grows with the square of the length, and most of what there is to learn from
little text lies within a sentence or two. Paragraphs are cut into equal pieces that fit; pieces of like length make a
batch of a fixed number of tokens, so a step costs much the same at every length.
"""

import dataclasses
from functools import cached_property, lru_cache

import numpy as np

from tf_embbert.common.errors import UserError
from tf_embbert.pretraining.corpus import bare_ids
from tf_embbert.pretraining.masking import join_parts, mask_tokens
from tf_embbert.pretraining.similar_pairs import Vocabulary, similar_parts
from tf_embbert.tokenizer import Tokenizer

STAGES = ((64, 0.7), (128, 0.2), (256, 0.1))  # longest row and share of the steps
# Comparing two texts is learnt on the shortest ones or not at all: with rows of up to 80 tokens from the first step on,
# STS-B had 51 % after 3,000 steps, with 40 first 58 % (one seed, selection rows).
PAIR_STAGES = ((24, 0.35), (40, 0.3), (64, 0.25), (128, 0.1))
LENGTHS = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)  # rows are padded up to the next of these
PAIR_SHARE = 0.5  # of the rows; the others are single texts, as most tasks have them
SPECIAL = 2  # [CLS] and [SEP]


@dataclasses.dataclass(frozen=True)
class Batch:
    """What a step takes: tokens int32 [B, L]; places of the hidden ones in the flattened batch and what they are, int32
    [M]; whether the rows' second parts follow, 0.0 or 1.0, or how alike they are, float32 [B]; and whether they have
    any, float32 [B]."""

    tokens: np.ndarray
    positions: np.ndarray
    targets: np.ndarray
    follows: np.ndarray
    paired: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Pieces:
    """Pieces of paragraphs that fit in rows of `longest`, in batches of like length.

    Args:
        ids: int32 [tokens], all paragraphs one after another.
        starts, ends: int64 [paragraphs], where the paragraphs to be used begin and end in it.
        longest: tokens of a row.
        batch_tokens: tokens of a batch, pads included.
        tokenizer: Tokenizer of the ids.
        seed: of the orders and of what is hidden.
        vocabulary: makes the rows pairs that are more or less alike; None makes single texts and pairs that follow.
    """

    ids: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    longest: int
    batch_tokens: int
    tokenizer: Tokenizer
    seed: int
    vocabulary: Vocabulary | None = None

    @cached_property
    def spans(self):
        """Where each piece begins and ends: int64 [pieces, 2]."""
        lengths = self.ends - self.starts
        counts = -(-lengths // (self.longest - SPECIAL))  # pieces of each paragraph
        paragraph = np.repeat(np.arange(len(counts)), counts)
        number = np.arange(len(paragraph)) - np.repeat(np.cumsum(counts) - counts, counts)
        edges = [self.starts[paragraph] + lengths[paragraph] * (number + i) // counts[paragraph] for i in (0, 1)]
        return np.stack(edges, axis=1)

    @cached_property
    def rows(self):
        """{length of the rows: numbers of the pieces}, where there are enough for a batch."""
        lengths = [length for length in LENGTHS if length < self.longest] + [self.longest]
        sizes = self.spans[:, 1] - self.spans[:, 0] + SPECIAL
        fitting = np.searchsorted(lengths, sizes)
        rows = {length: np.flatnonzero(fitting == i) for i, length in enumerate(lengths)}
        return {length: pieces for length, pieces in rows.items() if len(pieces) >= self.batch_size(length)}

    @cached_property
    def sentence_ends(self):
        return np.concatenate(bare_ids(self.tokenizer, [".", "!", "?"]))

    def batch_size(self, length):
        return max(2, self.batch_tokens // length)

    @cached_property
    def batches_per_epoch(self):
        return sum(len(pieces) // self.batch_size(length) for length, pieces in self.rows.items())

    @lru_cache(maxsize=1)
    def epoch(self, number):
        """The batches of a pass over the pieces, in a seeded order: list of (length, numbers of the pieces)."""
        rng = np.random.default_rng([self.seed, self.longest, number])
        batches = []
        for length, pieces in self.rows.items():
            size = self.batch_size(length)
            mixed = rng.permutation(pieces)
            batches += [(length, mixed[i * size : (i + 1) * size]) for i in range(len(mixed) // size)]
        return [batches[i] for i in rng.permutation(len(batches))]

    def batch(self, step):
        """The batch of a step of this length, counted from 0."""
        epoch, place = divmod(step, self.batches_per_epoch)
        length, chosen = self.epoch(epoch)[place]
        pieces = [self.ids[start:end] for start, end in self.spans[chosen]]
        rng = np.random.default_rng([self.seed, self.longest, epoch, place])
        tokens, follows, paired = self.make_rows(rng, pieces, length)
        return Batch(*mask_tokens(rng, tokens, self.tokenizer.vocab_size), follows, paired)

    def make_rows(self, rng, pieces, length):
        if self.vocabulary:
            return similar_parts(rng, pieces, length, self.sentence_ends, self.vocabulary)
        return join_parts(rng, pieces, length, self.sentence_ends, PAIR_SHARE)


class Plan:
    """All steps of a training: which stage each belongs to.

    Args:
        steps: number of steps.
        max_length: no row is longer.
        make_pieces: longest row -> Pieces.
        stages: (longest row, share of the steps) in their order.
    """

    def __init__(self, steps, max_length, make_pieces, stages=STAGES):
        lengths = [min(length, max_length) for length, _ in stages]
        self.edges = [round(steps * sum(share for _, share in stages[:i])) for i in range(len(stages))]
        self.pieces = [make_pieces(length) for length in lengths]
        if not all(pieces.batches_per_epoch for pieces in self.pieces):
            raise UserError("the corpus is too small for one batch: give more --corpus files, or fewer --batch-tokens")

    def batch(self, step):
        """The batch of a step, counted from 0."""
        stage = int(np.searchsorted(self.edges, step, side="right")) - 1
        return self.pieces[stage].batch(step - self.edges[stage])
