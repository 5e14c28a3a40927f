"""The tokenizer against plain Hugging Face `tokenizers` and against its own rules."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_embbert.common.errors import UserError
from tf_embbert.tokenizer import CLS, MAX_WORD_LENGTH, MIN_PAIR_COUNT, PAD, SEP, SPECIAL_TOKENS, Tokenizer, segments

UNK = 1
TEXTS = [
    "set a timer for ten minutes",
    "set an alarm for seven",
    "What's the time in Zürich?",
    "turn it up, louder!!",
    "the time is ten",
    "an alarm at ten",
    "timers and alarms",
    "a_b under_score 3.14",
] * 10


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(TEXTS, vocab_size=200)


@pytest.fixture(scope="module")
def plain(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The saved file in plain Hugging Face `tokenizers`."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(path)
    return tokenizers.Tokenizer.from_file(str(path))


def ids_of(tokenizer: Tokenizer, *args: Any, **options: Any) -> list[list[int]]:
    return [row.tolist() for row in tokenizer.encode(*args, **options).ids]


def test_special_ids_are_the_reference_ones(plain: Any) -> None:
    assert [plain.token_to_id(token) for token in SPECIAL_TOKENS] == [0, 1, 2, 3, 4]
    assert SPECIAL_TOKENS == ["[PAD]", "[UNK]", "[CLS]", "[MASK]", "[SEP]"]


def test_bpe_by_hand() -> None:
    """`ab` is merged first, then `abab`; `xy` stands together too rarely to be worth a token."""
    tokenizer = Tokenizer.train(["abab ab"] * MIN_PAIR_COUNT + ["xy"] * (MIN_PAIR_COUNT - 1), vocab_size=1000)
    tokens = tokenizer.decode(ids_of(tokenizer, ["ABAB ab ba xy"])[0])
    assert tokens == ["[CLS]", "abab", "ab", "b", "a", "x", "y"]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(), min_size=1, max_size=4))
def test_same_ids_as_plain_hugging_face(tokenizer: Tokenizer, plain: Any, texts: list[str]) -> None:
    assert ids_of(tokenizer, texts, max_length=10_000) == [encoding.ids for encoding in plain.encode_batch(texts)]


def written_cut(ids: list[int], room: int) -> list[int]:
    """The rule as it is written: of n ids, c < n stay, the first c - c//2 and the last c//2."""
    first, last = room - room // 2, room // 2
    return [i for place, i in enumerate(ids) if len(ids) <= room or place < first or place >= len(ids) - last]


def untruncated(plain: Any, text: str) -> list[int]:
    return plain.encode(text, add_special_tokens=False).ids


def shared_room(plain: Any, a: str, b: str, max_length: int) -> tuple[int, int]:
    """How many ids each part of a pair keeps by Hugging Face's 'longest_first'."""
    plain.enable_truncation(max_length, strategy="longest_first")
    parts = plain.encode(a, b).sequence_ids
    plain.no_truncation()
    return parts.count(0), parts.count(1)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="aet 19.", max_size=40), st.integers(2, 30))
def test_a_long_text_loses_its_middle(tokenizer: Tokenizer, plain: Any, text: str, max_length: int) -> None:
    expected = [CLS, *written_cut(untruncated(plain, text), max_length - 1)]
    assert ids_of(tokenizer, [text], max_length=max_length) == [expected]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="aet 19.", max_size=40), st.text(alphabet="aet 19.", max_size=40), st.integers(4, 30))
def test_pairs_share_the_room_longest_first_and_lose_their_middles(
    tokenizer: Tokenizer, plain: Any, a: str, b: str, max_length: int
) -> None:
    room_a, room_b = shared_room(plain, a, b, max_length)
    expected = [CLS, *written_cut(untruncated(plain, a), room_a), SEP, *written_cut(untruncated(plain, b), room_b)]
    assert ids_of(tokenizer, [a], [b], max_length=max_length) == [expected]


