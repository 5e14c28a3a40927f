"""The device's tokenizer, built for this machine with sanitizers, against Python's; more in `benchmarks.tokenizer`."""

import json
import os
import random
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tokenizer import CONTEXTS, RESULT, sources_sha256
from benchmarks.tokenizers.device import DeviceTokenizer, Request, expected_ids
from benchmarks.tokenizers.many_scripts import make_many_scripts
from benchmarks.tokenizers.texts import random_texts
from convert.bundle.tokenizer_tables import tokenizer_sources
from convert.bundle.unicode_tables import ACTION_BITS, pack_actions, probe_unicode
from tf_embbert.common.errors import UserError
from tf_embbert.tokenizer import MAX_WORD_LENGTH, SPECIAL_TOKENS, Tokenizer

needs_compiler = pytest.mark.skipif(not (shutil.which("cmake") and shutil.which("g++")), reason="needs cmake and g++")


def has_fuzzer() -> bool:
    program = b'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }'
    command = ["clang++", "-fsanitize=fuzzer", "-x", "c++", "-", "-o", os.devnull]
    return bool(shutil.which("clang++")) and subprocess.run(command, input=program, capture_output=True).returncode == 0


TEXTS = ["Set a timer for ten minutes", "an alarm for seven", "What's the time in Zürich?", "turn it up!!", "3.14 a_b"]


def test_the_tokenizer_that_was_compared_is_the_one_that_is_here() -> None:
    """Millions of strings and of fuzzed inputs are no test of every day: their result says what it was measured on."""
    result = json.loads(RESULT.read_text())
    assert result["sources_sha256"] == sources_sha256(), "run python -m benchmarks.tokenizer again"
    counts = [part for name in ("base256", "many scripts") for part in result[name]["ids"].values()]
    assert sum(part["strings"] for part in counts) > 11_000_000 and not any(part["different"] for part in counts)
    assert result["fuzzing"]["inputs"] >= 10_000_000 and result["fuzzing"]["findings"] == 0


@pytest.fixture(scope="module")
def many_scripts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tokenizer, DeviceTokenizer]:
    """A tokenizer of all scripts with merges at random, and its C++ twin."""
    folder = tmp_path_factory.mktemp("many_scripts")
    tokenizer = make_many_scripts(folder / "tokenizer.json")
    return tokenizer, DeviceTokenizer(tokenizer, folder / "build", options=["-DSANITIZE=ON"])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tokenizer, DeviceTokenizer]:
    """A tokenizer trained on a few texts, and its C++ twin."""
    tokenizer = Tokenizer.train(TEXTS * 10, 200)
    return tokenizer, DeviceTokenizer(tokenizer, tmp_path_factory.mktemp("trained"), options=["-DSANITIZE=ON"])


def assert_equal(both: tuple[Tokenizer, DeviceTokenizer], requests: list[Request]) -> None:
    tokenizer, device = both
    for request, ours, theirs in zip(requests, device.ids(requests), expected_ids(tokenizer, requests), strict=True):
        assert ours.tolist() == theirs.tolist(), request


@needs_compiler
@pytest.mark.parametrize("max_length", [2, 19, 512])
@pytest.mark.parametrize("vocabulary", ["many_scripts", "trained"])
def test_random_texts_give_the_ids_of_python(request: pytest.FixtureRequest, vocabulary: str, max_length: int) -> None:
    both = request.getfixturevalue(vocabulary)
    assert_equal(both, [Request(text, max_length=max_length) for text in random_texts(1500, seed=max_length)])


@needs_compiler
@pytest.mark.parametrize("max_length", [4, 5, 32, 33, 512])
def test_random_pairs_give_the_ids_of_python(many_scripts: tuple[Tokenizer, DeviceTokenizer], max_length: int) -> None:
    texts = list(random_texts(800, seed=max_length))
    assert_equal(many_scripts, [Request(a, b, max_length) for a, b in pairwise(texts)])


@needs_compiler
@pytest.mark.parametrize("pairs", [pytest.param(False, marks=pytest.mark.slow), True], ids=["single", "pairs"])
def test_long_texts_lose_the_middle_that_python_leaves_out(
    many_scripts: tuple[Tokenizer, DeviceTokenizer], pairs: bool
) -> None:
    """At every small capacity, at some larger ones, and where the longest just fits and just does not."""
    seed = random.randrange(2**32)
    print(f"{seed = }")
    rng, pieces = random.Random(seed), list(random_texts(100, seed))
    texts = [b" ".join(rng.choices(pieces, k=k)) for k in range(0, 48, 4)]
    seconds = rng.sample(texts, len(texts)) if pairs else [None] * len(texts)

    def requests(capacity: int) -> list[Request]:
        return [Request(*both, max_length=capacity) for both in zip(texts, seconds)]

    longest = max(map(len, expected_ids(many_scripts[0], requests(2**31))))
    for capacity in [*range(4 if pairs else 2, 40), *rng.sample(range(40, longest), 40), longest - 1, longest]:
        assert_equal(many_scripts, requests(capacity))


@needs_compiler
@pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS.keys())
def test_characters_where_the_tables_change_give_the_ids_of_python(
    many_scripts: tuple[Tokenizer, DeviceTokenizer], context: str
) -> None:
    every = {chr(c) for c in range(0x110000)}
    edges = {(start >> ACTION_BITS) + step for start in pack_actions(probe_unicode(), every).starts for step in (-1, 0)}
    codes = sorted(edges - {-1} - set(range(0xD800, 0xE000)))
    assert_equal(many_scripts, [Request(context.format(chr(code)).encode(), max_length=16) for code in codes])


