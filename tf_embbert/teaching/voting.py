"""The voting teacher: models of words, word pairs and runs of characters, which vote together.

Three linear models of the same tf-idf features know different things: LinearSVC parts the classes best, logistic
regression is the surest of its probabilities, complement naive Bayes needs the fewest rows. Of long texts two know more
that read words alone, without runs of characters. Another reads a pretrained encoder's vectors, and so knows words that
no row has; the last is that encoder itself, fine-tuned on the labels, where nobody larger teaches. Which of them vote,
and at what temperature each, is chosen by what they say of rows that they were not fitted on.
"""

import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy.sparse import hstack
from scipy.special import log_softmax, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB
from sklearn.svm import LinearSVC

from tf_embbert.common.errors import UserError
from tf_embbert.run import Array
from tf_embbert.teaching.weighted_words import WeightedWords
from tf_embbert.teaching.words import PIECE
from tf_embbert.training.metrics import cross_entropy

Sparse: TypeAlias = Any  # a scipy.sparse matrix, which has no types

FOLDS = 5
TEMPERATURES = np.geomspace(0.02, 20, 60)
LONGEST = 1000  # characters of a text whose runs are counted: beyond, words say enough


class Voter(NamedTuple):
    """What a voter reads, a key of `Voters.features`, and what makes its model."""

    reads: str
    model: Callable[[], Any]


VOTERS = {
    "LinearSVC": Voter("grams", lambda: LinearSVC(C=1.0, random_state=0)),
    "logistic regression": Voter("grams", lambda: LogisticRegression(C=30.0, max_iter=200)),
    "naive Bayes": Voter("grams", lambda: ComplementNB(alpha=0.3)),
    "LinearSVC of words": Voter("words", lambda: LinearSVC(C=1.0, random_state=0)),
    "weighted words": Voter("present", WeightedWords),
    "sentence vectors": Voter("vectors", lambda: LogisticRegression(C=10.0, max_iter=300)),
}
MOST_WEIGHTED = 10  # classes, of which each needs a regression of weighted words
FINE_TUNED = "EmbBERT"  # the voter that is no linear model
Read: TypeAlias = Callable[[Sequence[str]], Array]  # texts -> vectors [texts, d]
Speak: TypeAlias = Callable[[Sequence[str]], Array]  # texts -> logits [texts, classes]
Learn: TypeAlias = Callable[[Sequence[str], Array], Speak]  # texts and labels -> what has learnt them


class VotingTeacher:
    """Models that vote on a text's class.

    Args:
        texts: to be trained on.
        labels: their classes, int [rows].
        classes: how many classes there are; one without a row gets next to nothing.
        seed: of the folds.
        read: gives vectors of texts, for the voter that reads them; None leaves it out.
        learn: fine-tunes an encoder on texts and labels, for the voter that it becomes; None leaves it out.

    Raises:
        UserError: without one fold of the rows, one class is left.

    Attributes:
        unseen: what is said of the training texts by voters that were fitted on the others: float [rows, classes].
        chosen: names of the voters.
    """

    def __init__(
        self,
        texts: Sequence[str],
        labels: Array,
        classes: int,
        seed: int,
        read: Read | None = None,
        learn: Learn | None = None,
    ) -> None:
        self.classes = classes
        usable = {"grams": True, "words": True, "present": classes <= MOST_WEIGHTED, "vectors": read is not None}
        names = [name for name, voter in VOTERS.items() if usable[voter.reads]]
        names += [FINE_TUNED] if learn else []
        folds = stratified_folds(labels, seed)
        said = {name: np.zeros((len(labels), classes)) for name in names}
        for fold in range(FOLDS):
            seen, unseen = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            if np.ptp(labels[seen]) == 0:
                raise UserError("too few rows of all classes but one for a --teacher: give --teacher none")
            voters = Voters([texts[i] for i in seen], labels[seen], names, read, learn)
            for name, logits in voters.speak([texts[i] for i in unseen], classes).items():
                said[name][unseen] = logits
        self.temperatures = {name: best_temperature(logits, labels) for name, logits in said.items()}
        subsets = [chosen for count in range(len(names)) for chosen in itertools.combinations(names, count + 1)]
        self.chosen = min(subsets, key=lambda chosen: cross_entropy(self.together(said, chosen), labels))
        self.unseen = softmax(self.together(said, self.chosen), axis=1)
        self.voters = Voters(texts, labels, self.chosen, read, learn)

    def together(self, said: dict[str, Array], names: Sequence[str]) -> Array:
        """The mean of some voters' log-probabilities, each at its temperature: float [rows, classes]."""
        return np.mean([log_softmax(said[name] / self.temperatures[name], axis=1) for name in names], axis=0)

    def judge(self, texts: Sequence[str]) -> Array:
        """Probabilities of texts: float [texts, classes]."""
        return softmax(self.together(self.voters.speak(texts, self.classes), self.chosen), axis=1)


