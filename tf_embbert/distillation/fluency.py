"""How well a text's words follow one another, by what stands in plain text; and which words stand beside which there.

Two counted models read a text from the left: one of words, by the two before, and one of classes of words, by the four
before, which knows what may follow what where the words themselves were never seen together. Their log-probabilities
count beside that of each word alone, so that rare words are no fault (Pauls and Klein, 2012; Lau et al., 2017).
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from sklearn.cluster import MiniBatchKMeans

from tf_embbert.common.errors import UserError
from tf_embbert.model.folded import Array
from tf_embbert.pretraining.cooccurrence import leading_vectors, mutual_information
from tf_embbert.pretraining.corpus import read_paragraphs
from tf_embbert.training.ngrams import split_words

CORPUS = ("books", "wikinews", "wikipedia")  # the plain text of a data folder, pretrain/NAME.txt.gz
OTHER, START, END = range(3)  # words that are not in the vocabulary, and what stands before and after a sentence
VOCAB, LONGEST = 40_000, 60  # words, and words of a sentence that is counted
WORD_ORDER, CLASS_ORDER = 3, 5
OWN_CLASS, SHARED_CLASSES = 150, 150  # the most frequent words are a class each, all others are in these
CONTEXTS, WIDTH = 1000, 60  # words whose being next tells a word's class, numbers of a word's vector
DISCOUNT = 0.75  # taken off each count for what was not seen (absolute discounting; Ney, Essen and Kneser, 1994)


class SequenceModel:
    """Counts of a sequence's runs of symbols: what each symbol's probability is after those before it.

    Args:
        sequence: int64 [n], symbols from 0 to size - 1; size^order must fit an int64.
        size: number of symbols.
        order: symbols of the longest run.
    """

    def __init__(self, sequence: Array, size: int, order: int) -> None:
        self.size, self.order = size, order
        shares = np.bincount(sequence, minlength=size) + 0.5
        self.alone = np.log(shares / shares.sum())  # [size]
        self.runs: list[tuple[Array, Array]] = []
        self.contexts: list[tuple[Array, Array, Array]] = []
        keys = sequence
        for length in range(2, order + 1):
            keys = keys[:-1] * size + sequence[length - 1 :]
            runs, counts = np.unique(keys, return_counts=True)
            before, first = np.unique(runs // size, return_index=True)
            kinds = np.diff(np.append(first, len(runs)))
            self.runs.append((runs, counts))
            self.contexts.append((before, np.add.reduceat(counts, first), kinds))
        lefts = np.bincount(self.runs[0][0] % size, minlength=size) + 0.5
        self.base = lefts / lefts.sum()  # by how many different symbols stand before it (Kneser and Ney, 1995)

    def __call__(self, sequence: Array, places: Array) -> tuple[Array, Array]:
        """How much likelier each symbol is after those before it than alone, and how often the run was seen.

        Args:
            sequence: int64 [n].
            places: of the symbols, int [m], none of them below order - 1.

        Returns:
            Differences of log-probabilities for runs of 2 .. order symbols, float64 [order - 1, m], and the counts of
            the runs, likewise.
        """
        symbols = sequence[places]
        chance, gains, seen = self.base[symbols], [], []
        for length, run, context in zip(itertools.count(2), self.runs, self.contexts):
            before = np.zeros(len(places), np.int64)
            for step in range(length - 1, 0, -1):
                before = before * self.size + sequence[places - step]
            (count,) = find(run, before * self.size + symbols)
            total, kinds = find(context, before)
            known = (np.maximum(count - DISCOUNT, 0) + DISCOUNT * kinds * chance) / np.maximum(total, 1)
            chance = np.where(total > 0, known, chance)
            gains.append(np.log(chance) - self.alone[symbols])
            seen.append(count)
        return np.stack(gains), np.stack(seen)


def find(table: Sequence[Array], keys: Array) -> list[Array]:
    """The values of a table (sorted keys, values, ..) at some keys, 0 where it has none."""
    have, *columns = table
    at = np.minimum(np.searchsorted(have, keys), len(have) - 1)
    return [np.where(have[at] == keys, values[at], 0) for values in columns]


class Fluency:
    """What is counted in files of plain text (.txt or .txt.gz, one paragraph a line).

    Args:
        files: the plain text.

    Attributes:
        words: the vocabulary; the first three are no words.
        ids: the text as numbers of words, two START before and one END after each sentence: int64 [n].

    Raises:
        UserError: too few different words.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        parts = [words for words in plain_sentences(files) if len(words) <= LONGEST]
        counts = Counter(itertools.chain.from_iterable(parts))
        self.words = ["", "", "", *(word for word, _ in counts.most_common(VOCAB))]
        if len(counts) < OWN_CLASS + SHARED_CLASSES:
            raise UserError(
                f"{', '.join(map(str, files))}: {len(counts)} different words are too few: give more plain text"
            )
        self.numbers = {word: number for number, word in enumerate(self.words) if word}
        self.ids = np.fromiter(itertools.chain.from_iterable(map(self.framed, parts)), np.int64)
        self.classes = word_classes(self.ids, len(self.words))
        self.models = [
            (np.arange(len(self.words)), SequenceModel(self.ids, len(self.words), WORD_ORDER)),
            (self.classes, SequenceModel(self.classes[self.ids], self.classes.max() + 1, CLASS_ORDER)),
        ]
        self.order = np.argsort(self.ids, kind="stable")
        self.first = np.concatenate([[0], np.cumsum(np.bincount(self.ids, minlength=len(self.words)))])

    def framed(self, words: Sequence[str]) -> list[int]:
        """A sentence as numbers of words, between what stands before and after it."""
        return [*[START] * (WORD_ORDER - 1), *(self.numbers.get(word, OTHER) for word in words), END]

    def read(self, sentences: Sequence[Sequence[str]]) -> tuple[Array, Array, Array, list[tuple[Array, Array, Array]]]:
        """What both models say of each word and of the end of some sentences (lists of words).

        Returns:
            Numbers of the words and ends, int64 [m]; the first of each sentence and how many it has, int [sentences]
            both; and of each model the log-probabilities of its symbols alone, float64 [m], and what it says.
        """
        rows = [[START] * (CLASS_ORDER - WORD_ORDER) + self.framed(words) for words in sentences]
        ids = np.concatenate([np.array(row) for row in rows])
        counts = np.array([len(row) for row in rows]) - CLASS_ORDER + 1
        first = np.cumsum(counts) - counts
        places = np.arange(counts.sum()) + np.repeat((CLASS_ORDER - 1) * np.arange(1, len(rows) + 1), counts)
        symbols = [(model, classes[ids]) for classes, model in self.models]
        said = [(model.alone[own[places]], *model(own, places)) for model, own in symbols]
        return ids[places], first, counts, said

    def features(self, texts: Sequence[str]) -> Array:
        """Of each text what both models say of it, lengths, and words that are not known: float64 [texts, features]."""
        ids, first, counts, said = self.read([split_words(text) for text in texts])
        columns = [counts, np.log(counts), np.add.reduceat(ids == OTHER, first)]
        for alone, gains, seen in said:
            columns.append(np.add.reduceat(alone, first) / counts)
            for gain, times in zip(gains, seen):
                total, unseen = np.add.reduceat(gain, first), np.add.reduceat(times == 0, first)
                columns += [total, total / counts, *lowest(gain, first, counts), unseen, unseen / counts]
        return np.stack(columns, axis=1).astype(np.float64)

    def gains(self, sentences: Sequence[Sequence[str]]) -> tuple[Array, Array]:
        """How much likelier each word of some sentences is after those before it than alone, in all run lengths.

        Args:
            sentences: lists of words.

        Returns:
            Differences of log-probabilities, float64 [words of all, runs of words and of classes], and how many words
            each sentence has, int [sentences].
        """
        _, first, counts, said = self.read(sentences)
        gains = np.concatenate([gains for _, gains, _ in said]).T
        return np.delete(gains, first + counts - 1, axis=0), counts - 1

    def draw_neighbour(self, rng: np.random.Generator, word: str, step: int) -> str:
        """A word that somewhere stands `step` places after the given one; any word where that stands nowhere."""
        number = self.numbers.get(word, OTHER)
        start, end = self.first[number : number + 2]
        if number == OTHER or start == end:
            return self.draw_word(rng)
        at = self.order[rng.integers(start, end)] + step
        return self.words[self.ids[at]] or self.draw_word(rng)

    def draw_word(self, rng: np.random.Generator) -> str:
        """A word as often as it stands in the text."""
        while True:
            word = self.words[self.ids[rng.integers(len(self.ids))]]
            if word:
                return word


