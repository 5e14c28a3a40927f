"""Any function of an int8 tensor, by a table of its 256 values: CAST, ADD and GATHER, which TFLM has for integers."""

import numpy as np

from convert.lowering.graph import Quantization, Tensor
from convert.lowering.ops import GraphBuilder
from convert.lowering.quantization import quantize

INT16_MAX = 32767


class TableBuilder:
    """Writes tables and what reads them to a graph."""

    def __init__(self, build: GraphBuilder) -> None:
        self.build = build

    def index(self, name: str, x: Tensor) -> Tensor:
        """The entries' numbers, int32, of an int8 tensor."""
        wide = self.build.cast(f"{name}.wide", x, np.int32, None)
        return self.build.add(name, wide, self.build.constant("128", np.full(x.shape, 128, np.int32)))

    def int8(self, name: str, index: Tensor, values: np.ndarray, scale: Quantization) -> Tensor:
        """A function in int8.

        Args:
            name: of the result.
            index: as `index` gives it.
            values: the function of the integers -128..127, float64 [256].
            scale: of the result.
        """
        return self.build.gather(name, self.build.constant(f"{name}.table", quantize(values, scale), scale), index)

    def int16(self, name: str, index: Tensor, values: np.ndarray) -> Tensor:
        """A function in int16, by two tables of a byte each: GATHER has no values of 16 bits."""
        scale = float(np.abs(values).max()) / INT16_MAX
        whole = np.clip(np.round(values / scale), -INT16_MAX, INT16_MAX - 127).astype(int)
        high = (whole + 128) >> 8
        parts: list[Tensor] = []
        for digit, place in ((high, 256), (whole - 256 * high, 1)):
            own = Quantization((scale * place,))
            table = self.build.constant(f"{name}.{place}", digit.astype(np.int8), own)
            byte = self.build.gather(f"{name}.byte{place}", table, index)
            parts.append(self.build.cast(f"{name}.part{place}", byte, np.int16, own))
        return self.build.add_int16(name, parts[0], parts[1], Quantization((scale,)))