class Voters:
    """Some voters, fitted on texts.

    Args:
        texts: to be fitted on.
        labels: their classes.
        names: of the voters.
        read: gives the vectors of texts; None where no voter wants them.
        learn: fine-tunes an encoder; None where no voter wants it.
    """

    def __init__(
        self, texts: Sequence[str], labels: Array, names: Sequence[str], read: Read | None, learn: Learn | None
    ) -> None:
        self.names, self.read = [name for name in names if name in VOTERS], read
        self.reads = {VOTERS[name].reads for name in self.names}
        self.words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=PIECE)
        self.runs = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, preprocessor=_beginning)
        if self.reads - {"vectors"}:
            self.words.fit(texts)
        if "grams" in self.reads:
            self.runs.fit(texts)
        features = self.features(texts)
        with warnings.catch_warnings():  # a fit that ends early is judged like the others
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.fitted = {name: VOTERS[name].model().fit(features[VOTERS[name].reads], labels) for name in self.names}
        self.fine_tuned = {FINE_TUNED: learn(texts, labels)} if learn and FINE_TUNED in names else {}

    def features(self, texts: Sequence[str]) -> dict[str, Sparse]:
        """What the voters read of texts: tf-idf of words, of grams, which are words and runs of characters, which words
        are present, and vectors; what no voter wants is left out.
        """
        words: Sparse = self.words.transform(texts) if self.reads - {"vectors"} else None
        ways: dict[str, Callable[[], Sparse]] = {
            "grams": lambda: hstack([words, self.runs.transform(texts)]).tocsr(),
            "words": lambda: words,
            "present": lambda: words.sign(),
            "vectors": lambda: self.read(texts) if self.read else None,
        }
        return {reads: ways[reads]() for reads in self.reads}

    def speak(self, texts: Sequence[str], classes: int) -> dict[str, Array]:
        """What each says of texts: float [texts, classes] by its name."""
        features = self.features(texts)
        linear = {name: logits_of(voter, features[VOTERS[name].reads], classes) for name, voter in self.fitted.items()}
        return linear | {name: speak(texts) for name, speak in self.fine_tuned.items()}


def stratified_folds(labels: Array, seed: int) -> Array:
    """The fold of each row, int [rows]: each class is in as many as it can be."""
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    folds = np.empty(len(labels), int)
    folds[order] = np.arange(len(labels)) % FOLDS
    return folds


def _beginning(text: str) -> str:
    return text.lower()[:LONGEST]


def logits_of(voter: Any, features: Sparse, classes: int) -> Array:
    """What a voter says of each class, one that it has not seen below all others: float [rows, classes]."""
    speak = voter.decision_function if hasattr(voter, "decision_function") else voter.predict_joint_log_proba
    said = speak(features)
    if said.ndim == 1:  # of the second of two classes
        said = np.stack([-said / 2, said / 2], axis=1)
    logits = np.full((len(said), classes), said.min() - 1.0)
    logits[:, voter.classes_] = said
    return logits


def best_temperature(logits: Array, labels: Array) -> float:
    """By which logits are divided to give the labels the least cross entropy."""
    return float(min(TEMPERATURES, key=lambda t: cross_entropy(logits / t, labels)))
