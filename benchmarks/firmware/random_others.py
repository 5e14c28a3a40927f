"""Seeded random models of one integer operator each that CMSIS-NN does not serve: only the age of a firmware's TFLM can
make a difference there.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.firmware.random_parts import Rng, activation, any_shape, pick
from tests.support.agreement_models import Spec, Tensor

Kinds = tuple[str, ...]


def _unary(options: str = "", kinds: Kinds = ("int8",), **fields: Callable[[Rng], Any]) -> Callable[[Rng], Spec]:
    def make(rng: Rng) -> Spec:
        kind = pick(rng, *kinds)
        data = activation(rng, kind, any_shape(rng, 1, 4))
        output = activation(rng, kind, data.shape, scale=data.scale * float(pick(rng, 1, 2, 2.0 ** rng.uniform(-1, 2))))
        return Spec("", [data], [output], options, {name: value(rng) for name, value in fields.items()})

    return make


def _fixed(grids: dict[str, tuple[float, int]], options: str = "") -> Callable[[Rng], Spec]:
    """An activation whose output has one grid by type."""

    def make(rng: Rng) -> Spec:
        kind = pick(rng, *grids)
        data = activation(rng, kind, any_shape(rng, 1, 4))
        if kind == "int16":
            data.scale = float(2.0 ** -rng.integers(10, 15))
        output_scale, zero = grids[kind]
        return Spec("", [data], [Tensor(kind, data.shape, scale=output_scale, zero=zero)], options)

    return make


def _binary(options: str = "", kinds: Kinds = ("int8",), positive: bool = False) -> Callable[[Rng], Spec]:
    def make(rng: Rng) -> Spec:
        kind = pick(rng, *kinds)
        whole = any_shape(rng, 1, 4)
        other = whole if rng.random() < 0.6 else tuple(1 if rng.random() < 0.4 else n for n in whole)
        left, right = activation(rng, kind, whole), activation(rng, kind, other)
        if positive:  # a divisor has no zeros
            right.zero = -128
            right.data = rng.integers(-127, 128, other)
        output = activation(rng, kind, whole, scale=float(np.float32(left.scale * 2.0 ** rng.uniform(-1, 4))))
        return Spec("", [left, right], [output], options)

    return make


def squared_difference(rng: Rng) -> Spec:
    spec: Any = _binary("", ("int8", "int16"))(rng)
    largest = max(spec.inputs[0].scale, spec.inputs[1].scale)
    spec.outputs[0].scale = float(np.float32(largest**2 * {"int8": 100, "int16": 20000}[spec.inputs[0].type]))
    return spec


def prelu(rng: Rng) -> Spec:
    data = activation(rng, "int8", any_shape(rng, 2, 4))
    slopes = activation(rng, "int8", (1,) * (len(data.shape) - 1) + data.shape[-1:])
    slopes.data = rng.integers(-128, 128, slopes.shape)
    return Spec("", [data, slopes], [activation(rng, "int8", data.shape, scale=data.scale)])


def rsqrt(rng: Rng) -> Spec:
    data = activation(rng, "int8", any_shape(rng, 1, 4), zero=-128)
    return Spec("", [data], [activation(rng, "int8", data.shape)])


def reduction(kinds: Kinds = ("int8", "int16")) -> Callable[[Rng], Spec]:
    def make(rng: Rng) -> Spec:
        data = activation(rng, pick(rng, *kinds), any_shape(rng, 2, 4))
        axes = sorted(rng.choice(len(data.shape), int(rng.integers(1, len(data.shape))), replace=False).tolist())
        kept = tuple(1 if axis in axes else n for axis, n in enumerate(data.shape))
        output = activation(rng, data.type, kept, scale=data.scale * float(pick(rng, 1, 2, 4)))
        if len(kinds) == 1:
            output.scale, output.zero = data.scale, data.zero
        axis = Tensor("int32", (len(axes),), data=axes)
        return Spec("", [data, axis], [output], "ReducerOptions", {"keepDims": True})

    return make


def quantize(rng: Rng) -> Spec:
    kind, to = pick(rng, ("int8", "int8"), ("int16", "int8"), ("int8", "int16"), ("int16", "int16"))
    data = activation(rng, kind, any_shape(rng, 1, 4))
    factor = {("int16", "int8"): 256, ("int8", "int16"): 1 / 256}.get((kind, to), 1) * 2.0 ** rng.uniform(-1, 1)
    return Spec("", [data], [activation(rng, to, data.shape, scale=float(np.float32(data.scale * factor)))])


def add_n(rng: Rng) -> Spec:
    data = activation(rng, "int8", any_shape(rng, 1, 4))
    others = [Tensor("int8", data.shape, scale=data.scale, zero=data.zero) for _ in range(int(rng.integers(1, 4)))]
    return Spec("", [data, *others], [activation(rng, "int8", data.shape, scale=data.scale * 2)])


def cumsum(rng: Rng) -> Spec:
    data = activation(rng, "int8", any_shape(rng, 1, 4))
    fields = {"exclusive": bool(rng.random() < 0.3), "reverse": bool(rng.random() < 0.3)}
    axis = Tensor("int32", (), data=int(rng.integers(0, len(data.shape))))
    return Spec("", [data, axis], [activation(rng, "int8", data.shape, scale=data.scale * 4)], "CumsumOptions", fields)


def comparison(rng: Rng) -> Spec:
    spec: Any = _binary()(rng)
    return Spec("", spec.inputs, [Tensor("bool", spec.outputs[0].shape)])


def resize_bilinear(rng: Rng) -> Spec:
    size, target = (tuple(int(n) for n in rng.integers(1, 8, 2)) for _ in range(2))
    data = activation(rng, "int8", (1, *size, 3))
    output = Tensor("int8", (1, *target, 3), scale=data.scale, zero=data.zero)
    fields = {"alignCorners": False, "halfPixelCenters": bool(rng.random() < 0.5)}
    return Spec("", [data, Tensor("int32", (2,), data=target)], [output], "ResizeBilinearOptions", fields)


INT16 = (1 / 32768, 0)
OTHERS: dict[str, Callable[[Rng], Spec]] = {
    "ABS": _unary("", ("int8", "int16")),
    "ADD_N": add_n,
    "CUMSUM": cumsum,
    "DIV": _binary("DivOptions", positive=True),
    "ELU": _unary(),
    "HARD_SWISH": _unary("HardSwishOptions"),
    "L2_NORMALIZATION": _fixed({"int8": (1 / 128, 0)}, "L2NormOptions"),
    "LEAKY_RELU": _unary("LeakyReluOptions", ("int8", "int16"), alpha=lambda rng: float(rng.uniform(0, 1))),
    "LESS": comparison,
    "LOGISTIC": _fixed({"int8": (1 / 256, -128), "int16": INT16}),
    "LOG_SOFTMAX": _fixed({"int8": (16 / 256, 127)}),
    "MEAN": reduction(),
    "PRELU": prelu,
    "QUANTIZE": quantize,
    "REDUCE_MAX": reduction(("int8",)),
    "RELU": _unary("", ("int8", "int16")),
    "RELU6": _unary(),
    "RESIZE_BILINEAR": resize_bilinear,
    "RSQRT": rsqrt,
    "SQUARED_DIFFERENCE": squared_difference,
    "SUM": reduction(),
    "TANH": _fixed({"int8": (1 / 128, 0), "int16": INT16}),
}
