"""Which lengths --shorter auto chooses, told by hand."""

import pytest

from convert.export.choose_lengths import choose_lengths


@pytest.mark.parametrize(
    "tokens, longest, chosen",
    [
        ([10] * 100, 256, [16]),
        ([10] * 50 + [40] * 50, 256, [16, 64]),
        ([200] * 100, 256, []),
        ([10] * 9 + [200] * 91, 256, []),  # too few
        ([10] * 10 + [200] * 90, 256, [16]),
        ([10] * 5 + [20] * 5 + [200] * 90, 256, [32]),  # together they are enough
        ([16] * 100, 256, [16]),  # just within
        ([17] * 100, 256, [32]),
        ([10] * 100, 100, [25]),  # halves are rounded down
        ([10] * 100, 31, []),  # half of it saves little
        ([32] * 100, 32, []),
        ([], 256, []),
    ],
)
def test_a_length_is_there_for_a_tenth_of_the_texts(tokens: list[int], longest: int, chosen: list[int]) -> None:
    assert choose_lengths(tokens, longest) == chosen
