"""The words of a text: what stands between spaces, and where a script writes none between words, its characters."""

import re
from collections.abc import Iterable

# Scripts without spaces between words: Thai and its neighbours, kana, the Chinese characters, and their marks.
UNSPACED = (
    r"\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan; Burmese; Khmer
    r"\u3001-\u30ff\u31f0-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{UNSPACED}]|[^\s{UNSPACED}]+")
_NEEDLESS = re.compile(rf"(?<=[{UNSPACED}]) | (?=[{UNSPACED}])")
# Of the pieces whose counts say what a text is about: its words, and each mark by itself.
PIECE = rf"[{UNSPACED}]|[^\W{UNSPACED}]+|[^\w\s]"


def split_words(text: str) -> list[str]:
    """A text's words."""
    return _WORD.findall(text) if not text.isascii() else text.split()


def join_words(words: Iterable[str]) -> str:
    """A text of words: with a space between two, but none beside a character of a script that writes none."""
    text = " ".join(words)
    return text if text.isascii() else _NEEDLESS.sub("", text)
