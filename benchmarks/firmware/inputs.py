"""Seeded inputs for any model, and what TFLM's interpreter in the `tflite-micro` wheel answers to them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from convert.tflite.model import operator_name, read_model

SEED = 11
TYPES: dict[int, Any] = {0: np.float32, 2: np.int32, 9: np.int8, 7: np.int16}


def seeded_inputs(model: bytes) -> list[np.ndarray]:
    """One array for each input tensor: normal in float and in integers (a quarter of the range), int32 as token ids.

    Token ids are from 1 up to the rows of the table that a GATHER reads with them: a text that fills the length.
    """
    graph = read_model(model).subgraphs[0]
    rng = np.random.default_rng(SEED)
    return [
        _values(rng, TYPES[graph.tensors[index].type], graph.tensors[index].shape, _table_rows(model, index))
        for index in graph.inputs
    ]


def join(arrays: list[np.ndarray]) -> bytes:
    """The arrays' bytes, one after another: what the firmware reads."""
    return b"".join(values.tobytes() for values in arrays)


def wheel_outputs(model: bytes, inputs: list[np.ndarray]) -> bytes:
    """The output tensors' bytes, one after another."""
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 24)
    for index, values in enumerate(inputs):
        interpreter.set_input(values, index)
    interpreter.invoke()
    outputs = len(read_model(model).subgraphs[0].outputs)
    return join([interpreter.get_output(index) for index in range(outputs)])


def _values(rng: np.random.Generator, dtype: Any, shape: Sequence[int], rows: int) -> np.ndarray:
    if dtype == np.float32:
        return rng.normal(size=shape).astype(dtype)
    if dtype == np.int32:
        return rng.integers(1, rows, shape).astype(dtype)
    lowest, highest = np.iinfo(dtype).min, np.iinfo(dtype).max
    return np.clip(rng.normal(0, highest / 4, shape).round(), lowest, highest).astype(dtype)


def _table_rows(model: bytes, tensor: int) -> int:
    """Rows of the smallest table read at the ids of an input; 2 where there is none."""
    parsed = read_model(model)
    graph = parsed.subgraphs[0]
    return min(
        (
            int(graph.tensors[op.inputs[0]].shape[0])
            for op in graph.operators
            if operator_name(parsed, op) == "GATHER" and op.inputs[1] == tensor
        ),
        default=2,
    )
