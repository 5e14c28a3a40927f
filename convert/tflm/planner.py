"""TFLM's planner of the arena's head: where each buffer goes, by greedy first fit over lifetimes
(memory_planner/greedy_memory_planner.cc).
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from convert.tflite.offline_plan import ONLINE
from convert.tflm.structs import align_up

BUFFER_ALIGNMENT = 16  # micro_arena_constants.h


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
    sizes = [buffer.size for buffer in buffers]
    starts: list[int] = []  # of the buffers placed so far, ascending, of equal ones the older first
    placed: list[tuple[int, int, int, int]] = []  # start, end, first and last step of each
    for index in _placing_order(buffers, sizes):
        first, last = buffers[index].first, buffers[index].last
        if offsets[index] == ONLINE:
            beside = ((start, end) for start, end, begun, done in placed if begun <= last and first <= done)
            offsets[index] = lowest_gap(beside, sizes[index])
        place = bisect_right(starts, offsets[index])
        starts.insert(place, offsets[index])
        placed.insert(place, (offsets[index], offsets[index] + sizes[index], first, last))
    return offsets


def head_bytes(buffers: list[Buffer], offsets: list[int]) -> int:
    """Bytes that a plan takes (GetMaximumMemorySize)."""
    return max((offset + buffer.size for buffer, offset in zip(buffers, offsets)), default=0)


def _placing_order(buffers: list[Buffer], sizes: list[int]) -> list[int]:
    offline = [index for index, buffer in enumerate(buffers) if buffer.offset != ONLINE]
    online = [index for index, buffer in enumerate(buffers) if buffer.offset == ONLINE]
    return offline + sorted(online, key=lambda index: (-sizes[index], -index))


def bytes_alive(buffers: list[Buffer]) -> list[int]:
    """Bytes alive at each step."""
    alive = [0] * (max((0, *(buffer.last for buffer in buffers))) + 1)  # nobody may use any of them
    for buffer in buffers:
        for step in range(max(buffer.first, 0), buffer.last + 1):
            alive[step] += buffer.size
    return alive


def lowest_gap(taken: Iterable[tuple[int, int]], size: int) -> int:
    """The lowest offset at which so many bytes are free; `taken` are (start, end) of others, ascending by start."""
    candidate = 0
    for start, end in taken:
        if start - candidate >= size:
            break
        candidate = max(candidate, end)
    return candidate


def tensor_offsets(buffers: Iterable[Buffer], offsets: Iterable[int]) -> dict[int, int]:
    """The offset of each tensor of the first graph by its index; kernels' scratch is left out."""
    return {buffer.owner[1]: offset for buffer, offset in zip(buffers, offsets) if buffer.owner}
