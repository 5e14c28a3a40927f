"""Random shapes, scales and activations: what models of every operator are drawn from."""

from typing import Any

import numpy as np

from convert.tflite import schema
from tests.support.agreement_models import Tensor

ACTIVATIONS = [
    getattr(schema.ActivationFunctionType, name) for name in ("NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1")
]
LIMITS = {"int4": (-7, 7), "int8": (-128, 127), "int16": (-32768, 32767)}
Rng = np.random.Generator
Shape = tuple[int, ...]


def pick(rng: Rng, *values: Any) -> Any:
    return values[rng.integers(len(values))]


def any_shape(rng: Rng, least: int, most: int, elements: int = 4096) -> Shape:
    """Any shape of few elements, ones among its dimensions."""
    rank = int(rng.integers(least, most + 1))
    shape = [int(pick(rng, 1, 2, 3, 4, 5, 7, 9, 17)) for _ in range(rank)]
    while np.prod(shape) > elements:
        shape[int(np.argmax(shape))] //= 2
    return tuple(shape)


def any_scale(rng: Rng) -> float:
    """Any scale, or one of few digits: those make sums that lie half way between two steps, where rounding shows."""
    if rng.random() < 0.5:
        return float(np.float32(pick(rng, 1 / 128, 1 / 32, 1 / 16, 0.1, 0.05, 0.03, 0.025)))
    return float(np.float32(2.0 ** rng.uniform(-8, -2)))


def zero_point(rng: Rng, kind: str) -> int:
    return int(pick(rng, -128, 127, 0, int(rng.integers(-128, 128)))) if kind == "int8" else 0


def activation(rng: Rng, kind: str, shape: Shape, **more: Any) -> Tensor:
    """A tensor that is computed, or an input."""
    return Tensor(kind, tuple(shape), **{"scale": any_scale(rng), "zero": zero_point(rng, kind)} | more)


def any_values(rng: Rng, kind: str, shape: Shape) -> np.ndarray:
    """The whole range, the ends more often than others."""
    low, high = LIMITS[kind]
    values = rng.integers(low, high + 1, shape)
    ends = rng.random(shape)
    return np.where(ends < 0.03, low, np.where(ends > 0.97, high, values))
