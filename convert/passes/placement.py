"""An offline plan of the arena's head: where each activation goes, shared memory included.

Tensors that `aliasing.py` lets lie on one another become one piece of several rectangles (bytes x steps). Pieces are
placed one after the other under a ceiling, the long-lived first and then as they are born, each where it touches
others, in a beam search: of all placements so far, those that touch most for longest go on. Where they do not fit, the
same is tried with the largest tensors that have room beside what they could overwrite left apart; then the ceiling
rises.
"""

from collections.abc import Collection
from dataclasses import dataclass
from heapq import nsmallest
from typing import NamedTuple

from convert.passes.aliasing import Alias, Aliasing
from convert.tflm.planner import BUFFER_ALIGNMENT, Buffer

WIDTH = 100  # placements that go on
CEILINGS = (0.0, 0.01, 0.03, 0.08)  # above the floor
LONG = 1 / 8  # of all steps: pieces that live longer go first


@dataclass
class Piece:
    """Buffers that keep their distance: `starts` are their first bytes, the lowest is 0."""

    members: list[int]
    starts: list[int]


class Rectangle(NamedTuple):
    """Bytes low..high during the steps first..last."""

    low: int
    high: int
    first: int
    last: int


class Placement(NamedTuple):
    """Some pieces, placed: bytes above the ceiling, how little they touch, the rectangles that pieces to come may meet,
    and the placement before with the piece that was added and its start.
    """

    excess: int
    apart: int
    occupied: tuple[Rectangle, ...]
    before: "Placement | None"
    piece: int
    start: int


def place_buffers(buffers: list[Buffer], aliasing: Aliasing, width: int = WIDTH) -> list[int]:
    """Offsets of buffers such that none is touched by another while it lives, unless `aliasing` allows it.

    Args:
        buffers: the buffers of the head; scratch buffers get places of their own.
        aliasing: which of them may lie on one another.
        width: of the search.

    Returns:
        One offset per buffer, the best found; equal arguments give equal offsets.
    """
    joined = join_buffers(buffers, aliasing)
    floor = _floor(buffers, joined)
    best: list[int] = []
    spare = _spare(buffers, aliasing, _taken(buffers, joined))
    choices = [joined, join_buffers(buffers, aliasing, spare)] if spare else [joined]
    for above in CEILINGS:
        ceiling = int(floor * (1 + above)) // BUFFER_ALIGNMENT * BUFFER_ALIGNMENT
        for pieces in choices:
            offsets = _Packer(buffers, pieces, ceiling).search(width)
            if not best or _head(buffers, offsets) < _head(buffers, best):
                best = offsets
            if _head(buffers, best) <= ceiling:
                return best
    return best


def least_head(buffers: list[Buffer], aliasing: Aliasing) -> int:
    """What no plan with these shares can go below."""
    return _floor(buffers, join_buffers(buffers, aliasing))


def bytes_at_steps(buffers: list[Buffer], aliasing: Aliasing) -> list[int]:
    """Bytes alive at each step; what lies on one another counts once."""
    return _taken(buffers, join_buffers(buffers, aliasing))


def join_buffers(buffers: list[Buffer], aliasing: Aliasing, apart: Collection[Alias] = ()) -> list[Piece]:
    """Pieces: at first every buffer alone, then joined pair by pair where all that meet may, unless it is `apart`."""
    number = {buffer.owner[1]: index for index, buffer in enumerate(buffers) if buffer.owner}
    owners = [buffer.owner[1] if buffer.owner else -1 for buffer in buffers]  # scratch, -1, is never joined
    home = [Piece([index], [0]) for index in range(len(buffers))]
    for source, target, distance in (alias for alias in aliasing.may_alias if alias not in apart):
        one, other = home[number[source]], home[number[target]]
        if one is other:
            continue
        shift = one.starts[one.members.index(number[source])] + distance
        shift -= other.starts[other.members.index(number[target])]
        if all(
            aliasing.allows(owners[i], owners[j], shift + t - s)
            for i, s in zip(one.members, one.starts)
            for j, t in zip(other.members, other.starts)
        ):
            starts = one.starts + [shift + start for start in other.starts]
            joined = Piece(one.members + other.members, [start - min(starts) for start in starts])
            for member in joined.members:
                home[member] = joined
    return list({id(piece): piece for piece in home}.values())


def _spare(buffers: list[Buffer], aliasing: Aliasing, taken: list[int]) -> set[Alias]:
    """Of the outputs that may lie on an input, those of the largest tensors with room beside it: these are the
    hardest to place, and one place for both through all that follows is harder to find than two.
    """
    lives = {buffer.owner[1]: buffer for buffer in buffers if buffer.owner}
    highest, sizes = max(taken), {}
    for alias in aliasing.may_alias:
        target = lives[alias[1]]
        if alias[:2] in aliasing.overwrites and taken[target.first] + target.size <= highest:
            sizes[alias] = target.size
    return {alias for alias, size in sizes.items() if size == max(sizes.values())}


def _head(buffers: list[Buffer], offsets: list[int]) -> int:
    return max((offset + buffer.size for buffer, offset in zip(buffers, offsets)), default=0)


def _floor(buffers: list[Buffer], pieces: list[Piece]) -> int:
    """The most bytes that pieces take at one step."""
    return max(_taken(buffers, pieces))


