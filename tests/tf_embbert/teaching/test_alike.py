"""Words for words: which are alike, and what becomes of a text whose words are exchanged."""

import random

import numpy as np
import pytest

from tf_embbert.teaching.alike import EXCHANGED, NEAREST, bare, exchange, vocabulary_of, words_alike
from tf_embbert.teaching.disturb import disturbed_pairs, disturbed_texts


class Vocabulary:
    """Of a tokenizer: only its tokens are looked at."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = tokens

    def get_vocab(self) -> dict[str, int]:
        return {token: number for number, token in reversed(list(enumerate(self.tokens)))}


@pytest.mark.parametrize(
    "tokens", [["[CLS]", "##tone", "lamp", "of", "Tune", "1st"], ["<s>", "tone", "▁lamp", "▁of", "▁Tune", "▁1st"]]
)
def test_the_vocabulary_is_of_whole_words_in_its_order(tokens: list[str]) -> None:
    assert vocabulary_of(Vocabulary(*tokens)) == ["lamp", "tune"]


def test_the_nearest_words_are_found(rng: np.random.Generator) -> None:
    vocabulary = [f"word{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(90)]
    known = {word: rng.normal(size=8) for word in [*vocabulary, "lamp"]}
    alike = words_alike(['"Lamp", wordaa lamp 12 ...'], vocabulary, lambda words: np.array([known[w] for w in words]))
    assert alike.keys() == {"lamp", "wordaa"}  # neither figures nor marks
    for word, found in alike.items():
        others = [other for other in vocabulary if other != word]
        cosines = [known[word] @ known[other] / np.linalg.norm(known[other]) for other in others]
        assert set(found) == {others[i] for i in np.argsort(cosines)[-NEAREST:]}
    assert words_alike(["lamp"], vocabulary[:NEAREST], lambda words: np.ones((len(words), 2))) == {}
    assert words_alike(["12 ."], vocabulary, lambda words: np.ones((len(words), 2))) == {}


def test_a_share_of_the_words_is_exchanged_and_marks_stay() -> None:
    rng, text = random.Random(0), ["(Lamp,", "it's", "“lamp”", "on"] * 5
    copies = [exchange(text, {"lamp": ["light", "bulb"]}, rng) for _ in range(2000)]
    assert {word for copy in copies for word in copy} == {*text, "(light,", "(bulb,", "“light”", "“bulb”"}
    shares = np.array([np.mean([bare(word) in ("light", "bulb") for word in copy]) * 2 for copy in copies])
    assert shares.mean() == pytest.approx(EXCHANGED / 2, abs=0.02) and shares.max() > EXCHANGED / 2
    assert all(len(copy) == len(text) for copy in copies)


def test_copies_hold_words_that_are_alike_and_only_where_they_are_known() -> None:
    texts, alike = [f"lamp{'on' * (i % 7 + 1)} tune{i}" for i in range(30)], {f"tune{i}": ["song"] for i in range(30)}
    assert not any("song" in copy for copy in disturbed_texts(texts, 300, 0))
    copies = disturbed_texts(texts, 300, 0, alike)
    assert 20 < sum("song" in copy for copy in copies) < 200 and copies == disturbed_texts(texts, 300, 0, alike)
    pairs = disturbed_pairs(list(zip(texts, texts[::-1])), 300, 0, alike)
    assert any("song" in first for first, _ in pairs) and any("song" in second for _, second in pairs)