@needs_compiler
def test_broken_utf8_reads_as_in_python(many_scripts: tuple[Tokenizer, DeviceTokenizer]) -> None:
    """All pairs of bytes, and all third bytes of what begins right: later bytes must be found again."""
    pairs = [bytes([a, b]) for a in range(128, 256) for b in range(256)]
    starts = b"\xe0\xa0", b"\xed\x9f", b"\xf0\x90\x80", b"\xf4\x8f", b"\xf4\x8f\xbf"
    longer = [start + bytes([b]) + end for start in starts for b in range(256) for end in (b"", b"\x80", b"e")]
    assert_equal(many_scripts, [Request(b"a" + data + b"b", max_length=8) for data in pairs + longer])


@needs_compiler
def test_words_are_cut_where_python_cuts_them(many_scripts: tuple[Tokenizer, DeviceTokenizer]) -> None:
    lengths = range(MAX_WORD_LENGTH - 2, 2 * MAX_WORD_LENGTH + 3)
    units = "a", "-", "ab", "é", "한", "\U0001d15e"
    assert_equal(many_scripts, [Request(unit.encode() * n) for n in lengths for unit in units])


@needs_compiler
def test_a_long_run_of_marks_is_put_in_order(many_scripts: tuple[Tokenizer, DeviceTokenizer]) -> None:
    marks = "".join(c * n for n in (1, 700) for c in "\U0001d16d\U0001e94a\u302e\U0001d165\u0301\u1b44")
    texts = [f"x{marks}{between}{marks}y" for between in ("", "\u034f", "\xad", "\U0001d15e", " ")]
    assert_equal(many_scripts, [Request(text.encode(), max_length=20_000) for text in texts])


@needs_compiler
def test_special_tokens_in_a_text_stay_text(many_scripts: tuple[Tokenizer, DeviceTokenizer]) -> None:
    assert_equal(many_scripts, [Request(f"a {token}{token.lower()} b".encode()) for token in SPECIAL_TOKENS])


@needs_compiler
def test_no_room_gives_no_ids(many_scripts: tuple[Tokenizer, DeviceTokenizer]) -> None:
    _, device = many_scripts
    requests = [Request(b"a", max_length=n) for n in (0, 1)] + [Request(b"a", b"b", n) for n in range(4)]
    assert [row.tolist() for row in device.ids(requests)] == [[]] * 6


@needs_compiler
def test_lines_end_are_taken_back_and_can_be_too_long(many_scripts: tuple[Tokenizer, DeviceTokenizer]) -> None:
    _, device = many_scripts
    subprocess.run(["cmake", "--build", device.folder, "--target", "lines"], check=True, capture_output=True)
    typed = b"one\rtwo\r\nthree\n\n12345678\n123456789\r\nnext\r\rab\x08\x7f\x7fc\xc3\xa9\x08d\nunended"
    lines = subprocess.run([device.folder / "lines"], input=typed, capture_output=True, check=True).stdout.splitlines()
    assert lines == [
        b"line one",
        b"line two",
        b"line three",
        b"line ",
        b"line 12345678",
        b"too long",
        b"line next",
        b"line ",
        b"line cd",
    ]


@needs_compiler
@pytest.mark.skipif(not has_fuzzer(), reason="needs clang++ with libFuzzer")
def test_the_fuzzer_finds_nothing_in_its_corpus_and_near_it(tmp_path: Path) -> None:
    from benchmarks.tokenizer import fuzz

    assert fuzz(make_many_scripts(tmp_path / "tokenizer.json"), tmp_path, 20_000)["inputs"] >= 20_000


def test_the_same_tokenizer_gives_the_same_sources() -> None:
    tokenizer = Tokenizer.train(TEXTS * 10, 200)
    assert tokenizer_sources(tokenizer) == tokenizer_sources(Tokenizer.train(TEXTS * 10, 200))


def changed(tmp_path: Path, **model: Any) -> Path:
    """A tokenizer file with something else in its model."""
    document = json.loads(Tokenizer.train(TEXTS * 10, 200).to_json())
    document["model"] |= model
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    "option, value",
    [
        ("fuse_unk", True),
        ("byte_fallback", True),
        ("ignore_merges", True),
        ("unk_token", None),
        ("end_of_word_suffix", "</w>"),
        ("dropout", 0.5),
    ],
)
def test_a_model_that_the_device_does_not_implement_is_refused(
    tmp_path: Path, option: str, value: bool | float | str | None
) -> None:
    with pytest.raises(UserError, match=option):
        Tokenizer.load(changed(tmp_path, **{option: value}))


def test_merges_of_special_tokens_are_refused(tmp_path: Path) -> None:
    vocab = dict.fromkeys([*SPECIAL_TOKENS, "a", "[UNK]a"])
    path = changed(tmp_path, vocab={token: i for i, token in enumerate(vocab)}, merges=[["[UNK]", "a"]])
    with pytest.raises(UserError, match="special"):
        tokenizer_sources(Tokenizer.load(path))


def test_a_vocabulary_beyond_16_bits_is_refused(tmp_path: Path) -> None:
    tokens = [*SPECIAL_TOKENS, *map(chr, range(0x20000, 0x30001))]
    path = changed(tmp_path, vocab={token: i for i, token in enumerate(tokens)}, merges=[])
    with pytest.raises(UserError, match="65542 tokens"):
        tokenizer_sources(Tokenizer.load(path))
