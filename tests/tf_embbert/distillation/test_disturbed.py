"""Disturbed sentences: what each change does, and what a teacher is given."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tf_embbert.distillation.disturbed import Disturber, disturbed_sentences, disturbed_texts
from tf_embbert.distillation.fluency import Fluency

WORDS = ["the", "cat", "saw", "a", "dog", "."]


class Zebras(Fluency):
    """In whose text there are zebras only."""

    def __init__(self) -> None:
        """Nothing is counted."""

    def draw_neighbour(self, rng: np.random.Generator, word: str, step: int) -> str:
        return "zebra"

    def draw_word(self, rng: np.random.Generator) -> str:
        return "zebra"


@pytest.fixture
def disturb(rng: np.random.Generator) -> Disturber:
    return Disturber(Zebras(), [["north", "south"]], rng)


def changed(disturb: Disturber, change: str) -> list[str]:
    words = list(WORDS)
    getattr(disturb, change)(words, disturb.rng.integers(5), 5)
    return words


@pytest.mark.parametrize(
    "change, lost, gained",
    [("replace", 1, ["zebra"]), ("add", 0, ["zebra"]), ("leave_out", 1, []), ("move", 0, []), ("swap", 0, [])],
)
def test_a_change_is_what_its_name_says(change: str, lost: int, gained: int, disturb: Disturber) -> None:
    for _ in range(50):
        words = changed(disturb, change)
        assert sum((Counter(WORDS) - Counter(words)).values()) == lost
        assert list((Counter(words) - Counter(WORDS)).elements()) == gained
        assert words[-1] == "."


def test_a_swap_exchanges_neighbours(disturb: Disturber) -> None:
    for _ in range(50):
        words = changed(disturb, "swap")
        places = [i for i in range(6) if words[i] != WORDS[i]]
        assert len(places) == 2 and places[1] - places[0] == 1


def test_a_splice_is_a_run_of_another_text(disturb: Disturber) -> None:
    runs = {tuple(word for word in changed(disturb, "splice") if word not in WORDS) for _ in range(200)}
    assert runs == {("north",), ("south",), ("north", "south")}


def test_marks_stay_at_the_end_and_single_words_as_they_are(disturb: Disturber) -> None:
    words = list(WORDS)
    assert all(disturb(words)[-1] == "." for _ in range(200)) and words == WORDS
    assert disturb(["go"]) == ["go"] and disturb(["go", "!"]) == ["go", "!"]


def test_texts_are_variants_then_plain_sentences_no_two_alike(tmp_path: Path, rng: np.random.Generator) -> None:
    file = tmp_path / "plain.txt"
    file.write_text("\n".join(f"Number {i} is here now. No." for i in range(500)))
    texts = disturbed_texts(["The cat saw a dog.", ""], 30, 100, Zebras(), [file], rng)
    assert len(set(texts)) == len(texts) and all(texts)
    own = [text for text in texts if "here" not in text and "now" not in text and "is" not in text.split()]
    assert 15 < len(own) < 45 and 80 < len(texts) - len(own) <= 100
    assert not disturbed_texts(["a b"], 0, 0, Zebras(), [file], rng)


def test_some_plain_sentences_stay_sound(tmp_path: Path, rng: np.random.Generator) -> None:
    file = tmp_path / "plain.txt"
    file.write_text("\n".join(f"number {i} is here now ." for i in range(1000)))
    sentences = disturbed_sentences([file], (4, 16), 500, Zebras(), rng)
    sound = sum(words[:1] == ["number"] and words[2:] == ["is", "here", "now", "."] for words in sentences)
    assert len(sentences) == 500 and 0.3 < sound / 500 < 0.5
    assert not disturbed_sentences([file], (8, 16), 500, Zebras(), rng)
