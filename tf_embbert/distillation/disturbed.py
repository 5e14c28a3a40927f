"""Sentences with words changed, left out, moved or added: a teacher has more to say of them than of sound ones alone."""

from tf_embbert.distillation.fluency import plain_sentences
from tf_embbert.distillation.ngrams import split_words

MORE_CHANGES = 0.5  # Poisson mean of the changes after the first
LONGEST_RUN = 4  # words of another text that take the place of some
MARKS = (".", "!", "?")
DISTURBED_SHARE = 0.6  # of plain sentences
PLAIN_WORDS = (4, 16)  # of those beside a task's texts, the fewest and the most


def disturbed_texts(texts, variants, plain, fluency, files, rng):
    """More texts of a task's kind, and plain ones, as a teacher should judge them.

    Args:
        texts: the task's.
        variants: disturbed ones of each.
        plain: sentences of the files, a sample; most of them are disturbed.
        fluency: Fluency.
        files: of plain text.
        rng: numpy Generator.
    Returns:
        list of str, words with spaces between, no two alike.
    """
    own = [words for text in texts if (words := split_words(text))]
    disturb = Disturber(fluency, own, rng)
    more = [disturb(words) for words in own for _ in range(variants)]
    more += disturbed_sentences(files, PLAIN_WORDS, plain, fluency, rng) if plain else []
    return list(dict.fromkeys(" ".join(words) for words in more if words))


def disturbed_sentences(files, words, count, fluency, rng):
    """A sample of the files' sentences of so many words (the fewest, the most), most of them disturbed: lists of words."""
    sentences = [sentence for sentence in plain_sentences(files) if words[0] <= len(sentence) <= words[1]]
    disturb = Disturber(fluency, sentences, rng)
    chosen = [sentences[i] for i in rng.permutation(len(sentences))[:count]]
    return [disturb(sentence) if rng.random() < DISTURBED_SHARE else sentence for sentence in chosen]


class Disturber:
    """Disturbs lists of words, each time otherwise.

    Args:
        fluency: Fluency, whose text says which words stand beside which.
        others: lists of words, from which runs are taken.
        rng: numpy Generator.
    """

    def __init__(self, fluency, others, rng):
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

    def __call__(self, words):
        """A disturbed copy of the words; a mark at their end stays. Fewer than two words stay as they are."""
        words = list(words)
        for _ in range(1 + self.rng.poisson(MORE_CHANGES)):
            length = len(words) - (words[-1] in MARKS)
            if length < 2:
                break
            change = self.changes[self.rng.choice(len(self.changes), p=self.chances)]
            change(words, self.rng.integers(length), length)
        return words

    def replace(self, words, at, length):
        """Another word, mostly one that somewhere stands beside one of the neighbours."""
        lot = self.rng.random()
        if lot < 0.5 and at > 0:
            words[at] = self.fluency.draw_neighbour(self.rng, words[at - 1], 1)
        elif lot < 0.8 and at + 1 < len(words):
            words[at] = self.fluency.draw_neighbour(self.rng, words[at + 1], -1)
        else:
            words[at] = self.fluency.draw_word(self.rng)

    def splice(self, words, at, length):
        """A run of another text's words instead of up to as many."""
        other = self.others[self.rng.integers(len(self.others))]
        run = self.rng.integers(1, 1 + min(LONGEST_RUN, len(other)))
        start = self.rng.integers(len(other) - run + 1)
        words[at : min(length, at + self.rng.integers(LONGEST_RUN + 1))] = other[start : start + run]

    def swap(self, words, at, length):
        other = at + 1 if at + 1 < length else at - 1
        words[at], words[other] = words[other], words[at]

    def leave_out(self, words, at, length):
        del words[at]

    def move(self, words, at, length):
        word = words.pop(at)
        words.insert(self.rng.integers(length), word)

    def add(self, words, at, length):
        words.insert(at + 1, self.fluency.draw_neighbour(self.rng, words[at], 1))
