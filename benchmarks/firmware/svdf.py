"""A model of two SVDF operators, written directly: TensorFlow's converter makes none from Keras layers."""

from collections.abc import Sequence

import numpy as np

from convert.tflite import schema
from convert.tflite.writer import pack_model

TYPES = {"int8": schema.TensorType.INT8, "int16": schema.TensorType.INT16, "int32": schema.TensorType.INT32}
ACTIVATION_SCALE, WEIGHT_SCALE, STATE_SCALE, TIME_SCALE = 1 / 32, 1 / 128, 1 / 1024, 1 / 4096


class _Writer:
    """Collects the tensors, buffers and operators of a model with one graph."""

    def __init__(self) -> None:
        self.graph, self.model = schema.SubGraphT(), schema.ModelT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.version, self.model.subgraphs, self.model.buffers = 3, [self.graph], [schema.BufferT()]

    def tensor(
        self, shape: Sequence[int], dtype: str, scale: float, data: np.ndarray | None = None, variable: bool = False
    ) -> int:
        """Adds a tensor; its index."""
        tensor, quantization = schema.TensorT(), schema.QuantizationParametersT()
        quantization.scale, quantization.zeroPoint = np.array([scale], np.float32), np.array([0], np.int64)
        tensor.shape, tensor.type, tensor.quantization = list(shape), TYPES[np.dtype(dtype).name], quantization
        tensor.isVariable, tensor.buffer = variable, 0
        if data is not None:
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(schema.BufferT(np.frombuffer(data.astype(dtype).tobytes(), np.uint8)))
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def svdf(self, rng: np.random.Generator, x: int, units: int, rank: int, memory: int) -> int:
        """Adds an SVDF over an activation of [1, n]; its output [1, units]."""
        depth, filters = self.graph.tensors[x].shape[1], units * rank
        op, options = schema.OperatorT(), schema.SVDFOptionsT()
        options.rank, options.fusedActivationFunction = rank, schema.ActivationFunctionType.RELU
        op.builtinOptionsType, op.builtinOptions = schema.BuiltinOptions.SVDFOptions, options
        op.inputs = [
            x,
            self.tensor((filters, depth), "int8", WEIGHT_SCALE, rng.integers(-127, 128, (filters, depth))),
            self.tensor((filters, memory), "int16", TIME_SCALE, rng.integers(-9999, 9999, (filters, memory))),
            self.tensor((units,), "int32", STATE_SCALE * TIME_SCALE, rng.integers(-9999, 9999, units)),
            self.tensor((1, filters * memory), "int16", STATE_SCALE, variable=True),
        ]
        output = self.tensor((1, units), "int8", ACTIVATION_SCALE)
        op.outputs, op.opcodeIndex = [output], 0
        self.graph.operators.append(op)
        return output


def svdf(seed: int) -> bytes:
    """The bytes of the model: [1, 40] int8 to [1, 12] int8."""
    rng, writer = np.random.default_rng(seed), _Writer()
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.SVDF
    code.version = 3
    writer.model.operatorCodes = [code]
    x = writer.tensor((1, 40), "int8", ACTIVATION_SCALE)
    writer.graph.inputs = [x]
    y = writer.svdf(rng, x, units=32, rank=2, memory=8)
    writer.graph.outputs = [writer.svdf(rng, y, units=12, rank=1, memory=16)]
    return pack_model(writer.model)