def plain_files(data_dir: Path) -> list[Path]:
    """The files of plain text in a data folder."""
    return [data_dir / f"pretrain/{name}.txt.gz" for name in CORPUS]


def plain_sentences(files: Iterable[Path]) -> Iterator[list[str]]:
    """The words of each sentence of some files."""
    for paragraph in read_paragraphs(files):
        for sentence in re.split(r"(?<=[.!?])[\"”’]?\s+", paragraph):
            if words := split_words(sentence):
                yield words


def word_classes(ids: Array, size: int) -> Array:
    """Classes of words by the frequent words that stand right before and after them: int64 [size]."""
    sides = [(ids[:-1], ids[1:]), (ids[1:], ids[:-1])]
    counts = [
        np.bincount(word[context < CONTEXTS] * CONTEXTS + context[context < CONTEXTS], minlength=size * CONTEXTS)
        for word, context in sides
    ]
    information = [mutual_information(count.reshape(size, CONTEXTS).astype(np.float32)) for count in counts]
    vectors = leading_vectors(np.concatenate(information, axis=1), WIDTH, seed=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    classes = np.arange(size)
    shared = MiniBatchKMeans(SHARED_CLASSES, random_state=0, n_init=2, batch_size=4096).fit_predict(vectors[OWN_CLASS:])
    classes[OWN_CLASS:] = OWN_CLASS + shared
    return classes


def lowest(values: Array, first: Array, counts: Array) -> tuple[Array, Array]:
    """Of each run of values the lowest one and the mean of the two lowest."""
    row = np.repeat(np.arange(len(first)), counts)
    ordered = values[np.lexsort((values, row))]
    second = ordered[first + (counts > 1)]
    return ordered[first], (ordered[first] + second) / 2
