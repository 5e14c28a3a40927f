"""Disturbed copies of a task's own texts: more of them than anybody labels, for a teacher to judge.

What a small model lacks is not sound text but contrast: what a word is worth, wherever it stands. A copy is a text
joined to another one, or with a run of another's words in it, with words exchanged for others of the task, dropped
and moved. It need not make sense, for the teacher says what it is.
"""

import random
from collections.abc import Sequence

JOINED, SPLICED = 0.3, 0.3  # shares of the copies that are two texts' halves, and that have a run of another's words
LONGEST_RUN = 4  # words
EXCHANGING, EXCHANGED = 0.6, 0.12  # share of the copies with exchanged words, and of their words
DROPPING, DROPPED = 0.4, 0.12  # likewise of those without some
MOVING = 0.15  # share of the copies with two neighbours that change places


def disturbed_texts(texts: Sequence[str], count: int, seed: int, longest: int) -> list[str]:
    """Disturbed copies of texts.

    Args:
        texts: the task's training texts.
        count: how many to make; what comes out twice or is a text itself is left out.
        seed: of all choices.
        longest: words of a copy at most.

    Returns:
        At most `count` texts, no two alike, in random order.
    """
    rng = random.Random(seed)
    words = [text.split() for text in texts if text.split()]
    bag = [word for text in words for word in text]
    copies = dict.fromkeys(" ".join(disturb(words, bag, rng)[:longest]) for _ in range(count if words else 0))
    own = set(texts)
    return [copy for copy in copies if copy and copy not in own]


def disturb(words: Sequence[list[str]], bag: Sequence[str], rng: random.Random) -> list[str]:
    """One copy: its words.

    Args:
        words: the words of each text.
        bag: all words, as often as they occur.
        rng: of all choices.
    """
    text, other, way = list(rng.choice(words)), rng.choice(words), rng.random()
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
    return text
