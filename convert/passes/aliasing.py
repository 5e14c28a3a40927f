"""Which activations may share memory while both live, and why: the rules that an offline plan leans on.

Two reasons only, each read in the kernel's source (relative to tensorflow/lite at TFLM 90b983c2b, and CMSIS-NN's):

- the kernel writes an element after its last look at the elements of that place (`IN_PLACE`);
- both hold the same bytes there, and the kernel copies each byte onto itself (`COPIES`): nobody sees a change. memcpy
  with equal pointers is what GCC documents that it relies on ("Standards": an exact overlap must work), as LLVM does.

Only the reference kernels and CMSIS-NN's were read, those that the arena's figures are for.
"""

from itertools import accumulate
from math import prod

import numpy as np

from convert.tflite import schema
from convert.tflite.model import indices, is_constant, operator_name, tensor_bytes
from convert.tflm.planner import BUFFER_ALIGNMENT, Buffer

# int8 operators whose output may lie exactly on an input of the same shape.
IN_PLACE = {
    "ADD": "element i after reading both elements i: kernels/internal/reference/integer_ops/add.h ElementWise; "
    "arm_elementwise_add_s8.c reads four, then writes those four",
    "HARD_SWISH": "element by element: kernels/internal/reference/hard_swish.h",
    "L2_NORMALIZATION": "a row's sum of squares first, then each element after reading it: "
    "kernels/internal/reference/integer_ops/l2normalization.h",
    "LOGISTIC": "element by element: kernels/internal/reference/integer_ops/logistic.h",
    "MUL": "as ADD: kernels/internal/reference/integer_ops/mul.h; arm_elementwise_mul_s8.c",
    "SOFTMAX": "a row's maximum, its sum, then each element after reading it: "
    "kernels/internal/reference/softmax.h; arm_softmax_s8.c, arm_nn_softmax_common_s8.c",
}

# Operators that copy bytes in order, where the copied stretch is one piece of memory.
COPIES = {
    "CONCATENATION": "memcpy of each input: kernels/internal/reference/concatenation.h",
    "RESHAPE": "nothing when the pointers are equal: micro/kernels/reshape.cc",
    "SLICE": "element by element: kernels/internal/reference/slice.h",
    "SPLIT": "element by element: micro/kernels/split.cc",
    "SPLIT_V": "element by element: micro/kernels/split_v.cc",
}

Segment = tuple[int, object, int]  # length, whose bytes, from which of them on
Alias = tuple[int, int, int]  # two tensors, and bytes from the start of one to the other's


