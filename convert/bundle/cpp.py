"""Pieces of generated C++: constants, arrays, strings, whole files."""

from collections.abc import Iterable

NOTICE = "// Generated from a bundle by EmbBERT's converter; do not edit.\n"


def header(guard: str, includes: Iterable[str], body: str) -> bytes:
    """A header: `includes` are names with quotes or brackets, or blank lines; `body` lies within `embbert::bundle`."""
    return f"{NOTICE}\n#ifndef {guard}\n#define {guard}\n\n{_within(includes, body)}\n#endif  // {guard}\n".encode()


def source(includes: Iterable[str], body: str) -> bytes:
    """A source file."""
    return f"{NOTICE}\n{_within(includes, body)}".encode()


def array(declaration: str, values: Iterable) -> str:
    """`declaration = {values};` in lines of at most 120; an array of none has one zero, as C++ has no empty arrays."""
    lines: list[str] = []
    line = ""
    for value in map(str, values):
        if len(line) + len(value) > 116:
            lines, line = [*lines, line], ""
        line += f"{value}, "
    return f"{declaration} = {{\n" + "".join(f"    {line.rstrip()}\n" for line in [*lines, line or "0"]) + "};\n"


def string(text: str) -> str:
    """A string literal of UTF-8; what is not plain is in octal, which no next character can continue."""

    def plain(byte: int) -> str:
        return chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"

    return '"' + "".join(map(plain, text.encode())) + '"'


def _within(includes: Iterable[str], body: str) -> str:
    lines = "".join(f"#include {name}\n" if name else "\n" for name in includes)
    return f"{lines}\nnamespace embbert::bundle {{\n\n{body}\n}}  // namespace embbert::bundle\n"
