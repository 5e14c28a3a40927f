"""Every operator's tiny model with one thing changed at a time: types, shapes, grids, constants, options, counts.

Nobody has to foresee what breaks a rule: each change is put to the rules and to TFLM's interpreter.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tests.support.agreement_models import Spec, Tensor

TYPES = (
    "float32",
    "int8",
    "uint8",
    "int16",
    "int32",
    "int64",
    "bool",
    "uint32",
    "int4",
    "float16",
    "float64",
    "string",
    "resource",
)
GRIDS = (
    {"scale": 0.25},
    {"scale": 2.0},
    {"scale": 300.0},
    {"scale": 1e-4},
    {"scale": 1e-12},
    {"scale": 0.0},
    {"scale": -0.5},
    {"scale": float("nan")},
    {"scale": float("inf")},
    {"zero": 3},
    {"zero": -128},
    {"zero": 127},
    {"zero": 1000},
    {"quantized": False},
    {"quantized": True},
    {"scale": [0.5, 0.25]},
    {"scale": [0.5, 0.25, 0.5]},
    {"scale": 1 / 32768},
    {"scale": 1 / 65536, "zero": -32768},
)
NUMBERS = (-3, -1, 0, 1, 2, 3, 5)


def sweep(base: Spec) -> Iterator[tuple[str, Spec]]:
    """(what was changed, model) of an operator's model."""
    roles = [f"i{i}" for i, t in enumerate(base.inputs) if t] + [f"o{i}" for i, t in enumerate(base.outputs) if t]
    for kind in TYPES:
        yield (
            f"all {kind}",
            base.edited({role: _typed(_tensor(base, role), kind) for role in roles if _follows(base, role)}),
        )
        for role in roles:
            yield f"{role} {kind}", base.edited({role: _typed(_tensor(base, role), kind)})
    for role in roles:
        for what, change in _changes(_tensor(base, role)):
            yield f"{role} {what}", base.edited({role: change})
        if role[0] == "i":
            yield f"{role} left out", base.edited({role: None})
    yield from _counts(base)
    for name, value in _option_values(base):
        yield f"{name} {value}", base.edited({"fields": {name: value}})
    if base.options:
        yield "no options", base.edited({"options": None})
    yield from _int16(base, roles)


def _changes(tensor: Tensor) -> Iterator[tuple[str, dict]]:
    for grid in GRIDS:
        yield f"grid {grid}", grid
    for shape in _shapes(tensor.shape):
        yield f"shape {shape}", {"shape": shape} | ({} if tensor.data is None else {"data": _refilled(tensor, shape)})
    if tensor.data is None:
        yield "constant", {"data": 0}
        yield "variable", {"variable": True}
    else:
        yield "computed", {"data": None}
        for number in NUMBERS:
            yield f"filled {number}", {"data": number}
        if tensor.type == "int32" and np.ndim(tensor.data):
            for number in NUMBERS:
                yield (
                    f"first {number}",
                    {"data": np.concatenate([[number], np.ravel(tensor.data)[1:]]).reshape(np.shape(tensor.data))},
                )


def _shapes(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    changed = [(*shape[:i], n, *shape[i + 1 :]) for i in range(len(shape)) for n in (0, 1, shape[i] + 1, shape[i] * 2)]
    return [
        *changed,
        (),
        (1,),
        shape[1:],
        shape[:-1],
        (1, *shape),
        (*shape, 1),
        (1, 1, *shape),
        (1,) * 3 + shape,
        (1,) * 5 + shape,
        tuple(reversed(shape)),
        (int(np.prod(shape)),),
    ]


def _refilled(tensor: Tensor, shape: tuple[int, ...]) -> Any:
    """The same numbers over and over in another shape."""
    values = np.ravel(np.broadcast_to(tensor.data, tensor.shape))
    return np.resize(values if len(values) else np.zeros(1), shape)


def _typed(tensor: Tensor, kind: str) -> dict:
    return {"type": kind} if tensor.data is None or kind != "string" else {"type": kind, "data": None}


def _follows(base: Spec, role: str) -> bool:
    """Whether a tensor has the type of the operator's data, not that of its indices."""
    return _tensor(base, role).type == base.outputs[0].type if base.outputs else False


def _tensor(base: Spec, role: str) -> Tensor:
    return (base.inputs if role[0] == "i" else base.outputs)[int(role[1:])]


def _counts(base: Spec) -> Iterator[tuple[str, Spec]]:
    for noun in ("inputs", "outputs"):
        tensors = getattr(base, noun)
        for count in range(len(tensors)):
            yield f"{count} {noun}", base.edited({noun: tensors[:count]})
        for extra in (1, 2, 9):
            yield f"{extra} more {noun}", base.edited({noun: tensors + tensors[-1:] * extra})


def _option_values(base: Spec) -> Iterator[tuple[str, object]]:
    from convert.tflite.model import schema

    if not base.options:
        return
    fields = vars(getattr(schema, base.options + "T")())
    for name, default in fields.items():
        if "SubgraphIndex" in name or isinstance(default, str) or name in ("potScaleInt16", "quantizedBiasType"):
            continue
        values: Iterable[object] = (False, True) if isinstance(default, bool) else NUMBERS
        if default is None:
            values = [[n] for n in NUMBERS] + [[1, 1], [0, 1]]
        elif isinstance(default, float):
            values = (-1.0, 0.0, 1e-9, 0.5, 1e9)
        elif "Mask" not in name and "Padding" not in name and "Function" in name:
            values = range(6)
        yield from ((name, value) for value in values)


def _int16(base: Spec, roles: list[str]) -> Iterator[tuple[str, Spec]]:
    """The model in int16 and float32, and then each grid."""
    for kind in ("int16", "float32", "int8"):
        typed = base.edited(
            {
                role: _typed(_tensor(base, role), kind) | {"quantized": kind != "float32"}
                for role in roles
                if _follows(base, role)
            }
        )
        for role in roles:
            for grid in GRIDS:
                yield f"{kind}: {role} {grid}", typed.edited({role: grid})
            for shape in _shapes(_tensor(base, role).shape)[:8]:
                if _tensor(base, role).data is None:
                    yield f"{kind}: {role} {shape}", typed.edited({role: {"shape": shape}})
