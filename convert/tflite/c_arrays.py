"""A model in a C array, as `xxd -i model.tflite > model.cc` writes it and firmware holds it."""

import re

from convert.tflite.verifier import FILE_IDENTIFIER, DamagedModel

# Each goes through a text once, whatever the text is: no file may make it start over at every byte.
COMMENTS = re.compile(rb"//[^\n]*|/\*(?:.*?\*/|.*)", re.DOTALL)
INITIALISER = re.compile(rb"=\s*\{([^{}]*)\}")
STATEMENT = re.compile(rb"[;{}=]")
C_WORDS = rb"#[ \t]*(?:include|ifn?def|define|pragma)|extern|const|unsigned|static|alignas"
C_LINE = re.compile(rb"^[ \t]*(?:" + C_WORDS + rb")\b", re.MULTILINE)
NUMBER = re.compile(rb"0[xX][0-9a-fA-F]{1,2}|[0-9]{1,3}")
TEXT = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]*")
SAMPLE = 4096  # bytes that tell a text from a flatbuffer


def is_c_source(data: bytes) -> bool:
    """Whether a file is text, which may be C, and not a flatbuffer."""
    return data[4:8] != FILE_IDENTIFIER and TEXT.fullmatch(data[:SAMPLE]) is not None


def read_c_array(source: bytes) -> bytes:
    """The model in a C source.

    Args:
        source: a file with arrays of bytes, decimal or hexadecimal; the first that begins as a model does is meant.

    Returns:
        Bytes of the .tflite file.

    Raises:
        DamagedModel: no array in it is a model.
    """
    source = COMMENTS.sub(b"", source)
    arrays = _arrays(source)
    for array in arrays:
        data = _numbers(array)
        if data[4:8] == FILE_IDENTIFIER:
            return data
    if not arrays and not C_LINE.search(source):
        raise DamagedModel("it is a text, neither a .tflite file nor C with one in an array")
    if not arrays:
        raise DamagedModel("it is C without an array of bytes in it: the array may be in the .cc file beside it")
    raise DamagedModel("none of its arrays begins as a model does (bytes 4 to 7 are TFL3)")


def _arrays(source: bytes) -> list[bytes]:
    """What stands between the braces of each array that is given values."""
    found, begin = [], 0
    for match in INITIALISER.finditer(source):
        declared = STATEMENT.split(source[begin : match.start()])[-1]
        found += [match[1]] if b"[" in declared and b"]" in declared else []
        begin = match.end()
    return found


def _numbers(array: bytes) -> bytes:
    digits = array.translate(None, b" \t\r\n").replace(b"0x", b"").removesuffix(b",")
    if re.fullmatch(rb"(?:[0-9a-fA-F]{2},)*[0-9a-fA-F]{2}", digits) and array.count(b"0x") == digits.count(b",") + 1:
        return bytes.fromhex(digits.replace(b",", b"").decode())  # what xxd writes: megabytes of it
    values = [int(number, 0) for number in (_plain(text) for text in NUMBER.findall(array))]
    return bytes(value & 0xFF for value in values)


def _plain(text: bytes) -> str:
    """A number as Python reads it: `08` is eight here as in no C that compiles, but never a mistake of ours."""
    return text.decode() if text[:2] in (b"0x", b"0X") else str(int(text))
