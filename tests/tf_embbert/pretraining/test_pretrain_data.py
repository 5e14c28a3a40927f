"""What pretraining asks of a text, and the batches made of files larger than what is held in memory."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from tf_embbert.common.errors import UserError
from tf_embbert.model.config import CLS, MASK, PAD, SEP
from tf_embbert.pretraining import corpus as pretrain_corpus
from tf_embbert.pretraining.batches import Pieces, Plan
from tf_embbert.pretraining.corpus import Corpus, bare_ids, prepare_corpus, read_paragraphs, spread
from tf_embbert.pretraining.masking import FIRST_ORDINARY, cut_in_two, join_parts, mask_tokens

VOCAB = 500
END = 5  # the id that ends a sentence in the made rows


def made_rows(rng: np.random.Generator, rows: int = 200, length: int = 64) -> np.ndarray:
    """Rows of tokens with [CLS], one [SEP] and pads."""
    tokens = rng.integers(FIRST_ORDINARY, VOCAB, (rows, length)).astype(np.int32)
    tokens[:, 0], tokens[:, 20] = CLS, SEP
    tokens[rows // 2 :, length - 10 :] = PAD
    return tokens


def test_masking_follows_its_rates() -> None:
    """15 % of the ordinary tokens; of those 80 % become [MASK], 10 % any token, 10 % stay (binomial, 4 sigma)."""
    rng = np.random.default_rng(0)
    tokens = made_rows(rng)
    ordinary = np.count_nonzero(tokens >= FIRST_ORDINARY)
    masked, chosen, targets = mask_tokens(rng, tokens, VOCAB)
    assert len(chosen) == len(set(chosen)) == round(0.15 * ordinary)
    before, after = tokens.reshape(-1)[chosen], masked.reshape(-1)[chosen]
    np.testing.assert_array_equal(before, targets)
    hidden, kept = np.mean(after == MASK), np.mean(after == before)
    sigma = np.sqrt(0.8 * 0.2 / len(chosen))
    assert abs(hidden - 0.8) < 4 * sigma and abs(kept - 0.1) < 3 * sigma and abs(1 - hidden - kept - 0.1) < 3 * sigma
    assert after.min() >= MASK and after.max() < VOCAB and not np.isin(after, [SEP]).any()


def test_masking_leaves_all_else_alone() -> None:
    rng = np.random.default_rng(1)
    tokens = made_rows(rng)
    masked, positions, _ = mask_tokens(rng, tokens, VOCAB)
    others = np.delete(np.arange(tokens.size), positions)
    np.testing.assert_array_equal(masked.reshape(-1)[others], tokens.reshape(-1)[others])
    assert (tokens.reshape(-1)[positions] >= FIRST_ORDINARY).all()
    assert len(mask_tokens(rng, np.zeros_like(tokens), VOCAB)[1]) == 0


def test_a_piece_is_cut_after_the_sentence_end_nearest_its_middle() -> None:
    piece = np.array([9, END, 9, 9, 9, END, 9, 9, 9, END])  # the last one is no place to cut
    assert cut_in_two(piece, [END]) == 6
    assert cut_in_two(np.array([9] * 7), [END]) == 3


def test_half_of_the_pairs_have_the_second_part_of_another_row() -> None:
    rng = np.random.default_rng(2)
    rows = 4000
    # Row i holds only token i + 10, so that every token tells whose it is; the cuts and lengths vary.
    pieces = [np.full(rng.integers(8, 30), i + 10, np.int32) for i in range(rows)]
    for piece in pieces:
        piece[rng.integers(2, len(piece) - 2)] = END
    tokens, follows, paired = join_parts(rng, pieces, 32, [END], pair_share=0.5)
    assert abs(paired.mean() - 0.5) < 0.04 and abs(follows[paired > 0].mean() - 0.5) < 0.05
    for row, piece, true, pair in zip(tokens, pieces, follows, paired):
        row = row[row != PAD]
        assert row[0] == CLS and (row == SEP).sum() == pair
        if not pair:
            np.testing.assert_array_equal(row[1:], piece)
            continue
        cut = int(np.flatnonzero(row == SEP)[0])
        first, second = row[1:cut], row[cut + 1 :]
        np.testing.assert_array_equal(first, piece[: len(first)])
        assert (set(second) - {END} == {piece[0]}) == bool(true)


def test_the_lengths_of_a_pair_do_not_tell_whether_it_is_true() -> None:
    """The best threshold on the length of the second part, or of the whole row, guesses hardly better than a coin."""
    rng = np.random.default_rng(3)
    pieces = [rng.integers(10, 400, rng.integers(20, 62)).astype(np.int32) for _ in range(4000)]
    for piece in pieces:
        piece[rng.integers(5, len(piece) - 5)] = END
    tokens, follows, _ = join_parts(rng, pieces, 64, [END], pair_share=1.0)
    whole, first = (tokens != PAD).sum(axis=1), (tokens == SEP).argmax(axis=1)
    for feature in (whole, whole - first, first):
        accuracies = [np.mean((feature > threshold) == follows) for threshold in range(64)]
        assert max(max(accuracies), 1 - min(accuracies)) < 0.53


# ---- files ----


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[str]]:
    """A text file and a gzipped one: paragraphs of made words, an empty line among them."""
    folder, rng = tmp_path_factory.mktemp("text"), np.random.default_rng(4)
    words = ["".join(rng.choice(list("abcdefghij"), 4)) for _ in range(60)]
    lines = [" ".join(rng.choice(words, rng.integers(3, 140))) + "." for _ in range(1200)]
    (folder / "a.txt").write_text("\n".join(lines[:600]) + "\n\n", encoding="utf-8")
    with gzip.open(folder / "b.txt.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(lines[600:]))
    return [folder / "a.txt", folder / "b.txt.gz"], lines


def test_the_files_come_as_one_stream(files: tuple[list[Path], list[str]]) -> None:
    paths, lines = files
    stream = read_paragraphs(paths)
    assert next(stream) == lines[0] and iter(stream) is stream
    assert [lines[0], *stream] == lines


def test_a_corpus_larger_than_the_buffers_has_the_ids_of_all_its_texts(
    files: tuple[list[Path], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, lines = files
    monkeypatch.setattr(pretrain_corpus, "PARAGRAPHS_AT_ONCE", 7)
    monkeypatch.setattr(pretrain_corpus, "TOKENIZER_CHARACTERS", 20_000)
    corpus = prepare_corpus(paths, 300, tmp_path, report=lambda line: None)
    expected = bare_ids(corpus.tokenizer, lines)
    assert isinstance(corpus.ids, np.memmap) and corpus.ids.dtype == np.int32
    np.testing.assert_array_equal(corpus.ids, np.concatenate(expected))
    np.testing.assert_array_equal(corpus.ends, np.cumsum([len(row) for row in expected]))
    assert corpus.about["paragraphs"] == len(lines)
    assert corpus.about["words"] == sum(len(line.split()) for line in lines)


def test_the_tokenizer_learns_from_texts_spread_over_the_whole_corpus() -> None:
    texts = [f"{i:03}" for i in range(100)]
    assert spread(texts, 300) == texts
    assert spread(texts, 100) == texts[::4]


def test_a_corpus_that_is_there_is_not_made_again(files: tuple[list[Path], list[str]], tmp_path: Path) -> None:
    paths, _ = files
    first = prepare_corpus(paths, 300, tmp_path, report=lambda line: None)
    second = prepare_corpus(["gone"], 300, tmp_path, report=lambda line: None)
    np.testing.assert_array_equal(first.ids, second.ids)


@pytest.mark.parametrize("name, content", [("a.txt", b"\xff\xfe text"), ("a.txt.gz", b"no gzip"), ("a.txt", b" \n\n")])
def test_a_file_that_is_no_text_is_a_users_mistake(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=name):
        prepare_corpus([tmp_path / name], 300, tmp_path / "corpus", report=lambda line: None)


# ---- batches ----


@pytest.fixture(scope="module")
def corpus(files: tuple[list[Path], list[str]], tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return prepare_corpus(files[0], 300, tmp_path_factory.mktemp("corpus"), report=lambda line: None)


def pieces_of(corpus: Corpus, longest: int, batch_tokens: int = 128, seed: int = 0) -> Pieces:
    starts = np.concatenate([[0], corpus.ends[:-1]])
    return Pieces(corpus.ids, starts, np.array(corpus.ends), longest, batch_tokens, corpus.tokenizer, seed)


def test_pieces_tile_the_corpus_and_fit(corpus: Corpus) -> None:
    pieces = pieces_of(corpus, 64)
    spans = pieces.spans
    np.testing.assert_array_equal(spans[1:, 0], spans[:-1, 1])
    assert (spans[0, 0], spans[-1, 1]) == (0, len(corpus.ids))
    lengths = spans[:, 1] - spans[:, 0]
    assert lengths.min() > 0 and lengths.max() <= 62
    assert np.isin(corpus.ends, spans[:, 1]).all()  # no piece goes over the end of a paragraph


def test_an_epoch_has_each_piece_at_most_once_and_drops_less_than_a_batch_of_each_length(corpus: Corpus) -> None:
    pieces = pieces_of(corpus, 64)
    batches = pieces.epoch(0)
    used = np.concatenate([chosen for _, chosen in batches])
    assert len(used) == len(set(used.tolist())) and len(batches) == pieces.batches_per_epoch
    assert len(pieces.spans) - len(used) < sum(pieces.batch_size(length) for length in (16, 32, 48, 64))


def test_a_batch_depends_on_seed_and_step_alone(corpus: Corpus) -> None:
    one, other = pieces_of(corpus, 64), pieces_of(corpus, 64)
    steps = [one.batches_per_epoch + 3, 0, 5]  # in any order, into the second epoch
    for step in steps:
        for name, value in vars(one.batch(step)).items():
            np.testing.assert_array_equal(value, vars(other.batch(step))[name])
    different = pieces_of(corpus, 64, seed=1).batch(0).tokens
    assert different.shape != one.batch(0).tokens.shape or (different != one.batch(0).tokens).any()


def test_short_rows_come_first(corpus: Corpus) -> None:
    plan = Plan(100, 256, lambda length: pieces_of(corpus, length, batch_tokens=512))
    lengths = np.array([plan.batch(step).tokens.shape[1] for step in range(100)])
    assert lengths[:70].max() == 64 and lengths[70:90].max() == 128 and lengths[90:].max() > 128
    assert all(plan.batch(step).tokens.size <= 512 for step in range(100))


def test_a_corpus_too_small_for_a_batch_is_a_users_mistake(corpus: Corpus) -> None:
    with pytest.raises(UserError, match="too small for one batch"):
        Plan(10, 64, lambda length: pieces_of(corpus, length, batch_tokens=10**6))