@pytest.mark.parametrize(
    "a, b, max_length, tokens",
    [
        ("a b c d e f g", None, 2, "[CLS] a"),
        ("a b c d e f g", None, 3, "[CLS] a g"),
        ("a b c d e f g", None, 5, "[CLS] a b f g"),
        ("a b c d e f g", None, 6, "[CLS] a b c f g"),
        ("a b c d e f g", None, 7, "[CLS] a b c e f g"),
        ("a b c d e f g", None, 8, "[CLS] a b c d e f g"),
        ("a b c d e f g", "x y", 8, "[CLS] a b f g [SEP] x y"),
        ("x y", "a b c d e f g", 9, "[CLS] x y [SEP] a b c f g"),
        ("a b c d e f g", "t u v w x y z", 4, "[CLS] a [SEP] t"),
        ("a b c d e f g", "t u v w x y z", 5, "[CLS] a [SEP] t z"),
        ("a b c d e f g", "t u v w x y", 9, "[CLS] a b f g [SEP] t u y"),
        ("a b c d e f g", "t u v w x y z", 15, "[CLS] a b c e f g [SEP] t u v w x y z"),
        ("a b c d e f g", "t u v w x y z", 16, "[CLS] a b c d e f g [SEP] t u v w x y z"),
        ("a b c d e f g", "", 6, "[CLS] a b f g [SEP]"),
    ],
)
def test_cuts_by_hand(tokenizer: Tokenizer, a: str, b: str | None, max_length: int, tokens: str) -> None:
    (row,) = ids_of(tokenizer, [a], None if b is None else [b], max_length=max_length)
    assert tokenizer.decode(row) == tokens.split()


def test_templates(tokenizer: Tokenizer) -> None:
    single = ids_of(tokenizer, ["ten"])[0]
    pair = ids_of(tokenizer, ["ten"], ["alarm"])[0]
    assert single[0] == CLS and SEP not in single
    assert pair[: len(single)] == single and pair[len(single)] == SEP and pair[-1] != SEP


def test_special_tokens_in_a_text_stay_text(tokenizer: Tokenizer, plain: Any) -> None:
    row = ids_of(tokenizer, ["ten [SEP] [PAD] [MASK][CLS]"])[0]
    assert set(row[1:]).isdisjoint(range(5))
    assert row == plain.encode("ten [SEP] [PAD] [MASK][CLS]").ids


def test_normalisation(tokenizer: Tokenizer) -> None:
    assert ids_of(tokenizer, ["ZURICH  the\ttime"]) == ids_of(tokenizer, ["zürich the time"])


def test_underscore_and_punctuation_runs_are_whitespace_pre_tokenized(plain: Any) -> None:
    r"""`\w+|[^\w\s]+`: an underscore is part of a word, a run of punctuation is one."""
    pieces = plain.pre_tokenizer.pre_tokenize_str("a_b up!! 3.14")
    assert [piece for piece, _ in pieces] == ["a_b", "up", "!!", "3", ".", "14"]


@pytest.mark.parametrize("extra", [-1, 0, 1, MAX_WORD_LENGTH + 5])
def test_long_words_are_cut_into_capped_pieces(tokenizer: Tokenizer, plain: Any, extra: int) -> None:
    word = ("timealarm" * 40)[: MAX_WORD_LENGTH + extra]
    pieces = [word[i : i + MAX_WORD_LENGTH] for i in range(0, len(word), MAX_WORD_LENGTH)]
    spelled = [i for piece in pieces for i in ids_of(tokenizer, [piece])[0][1:]]
    assert ids_of(tokenizer, [word], max_length=1000)[0] == [CLS, *spelled]
    assert plain.encode(word).ids == [CLS, *spelled]


def test_counts_truncated_rows(tokenizer: Tokenizer) -> None:
    texts = ["ten", "ten ten ten ten", "ten ten ten"]
    assert tokenizer.encode(texts, max_length=4).truncated == 1
    assert tokenizer.encode(texts, texts, max_length=8).truncated == 1
    assert tokenizer.encode(texts, max_length=64).truncated == 0


def test_the_shorter_part_of_a_pair_is_kept(tokenizer: Tokenizer) -> None:
    row = ids_of(tokenizer, ["ten " * 30], ["the alarm"], max_length=12)[0]
    assert len(row) == 12 and row[-3:] == [SEP, *ids_of(tokenizer, ["the alarm"])[0][1:]]


def test_rows_are_int32_and_empty_text_is_cls_alone(tokenizer: Tokenizer) -> None:
    rows = tokenizer.encode(["", "ten"]).ids
    assert rows[0].tolist() == [CLS]
    assert all(row.dtype == np.int32 for row in rows)


def test_no_room_for_text_is_a_defect(tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match=r"no room"):
        tokenizer.encode(["a"], max_length=1)


def test_segments() -> None:
    ids = np.array([[CLS, 7, SEP, 9, SEP, PAD], [CLS, 7, 8, PAD, PAD, PAD]])
    result = segments(ids)
    assert result.tolist() == [[1, 1, 2, 2, 2, 0], [1, 1, 1, 0, 0, 0]]
    assert result.dtype == np.int32
    assert segments(ids[0]).tolist() == result[0].tolist()


