"""What pretraining asks about a text: which tokens were hidden (MLM), and does the second part follow (NSP)."""

import numpy as np

from tf_embbert.model.config import CLS, MASK, PAD, SEP
from tf_embbert.tokenizer import SPECIAL_TOKENS

MASKED_SHARE = 0.15  # of the ordinary tokens
HIDDEN, REPLACED = 0.8, 0.1  # of those: become [MASK], become a random token; the rest stay as they are
FIRST_ORDINARY = len(SPECIAL_TOKENS)


def mask_tokens(rng, tokens, vocab_size):
    """Hides tokens for the model to guess.

    Args:
        rng: numpy Generator.
        tokens: int32 [B, L].
        vocab_size: V.
    Returns:
        (tokens with 80 % of the chosen ones as [MASK] and 10 % as random others int32 [B, L], positions in the
        flattened batch int32 [M], their true tokens int32 [M]).
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


def join_parts(rng, pieces, length, sentence_ends, pair_share):
    """Rows of single texts and of pairs, half of whose second parts come from another row.

    A piece is cut in two after the sentence end nearest its middle. A row that gets a foreign second part gets the one
    next in length, so that lengths give nothing away.

    Args:
        rng: numpy Generator.
        pieces: list of int32 [n] arrays, n at most length - 2.
        length: L.
        sentence_ends: ids of the tokens that end a sentence.
        pair_share: share of the rows that are pairs.
    Returns:
        (tokens int32 [B, L], follows float32 [B]: 1.0 where the second part is the true one, paired float32 [B]: 0.0
        for the single texts).
    """
    cuts = [cut_in_two(piece, sentence_ends) for piece in pieces]
    by_length = np.argsort([len(piece) - cut for piece, cut in zip(pieces, cuts)], kind="stable")
    donor = np.empty(len(pieces), int)
    donor[by_length] = np.roll(by_length, -1)
    paired = (rng.random(len(pieces)) < pair_share) & (np.array([len(piece) for piece in pieces]) > 1)
    follows = rng.random(len(pieces)) < 0.5
    tokens = np.full((len(pieces), length), PAD, np.int32)
    for row, piece in enumerate(pieces):
        parts = [[CLS], piece]
        if paired[row]:
            other = row if follows[row] else donor[row]
            parts = [[CLS], piece[: cuts[row]], [SEP], pieces[other][cuts[other] :]]
        whole = np.concatenate(parts)[:length]
        tokens[row, : len(whole)] = whole
    return tokens, follows.astype(np.float32), paired.astype(np.float32)


def cut_in_two(piece, sentence_ends):
    """Where the second part of a piece begins: after the inner sentence end nearest the middle, else in the middle."""
    places = np.flatnonzero(np.isin(piece[:-1], sentence_ends)) + 1
    return int(places[np.abs(places - len(piece) / 2).argmin()]) if len(places) else len(piece) // 2
