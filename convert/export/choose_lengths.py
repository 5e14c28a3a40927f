"""Which lengths a file serves, chosen from the texts that a run was made of: `--shorter auto`.

A length costs about 11 kB of flash and saves what a text's padding costs, so it pays where enough texts are short.
"""

from collections.abc import Sequence
from itertools import takewhile

SHORTEST = 16  # a graph of fewer tokens saves little
ENOUGH = 0.1  # of all texts that must go to a length


def choose_lengths(tokens: Sequence[int], longest: int) -> list[int]:
    """The shorter lengths that pay beside the longest.

    Args:
        tokens: of each text, its number of tokens.
        longest: the length that takes all texts.

    Returns:
        Of half the longest, a quarter, .., those that a tenth of the texts or more would go to, the shortest first.
        What is left out sends its texts to the next longer one.
    """
    halves = (longest >> times for times in range(1, longest.bit_length()))
    chosen: list[int] = []
    for length in sorted(takewhile(lambda half: half >= SHORTEST, halves)):
        below = chosen[-1] if chosen else 0
        if sum(below < count <= length for count in tokens) >= max(ENOUGH * len(tokens), 1):
            chosen.append(length)
    return chosen
