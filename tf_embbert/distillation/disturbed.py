"""Sentences with words changed, left out, moved or added: a teacher has more to say of them than of sound ones."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tf_embbert.distillation.fluency import Fluency, plain_sentences
from tf_embbert.training.ngrams import split_words

MORE_CHANGES = 0.5  # Poisson mean of the changes after the first
LONGEST_RUN = 4  # words of another text that take the place of some
MARKS = (".", "!", "?")
DISTURBED_SHARE = 0.6  # of plain sentences
PLAIN_WORDS = (4, 16)  # of those beside a task's texts, the fewest and the most


def disturbed_texts(
    texts: Sequence[str], variants: int, plain: int, fluency: Fluency, files: Sequence[Path], rng: np.random.Generator
) -> list[str]:
    """More texts of a task's kind, and plain ones, as a teacher should judge them.

    Args:
        texts: the task's.
        variants: disturbed ones of each.
        plain: sentences of the files, a sample; most of them are disturbed.
        fluency: says which words stand beside which.
        files: of plain text.
        rng: of all choices.

    Returns:
        Words with spaces between, no two texts alike.
    """
    own = [words for text in texts if (words := split_words(text))]
    disturb = Disturber(fluency, own, rng)
    more = [disturb(words) for words in own for _ in range(variants)]
    more += disturbed_sentences(files, PLAIN_WORDS, plain, fluency, rng) if plain else []
    return list(dict.fromkeys(" ".join(words) for words in more if words))


def disturbed_sentences(
    files: Sequence[Path], words: tuple[int, int], count: int, fluency: Fluency, rng: np.random.Generator
) -> list[list[str]]:
    """A sample of the files' sentences, most of them disturbed.

    Args:
        files: of plain text.
        words: of a sentence, the fewest and the most.
        count: of sentences.
        fluency: says which words stand beside which.
        rng: of all choices.

    Returns:
        The words of each.
    """
    sentences = [sentence for sentence in plain_sentences(files) if words[0] <= len(sentence) <= words[1]]
    disturb = Disturber(fluency, sentences, rng)
    chosen = [sentences[i] for i in rng.permutation(len(sentences))[:count]]
    return [disturb(sentence) if rng.random() < DISTURBED_SHARE else sentence for sentence in chosen]


class Disturber:
    """Disturbs lists of words, each time otherwise.

    Args:
        fluency: whose text says which words stand beside which.
        others: lists of words, from which runs are taken.
        rng: of all choices.
    """

    def __init__(self, fluency: Fluency, others: Sequence[Sequence[str]], rng: np.random.Generator) -> None:
        self.fluency, self.others, self.rng = fluency, others, rng
        chances = {
            self.replace: 0.25,
            self.splice: 0.25,
            self.swap: 0.15,
            self.leave_out: 0.15,
            self.move: 0.1,
            self.add: 0.1,
        }
        self.changes, self.chances = list(chances), list(chances.values())

    def __call__(self, text: Sequence[str]) -> list[str]:
        """A disturbed copy of the words; a mark at their end stays. Fewer than two words stay as they are."""
        words = list(text)
        for _ in range(1 + self.rng.poisson(MORE_CHANGES)):
            length = len(words) - (words[-1] in MARKS)
            if length < 2:
                break
            change = self.changes[self.rng.choice(len(self.changes), p=self.chances)]
            change(words, self.rng.integers(length), length)
        return words

    def replace(self, words: list[str], at: int, length: int) -> None:
        """Another word, mostly one that somewhere stands beside one of the neighbours."""
        lot = self.rng.random()
        if lot < 0.5 and at > 0:
            words[at] = self.fluency.draw_neighbour(self.rng, words[at - 1], 1)
        elif lot < 0.8 and at + 1 < len(words):
            words[at] = self.fluency.draw_neighbour(self.rng, words[at + 1], -1)
        else:
            words[at] = self.fluency.draw_word(self.rng)

    def splice(self, words: list[str], at: int, length: int) -> None:
        """A run of another text's words instead of up to as many."""
        other = self.others[self.rng.integers(len(self.others))]
        run = self.rng.integers(1, 1 + min(LONGEST_RUN, len(other)))
        start = self.rng.integers(len(other) - run + 1)
        words[at : min(length, at + self.rng.integers(LONGEST_RUN + 1))] = other[start : start + run]

    def swap(self, words: list[str], at: int, length: int) -> None:
        """A word and the next one change places."""
        other = at + 1 if at + 1 < length else at - 1
        words[at], words[other] = words[other], words[at]

    def leave_out(self, words: list[str], at: int, length: int) -> None:
        """One word less."""
        del words[at]

    def move(self, words: list[str], at: int, length: int) -> None:
        """A word goes elsewhere."""
        word = words.pop(at)
        words.insert(self.rng.integers(length), word)

    def add(self, words: list[str], at: int, length: int) -> None:
        """A word that somewhere stands after this one comes after it."""
        words.insert(at + 1, self.fluency.draw_neighbour(self.rng, words[at], 1))
