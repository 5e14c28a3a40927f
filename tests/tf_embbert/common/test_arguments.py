"""Types of arguments: what they take, and the one line they say otherwise."""

from typing import Any

import pytest

from tf_embbert.common import arguments
from tf_embbert.common.errors import UserError


@pytest.mark.parametrize(
    "kind, text, value",
    [
        ("positive_int", "1", 1),
        ("positive_int", " 12 ", 12),
        ("seed", "0", 0),
        ("seed", "4294967295", 2**32 - 1),
        ("positive", "1e-3", 1e-3),
        ("non_negative", "0", 0.0),
        ("share", "0", 0.0),
        ("share", "0.999", 0.999),
    ],
)
def test_good_values(kind: str, text: str, value: float) -> None:
    assert parsed(kind, text) == value


@pytest.mark.parametrize(
    "kind, text, wanted",
    [
        ("positive_int", "0", "a whole number of at least 1"),
        ("positive_int", "1.5", "a whole number"),
        ("positive_int", "", "a whole number"),
        ("seed", "-1", "a whole number from 0 to 4294967295"),
        ("seed", "4294967296", "a whole number from 0"),
        ("positive", "0", "a number above 0"),
        ("positive", "nan", "a number above 0"),
        ("positive", "inf", "a number above 0"),
        ("positive", "x", "a number"),
        ("non_negative", "-1e-9", "a number from 0"),
        ("share", "1", "a number from 0 and below 1"),
    ],
)
def test_bad_values(kind: str, text: str, wanted: str) -> None:
    with pytest.raises(UserError, match=f"argument --x: '{text}' is not {wanted}.*--help"):
        parsed(kind, text)


def parsed(kind: str, text: str) -> Any:
    parser = arguments.CommandParser(prog="command")
    parser.add_argument("--x", type=getattr(arguments, kind))
    return parser.parse_args([f"--x={text}"]).x