def test_training_is_deterministic_and_ignores_ties(tmp_path: Path) -> None:
    """Every word occurs as often as every other, so that all merges tie; hash seeds must not decide."""
    texts = [f"{a}{b}{c} {c}{a}" for a in "abcde" for b in "abcde" for c in "fghij"] * 10
    contents = []
    for i in range(5):
        Tokenizer.train(iter(texts), vocab_size=150).save(tmp_path / f"{i}.json")
        contents.append((tmp_path / f"{i}.json").read_bytes())
    assert len(set(contents)) == 1


def test_rare_characters_are_unknown_and_ascii_is_known() -> None:
    tokenizer = Tokenizer.train(["été", "ж " * 10, "ы"], vocab_size=300)
    assert ids_of(tokenizer, ["ы"])[0] == [CLS, UNK]
    assert UNK not in ids_of(tokenizer, ["ж ete 0123456789 xyz {}~`^"])[0]


def test_vocab_size_bounds(tokenizer: Tokenizer) -> None:
    assert tokenizer.vocab_size <= 200
    assert Tokenizer.train(["abc"], vocab_size=8192).vocab_size < 100
    with pytest.raises(UserError, match=r"at least 73"):
        Tokenizer.train(["abc"], vocab_size=60)


def test_save_and_load(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    loaded = Tokenizer.load(path)
    assert ids_of(loaded, [*TEXTS, "[SEP] ten"]) == ids_of(tokenizer, [*TEXTS, "[SEP] ten"])
    assert loaded.vocab_size == tokenizer.vocab_size
    assert [file.name for file in tmp_path.iterdir()] == ["tokenizer.json"]


def test_load_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no tokenizer file at .*missing.json"):
        Tokenizer.load(tmp_path / "missing.json")


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"version": "1.0"}'])
def test_load_refuses_other_files(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"is not a tokenizer file"):
        Tokenizer.load(path)


@pytest.mark.parametrize(
    "part, change",
    [
        ("special ids", lambda file: file["model"]["vocab"].update({"[SEP]": 5})),
        (
            "special ids",
            lambda file: file["added_tokens"].append(added_token("timer", file["model"]["vocab"]["timer"])),
        ),
        ("normalizer", lambda file: file["normalizer"].update(lowercase=False)),
        ("pre_tokenizer", lambda file: file.update(pre_tokenizer={"type": "Whitespace"})),
        ("post_processor", lambda file: file.update(post_processor=None)),
    ],
)
def test_load_refuses_foreign_tokenizers(
    tokenizer: Tokenizer, tmp_path: Path, part: str, change: Callable[[dict], object]
) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    file = json.loads(path.read_text())
    change(file)
    path.write_text(json.dumps(file))
    with pytest.raises(UserError, match=f"foreign tokenizer: its {part}"):
        Tokenizer.load(path)


def added_token(content: str, number: int) -> dict[str, Any]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": number, "content": content, **flags}


def test_files_of_before_whose_special_tokens_are_added_give_the_same_ids(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    file = json.loads(tokenizer.to_json())
    assert file["added_tokens"] == []
    file["added_tokens"] = [added_token(token, number) for number, token in enumerate(SPECIAL_TOKENS)]
    path.write_text(json.dumps(file))
    texts = ["[CLS] ten [SEP]", "[PAD][UNK]"]
    loaded = Tokenizer.load(path)
    assert ids_of(loaded, texts) == ids_of(tokenizer, texts)
    assert loaded.to_json() == tokenizer.to_json()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([*SPECIAL_TOKENS, "[cls]", "ten", " ", "[", "]", "a"]), max_size=8).map("".join))
def test_special_tokens_in_a_text_are_plain_text(tokenizer: Tokenizer, plain: Any, text: str) -> None:
    ids = plain.encode(text).ids
    assert ids_of(tokenizer, [text], max_length=10_000) == [ids] and ids[0] == CLS
    assert not set(ids[1:]) & {PAD, CLS, 3, SEP}


def test_stored_truncation_and_padding_are_ignored(tokenizer: Tokenizer, plain: Any, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    other = tokenizers.Tokenizer.from_str(plain.to_str())
    other.enable_truncation(3)
    other.enable_padding(length=20)
    other.save(str(path))
    assert ids_of(Tokenizer.load(path), TEXTS) == ids_of(tokenizer, TEXTS)
