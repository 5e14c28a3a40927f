"""What the pinned `tokenizers` does with every character, found by asking it, and packed for the device.

Its parts follow different versions of Unicode: what is an accent, what has a lower case, in what order marks stand and
what a regular expression calls a letter come from four tables. So no Unicode data is read here: the normaliser and the
pre-tokenizer are asked about all 1,112,064 characters. `tflm_app/embbert/tokenizer_tables.h` is the other side of this.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import numpy as np
from tokenizers import normalizers, pre_tokenizers

CODE_POINTS = 0x110000
SURROGATES = range(0xD800, 0xE000)
HANGUL = range(0xAC00, 0xD7A4)
BLOCK, BETWEEN = 4096, "\N{SNOWMAN}"  # which stays, and is in nothing that another character becomes
MAX_DECOMPOSITION = 3  # kMaxDecomposition of tokenizer_tables.h
ACTION_BITS = 11  # kActionBits likewise

# Two marks that the normaliser keeps: the one of the lowest combining class (Adlam nukta, 7) and one of a high class (a
# musical dot, 226). Beside them every other mark moves or makes them move.
LOW_MARK, HIGH_MARK = "\U0001e94a", "\U0001d16d"


class Kind(IntEnum):
    """ActionKind of tokenizer_tables.h, by the same names."""

    OTHER, WORD, IDEOGRAPH, SPACE, DELETED, BARRIER, MARK, REPLACE, SHIFT, SEQUENCE, HANGUL = range(11)


Action = tuple[Kind, int]


@dataclass(frozen=True)
class Unicode:
    """What becomes of each character.

    Attributes:
        kinds: uint8 [CODE_POINTS], the Kind of each; all that becomes other characters is REPLACE, but for HANGUL.
        ranks: code point of a MARK to the rank of its combining class.
        replacements: code point of a REPLACE to one, two or three characters.
    """

    kinds: np.ndarray
    ranks: dict[int, int]
    replacements: dict[int, str]

    def action(self, character: str) -> Action:
        """The action of a character that is not replaced."""
        code = ord(character)
        return Kind(self.kinds[code]), self.ranks.get(code, 0)


@cache
def probe_unicode() -> Unicode:
    """Asks the normaliser and the pre-tokenizer of `tf_embbert/tokenizer.py`; takes some seconds, once a process.

    Raises:
        RuntimeError: these `tokenizers` do something that the tables cannot express.
    """
    normalize = normalizers.BertNormalizer(lowercase=True).normalize_str
    kinds, replacements = np.zeros(CODE_POINTS, np.uint8), {}
    kinds[HANGUL.start : HANGUL.stop] = Kind.HANGUL
    for character, normal in _each_alone(normalize):
        code = ord(character)
        if normal == " ":
            kinds[code] = Kind.SPACE
        elif not normal:
            kinds[code] = Kind.DELETED
        elif normal == f" {character} ":
            kinds[code] = Kind.IDEOGRAPH
        elif normal != character and code not in HANGUL:
            kinds[code] = Kind.REPLACE
            replacements[code] = normal.strip()
    _find_words(kinds)
    _find_barriers(kinds, normalize)
    unicode = Unicode(kinds, _find_marks(kinds, normalize), replacements)
    _require_expressible(unicode, normalize)
    return unicode


def _each_alone(normalize: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Every character, and what becomes of it by itself; asked a block at a time, which takes a third of the time."""
    for start in range(0, CODE_POINTS, BLOCK):
        characters = [chr(code) for code in range(start, start + BLOCK) if code not in SURROGATES]
        normal = normalize(f"{BETWEEN}{BETWEEN.join(characters)}{BETWEEN}").split(BETWEEN)[1:-1]
        yield from zip(characters, normal if BETWEEN not in characters else map(normalize, characters))


def _find_words(kinds: np.ndarray) -> None:
    """Tells words from others: in a text of all characters that stay, each piece is a run of the one or the other."""
    split = pre_tokenizers.Whitespace().pre_tokenize_str
    kept = "".join(chr(c) for c in np.flatnonzero(kinds == Kind.OTHER).tolist() if c not in SURROGATES)
    for piece, _ in split(kept):
        if len(split("a" + piece[0])) == 1:
            kinds[[ord(c) for c in piece]] = Kind.WORD