def _taken(buffers: list[Buffer], pieces: list[Piece]) -> list[int]:
    """Bytes alive at each step."""
    taken = [0] * (max((buffer.last for buffer in buffers), default=0) + 1)
    for piece in pieces:
        members = [buffers[member] for member in piece.members]
        if len(members) == 1:
            for step in range(max(members[0].first, 0), members[0].last + 1):  # -1: no operator has it
                taken[step] += members[0].size
            continue
        for step in range(min(m.first for m in members), max(m.last for m in members) + 1):
            taken[step] += _covered(piece, members, step)
    return taken


def _covered(piece: Piece, members: list[Buffer], step: int) -> int:
    covered, end = 0, 0
    alive = sorted((start, start + member.size) for start, member in zip(piece.starts, members) if member.alive(step))
    for low, high in alive:
        covered += max(0, high - max(low, end))
        end = max(end, high)
    return covered


class _Packer:
    """Places pieces, which are lists of rectangles from byte 0 on."""

    def __init__(self, buffers: list[Buffer], pieces: list[Piece], ceiling: int) -> None:
        self.buffers, self.pieces, self.ceiling = buffers, pieces, ceiling
        self.shapes = [
            [
                Rectangle(start, start + buffers[member].size, buffers[member].first, buffers[member].last)
                for member, start in zip(piece.members, piece.starts)
            ]
            for piece in pieces
        ]
        self.height = [max(part.high for part in shape) for shape in self.shapes]
        self.first = [min(part.first for part in shape) for shape in self.shapes]
        self.last = [max(part.last for part in shape) for shape in self.shapes]
        self.lives = [last - first + 1 for first, last in zip(self.first, self.last)]

    def search(self, width: int) -> list[int]:
        """Offsets with few bytes above the ceiling, if any."""
        order = self._order()
        soonest = [min((self.first[piece] for piece in order[number + 1 :]), default=0) for number in range(len(order))]
        placements = [Placement(0, 0, (), None, 0, 0)]
        for piece, first in zip(order, soonest):
            found: dict[frozenset, Placement] = {}
            for placement in placements:
                for changed in self._placed(placement, piece, first):
                    key = frozenset(changed.occupied)
                    if key not in found or changed[:2] < found[key][:2]:
                        found[key] = changed
            placements = nsmallest(width, found.values(), key=lambda placement: placement[:2])
        return self._offsets(placements[0])

    def _order(self) -> list[int]:
        """The long-lived from the longest life on, then the others as they are born, the large first."""
        long = LONG * (max(self.last, default=0) + 1)
        ages = sorted(range(len(self.pieces)), key=lambda p: -self.lives[p])
        others = [p for p in range(len(self.pieces)) if self.lives[p] <= long]
        others.sort(key=lambda p: (self.first[p], -self.height[p] * self.lives[p]))
        return [p for p in ages if self.lives[p] > long] + others

    def _placed(self, placement: Placement, piece: int, first: int) -> list[Placement]:
        """A placement with one more piece, at every place where it touches others; `first` is when the pieces to come
        begin.

        Example: the ceiling is 64, bytes 0..32 are occupied during the steps 0..4, and the piece has 16 bytes during
        the steps 3..5. The two meet at 2 steps, so starts between -16 and 32 are barred; the roof for a start is
        64 - 16 = 48. What is left open are the starts 32..48, and the piece is tried at both ends: at 32 it touches
        the other for 2 steps, at 48 the ceiling for all of its 3, so that placement is the less apart of the two.
        """
        shape, lives = self.shapes[piece], self.lives[piece]
        # Starts between which the piece would lie on something, and for how many steps they meet.
        meetings = (
            (other, part, min(other.last, part.last) - max(other.first, part.first) + 1)
            for other in placement.occupied
            for part in shape
        )
        barred = sorted(
            (other.low - part.high, other.high - part.low, steps) for other, part, steps in meetings if steps > 0
        )
        roof = self.ceiling - self.height[piece]
        kept = tuple(other for other in placement.occupied if other.last >= first)
        result = []
        for start in _openings(barred, roof):
            touched = sum(steps for below, above, steps in barred if start in (below, above))
            touched += lives if start in (0, roof) else 0
            added = tuple(
                Rectangle(start + part.low, start + part.high, part.first, part.last)
                for part in shape
                if part.last >= first
            )
            result.append(
                Placement(
                    placement.excess + max(0, start - roof),
                    placement.apart - touched,
                    kept + added,
                    placement,
                    piece,
                    start,
                )
            )
        return result

    def _offsets(self, placement: Placement) -> list[int]:
        offsets = [0] * len(self.buffers)
        while placement.before:
            piece = self.pieces[placement.piece]
            for member, start in zip(piece.members, piece.starts):
                offsets[member] = placement.start + start
            placement = placement.before
        return offsets


def _openings(barred: list[tuple[int, int, int]], roof: int) -> list[int]:
    """Both ends of every stretch of starts up to the roof that is not barred; where there is none, the lowest above."""
    ends, start = [], 0
    for below, above, _ in barred:
        if below >= start:
            ends += [start, below]
        start = max(start, above)
    ends += [start, max(start, roof)]
    return sorted({end for end in ends if end <= roof}) or [min(ends)]
