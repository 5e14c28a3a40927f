"""Texts on which a tokenizer may go wrong, at random and seeded: scripts, marks, emoji, controls, broken UTF-8."""

import random
from collections.abc import Iterator
from typing import Any

SURROGATES = range(0xD800, 0xE000)

BLOCKS = [
    range(0x80),  # ASCII
    range(0x80, 0x250),  # controls, Latin
    range(0x300, 0x370),  # accents
    range(0x370, 0x530),  # Greek, Cyrillic
    range(0x590, 0x700),  # Hebrew, Arabic
    range(0x8D0, 0x903),  # Arabic marks
    range(0x900, 0xE00),  # the scripts of India
    range(0xE00, 0x1000),  # Thai, Lao, Tibetan
    range(0x1100, 0x1200),  # letters of Hangul
    range(0x1B00, 0x1C00),  # Balinese, Sundanese
    range(0x1E00, 0x2000),  # Latin and Greek with accents
    range(0x2000, 0x2070),  # punctuation, spaces, joiners
    range(0x20A0, 0x2C00),  # symbols
    range(0x2C00, 0x2E00),  # Glagolitic, Coptic
    range(0x3000, 0x3100),  # kana
    range(0x4E00, 0x4F00),  # ideographs
    range(0xAC00, 0xD7A4),  # Hangul
    range(0xE000, 0xE010),  # private use
    range(0xF900, 0xFB50),  # ideographs that become others, ligatures
    range(0xFE00, 0x10000),  # variation selectors, half and full forms, specials
    range(0x1D157, 0x1D1C1),  # musical marks
    range(0x1E000, 0x1E02B),  # Glagolitic marks
    range(0x1E900, 0x1E960),  # Adlam
    range(0x1F300, 0x1FB00),  # emoji
    range(0xE0000, 0xE01F0),  # tags, more variation selectors
    range(0x110000),
]

# Marks that stay and move, what they move across and what not, and what decomposes into them.
MARKS = [
    0x1E94A,
    0x1B44,
    0x1BAA,
    0x1D165,
    0x1D16D,
    0x302E,
    0x8D4,
    0x1E000,
    0x301,
    0x327,
    0xAD,
    0xFFFD,
    0x34F,
    0xFE0F,
    0x1D15E,
    0x1D160,
    0x1D1BF,
    0x61,
]

# What texts are full of; special tokens; words about as long as may be.
WORDS = [
    "the ",
    "The ",
    "naïve",
    "STRASSE ß",
    "ﬁ",
    "İstanbul",
    "Σίσυφος",
    "...",
    "!?",
    "_",
    "  ",
    "\t",
    "\r\n",
    "don't",
    "1,000.5",
    "https://a.b/c?d=e",
    "[SEP]",
    "[CLS] ",
    "[PAD]",
    "[UNK]",
    "[MASK]",
    "a" * 63,
    "b" * 64,
    "-" * 65,
    "👩\u200d👩\u200d👧",
    "🇫🇷",
    "한국어",
    "日本語",
    "q\u0323\u0307",
    "\x00",
    "٣",
]

# Bytes at which decoders of UTF-8 go wrong.
TELLING_BYTES = [0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xE2, 0xED, 0xEF, 0xF0, 0xF3, 0xF4, 0xF8, 0xFF]


def random_texts(count: int, seed: int) -> Iterator[bytes]:
    """Texts as bytes; one of eight is broken UTF-8. Each is 0 to 60 pieces of one to three of the sources above."""
    rng = random.Random(seed)
    sources = [*BLOCKS, MARKS, WORDS]
    for _ in range(count):
        chosen = rng.choices(sources, k=rng.randint(1, 3))
        text = "".join(_piece(rng, _any(rng, chosen)) for _ in range(rng.randint(0, 60))).encode()
        yield _broken(rng, text) if rng.random() < 1 / 8 else text


def _piece(rng: random.Random, source: range | list) -> str:
    piece = _any(rng, source)
    if isinstance(piece, str):
        return piece
    return "" if piece in SURROGATES else chr(piece)


def _any(rng: random.Random, sequence: range | list) -> Any:
    """One of a sequence, three times as fast as `choice`."""
    return sequence[int(rng.random() * len(sequence))]


def _broken(rng: random.Random, text: bytes) -> bytes:
    """Some bytes changed or put in, and the end cut: mostly bytes that lead, follow or may not be."""
    data = bytearray(text[: rng.randint(0, len(text))])
    for _ in range(rng.randint(1, 7)):
        place = rng.randint(0, len(data))
        data[place : place + rng.randint(0, 1)] = bytes([rng.choice([*TELLING_BYTES, rng.randrange(256)])])
    return bytes(data)