def _find_barriers(kinds: np.ndarray, normalize: Callable[[str], str]) -> None:
    """Tells what marks move across: what is deleted before they are put in order, or is a mark itself."""

    def lets_pass(between: str) -> bool:
        return normalize(f"x{HIGH_MARK}{between}{LOW_MARK}") == f"x{LOW_MARK}{HIGH_MARK}"

    deleted = np.flatnonzero(kinds == Kind.DELETED)
    for run in np.split(deleted, np.flatnonzero(np.diff(deleted) != 1) + 1):
        if not lets_pass("".join(map(chr, run))):
            kinds[[c for c in run if not lets_pass(chr(c))]] = Kind.BARRIER


def _find_marks(kinds: np.ndarray, normalize: Callable[[str], str]) -> dict[int, int]:
    """Finds the letters that move, and ranks their combining classes by how many others each moves behind."""

    def moves(first: str, second: str) -> bool:
        return normalize(f"x{first}{second}") != f"x{first}{second}"

    letters = [chr(c) for c in np.flatnonzero(kinds == Kind.WORD)]
    marks = [c for c in letters if moves(c, LOW_MARK) or moves(HIGH_MARK, c) or moves(LOW_MARK, c)]
    lower = {mark: sum(moves(mark, other) for other in marks) for mark in marks}
    classes = sorted(set(lower.values()))
    kinds[[ord(mark) for mark in marks]] = Kind.MARK
    return {ord(mark): classes.index(lower[mark]) for mark in marks}


def _require_expressible(unicode: Unicode, normalize: Callable[[str], str]) -> None:
    for code in HANGUL:
        if normalize(chr(code)) != _hangul_letters(code):
            raise RuntimeError(f"U+{code:04X}: not decomposed by the rule for Hangul")
    for code, replacement in unicode.replacements.items():
        staying = all(unicode.kinds[ord(c)] in (Kind.OTHER, Kind.WORD, Kind.IDEOGRAPH, Kind.MARK) for c in replacement)
        if not staying or len(replacement) > MAX_DECOMPOSITION:
            raise RuntimeError(f"U+{code:04X}: becomes {replacement!r}, which the tables cannot express")


def _hangul_letters(code: int) -> str:
    """The letters of a Hangul syllable (The Unicode Standard, 3.12)."""
    rest, trail = divmod(code - HANGUL.start, 28)
    lead, vowel = divmod(rest, 21)
    return chr(0x1100 + lead) + chr(0x1161 + vowel) + (chr(0x11A7 + trail) if trail else "")


@dataclass(frozen=True)
class ActionTable:
    """A Unicode packed: ascending (first code point << ACTION_BITS) + index of its action, each up to the next."""

    starts: list[int]
    actions: list[Action]
    sequences: list[str]


def pack_actions(unicode: Unicode, characters: set[str]) -> ActionTable:
    """Packs what matters to a vocabulary: characters without an id are all one [UNK], whatever they become.

    Args:
        unicode: as probed.
        characters: those that have an id.
    """
    sequences = sorted({r for r in unicode.replacements.values() if len(r) > 1})
    starts, actions = [], []
    for start, action in _longest_runs(_options(unicode, characters, sequences)):
        if action not in actions:
            actions.append(action)
        starts.append(start << ACTION_BITS | actions.index(action))
    assert len(actions) <= 1 << ACTION_BITS
    return ActionTable(starts, actions, sequences)


def _options(unicode: Unicode, characters: set[str], sequences: list[str]) -> Iterator[tuple[int, set[Action]]]:
    """Runs of characters as (first code point, actions any of which is right for all of them)."""
    marks_matter = any(ord(c) in unicode.ranks for c in characters)

    def options_at(code: int) -> set[Action]:
        becomes = unicode.replacements.get(code, chr(code))
        if len(becomes) > 1:
            return {(Kind.SEQUENCE, sequences.index(becomes))}
        if code in unicode.replacements and becomes in characters:
            return {(Kind.REPLACE, ord(becomes)), (Kind.SHIFT, ord(becomes) - code)}
        kind, rank = unicode.action(becomes)
        if not marks_matter:
            kind, rank = {Kind.MARK: Kind.WORD, Kind.BARRIER: Kind.DELETED}.get(kind, kind), 0
        return {(kind, rank)}

    singly = np.isin(unicode.kinds, (Kind.REPLACE, Kind.MARK))
    for code in np.flatnonzero(np.diff(unicode.kinds, prepend=255) | singly).tolist():
        if code not in SURROGATES:  # no text has them
            yield code, options_at(code)


def _longest_runs(options: Iterator[tuple[int, set[Action]]]) -> Iterator[tuple[int, Action]]:
    """Joins neighbours that have an action in common, as many as can be."""
    first, common = next(options)
    for start, here in options:
        if common & here:
            common = common & here
        else:
            yield first, min(common)
            first, common = start, here
    yield first, min(common)
