"""Words for words: what a large encoder finds alike, so that copies of few rows hold words that no row has.

A small encoder knows little of words that it was not taught on, and copies of the rows hold the rows' words alone. The
large one's vectors of single words say which of its vocabulary lie near each; exchanged for these, a copy is still
about what the row was about, and the teacher says what has become of it.
"""

import random
import string
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from tf_embbert.run import Array
from tf_embbert.teaching.words import split_words

Alike: TypeAlias = Mapping[str, Sequence[str]]  # a lower-cased word -> words near it
VOCABULARY, OWN_WORDS = 30_000, 20_000  # the most words that are near others, and that others are near
NEAREST = 20  # words that may stand for one
EXCHANGED = 0.4  # of a copy's words, the largest share
SHORTEST = 3  # letters
MARKS = string.punctuation + "“”‘’„«»…–—¿¡"


def vocabulary_of(tokenizer: Any) -> list[str]:
    """The whole words of a Hugging Face tokenizer's vocabulary, frequent ones first where it is so ordered.

    WordPiece marks what goes on with a word by ##, SentencePiece and byte-level BPE what begins one.
    """
    tokens = sorted(tokenizer.get_vocab().items(), key=lambda token: token[1])
    begun = [token[1:] for token, _ in tokens if token[:1] in ("▁", "Ġ")]
    words = begun or [token for token, _ in tokens if not token.startswith("##")]
    whole = dict.fromkeys(word.lower() for word in words if word.isalpha() and len(word) >= SHORTEST)
    return list(whole)[:VOCABULARY]


def bare(word: str) -> str:
    """A word without the marks around it."""
    return word.strip(MARKS)


def words_alike(texts: Iterable[str], vocabulary: Sequence[str], read: Callable[[Sequence[str]], Array]) -> Alike:
    """Of the texts' words, frequent ones first, what is nearest in the vocabulary.

    Args:
        texts: the task's.
        vocabulary: words that may stand for others, more than NEAREST.
        read: gives vectors of texts, float [texts, width].
    """
    counts = Counter(bare(word).lower() for text in texts for word in split_words(text))
    own = [word for word, _ in counts.most_common(OWN_WORDS) if any(map(str.isalpha, word))]
    if not own or len(vocabulary) <= NEAREST:
        return {}
    of_own, others = (unit(read(words)) for words in (own, vocabulary))
    found: dict[str, list[str]] = {}
    for part in np.array_split(np.arange(len(own)), max(1, len(own) // 1000)):
        nearest = np.argpartition(-(of_own[part] @ others.T), NEAREST, axis=1)[:, : NEAREST + 1]
        for word, places in zip(part, nearest):
            found[own[word]] = [vocabulary[i] for i in places if vocabulary[i] != own[word]][:NEAREST]
    return found


def unit(vectors: Array) -> Array:
    """Vectors of length 1."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def exchange(words: list[str], alike: Alike, rng: random.Random) -> list[str]:
    """A share of the words exchanged for others that are alike; the marks around a word stay."""
    share = rng.random() * EXCHANGED
    return [exchanged(word, alike, rng) if rng.random() < share else word for word in words]


def exchanged(word: str, alike: Alike, rng: random.Random) -> str:
    """A word that is alike, or the word itself where none is known."""
    core = bare(word)
    others = alike.get(core.lower())
    return word.replace(core, rng.choice(others)) if others else word
