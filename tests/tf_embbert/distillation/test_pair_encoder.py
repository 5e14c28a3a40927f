"""The encoder of pairs: which pairs it is shown, and that it learns how alike they are."""

import itertools

import numpy as np
import pytest

from tests.support.chain import FolderOf, make_rows
from tf_embbert.common.errors import UserError
from tf_embbert.distillation import pair_encoder
from tf_embbert.distillation.pair_encoder import (
    COPY,
    NEAR,
    NEAREST,
    cosines_of,
    draw_pairs,
    loss_of,
    neighbours,
    with_copies,
)
from tf_embbert.run import load_run


def unit_vectors(rng: np.random.Generator, count: int, width: int) -> np.ndarray:
    vectors = rng.normal(size=(count, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def test_every_sentence_has_a_copy_of_its_own_words() -> None:
    sentences = [f"a{i} b{i} c{i} d{i}" for i in range(200)]
    texts = with_copies(sentences, seed=0)
    assert texts[:200] == sentences and len(texts) == 400
    own = [len(set(a.split()) & set(b.split())) for a, b in zip(sentences, texts[200:])]
    assert np.mean(np.array(own) > 0) > 0.9 and texts == with_copies(sentences, seed=0)


@pytest.mark.parametrize("among", [10_000, 150])
def test_neighbours_are_the_nearest_of_their_group(rng: np.random.Generator, among: int) -> None:
    vectors = unit_vectors(rng, 300, 8).astype(np.float32)
    near = neighbours(vectors, among)
    groups = np.array_split(np.random.default_rng(0).permutation(300), 300 // among or 1)
    for group in groups:
        for text in group:
            others = np.array([other for other in group if other != text])
            wanted = others[np.argsort(-(vectors[others] @ vectors[text]))][:NEAR]
            np.testing.assert_allclose(vectors[near[text]] @ vectors[text], vectors[wanted] @ vectors[text], rtol=1e-5)


def test_pairs_are_copies_neighbours_and_others_in_either_order(rng: np.random.Generator) -> None:
    count = 4000
    near = rng.integers(0, count, (count, NEAR)).astype(np.int32)
    pairs = draw_pairs(near, [0])
    own = np.where(pairs[:, :1] == np.arange(count)[:, None], pairs[:, ::-1], pairs)[:, 0]  # the partner of each text
    assert np.all((pairs == np.arange(count)[:, None]).any(axis=1))
    is_copy = own == (np.arange(count) + count // 2) % count
    is_nearest = (near[:, :NEAREST] == own[:, None]).any(axis=1)
    is_nearby = (near[:, NEAREST:] == own[:, None]).any(axis=1)
    shares = [is_copy.mean(), is_nearest.mean(), is_nearby.mean(), np.mean(pairs[:, 0] == np.arange(count))]
    np.testing.assert_allclose(shares, [COPY, 0.3, 0.2, 0.5], atol=0.06)
    assert not np.array_equal(pairs, draw_pairs(near, [1]))


def test_the_loss_is_that_of_its_formula(rng: np.random.Generator) -> None:
    vectors = unit_vectors(rng, 9, 6)
    pairs = np.array(list(itertools.product(range(9), range(0, 9, 4))), np.int32)
    outputs = rng.normal(size=(len(pairs), 13)).astype(np.float32)
    got = loss_of(vectors)(pairs, outputs).numpy()
    for (a, b), row, value in zip(pairs, outputs, got):
        first, second, logit = vectors[a].astype(float), vectors[b].astype(float), row[0]
        alike, parts = np.clip(first @ second, 0, 1), np.split(row[1:].astype(float), 2)
        entropy = np.log1p(np.exp(logit)) - alike * logit
        cosines = [part @ vector / np.linalg.norm(part) for part, vector in zip(parts, (first, second))]
        assert value == pytest.approx(entropy + 1 - np.mean(cosines), rel=1e-3)
    np.testing.assert_allclose(
        cosines_of(vectors, pairs[:1]), [vectors[0].astype(float) @ vectors[0].astype(float)], rtol=1e-3
    )


def test_too_few_sentences_are_one_line(run_of: FolderOf) -> None:
    with pytest.raises(UserError, match="100 sentences: more than 2060 are needed"):
        pair_encoder.train_encoder(load_run(run_of("pairs")), ["a b"] * 200, np.zeros((200, 4)), 1, 32, print)


@pytest.mark.slow
def test_it_learns_how_alike_pairs_are(
    run_of: FolderOf, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    """Sentences of few words, each with a direction of its own: two are alike by the words that they share."""
    monkeypatch.setattr(pair_encoder, "HELD_OUT", 60)
    start = load_run(run_of("pairs"))
    words = sorted({word for row in make_rows("classes", 100) for word in row["body"].split()})[:8]
    texts = with_copies([" ".join(rng.choice(words, 3, replace=False)) for _ in range(500)], seed=0)
    directions = dict(zip(words, np.eye(8)))
    vectors = np.array([sum(directions[word] for word in text.split()) for text in texts])
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    _, history = pair_encoder.train_encoder(start, texts, vectors, 8, 32, lambda line: None)
    assert len(history) == 8 and history[-1]["held_out_spearman"] > 50
