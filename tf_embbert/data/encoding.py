"""A file's bytes to text: unpacked by its first bytes, decoded by its mark, as UTF-8, or by an encoding recognised."""

import bz2
import codecs
import gzip
import lzma
import re
import zlib
from pathlib import Path

import charset_normalizer

from tf_embbert.common.errors import UserError

_MARKS = [  # of two that begin alike the longer first
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or an Excel workbook: name it .xlsx if it is one, or unpack it",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save it as CSV",
    b"PAR1": "a Parquet file: name it .parquet",
    b"\x28\xb5\x2f\xfd": "packed by zstd: unpack it, or pack it with gzip",
    b"%PDF": "a PDF: save the table as CSV",
    b"SQLite format 3": "a database: export the table as CSV",
    b"7z\xbc\xaf": "a 7-Zip archive: unpack it",
    b"Rar!": "a RAR archive: unpack it",
    b"{\\rtf": "a document in RTF: save the table as CSV",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"version https://git-lfs": "a pointer of Git LFS and not the data: git lfs pull",
}
_TAR = slice(257, 262), b"ustar"
# Suffix of what is packed: how it begins, how it is unpacked.
_PACKED = {
    ".gz": (b"\x1f\x8b", gzip.decompress),
    ".bz2": (b"BZh", bz2.decompress),
    ".xz": (b"\xfd7zXZ", lzma.decompress),
}
PACKED_SUFFIXES = tuple(_PACKED)
_WEB_PAGE = ("<!doctype", "<html", "<table", "<head", "<body", "<?xml", "<!--", "mime-version:")
_WESTERN = "cp1252"  # Latin-1 and more
_OTHERS = ("cp850", "mac_roman")
_JOINING = "\u2019\u2018\u2014\u2026\u00ad\u00b7"  # quotes, dashes, dots and soft hyphens stand within words
# In cp1254 the first three are Turkish letters; Icelandic, which has them in cp1252, has the others too.
_TURKISH, _NOT_TURKISH = set("ýþð"), set("áíóúéæ")
# Chaos, as charset-normalizer counts it, of words beyond ASCII: 0 to 0.15 for Western letters, up to 0.6 for signs
# alone (a dash, an apostrophe, a euro), over 0.9 for Cyrillic, Greek, Polish, Chinese, Japanese or Korean as cp1252.
_PLAUSIBLE, _WORDS = 0.8, 2000
# A sign of cp1252 before a letter. Two in one word are two halves of Chinese or Korean characters.
_SIGN = re.compile(rb"[\xa1-\xaa\xac-\xba\xbc-\xbf](?=[A-Za-z\xc0-\xff])")


def read_text(path: Path, encoding: str | None = None) -> tuple[str, list[str]]:
    """A file's text.

    Args:
        path: the file, also packed by gzip, bzip2 or xz, whatever its name.
        encoding: what the user says it is; None goes by its mark, takes UTF-8, or recognises Western encodings.

    Returns:
        The text without byte order mark, and notices.

    Raises:
        UserError: no such file, cut, no text, or of an encoding that is not recognised.
    """
    data = unpacked(path)
    require_text(path, data)
    text, notices = _decoded(path, data, encoding)
    require_no_page(path, text)
    return text, notices


def require_text(path: Path, data: bytes) -> None:
    """Raises a UserError for files of other kinds, by their first bytes."""
    for magic, what in _FOREIGN.items():
        if data.startswith(magic):
            raise UserError(f"{path} is {what}")
    if data[_TAR[0]] == _TAR[1]:
        raise UserError(f"{path} is a tar archive: unpack it")


def require_no_page(path: Path, text: str) -> None:
    """Raises a UserError for a page of the web, which Excel's export and failed downloads are."""
    if text.lstrip("\ufeff \t\r\n")[:20].lower().startswith(_WEB_PAGE):
        raise UserError(f"{path} is HTML or XML, a page and not a table: export it as CSV")


