"""TFLM's interpreter, as far as this project uses it."""

from enum import Enum
from typing import Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated

schema_fb = schema_py_generated

class InterpreterConfig(Enum):
    kAllocationRecording = 0
    kPreserveAllTensors = 1

class Interpreter:
    @classmethod
    def from_bytes(
        cls,
        model: bytes | bytearray,
        custom_op_registerers: list[str] = ...,
        arena_size: int | None = ...,
        intrepreter_config: InterpreterConfig = ...,
    ) -> Interpreter: ...
    def print_allocations(self) -> None: ...
    def invoke(self) -> None: ...
    def reset(self) -> None: ...
    def set_input(self, input_data: np.ndarray, index: int) -> None: ...
    def get_output(self, index: int) -> np.ndarray: ...
    def GetTensor(self, tensor_index: int, subgraph_index: int) -> Any: ...
    def get_input_details(self, index: int) -> dict[str, Any]: ...
    def get_output_details(self, index: int) -> dict[str, Any]: ...
