"""What pretraining asks about a text: which tokens were hidden (MLM), and does the second part follow (NSP)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tf_embbert.model.config import CLS, MASK, PAD, SEP
from tf_embbert.model.folded import Array
from tf_embbert.tokenizer import FIRST_ORDINARY

MASKED_SHARE = 0.15  # of the ordinary tokens
HIDDEN, REPLACED = 0.8, 0.1  # of those: become [MASK], become a random token; the rest stay as they are


def mask_tokens(rng: np.random.Generator, tokens: Array, vocab_size: int) -> tuple[Array, Array, Array]:
    """Hides tokens for the model to guess.

    Args:
        rng: of what is hidden.
        tokens: int32 [B, L].
        vocab_size: V.

    Returns:
        The tokens with 80 % of the chosen ones as [MASK] and 10 % as random others, int32 [B, L]; positions of the
        chosen ones in the flattened batch, int32 [M]; and their true tokens, int32 [M].
    """
    flat = tokens.reshape(-1).copy()  # [B*L]
    ordinary = np.flatnonzero(flat >= FIRST_ORDINARY)
    chosen = np.sort(rng.choice(ordinary, round(MASKED_SHARE * len(ordinary)), replace=False))  # [M]
    targets = flat[chosen]
    lot = rng.random(len(chosen))
    flat[chosen[lot < HIDDEN]] = MASK
    replaced = chosen[(lot >= HIDDEN) & (lot < HIDDEN + REPLACED)]
    flat[replaced] = rng.integers(FIRST_ORDINARY, vocab_size, len(replaced))
    return flat.reshape(tokens.shape), chosen.astype(np.int32), targets


def join_parts(
    rng: np.random.Generator, pieces: Sequence[Array], length: int, sentence_ends: ArrayLike, pair_share: float
) -> tuple[Array, Array, Array]:
    """Rows of single texts and of pairs, half of whose second parts come from another row.

    A piece is cut in two after the sentence end nearest its middle. A row that gets a foreign second part gets the one
    next in length, so that lengths give nothing away.

    Args:
        rng: of what is hidden.
        pieces: int32 [n] each, n at most length - 2.
        length: L.
        sentence_ends: ids of the tokens that end a sentence.
        pair_share: share of the rows that are pairs.

    Returns:
        Tokens, int32 [B, L]; 1.0 where the second part is the true one, float32 [B]; 0.0 for the single texts,
        float32 [B].
    """
    cuts = [cut_in_two(piece, sentence_ends) for piece in pieces]
    by_length = np.argsort([len(piece) - cut for piece, cut in zip(pieces, cuts)], kind="stable")
    donor = np.empty(len(pieces), int)
    donor[by_length] = np.roll(by_length, -1)
    paired = (rng.random(len(pieces)) < pair_share) & (np.array([len(piece) for piece in pieces]) > 1)
    follows = rng.random(len(pieces)) < 0.5
    tokens = np.full((len(pieces), length), PAD, np.int32)
    for row, piece in enumerate(pieces):
        parts: list[Any] = [[CLS], piece]
        if paired[row]:
            other = row if follows[row] else donor[row]
            parts = [[CLS], piece[: cuts[row]], [SEP], pieces[other][cuts[other] :]]
        whole = np.concatenate(parts)[:length]
        tokens[row, : len(whole)] = whole
    return tokens, follows.astype(np.float32), paired.astype(np.float32)


def cut_in_two(piece: Array, sentence_ends: ArrayLike) -> int:
    """Where the second part of a piece begins: after the inner sentence end nearest the middle, else in the middle."""
    places = np.flatnonzero(np.isin(piece[:-1], sentence_ends)) + 1
    return int(places[np.abs(places - len(piece) / 2).argmin()]) if len(places) else len(piece) // 2
