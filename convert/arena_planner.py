"""TFLM's planner of the arena's head: where each buffer goes, by greedy first fit over lifetimes
(memory_planner/greedy_memory_planner.cc)."""

from bisect import bisect_right
from dataclasses import dataclass

from convert.arena_abi import align_up

BUFFER_ALIGNMENT = 16  # micro_arena_constants.h
ONLINE = -1  # offset of a buffer that the planner is free to place (kOnlinePlannedBuffer)


@dataclass(frozen=True)
class Buffer:
    """Memory of an activation or of a kernel's scratch; it is alive from step `first` to step `last`.

    `owner` is (graph, tensor) of an activation and None of scratch; `offset` is that of an offline plan (metadata
    OfflineMemoryAllocation), or `ONLINE`.
    """

    nbytes: int
    first: int
    last: int
    offset: int = ONLINE
    owner: tuple[int, int] | None = None

    @property
    def size(self) -> int:
        """Bytes as the planner sees them (micro_allocator.cc, CreatePlan)."""
        return align_up(self.nbytes, BUFFER_ALIGNMENT)

    def alive(self, step: int) -> bool:
        return self.first <= step <= self.last


def plan_buffers(buffers: list[Buffer]) -> list[int]:
    """Offsets of buffers in the head, as TFLM's greedy planner gives them (CalculateOffsetsIfNeeded).

    Buffers of an offline plan stay where it puts them, overlaps and all. The others are placed largest first, of equal
    ones the later in the list first, each into the lowest gap that is free for its whole life.

    Args:
        buffers: in TFLM's order, tensors by index and then scratch buffers.

    Returns:
        One offset per buffer.
    """
    offsets = [buffer.offset for buffer in buffers]
    placed: list[tuple[int, int]] = []  # (offset, index), by offset, of equal ones the older first
    for index in _placing_order(buffers):
        if offsets[index] == ONLINE:
            offsets[index] = _lowest_gap(buffers, placed, buffers[index])
        placed.insert(bisect_right(placed, offsets[index], key=lambda entry: entry[0]), (offsets[index], index))
    return offsets


def head_bytes(buffers: list[Buffer], offsets: list[int]) -> int:
    """Bytes that a plan takes (GetMaximumMemorySize)."""
    return max((offset + buffer.size for buffer, offset in zip(buffers, offsets)), default=0)


def _placing_order(buffers: list[Buffer]) -> list[int]:
    offline = [index for index, buffer in enumerate(buffers) if buffer.offset != ONLINE]
    online = [index for index, buffer in enumerate(buffers) if buffer.offset == ONLINE]
    return offline + sorted(reversed(online), key=lambda index: -buffers[index].size)


def _lowest_gap(buffers: list[Buffer], placed: list[tuple[int, int]], wanted: Buffer) -> int:
    candidate = 0
    for offset, index in placed:
        other = buffers[index]
        if other.first > wanted.last or wanted.first > other.last:
            continue
        if offset - candidate >= wanted.size:
            break
        candidate = max(candidate, offset + other.size)
    return candidate
