"""Models run in an interpreter: what several tests compare."""

from collections.abc import Callable, Iterable

import numpy as np

from convert.passes.measure import Measure
from convert.passes.placement import place_buffers
from convert.tflite.model import read_model
from convert.tflite.offline_plan import write_plan
from convert.tflite.writer import pack_model
from convert.tflm.builds import find_build
from convert.tflm.lifetimes import Buffer
from convert.tflm.planner import tensor_offsets
from tests.support.transcription import RandomModel, segments_of

M7 = find_build("cortex-m7", "cmsis_nn")


def run(runner: Callable[..., np.ndarray], model: RandomModel, rows: np.ndarray) -> np.ndarray:
    return np.array([runner(row, segments_of(row) if model.is_pair else None) for row in rows])


def invoke(data: bytes, inputs: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Outputs of a model in TFLM's interpreter."""
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(data, arena_size=1 << 22)
    for index, values in enumerate(inputs):
        interpreter.set_input(values, index)
    interpreter.invoke()
    return [interpreter.get_output(index) for index in range(len(read_model(data).subgraphs[0].outputs))]


def planned(data: bytes, width: int = 20) -> tuple[bytes, list[Buffer], list[int]]:
    """A model with an offline plan, its buffers and where that puts them."""
    measure = Measure.of_file(data, M7)
    offsets = place_buffers(measure.buffers, measure.aliasing, width)
    return pack_model(write_plan(measure.model, tensor_offsets(measure.buffers, offsets))), measure.buffers, offsets
