"""The batch of every pretraining step, a function of (seed, step) alone: a training can go on from any of them.

Short texts come first: attention's cost grows with the square of the length, and most of what there is to learn from
little text lies within a sentence or two. Paragraphs are cut into equal pieces that fit; pieces of like length make a
batch of a fixed number of tokens, so a step costs much the same at every length.
"""

import dataclasses
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from tf_embbert.common.errors import UserError
from tf_embbert.model.folded import Array
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
    """What a step takes.

    Args:
        tokens: int32 [B, L].
        positions: of the hidden tokens in the flattened batch, int32 [M].
        targets: what the hidden tokens are, int32 [M].
        follows: whether the rows' second parts follow, 0.0 or 1.0, or how alike the parts are, float32 [B].
        paired: whether the rows have second parts, float32 [B].
    """

    tokens: Array
    positions: Array
    targets: Array
    follows: Array
    paired: Array

    def part(self, number: int, count: int) -> "Batch":
        """The rows of one of `count` replicas, which have all of them together."""
        rows, length = self.tokens.shape
        first, last = (rows * i // count for i in (number, number + 1))
        inside = (self.positions >= first * length) & (self.positions < last * length)
        own = (array[first:last] for array in (self.follows, self.paired))
        return Batch(self.tokens[first:last], self.positions[inside] - first * length, self.targets[inside], *own)


@dataclasses.dataclass(frozen=True, eq=False)
class Pieces:
    """Pieces of paragraphs that fit in rows of `longest`, in batches of like length.

    Args:
        ids: int32 [tokens], all paragraphs one after another.
        starts: int64 [paragraphs], where the paragraphs to be used begin in it.
        ends: int64 [paragraphs], where they end.
        longest: tokens of a row.
        batch_tokens: tokens of a batch, pads included.
        tokenizer: Tokenizer of the ids.
        seed: of the orders and of what is hidden.
        vocabulary: makes the rows pairs that are more or less alike; None makes single texts and pairs that follow.
    """

    ids: Array
    starts: Array
    ends: Array
    longest: int
    batch_tokens: int
    tokenizer: Tokenizer
    seed: int
    vocabulary: Vocabulary | None = None

    @cached_property
    def spans(self) -> Array:
        """Where each piece begins and ends: int64 [pieces, 2]."""
        lengths = self.ends - self.starts
        counts = -(-lengths // (self.longest - SPECIAL))  # pieces of each paragraph
        paragraph = np.repeat(np.arange(len(counts)), counts)
        number = np.arange(len(paragraph)) - np.repeat(np.cumsum(counts) - counts, counts)
        edges = [self.starts[paragraph] + lengths[paragraph] * (number + i) // counts[paragraph] for i in (0, 1)]
        return np.stack(edges, axis=1)

    @cached_property
    def rows(self) -> dict[int, Array]:
        """{length of the rows: numbers of the pieces}, where there are enough for a batch."""
        lengths = [length for length in LENGTHS if length < self.longest] + [self.longest]
        sizes = self.spans[:, 1] - self.spans[:, 0] + SPECIAL
        fitting = np.searchsorted(lengths, sizes)
        rows = {length: np.flatnonzero(fitting == i) for i, length in enumerate(lengths)}
        return {length: pieces for length, pieces in rows.items() if len(pieces) >= self.batch_size(length)}

    @cached_property
    def sentence_ends(self) -> Array:
        """Ids of the tokens that end a sentence."""
        return np.concatenate(bare_ids(self.tokenizer, [".", "!", "?"]))

    def batch_size(self, length: int) -> int:
        """Rows of a batch of rows of a length."""
        return max(2, self.batch_tokens // length)

    @cached_property
    def batches_per_epoch(self) -> int:
        """Batches of a pass over the pieces."""
        return sum(len(pieces) // self.batch_size(length) for length, pieces in self.rows.items())

    @cached_property
    def epochs(self) -> dict[int, list[tuple[int, Array]]]:
        """The last epoch that was asked for, by its number."""
        return {}

    def epoch(self, number: int) -> list[tuple[int, Array]]:
        """The batches of a pass over the pieces, in a seeded order: (length, numbers of the pieces)."""
        if number not in self.epochs:
            self.epochs.clear()
            self.epochs[number] = self.shuffled(number)
        return self.epochs[number]

    def shuffled(self, number: int) -> list[tuple[int, Array]]:
        """What `epoch` keeps."""
        rng = np.random.default_rng([self.seed, self.longest, number])
        batches: list[tuple[int, Array]] = []
        for length, pieces in self.rows.items():
            size = self.batch_size(length)
            mixed = rng.permutation(pieces)
            batches += [(length, mixed[i * size : (i + 1) * size]) for i in range(len(mixed) // size)]
        return [batches[i] for i in rng.permutation(len(batches))]

    def batch(self, step: int) -> Batch:
        """The batch of a step of this length, counted from 0."""
        epoch, place = divmod(step, self.batches_per_epoch)
        length, chosen = self.epoch(epoch)[place]
        pieces = [self.ids[start:end] for start, end in self.spans[chosen]]
        rng = np.random.default_rng([self.seed, self.longest, epoch, place])
        tokens, follows, paired = self.make_rows(rng, pieces, length)
        masked, positions, targets = mask_tokens(rng, tokens, self.tokenizer.vocab_size)
        return Batch(masked, positions, targets, follows, paired)

    def make_rows(self, rng: np.random.Generator, pieces: Sequence[Array], length: int) -> tuple[Array, Array, Array]:
        """Rows of the pieces: tokens, what is to be said of the pairs, and which are pairs."""
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

    def __init__(
        self,
        steps: int,
        max_length: int,
        make_pieces: Callable[[int], Pieces],
        stages: Sequence[tuple[int, float]] = STAGES,
    ) -> None:
        lengths = [min(length, max_length) for length, _ in stages]
        self.edges = [round(steps * sum(share for _, share in stages[:i])) for i in range(len(stages))]
        self.pieces = [make_pieces(length) for length in lengths]
        if not all(pieces.batches_per_epoch for pieces in self.pieces):
            raise UserError("the corpus is too small for one batch: give more --corpus files, or fewer --batch-tokens")

    def batch(self, step: int) -> Batch:
        """The batch of a step, counted from 0."""
        stage = int(np.searchsorted(self.edges, step, side="right")) - 1
        return self.pieces[stage].batch(step - self.edges[stage])
