"""An offline plan of the arena's head: where each activation goes, shared memory included.

Tensors that `sharing.py` lets lie on one another become one piece of several rectangles (bytes x steps). Pieces are
placed one after the other under a ceiling, each where it touches most of what is there for longest. The long-lived go
first; the others then fall into groups that never meet in time, and for each group an order that fits is searched,
seeded. The ceiling rises until all fit.
"""

import math
import random
from dataclasses import dataclass

import numpy as np

from convert.arena_planner import BUFFER_ALIGNMENT, Buffer
from convert.sharing import Sharing

PATIENCE = 1000  # orders to try for one group under one ceiling after the last better one
CEILINGS = (0.0, 0.01, 0.03, 0.08)  # above the floor
LONG = 1 / 8  # of all steps: pieces that live longer go first


@dataclass
class Piece:
    """Buffers that keep their distance: `starts` are their first bytes, the lowest is 0."""

    members: list[int]
    starts: list[int]


def place_buffers(buffers: list[Buffer], sharing: Sharing, patience: int = PATIENCE, seed: int = 0) -> list[int]:
    """Offsets of buffers such that none is touched by another while it lives, unless `sharing` allows it.

    Args:
        buffers: the buffers of the head; scratch buffers get places of their own.
        sharing: which of them may lie on one another.
        patience: how many orders to try in vain, per group and ceiling.
        seed: of the search.

    Returns:
        One offset per buffer, the best found; equal arguments give equal offsets.
    """
    packer = _Packer(buffers, join_buffers(buffers, sharing))
    floor = packer.floor()
    best = None
    for above in CEILINGS:
        ceiling = int(floor * (1 + above)) // BUFFER_ALIGNMENT * BUFFER_ALIGNMENT
        offsets = packer.search(ceiling, patience, random.Random(seed))
        if best is None or packer.head(offsets) < packer.head(best):
            best = offsets
        if packer.head(best) <= ceiling:
            break
    return best.tolist()


def least_head(buffers: list[Buffer], sharing: Sharing) -> int:
    """What no plan with these shares can go below."""
    return _Packer(buffers, join_buffers(buffers, sharing)).floor()


def join_buffers(buffers: list[Buffer], sharing: Sharing) -> list[Piece]:
    """Pieces: at first every buffer alone, then joined wish by wish where all that meet may."""
    number = {buffer.owner[1]: index for index, buffer in enumerate(buffers) if buffer.owner}
    owners = [buffer.owner and buffer.owner[1] for buffer in buffers]
    home = [Piece([index], [0]) for index in range(len(buffers))]
    for source, target, distance in sharing.wishes:
        one, other = home[number[source]], home[number[target]]
        if one is other:
            continue
        shift = one.starts[one.members.index(number[source])] + distance
        shift -= other.starts[other.members.index(number[target])]
        if all(sharing.allows(owners[i], owners[j], shift + t - s) for i, s in zip(one.members, one.starts)
               for j, t in zip(other.members, other.starts)):
            starts = one.starts + [shift + start for start in other.starts]
            joined = Piece(one.members + other.members, [start - min(starts) for start in starts])
            for member in joined.members:
                home[member] = joined
    return list({id(piece): piece for piece in home}.values())


