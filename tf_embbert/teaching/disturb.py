"""Disturbed copies of a task's own texts: more of them than anybody labels, for a teacher to judge.

What a small model lacks is not sound text but contrast: what a word is worth, wherever it stands. A copy is a text
joined to another one, or with a run of another's words in it, with words exchanged for others of the task, dropped,
moved, and exchanged for words that a large encoder finds alike (`tf_embbert.teaching.alike`). It need not make sense,
for the teacher says what it is. Of long texts most copies are a few lines from somewhere in them: so there are several
times as many for the same work, and each word is seen among fewer. The parts of a pair are disturbed each by itself,
and change partners.
"""

import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tf_embbert.data.rows import Text
from tf_embbert.teaching.alike import Alike, exchange
from tf_embbert.teaching.words import join_words, split_words

JOINED, SPLICED = 0.3, 0.3  # shares of the copies that are two texts' halves, and that have a run of another's words
LONGEST_RUN = 4  # words
EXCHANGING, EXCHANGED = 0.6, 0.12  # share of the copies with exchanged words, and of their words
DROPPING, DROPPED = 0.4, 0.12  # likewise of those without some
MOVING = 0.15  # share of the copies with two neighbours that change places
PARTED, ECHOED = 0.25, 0.25  # shares of the pairs' copies with a stranger, and with a copy of the first part, as second
LONG, CUT = 64, 0.85  # words beyond which a text is long; share of the copies of long texts that are cut
SHORTEST_CUT, LONGEST_COPY = 8, 200  # words
KEPT = 0.4  # share of a pair's parts that stay as they are


def disturbed_texts(texts: Sequence[str], count: int, seed: int, alike: Alike | None = None) -> list[str]:
    """Disturbed copies of texts.

    Args:
        texts: the task's training texts.
        count: how many to make; what comes out twice or is a text itself is left out.
        seed: of all choices.
        alike: words that may stand for others, where they are known.

    Returns:
        At most `count` texts, no two alike, in random order.
    """
    rng = random.Random(seed)
    words = [found for found in map(split_words, texts) if found]
    bag = [word for text in words for word in text]
    copies = dict.fromkeys(join_words(disturbed_part(words, bag, rng, alike)) for _ in range(count if words else 0))
    own = set(texts)
    return [copy for copy in copies if copy and copy not in own]


def some_of(texts: Sequence[Text], count: int, seed: int) -> list[Text]:
    """So many of the texts or pairs at most, in random order: as they are, but of most long texts a few lines."""
    rng = random.Random(seed)
    chosen = rng.sample(texts, min(count, len(texts)))
    return [shortened(text, rng) if isinstance(text, str) else text for text in chosen]


def shortened(text: str, rng: random.Random) -> str:
    """A text, or of most long ones a few lines."""
    words, longest = excerpt(split_words(text), rng)
    return join_words(words[:longest])


def disturbed_pairs(
    pairs: Sequence[tuple[str, str]], count: int, seed: int, alike: Alike | None = None
) -> list[tuple[str, str]]:
    """Disturbed copies of pairs.

    Args:
        pairs: the task's training pairs.
        count: how many to make; what comes out twice or is a pair itself is left out.
        seed: of all choices.
        alike: words that may stand for others, where they are known.

    Returns:
        At most `count` pairs, no two alike, in random order.
    """
    rng = random.Random(seed)
    split = [tuple(map(split_words, pair)) for pair in pairs]
    words = [pair for pair in split if all(pair)]
    parts = [part for pair in words for part in pair]
    bag = [word for part in parts for word in part]
    copies: dict[tuple[str, str], None] = {}
    for _ in range(count if words else 0):
        (first, second), way = rng.choice(words), rng.random()
        if way < PARTED:
            second = rng.choice(words)[1]
        elif way < PARTED + ECHOED:
            second = disturb(list(first), parts, bag, rng, alike)
        first, second = (
            part if rng.random() < KEPT else disturb(list(part), parts, bag, rng, alike) for part in (first, second)
        )
        copies[join_words(first[:LONGEST_COPY]), join_words(second[:LONGEST_COPY])] = None
    own = set(pairs)
    return [copy for copy in copies if all(copy) and copy not in own]


def disturbed_part(
    words: Sequence[list[str]], bag: Sequence[str], rng: random.Random, alike: Alike | None
) -> list[str]:
    """The words of a copy of one of the texts, or of a few lines of it where it is long."""
    text, longest = excerpt(rng.choice(words), rng)
    return disturb(text, words, bag, rng, alike)[:longest]


def excerpt(text: list[str], rng: random.Random) -> tuple[list[str], int]:
    """A text's words, or of most long texts a few lines; and how many words its copy may have."""
    if len(text) <= LONG or rng.random() >= CUT:
        return list(text), LONGEST_COPY
    longest = rng.randint(SHORTEST_CUT, LONG)
    start = rng.randrange(len(text) - longest + 1)
    return text[start : start + longest], longest


def words_of_copies(words: NDArray) -> float:
    """How many words a copy has, about, where the texts have so many, int [texts]."""
    whole = np.minimum(words, LONGEST_COPY)
    cut = (1 - CUT) * whole + CUT * (SHORTEST_CUT + LONG) / 2
    return float(np.mean(np.where(words > LONG, cut, whole)))


def disturb(
    text: list[str], words: Sequence[list[str]], bag: Sequence[str], rng: random.Random, alike: Alike | None = None
) -> list[str]:
    """One copy: its words.

    Args:
        text: the words of the text that is disturbed, which change.
        words: the words of each text.
        bag: all words, as often as they occur.
        rng: of all choices.
        alike: words that may stand for others, where they are known.
    """
    other, way = rng.choice(words), rng.random()
    if way < JOINED:
        text = text[: rng.randint(1, len(text))] + other[rng.randrange(len(other)) :]
    elif way < JOINED + SPLICED:
        at, start = rng.randrange(len(text)), rng.randrange(len(other))
        text[at : at + rng.randint(0, LONGEST_RUN)] = other[start : start + rng.randint(1, LONGEST_RUN)]
    if rng.random() < EXCHANGING:
        text = [word if rng.random() >= EXCHANGED else rng.choice(bag) for word in text]
    if rng.random() < DROPPING:
        text = [word for word in text if rng.random() >= DROPPED] or text
    if rng.random() < MOVING and len(text) > 1:
        at = rng.randrange(len(text) - 1)
        text[at], text[at + 1] = text[at + 1], text[at]
    return exchange(text, alike, rng) if alike else text