def unpacked(path: Path) -> bytes:
    """A file's bytes, packed ones unpacked; a UserError where it cannot be read."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    for suffix, (magic, unpack) in _PACKED.items():
        if data.startswith(magic):  # of a file that is not packed, whatever its name says, the bytes are the text's
            try:
                return unpack(data)
            except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
                kind = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz"}[suffix]
                raise UserError(f"{path} is not a whole {kind} file ({error})") from None
    return data


def _decoded(path: Path, data: bytes, encoding: str | None) -> tuple[str, list[str]]:
    if encoding:
        return _decoded_as_told(path, data, encoding), []
    for mark, marked in _MARKS:
        if data.startswith(mark):
            return _decoded_as_told(path, data, marked), []
    wide = _wide_without_mark(data)
    if wide:
        return _decoded_as_told(path, data, wide), [f"{path.name} is read as {wide}: every other byte is zero"]
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError as error:
        return _recognised(path, data, error)


def _decoded_as_told(path: Path, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        raise UserError(f"unknown --encoding {encoding!r}; Python's names are utf-8, cp1252, utf-16, ..") from None
    except UnicodeError as error:
        raise UserError(f"{path} is not {encoding} ({error}); --encoding NAME names another") from None


def _wide_without_mark(data: bytes) -> str | None:
    """UTF-16 of mostly Latin text has a zero in every other byte."""
    head = data[:4096]
    if len(head) >= 4 and len(head) % 2 == 0:
        if head[1::2].count(0) > len(head) * 0.35 and not head[0::2].count(0):
            return "utf-16-le"
        if head[0::2].count(0) > len(head) * 0.35 and not head[1::2].count(0):
            return "utf-16-be"
    return None


def _recognised(path: Path, data: bytes, error: UnicodeDecodeError) -> tuple[str, list[str]]:
    """A text that is not UTF-8: read where it makes sense in a Western encoding, refused with a guess otherwise."""
    line = data.count(b"\n", 0, error.start) + 1
    place = f"{path}, line {line}: byte 0x{data[error.start]:02x} at offset {error.start} is not UTF-8"
    if _mostly_utf8(data):
        raise UserError(f"{place}, and the rest of the file is: mend that line")
    western = _looks_western(data)
    guess = _other_western(data) if western else getattr(charset_normalizer.from_bytes(data).best(), "encoding", None)
    if guess or not western:
        looks = f" (it may be {guess})" if guess else ""
        raise UserError(f"{place}; name the encoding by --encoding NAME{looks}, or save the file as UTF-8")
    try:
        text = data.decode(_WESTERN)
    except UnicodeDecodeError as strange:
        raise UserError(f"{place}, nor {_WESTERN} ({strange.reason}); name the encoding by --encoding NAME") from None
    word = next(word for word in text.split() if not word.isascii())
    return text, [f"{path.name} is not UTF-8 and is read as {_WESTERN} ({word!r}); --encoding NAME names another"]


def _looks_western(data: bytes) -> bool:
    """Whether the words beyond ASCII make sense as cp1252."""
    words = sorted({word for word in data.split() if not word.isascii()})[:_WORDS]
    if sum(len(_SIGN.findall(word)) > 1 for word in words) > len(words) / 5:
        return False
    found = charset_normalizer.from_bytes(b" ".join(words), cp_isolation=[_WESTERN], threshold=_PLAUSIBLE)
    return found.best() is not None


def _other_western(data: bytes) -> str | None:
    """The encoding of DOS, of old Macs or of Turkish, whose letters make no words in cp1252; None for cp1252 itself."""
    words = {word for word in data.split() if not word.isascii()}
    readings = {encoding: [word.decode(encoding, "replace") for word in words] for encoding in (_WESTERN, *_OTHERS)}
    odd = {encoding: sum(map(_is_odd, read)) for encoding, read in readings.items()}
    best = min(_OTHERS, key=odd.__getitem__)
    if odd[_WESTERN] > len(words) / 5 and odd[best] < odd[_WESTERN] / 2:
        return best
    letters = set("".join(readings[_WESTERN]).lower())
    return "cp1254" if letters & _TURKISH and not letters & _NOT_TURKISH else None


def _is_odd(word: str) -> bool:
    """Whether a word has a sign, or a capital, after a small letter and before a letter."""
    return any(
        before.islower() and after.isalpha() and not here.isascii() and here not in _JOINING and not here.islower()
        for before, here, after in zip(word, word[1:], word[2:])
    )


def _mostly_utf8(data: bytes) -> bool:
    """Whether more characters beyond ASCII are whole UTF-8 than are not: a damaged file, not another encoding."""
    text = data.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    return sum(not character.isascii() for character in text) - broken > broken