class _Packer:
    """Places pieces; arrays are by buffer, `pieces` hold (members, starts)."""

    def __init__(self, buffers: list[Buffer], pieces: list[Piece]):
        self.first, self.last, self.size = (
            np.array([getattr(buffer, name) for buffer in buffers], np.int64) for name in ("first", "last", "size"))
        self.pieces = [(np.array(piece.members), np.array(piece.starts)) for piece in pieces]
        self.heights = [int((starts + self.size[members]).max()) for members, starts in self.pieces]

    def head(self, offsets: np.ndarray) -> int:
        return int((offsets + self.size).max(initial=0))

    def search(self, ceiling: int, patience: int, generator: random.Random) -> np.ndarray:
        """Offsets with few bytes above the ceiling, if any: first the long-lived pieces, then group by group."""
        offsets = np.zeros(len(self.size), np.int64)
        lives = [int(self.last[m].max() - self.first[m].min()) + 1 for m, _ in self.pieces]
        long = [p for p in range(len(self.pieces)) if lives[p] > LONG * (self.last.max(initial=0) + 1)]
        fixed = self._pack(sorted(long, key=lambda p: -lives[p]), offsets, [], ceiling)
        for group in self._groups([p for p in range(len(self.pieces)) if p not in long]):
            self._fit(group, offsets, fixed, ceiling, patience, generator)
        return offsets

    def _fit(self, group: list[int], offsets: np.ndarray, fixed: list[int], ceiling: int, patience: int,
             generator: random.Random) -> None:
        """Places a group in the order that leaves the fewest bytes above the ceiling, of those tried."""
        members = np.concatenate([self.pieces[p][0] for p in group])
        orders = self._first_orders(group, ceiling)
        best, order, least, vain = None, None, math.inf, 0
        while least and vain < patience:
            changed = orders.pop() if orders else self._changed(order, offsets, ceiling, generator)
            self._pack(changed, offsets, fixed, ceiling)
            excess = int(np.maximum((offsets + self.size)[members] - ceiling, 0).sum())
            vain = vain + 1 if excess >= least else 0
            if excess <= least:
                best, order, least = offsets[members], changed, excess
            offsets[members] = best

    def _groups(self, pieces: list[int]) -> list[list[int]]:
        """Pieces that meet in time, or meet a common third, together."""
        groups, end = [], -1
        for piece in sorted(pieces, key=lambda p: int(self.first[self.pieces[p][0]].min())):
            members = self.pieces[piece][0]
            if self.first[members].min() > end:
                groups.append([])
            groups[-1].append(piece)
            end = max(end, int(self.last[members].max()))
        return groups

    def floor(self) -> int:
        """The most bytes that pieces take at one step; what lies on one another counts once."""
        taken = np.zeros(int(self.last.max(initial=0)) + 1, np.int64)
        for members, starts in self.pieces:
            if len(members) == 1:
                taken[self.first[members[0]]:self.last[members[0]] + 1] += self.size[members[0]]
                continue
            for step in range(self.first[members].min(), self.last[members].max() + 1):
                taken[step] += self._covered(members, starts, step)
        return int(taken.max(initial=0))

    def _covered(self, members: np.ndarray, starts: np.ndarray, step: int) -> int:
        alive = (self.first[members] <= step) & (step <= self.last[members])
        covered, end = 0, 0
        for low, high in sorted(zip(starts[alive], (starts + self.size[members])[alive])):
            covered += max(0, high - max(low, end))
            end = max(end, high)
        return covered

    def _first_orders(self, group: list[int], ceiling: int) -> list[list[int]]:
        """The large first; what takes a quarter of all first, then the long-lived; the long-lived first."""
        lives = {p: int(self.last[self.pieces[p][0]].max() - self.first[self.pieces[p][0]].min()) for p in group}
        area = {p: int((self.size * (self.last - self.first + 1))[self.pieces[p][0]].sum()) for p in group}
        keys = (lambda p: self.heights[p], lambda p: area[p],
                lambda p: (self.heights[p] > ceiling / 4, lives[p], self.heights[p]),
                lambda p: (lives[p], self.heights[p]))
        return [sorted(group, key=key, reverse=True) for key in keys]

    def _changed(self, order: list[int], offsets: np.ndarray, ceiling: int, generator: random.Random) -> list[int]:
        """Another order: a piece, mostly one above the ceiling, goes earlier or changes places with another."""
        order = list(order)
        above = [p for p in order if (offsets + self.size)[self.pieces[p][0]].max() > ceiling]
        at = order.index(generator.choice(above if generator.random() < 0.8 else order))
        if generator.random() < 0.7:
            order.insert(generator.randrange(at + 1), order.pop(at))
        else:
            other = generator.randrange(len(order))
            order[at], order[other] = order[other], order[at]
        return order

    def _pack(self, order: list[int], offsets: np.ndarray, fixed: list[int], ceiling: int) -> list[int]:
        """Places pieces one by one among the fixed buffers; all that is placed then."""
        placed = list(fixed)
        for piece in order:
            members, starts = self.pieces[piece]
            offsets[members] = starts + self._place(piece, offsets, np.array(placed, np.int64), ceiling)
            placed += members.tolist()
        return placed

    def _place(self, piece: int, offsets: np.ndarray, placed: np.ndarray, ceiling: int) -> int:
        """Where the piece touches most for longest under the ceiling, or else the lowest place that is free."""
        members, starts = self.pieces[piece]
        steps = (np.minimum(self.last[members][:, None], self.last[placed])
                 - np.maximum(self.first[members][:, None], self.first[placed]) + 1)
        meet = steps > 0
        below = (offsets[placed] - self.size[members][:, None] - starts[:, None])[meet]  # touches it from below
        above = (offsets[placed] + self.size[placed] - starts[:, None])[meet]
        roof = ceiling - self.heights[piece]
        spots = np.unique(np.concatenate([[0, roof], below, above]))
        spots = spots[(spots >= 0) & (spots <= roof)]
        spots = spots[~((spots[:, None] > below) & (spots[:, None] < above)).any(1)]
        if not len(spots):
            return _lowest(below, above)
        lives = self.last[members] - self.first[members] + 1
        touch = ((spots[:, None] == below) * steps[meet] + (spots[:, None] == above) * steps[meet]).sum(1)
        touch += (spots == 0) * lives[starts == 0].sum()
        touch += (spots == roof) * lives[starts + self.size[members] == self.heights[piece]].sum()
        return int(spots[np.argmax(touch)])


def _lowest(below: np.ndarray, above: np.ndarray) -> int:
    """The lowest start, 0 or more, that is within none of the open intervals (below, above)."""
    candidate = 0
    for index in np.argsort(below, kind="stable"):
        if below[index] >= candidate and candidate < above[index]:
            break
        candidate = max(candidate, int(above[index]))
    return candidate
