"""Masks of keys at pads: the int32 bias of the dense operator that makes the scores, 0 at tokens and -B at pads.

The kernels add the integers as they are; only Prepare compares the bias's scale with that of the products, so several
score operators share a mask where the tolerance lets them.
"""

from collections.abc import Mapping

import numpy as np

from convert.lowering.graph import Quantization, Tensor
from convert.lowering.ops import GraphBuilder

# Of the output's step; GetQuantizedConvolutionMultipler (lite/kernels/kernel_util.cc) allows 0.02.
BIAS_SCALE_TOLERANCE = 0.019


class KeyMasks:
    """The masks of a graph.

    Args:
        build: what they are written to.
        scales: by name of the scores: scale of the products of query and keys, and of the scores.
        width: channels of queries and keys.
    """

    def __init__(self, build: GraphBuilder, scales: Mapping[str, tuple[float, float]], width: int) -> None:
        self.build, self.scales, self.width = build, scales, width
        spans = [
            (product - BIAS_SCALE_TOLERANCE * step, product + BIAS_SCALE_TOLERANCE * step)
            for product, step in scales.values()
        ]
        self.shared = dict(zip(scales, share_scales(spans)))
        self.made: dict[float, Tensor] = {}
        self.pads: Tensor | None = None

    def find_pads(self, tokens: Tensor) -> Tensor:
        """1 at pads, 0 at tokens: max(1 - token, 0). Comes before the first mask."""
        one = self.build.constant("one", np.ones(1, np.int32))
        self.pads = self.build.subtract_relu("pads", one, tokens)
        return self.pads

    def mask(self, name: str, scores: str) -> Tensor:
        """The mask of some scores, int32 [1, L]; called `name` where there is none yet that they can share."""
        scale = self.shared[scores]
        if scale not in self.made:
            assert self.pads is not None
            bound = self.build.constant("mask.bound", np.array([-self.bound()], np.int32))
            self.made[scale] = self.build.multiply(name, self.pads, bound, Quantization((scale,)))
        return self.made[scale]

    def bound(self) -> int:
        """B: whatever the accumulator holds, less B it is below the range of all scores, so that a masked key always
        gets the bottom of the range; and it fits 32 bits before and after requantisation.

        Raises:
            ValueError: there is no such number.
        """
        largest = self.width * 255 * 128  # |query - zero point| <= 255, |key| <= 128
        products, steps = np.array(list(self.scales.values())).T
        bound = largest + int(np.ceil(256 * steps / products).max())
        if (bound + largest) * max(1.0, 2 * (products / steps).max()) > np.iinfo(np.int32).max:
            raise ValueError("the ranges of queries and scores are too far apart for a 32-bit mask")
        return bound


def share_scales(spans: list[tuple[float, float]]) -> list[float]:
    """A scale within each span: spans that overlap those before them share the middle of what they have in common."""
    groups: list[tuple[float, float, list[int]]] = []
    for index, (low, high) in enumerate(spans):
        for number, (least, most, members) in enumerate(groups):
            if max(low, least) <= min(high, most):
                groups[number] = max(low, least), min(high, most), [*members, index]
                break
        else:
            groups.append((low, high, [index]))
    middle = {index: (least + most) / 2 for least, most, members in groups for index in members}
    return [middle[index] for index in range(len(spans))]
