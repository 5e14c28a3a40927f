"""One method per TFLite operator that EmbBERT uses: knows its output shape, its options and its fixed scales.

The methods append to a Graph in execution order. What each int8 kernel asks for is read from TFLM's Prepare functions
(tensorflow/lite/micro/kernels); the file is named where a rule is not obvious.
"""

from typing import Any

import numpy as np

from convert.lowering.graph import Graph, Op, Quantization, Role, Tensor
from convert.lowering.quantization import NORM_SCALE, PROBABILITY_SCALE


class GraphBuilder:
    """Appends operators to a graph; equal constants become one tensor."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.block: int | None = None  # of which the operators are that are appended
        self._constants: dict[tuple, Tensor] = {}

    def input(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """An int32 graph input."""
        tensor = self._tensor(name, shape, np.int32)
        self.graph.inputs.append(tensor)
        return tensor

    def output(self, tensor: Tensor) -> None:
        """Makes a tensor the next graph output."""
        self.graph.outputs.append(tensor)

    def constant(self, name: str, data: np.ndarray, quantization: Quantization | None = None) -> Tensor:
        """A constant tensor, the same one for the same data and quantisation."""
        data = np.ascontiguousarray(data)
        key = (data.shape, data.dtype.str, data.tobytes(), quantization)
        if key not in self._constants:
            self._constants[key] = self._tensor(name, data.shape, data.dtype, quantization, data)
        return self._constants[key]

    def gather(self, name: str, table: Tensor, indices: Tensor) -> Tensor:
        """Rows of `table` [n, ...] at `indices`; with indices of several dimensions it also reshapes."""
        shape = indices.shape + table.shape[1:]
        return self._op("GATHER", [table, indices], name, shape, table.quantization, axis=0)

    def products_of_rows(self, name: str, x: Tensor, y: Tensor, quantization: Quantization) -> Tensor:
        """Products of each row of x with the same row of y: two [n, 1, m] to [n, 1, 1]."""
        return self._op("BATCH_MATMUL", [x, y], name, (x.shape[0], 1, 1), quantization, transposed=True)

    def concatenate(self, name: str, tensors: list[Tensor]) -> Tensor:
        """Joins along the last axis; all tensors must share one quantisation (concatenation.cc)."""
        shape = (*tensors[0].shape[:-1], sum(t.shape[-1] for t in tensors))
        return self._op("CONCATENATION", tensors, name, shape, tensors[0].quantization, axis=len(shape) - 1)

    def dense(
        self,
        name: str,
        x: Tensor,
        weights: Tensor,
        bias: Tensor | None,
        quantization: Quantization,
        flat: bool = False,
        relu: bool = False,
    ) -> Tensor:
        """x weights^T + bias: [..., n] and [m, n] to [..., m], or if `flat` to [rows, m].

        `weights` may be an activation: the kernel reads it as a plain int8 array, which makes FULLY_CONNECTED the
        product of two activations too. It needs zero point 0 (fully_connected_common.cc) and two dimensions (TFLite).
        Where the output has three or four, CMSIS-NN takes two rows of each operand at a time (cmsis_nn/
        fully_connected.cc, is_conv_1x1_possible): a quarter fewer instructions, for 8 bytes of scratch a unit.
        """
        assert weights.quantization.zero_point == 0 and weights.shape[-1] == x.shape[-1]
        rows = (x.size // x.shape[-1],) if flat else x.shape[:-1]
        options: dict[str, Any] = {"keep_dims": True} if len(rows) > 1 else {}
        options |= {"fused_activation": "RELU"} if relu else {}
        return self._op(
            "FULLY_CONNECTED", [x, weights, bias], name, (*rows, weights.shape[-2]), quantization, **options
        )

    def dense_transposed(self, name: str, kernel: Tensor, x: Tensor, quantization: Quantization) -> Tensor:
        """(x kernel^T)^T from a dense whose input is the constant and whose weights are x: [m, n] and [rows, n] to
        [1, m, rows].

        The next dense reads it as weights, for which TFLite wants two dimensions, and the way of CMSIS-NN that is
        faster wants three of the output. Both get them: without `keep_dims` TFLite makes it [m, rows], and TFLM takes
        the file's word for the shape. The bytes are the same.
        """
        assert x.quantization.zero_point == 0 and x.shape[1] == kernel.shape[1]
        shape = (1, kernel.shape[0], x.shape[0])
        return self._op("FULLY_CONNECTED", [kernel, x, None], name, shape, quantization)

    def l2_normalize(self, name: str, x: Tensor) -> Tensor:
        """x / |x| along the last axis."""
        return self._op("L2_NORMALIZATION", [x], name, x.shape, NORM_SCALE)

    def softmax(self, name: str, x: Tensor) -> Tensor:
        """Softmax along the last axis, beta 1."""
        return self._op("SOFTMAX", [x], name, x.shape, PROBABILITY_SCALE, beta=1.0)

    def logistic(self, name: str, x: Tensor) -> Tensor:
        """1 / (1 + exp(-x))."""
        return self._op("LOGISTIC", [x], name, x.shape, PROBABILITY_SCALE)

    def hard_swish(self, name: str, x: Tensor, quantization: Quantization) -> Tensor:
        """x min(max(x + 3, 0), 6) / 6; the input's step is below 128 of the output's (hard_swish_common.cc)."""
        return self._op("HARD_SWISH", [x], name, x.shape, quantization)

    def add(self, name: str, x: Tensor, y: Tensor, quantization: Quantization | None = None) -> Tensor:
        """x + y of equal shapes, or of int32 with one element."""
        return self._op("ADD", [x, y], name, x.shape, quantization)

    def add_int16(self, name: str, x: Tensor, y: Tensor, quantization: Quantization) -> Tensor:
        """x + y of equal shapes in int16, whatever the scales; TFLite takes powers of two another way (add.cc)."""
        return self._op("ADD", [x, y], name, x.shape, quantization, powers_of_two=False)

    def multiply(self, name: str, x: Tensor, y: Tensor, quantization: Quantization | None = None) -> Tensor:
        """x * y of equal shapes, or of int32 with a constant of one element."""
        return self._op("MUL", [x, y], name, x.shape, quantization)

    def multiply_shaped(self, name: str, x: Tensor, y: Tensor, quantization: Quantization | None) -> Tensor:
        """x * y of shapes that are broadcast."""
        shape = np.broadcast_shapes(x.shape, y.shape)
        return self._op("MUL", [x, y], name, shape, quantization)

    def cast(self, name: str, x: Tensor, dtype: Any, quantization: Quantization | None) -> Tensor:
        """The same integers in another type (cast.cc)."""
        return self._op("CAST", [x], name, x.shape, quantization, dtype=dtype)

    def requantize(self, name: str, x: Tensor, quantization: Quantization) -> Tensor:
        """The same numbers in int8, of another scale (quantize_common.cc)."""
        return self._op("QUANTIZE", [x], name, x.shape, quantization, dtype=np.int8)

    def not_equal(self, name: str, x: Tensor, y: Tensor) -> Tensor:
        """Whether elements of int32 differ: bool."""
        return self._op("NOT_EQUAL", [x, y], name, x.shape, None, dtype=np.bool_)

    def slice(self, name: str, x: Tensor, begin: tuple[int, ...], size: tuple[int, ...]) -> Tensor:
        """Elements from `begin` on, `size` of each dimension."""
        limits = [self.build_integers(values) for values in (begin, size)]
        return self._op("SLICE", [x, *limits], name, size, x.quantization)

    def build_integers(self, values: tuple[int, ...]) -> Tensor:
        """A constant int32 vector."""
        return self.constant("integers", np.array(values, np.int32))

    def concatenate_rows(self, name: str, tensors: list[Tensor]) -> Tensor:
        """Joins [1, 1, n, d] along n."""
        first = tensors[0]
        shape = (*first.shape[:2], sum(t.shape[2] for t in tensors), first.shape[3])
        return self._op("CONCATENATION", tensors, name, shape, first.quantization, axis=2)

    def like_input(self, tensor: Tensor) -> Tensor:
        """A graph input of the shape, type and scale of another tensor."""
        made = self._tensor(tensor.name, tensor.shape, tensor.dtype, tensor.quantization)
        self.graph.inputs.append(made)
        return made

    def loop(self, name: str, begins: list[Tensor], condition: int, body: int) -> list[Tensor]:
        """WHILE: runs the body, a graph of this number, on its own outputs while the condition, another, says so."""
        self.graph.tensors += [tensor for tensor in begins if tensor.data is not None]
        ends = [self._tensor(f"{name}.{t.name}", t.shape, t.dtype, t.quantization) for t in begins]
        self.graph.ops.append(Op("WHILE", begins, ends, {"condition": condition, "body": body}))
        return ends

    def subtract_relu(self, name: str, x: Tensor, y: Tensor) -> Tensor:
        """max(x - y, 0) of int32, x a constant of one element."""
        return self._op("SUB", [x, y], name, y.shape, None, fused_activation="RELU")

    def pad_rows(self, name: str, x: Tensor, before: int) -> Tensor:
        """[1, 1, n, d] to [1, 1, before + n, d] with rows of real zero in front."""
        paddings = self.constant("paddings", np.array([[0, 0], [0, 0], [before, 0], [0, 0]], np.int32))
        shape = (*x.shape[:2], before + x.shape[2], *x.shape[3:])
        return self._op("PAD", [x, paddings], name, shape, x.quantization)

    def reshape(self, name: str, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The same elements in another shape; TFLM takes the shape of the output tensor (reshape_common.cc)."""
        if x.shape == shape:
            return x
        return self._op("RESHAPE", [x], name, shape, x.quantization, new_shape=list(shape))

    def transpose(self, name: str, x: Tensor) -> Tensor:
        """[m, n] to [n, m]."""
        permutation = self.constant("permutation", np.array([1, 0], np.int32))
        return self._op("TRANSPOSE", [x, permutation], name, x.shape[::-1], x.quantization)

    def depthwise_conv(self, name: str, x: Tensor, kernel: Tensor, bias: Tensor, quantization: Quantization) -> Tensor:
        """[1, 1, n, d] with a kernel [1, 1, k, d*m] to [1, 1, n-k+1, d*m]; channel c*m + j comes from channel c."""
        shape = (1, 1, x.shape[2] - kernel.shape[2] + 1, kernel.shape[3])
        return self._op(
            "DEPTHWISE_CONV_2D",
            [x, kernel, bias],
            name,
            shape,
            quantization,
            depth_multiplier=kernel.shape[3] // x.shape[3],
        )

    def _op(
        self,
        kind: str,
        inputs: list,
        name: str,
        shape: tuple[int, ...],
        quantization: Quantization | None,
        dtype: Any = None,
        **options: Any,
    ) -> Tensor:
        """Appends an operator with one output, which has the type of the first input where no other is given."""
        output = self._tensor(name, shape, dtype or inputs[0].dtype, quantization)
        role = None if self.block is None else Role(self.block, name.removeprefix(f"block{self.block}."))
        self.graph.ops.append(Op(kind, inputs, [output], options, role))
        return output

    def _tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: np.typing.DTypeLike,
        quantization: Quantization | None = None,
        data: np.ndarray | None = None,
    ) -> Tensor:
        tensor = Tensor(name, tuple(int(n) for n in shape), np.dtype(dtype), quantization, data)
        self.graph.tensors.append(tensor)
        return tensor
