"""EMBBERT_BLOCK, our operator that is a whole block: its tensors and its options, as tflm_app/kernels/block.h has them.

The options are 32-bit words, the lowest byte first: the integers that the kernel computes with, which
`lowering/fused_block.py` makes, and after them, for `lowering/expand.py`, the scales of what is never written whole.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

BLOCK = "CUSTOM:EMBBERT_BLOCK"
INPUTS = (
    "x",  # [L, d]; overwritten by the operator
    "mask",  # int32 [1, L]
    "query.kernel",
    "query.bias",
    "value.kernel",
    "context.bias",
    "conv.kernel",  # [1, 1, k, d]
    "conv.bias",
    "conv.rescale",  # int32 [2, d]: multipliers and shifts, which TFLM makes at start and keeps in the arena
    "contract.kernel",
    "activation",  # int8 [256]: what the activation makes of each byte
)
DENSE_KERNELS = ("query.kernel", "value.kernel", "contract.kernel")  # int8 [d, d]; of 4 bits packed into [d, d / 2]
ACTIVATIONS = ("silu", "hard_swish")
STEPS = ("query", "scores", "mixed", "context", "contract")  # tensors that a dense makes
HIDDEN = (*STEPS, "conv", "active")  # all that are never written whole
MOST_ROWS = 32  # of a tile (mixture.h, kMostMixed)
PACKED_STEP, UNPACKED_COLUMNS = 8, 16  # unpack.h; rows of packed weights that are bytes at a time (block.cc)
MVE_COLUMNS = 8  # of n that lie as rows at a time (mixture.cc, kColumns)
_INTEGERS = 29
_WORDS = struct.Struct(f"<{_INTEGERS}i{len(HIDDEN)}fi")
_ZERO_POINTS = {name: 4 + 3 * step for step, name in enumerate(STEPS)} | {"conv": 17, "active": 18}  # which words


class BlockOptions(NamedTuple):
    """What a tool reads of the options: rows of a tile, (scale, zero point) of what is hidden, the activation."""

    tile_rows: int
    hidden: Mapping[str, tuple[float, int]]
    activation: str


def pack_options(integers: Sequence[int], scales: Mapping[str, float], activation: str) -> bytes:
    """The bytes of the options: block.h's integers in their order, scales of `HIDDEN`, one of `ACTIVATIONS`."""
    return _WORDS.pack(*integers, *(scales[name] for name in HIDDEN), ACTIVATIONS.index(activation))


def read_options(data: bytes) -> BlockOptions:
    """The options of an operator.

    Raises:
        ValueError: they are not those of a block.
    """
    if len(data) != _WORDS.size:
        raise ValueError(f"its options have {len(data)} bytes, not {_WORDS.size}")
    *words, activation = _WORDS.unpack(data)
    scales = dict(zip(HIDDEN, words[_INTEGERS:]))
    if not 1 <= words[0] <= MOST_ROWS or not all(math.isfinite(scale) and scale > 0 for scale in scales.values()):
        raise ValueError(f"its options have a tile of {words[0]} rows, not 1 to {MOST_ROWS}, or a scale that is none")
    if activation not in range(len(ACTIVATIONS)):
        raise ValueError(f"its options have activation {activation}, not 0 or 1")
    hidden = {name: (scale, words[_ZERO_POINTS[name]]) for name, scale in scales.items()}
    return BlockOptions(words[0], hidden, ACTIVATIONS[activation])


def are_packed(elements: int, width: int) -> bool:
    """Whether dense weights [d, d] of so many elements are of 4 bits (embbert_block.cc, BlockOf)."""
    return elements < width * width


def scratch_bytes(tile_rows: int, rows: int, width: int, packed: bool, simd: str) -> int:
    """What the operator asks for (block.cc, BlockScratchBytes); `simd` is the build's."""
    mixture = MVE_COLUMNS * rows if simd == "mve" else 0
    return tile_rows * (width + max(rows, width)) + mixture + (UNPACKED_COLUMNS * width if packed else 0)
