"""What is counted in plain text, against counts by dictionaries, and the words that are drawn from it."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.support.toy_language import NOUNS, VERBS, sentence
from tf_embbert.common.errors import UserError
from tf_embbert.distillation import fluency
from tf_embbert.distillation.fluency import DISCOUNT, Fluency, SequenceModel
from tf_embbert.training.ngrams import split_words


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Fluency:
    """The Fluency of a toy language's text, with few classes."""
    rng, file = np.random.default_rng(0), tmp_path_factory.mktemp("text") / "plain.txt"
    file.write_text("\n".join(" ".join(sentence(rng)) + " " + " ".join(sentence(rng)) for _ in range(400)))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"OWN_CLASS": 7, "SHARED_CLASSES": 2, "CONTEXTS": 12, "WIDTH": 6}.items():
            patch.setattr(fluency, name, value)
        return Fluency([file])


def chance(sequence: Sequence[int], run: tuple[int, ...]) -> float:
    """The probability of a run's last symbol after the others, by loops: absolute discounting of continuations."""
    size = max(sequence) + 1
    if len(run) == 1:
        lefts = Counter(right for _, right in set(pairwise(sequence)))
        return (lefts[run[0]] + 0.5) / (sum(lefts.values()) + 0.5 * size)
    runs = Counter(zip(*(sequence[i:] for i in range(len(run)))))
    total = sum(count for other, count in runs.items() if other[:-1] == run[:-1])
    lower = chance(sequence, run[1:])
    if not total:
        return lower
    kinds = sum(other[:-1] == run[:-1] for other in runs)
    return (max(runs[run] - DISCOUNT, 0) + DISCOUNT * kinds * lower) / total


def test_the_models_probabilities_are_those_of_the_formula(rng: np.random.Generator) -> None:
    sequence = rng.integers(0, 5, 60)
    model, text = SequenceModel(sequence, 5, 4), rng.integers(0, 5, 20)
    gains, seen = model(text, np.arange(3, 20))
    alone = (np.bincount(sequence, minlength=5) + 0.5) / 62.5
    every = tuple(sequence.tolist())
    for row, length in enumerate((2, 3, 4)):
        for column, place in enumerate(range(3, 20)):
            run = tuple(text[place - length + 1 : place + 1].tolist())
            expected = math.log(chance(every, run) / alone[run[-1]])
            assert gains[row, column] == pytest.approx(expected, abs=1e-9)
            assert seen[row, column] == Counter(zip(*(every[i:] for i in range(length))))[run]


def test_the_probabilities_of_all_symbols_add_up(rng: np.random.Generator) -> None:
    sequence = rng.integers(0, 6, 80)
    model = SequenceModel(sequence, 6, 3)
    for before in rng.integers(0, 6, (20, 2)):
        texts = np.array([[*before, symbol] for symbol in range(6)]).reshape(-1)
        places = np.arange(2, 18, 3)
        gains, _ = model(texts, places)
        np.testing.assert_allclose(np.exp(gains + model.alone[texts[places]]).sum(axis=1), 1)


def test_a_sound_sentence_is_more_fluent_than_the_same_words_shuffled(counted: Fluency) -> None:
    gains, _ = counted.gains([split_words("the cat saw a dog ."), split_words("saw the a dog cat .")])
    sound, other = gains.reshape(2, 6, -1)
    assert (sound.mean(axis=0) > other.mean(axis=0) + 1).all()


def test_features_are_of_each_text_alone(counted: Fluency) -> None:
    texts = ["the cat saw a dog .", "zebra", "", "a king . the fox met it"]
    together = counted.features(texts)
    np.testing.assert_allclose(together, np.concatenate([counted.features([text]) for text in texts]))
    assert together[:, 0].tolist() == [7, 2, 1, 8]  # words and the end
    assert together[:, 2].tolist() == [0, 1, 0, 1]  # zebra, it
    assert np.isfinite(together).all()


def test_features_have_the_mean_of_what_is_gained(counted: Fluency) -> None:
    words = split_words("the cat saw a dog .")
    (_, _, _, said), features = counted.read([words]), counted.features([" ".join(words)])[0]
    for _, gains, _ in said:
        for gain in gains:
            assert np.isclose(features, gain.mean()).any() and np.isclose(features, np.sort(gain)[:2].mean()).any()
    assert counted.gains([words, ["a"]])[1].tolist() == [6, 1]


def test_words_that_stand_alike_are_of_one_class(counted: Fluency) -> None:
    classes = {word: counted.classes[number] for word, number in counted.numbers.items()}
    own = [word for word, label in classes.items() if label < 7]
    shared = [{classes[word] for word in kind if word not in own} for kind in (NOUNS, VERBS)]
    assert [len(labels) for labels in shared] == [1, 1] and shared[0] != shared[1]


def test_neighbours_are_words_that_stand_there(counted: Fluency, rng: np.random.Generator) -> None:
    for _ in range(50):
        assert counted.draw_neighbour(rng, "the", 1) in NOUNS
        assert counted.draw_neighbour(rng, "a", -1) in VERBS
        assert counted.draw_neighbour(rng, "the", -1) in counted.numbers  # stands at the start only: any word
        assert counted.draw_neighbour(rng, "zebra", 1) in counted.numbers


def test_too_few_words_are_a_users_error(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("one two three .")
    with pytest.raises(UserError, match="4 different words are too few: give more plain text"):
        Fluency([tmp_path / "plain.txt"])
