"""Pairs made of plain text, and how alike they are, against the plain formula; and what a model learns of them."""

from pathlib import Path

import numpy as np
import pytest

from tf_embbert.model.config import CLS, PAD, SEP
from tf_embbert.pretraining.masking import FIRST_ORDINARY
from tf_embbert.pretraining.similar_pairs import RARITY, Vocabulary, cut_to_fit, edited_copy, similar_parts, with_piece

VOCAB = 300
END = 5


@pytest.fixture
def corpus() -> np.ndarray:
    """Tokens some of which are a thousand times as frequent as others."""
    rng = np.random.default_rng(0)
    shares = 1.0 / np.arange(1, VOCAB - FIRST_ORDINARY + 1)
    return FIRST_ORDINARY + rng.choice(len(shares), 20_000, p=shares / shares.sum()).astype(np.int32)


def likeness_by_the_formula(corpus: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """Cosine of two dense vectors [V] that hold a / (a + p) where the text has the token."""
    vectors = np.zeros((2, VOCAB))
    for vector, text in zip(vectors, (first, second)):
        for token in text:
            vector[token] = RARITY / (RARITY + np.mean(corpus == token))
    norms = np.linalg.norm(vectors, axis=1)
    return vectors[0] @ vectors[1] / norms.prod() if norms.all() else 0.0


def make_pieces(rng: np.random.Generator, corpus: np.ndarray, count: int, longest: int = 62) -> list[np.ndarray]:
    return [rng.choice(corpus, rng.integers(2, longest + 1)) for _ in range(count)]


def test_every_row_is_a_pair_with_its_likeness(corpus: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    pieces = make_pieces(rng, corpus, 300)
    tokens, likeness, paired = similar_parts(rng, pieces, 64, [END], Vocabulary(corpus, VOCAB))
    assert tokens.shape == (300, 64) and (paired == 1).all()
    assert likeness.min() >= 0 and likeness.max() <= 1 + 1e-6
    for row, alike in zip(tokens, likeness):
        row = row[row != PAD]
        (middle,) = np.flatnonzero(row == SEP)
        assert row[0] == CLS
        expected = likeness_by_the_formula(corpus, row[1:middle], row[middle + 1 :])
        assert alike == pytest.approx(expected, abs=1e-6)


def test_all_degrees_of_likeness_are_there(corpus: np.ndarray) -> None:
    """A model can learn no scale from pairs that are all alike or all foreign."""
    rng = np.random.default_rng(2)
    _, likeness, _ = similar_parts(rng, make_pieces(rng, corpus, 3000), 64, [END], Vocabulary(corpus, VOCAB))
    shares = np.histogram(likeness, bins=5, range=(0, 1 + 1e-6))[0] / len(likeness)
    assert shares.min() > 0.05, shares


def test_texts_that_are_the_same_or_share_nothing(corpus: np.ndarray) -> None:
    vocabulary = Vocabulary(corpus, VOCAB)
    text, other = np.array([10, 11, 12, 12]), np.array([20, 21])
    assert vocabulary.likeness(text, text[::-1]) == pytest.approx(1.0)
    assert vocabulary.likeness(text, other) == vocabulary.likeness(text, other[:0]) == 0.0


def test_tokens_are_drawn_as_often_as_they_occur(corpus: np.ndarray) -> None:
    drawn = Vocabulary(corpus, VOCAB).draw(np.random.default_rng(3), 100_000)
    assert drawn.min() >= FIRST_ORDINARY and drawn.max() < VOCAB
    for token in (FIRST_ORDINARY, FIRST_ORDINARY + 3, 100):
        share = np.mean(corpus == token)
        assert abs(np.mean(drawn == token) - share) < 4 * np.sqrt(share / 100_000)


@pytest.mark.parametrize(
    "first, second, room, lengths",
    [
        (10, 10, 30, (10, 10)),
        (40, 10, 30, (20, 10)),
        (10, 40, 30, (10, 20)),
        (40, 40, 30, (15, 15)),
        (40, 0, 30, (30, 0)),
    ],
)
def test_the_longer_text_is_cut_first(first: int, second: int, room: int, lengths: tuple[int, int]) -> None:
    assert tuple(map(len, cut_to_fit(np.arange(first), np.arange(second), room))) == lengths


def test_copies_are_edits_of_their_text(corpus: np.ndarray) -> None:
    """Nothing is longer than the text; what is left of it is a subset; a piece of another text is whole in there."""
    rng, vocabulary = np.random.default_rng(4), Vocabulary(corpus, VOCAB)
    text, source = np.arange(100, 130), np.arange(200, 220)
    kept = []
    for _ in range(500):
        copy = edited_copy(rng, text, vocabulary)
        assert 1 <= len(copy) <= len(text)
        kept.append(len(set(copy) & set(text)) / len(text))
        mixed = with_piece(rng, text, source)
        piece = mixed[mixed >= 200]
        np.testing.assert_array_equal(np.delete(mixed, np.flatnonzero(mixed >= 200)), text)
        np.testing.assert_array_equal(piece, np.arange(piece[0], piece[0] + len(piece)) if len(piece) else piece)
    assert min(kept) < 0.2 and max(kept) == 1.0 and 0.4 < np.mean(kept) < 0.7


def test_the_loss_is_the_cross_entropy_with_the_likeness(corpus: np.ndarray) -> None:
    """Against NumPy, and at its least where the head answers the likeness itself."""
    import tensorflow as tf

    from tf_embbert.pretraining.fitting import weighed_pairs

    rng = np.random.default_rng(5)
    logits, alike = rng.normal(size=(40, 2)).astype(np.float32), rng.random(40).astype(np.float32)
    weights = np.ones(40, np.float32)
    chance = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))  # of the second
    expected = -np.sum(alike * np.log(chance) + (1 - alike) * np.log(1 - chance))
    loss, right, count = weighed_pairs(tf.constant(logits), tf.constant(alike), tf.constant(weights))
    assert float(loss) == pytest.approx(expected, rel=1e-5) and float(count) == 40
    assert float(right) == np.sum((chance > 0.5) == (alike > 0.5))
    best = np.stack([np.log(1 - alike), np.log(alike)], axis=1)
    assert float(weighed_pairs(tf.constant(best), tf.constant(alike), tf.constant(weights))[0]) < expected


@pytest.mark.slow
def test_the_command_learns_likeness(tmp_path: Path) -> None:
    """Held-out pairs, after some steps of a tiny model: better than one number for all of them, which is 0.69."""
    import csv

    from tf_embbert.pretrain import main

    rng = np.random.default_rng(6)
    words = [f"{a}{b}" for a in "bdfgklmnprst" for b in "aeiou"]
    lines = [" ".join(rng.choice(words, rng.integers(6, 24))) + "." for _ in range(3000)]
    (tmp_path / "text.txt").write_text("\n".join(lines))
    arguments = [
        "--corpus",
        tmp_path / "text.txt",
        "--preset",
        "nano",
        "--pairs",
        "similar",
        "--mlm-weight",
        "0",
        "--max-length",
        "32",
        "--batch-tokens",
        "1024",
        "--steps",
        "300",
        "--evaluate-every",
        "300",
        "--learning-rate",
        "5e-3",
        "--out",
        tmp_path / "run",
    ]
    assert main(list(map(str, arguments))) == 0
    with open(tmp_path / "run/history.csv") as file:
        first, last = csv.DictReader(file)
    assert float(last["held_out_nsp_accuracy"]) > 65 > float(first["held_out_nsp_accuracy"])
    assert float(last["held_out_nsp_loss"]) < float(first["held_out_nsp_loss"]) - 0.03