class Aliasing:
    """What a model's operators allow; tensors go by their indices in its only graph."""

    def __init__(self, model: schema.ModelT, buffers: list[Buffer]):
        """
        Args:
            model: a model of one graph.
            buffers: the buffers of its head, as the allocator lists them; those without owner share nothing.
        """
        self._model, self._graph = model, model.subgraphs[0]
        self._lives = {buffer.owner[1]: buffer for buffer in buffers if buffer.owner}
        self._contents: dict[int, list[Segment]] = {}
        self.overwrites: set[tuple[int, int]] = set()
        self.may_alias: list[Alias] = []
        for op in self._graph.operators:
            self._read(op)

    def allows(self, a: int, b: int, distance: int) -> bool:
        """Whether tensors may lie so: b begins `distance` bytes after a."""
        one, other = self._lives[a], self._lives[b]
        if one.first > other.last or other.first > one.last:
            return True
        if distance >= one.size or -distance >= other.size:
            return True
        if distance == 0 and self.overwrites & {(a, b), (b, a)}:
            return True
        start, stop = max(0, distance), min(one.nbytes, distance + other.nbytes)
        return self._bytes(a, start, stop) == self._bytes(b, start - distance, stop - distance)

    def _read(self, op: schema.OperatorT) -> None:
        """Notes what an operator copies or overwrites."""
        kind = operator_name(self._model, op)
        inputs = [i for i in indices(op.inputs) if i in self._lives]
        outputs = [i for i in indices(op.outputs) if i in self._lives]
        copies = self._copies(kind, op) if kind in COPIES else []
        beside = kind == "CONCATENATION" and len(inputs) < len(op.inputs)  # room for the constants is seldom there
        for source, target, distance in copies:
            if not beside and source in inputs and target in outputs and distance % BUFFER_ALIGNMENT == 0:
                self.may_alias.append((source, target, distance))
        if kind in IN_PLACE:
            self._overwrite(inputs, outputs[0])
        self._note_contents(op, kind, copies)

    def _overwrite(self, inputs: list[int], output: int) -> None:
        shape = indices(self._graph.tensors[output].shape)
        read_later = indices(self._graph.outputs)
        for tensor in dict.fromkeys(i for i in inputs if i not in read_later):
            same = indices(self._graph.tensors[tensor].shape) == shape and self._is_int8(tensor, output)
            if same and self._lives[tensor].last == self._lives[output].first:
                self.overwrites.add((tensor, output))
                self.may_alias.append((tensor, output, 0))

    def _is_int8(self, *tensors: int) -> bool:
        return all(self._graph.tensors[i].type == schema.TensorType.INT8 for i in tensors)

    def _copies(self, kind: str, op: schema.OperatorT) -> list[tuple[int, int, int]]:
        """(source, target, where the target begins, seen from the source) of every tensor that an operator copies."""
        inputs, outputs = indices(op.inputs), indices(op.outputs)
        if kind == "RESHAPE":
            return [(inputs[0], outputs[0], 0)]
        if kind == "CONCATENATION":
            return [(i, outputs[0], -start) for i, start in self._in_a_row(inputs, outputs[0])]
        if kind in ("SPLIT", "SPLIT_V"):
            whole = inputs[1] if kind == "SPLIT" else inputs[0]
            return [(whole, i, start) for i, start in self._in_a_row(outputs, whole)]
        start = self._slice_start(*inputs, outputs[0])
        return [] if start is None else [(inputs[0], outputs[0], start)]

    def _in_a_row(self, parts: list[int], whole: int) -> list[tuple[int, int]]:
        """Where each part begins in the whole, if the parts follow one another in memory."""
        sizes = [tensor_bytes(self._graph.tensors[i]) for i in parts]
        shapes = np.array([indices(self._graph.tensors[i].shape) for i in [*parts, whole]])
        cut = [axis for axis in range(shapes.shape[1]) if len(set(shapes[:, axis])) > 1]
        if len(parts) > 1 and (len(cut) != 1 or prod(shapes[0, : cut[0]]) != 1):
            return []
        return list(zip(parts, accumulate(sizes, initial=0)))

    def _slice_start(self, whole: int, begin: int, size: int, part: int) -> int | None:
        """First byte of a slice that is one piece of memory."""
        tensors = self._graph.tensors
        if not (is_constant(self._model, tensors[begin]) and is_constant(self._model, tensors[size])):
            return None
        old, new = indices(tensors[whole].shape), indices(tensors[part].shape)
        cut = [axis for axis, (a, b) in enumerate(zip(old, new)) if a != b]
        if cut and prod(new[: cut[-1]]) != 1:
            return None
        starts = np.frombuffer(np.asarray(self._model.buffers[tensors[begin].buffer].data, np.uint8).tobytes(), "<i4")
        strides = [prod(old[axis + 1 :]) for axis in range(len(old))]
        return int(starts @ strides) * tensor_bytes(tensors[part]) // prod(new)

    def _note_contents(self, op: schema.OperatorT, kind: str, copies: list) -> None:
        """A copy's bytes are its source's; all other bytes are new."""
        for output in indices(op.outputs):
            sources = [(source, distance) for source, target, distance in copies if target == output]
            if kind == "CONCATENATION" and sources:
                whole = [segment for source, _ in sources for segment in self._content(source)]
                self._contents[output] = whole
            elif sources:
                source, distance = sources[0]
                length = tensor_bytes(self._graph.tensors[output])
                self._contents[output] = self._bytes(source, distance, distance + length)

    def _content(self, tensor: int) -> list[Segment]:
        return self._contents.get(tensor) or [(tensor_bytes(self._graph.tensors[tensor]), tensor, 0)]

    def _bytes(self, tensor: int, start: int, stop: int) -> list[Segment]:
        """Bytes start..stop of a tensor as segments, neighbours of one source joined.

        Example: t joins a (6 bytes) and b (4 bytes), so its content is [(6, a, 0), (4, b, 0)]. Its bytes 2..8 are
        [(4, a, 2), (2, b, 0)]: four bytes of a from its third on, two of b. If u, a tensor of 10 bytes, was split into
        t's parts, a is [(6, u, 0)] and b [(4, u, 6)], so that all of t is [(10, u, 0)], one segment: t may lie on u.
        """
        found: list[Segment] = []
        position = 0
        for length, source, offset in self._content(tensor):
            low, high = max(start, position), min(stop, position + length)
            if low < high:
                segment = (high - low, source, offset + low - position)
                if found and found[-1][1] == source and found[-1][2] + found[-1][0] == segment[2]:
                    segment = (found[-1][0] + segment[0], source, found.pop()[2])
                found.append(segment)
            position += length
        return found
