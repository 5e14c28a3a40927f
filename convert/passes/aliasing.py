"""Which activations may share memory while both live, and why: the rules that an offline plan leans on.

Two reasons only, each read in the kernel's source (relative to tensorflow/lite at TFLM 90b983c2b, and CMSIS-NN's):

- the kernel writes an element after its last look at the elements of that place (`IN_PLACE`);
- both hold the same bytes there, and the kernel copies each byte onto itself (`COPIES`): nobody sees a change. memcpy
  with equal pointers is what GCC documents that it relies on ("Standards": an exact overlap must work), as LLVM does.

Only the reference kernels and CMSIS-NN's were read, those that the arena's figures are for.
"""

from itertools import accumulate
from math import prod
from operator import mul

from convert.tflite.view import Model, Operator, Tensor, read_numbers
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

    def __init__(self, model: Model, buffers: list[Buffer]) -> None:
        """Args:
        model: a model of one graph.
        buffers: the buffers of its head, as the allocator lists them; those without owner share nothing.
        """
        self._graph = model.graphs[0]
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

    def _read(self, op: Operator) -> None:
        """Notes what an operator copies or overwrites."""
        inputs = [tensor for tensor in op.inputs if tensor and tensor.index in self._lives]
        outputs = [tensor for tensor in op.outputs if tensor and tensor.index in self._lives]
        copies = self._copies(op) if op.name in COPIES else []
        beside = op.name == "CONCATENATION" and len(inputs) < len(op.inputs)  # constants seldom have room there
        for source, target, distance in copies:
            if not beside and source in inputs and target in outputs and distance % BUFFER_ALIGNMENT == 0:
                self.may_alias.append((source.index, target.index, distance))
        if op.name in IN_PLACE:
            self._overwrite(inputs, outputs[0])
        self._note_contents(op, copies)

    def _overwrite(self, inputs: list[Tensor], output: Tensor) -> None:
        for tensor in dict.fromkeys(tensor for tensor in inputs if tensor.index not in self._graph.outputs):
            same = tensor.shape == output.shape and tensor.type == output.type == "INT8"
            if same and self._lives[tensor.index].last == self._lives[output.index].first:
                self.overwrites.add((tensor.index, output.index))
                self.may_alias.append((tensor.index, output.index, 0))

    def _copies(self, op: Operator) -> list[tuple[Tensor, Tensor, int]]:
        """(source, target, where the target begins, seen from the source) of every tensor that an operator copies."""
        if op.name == "RESHAPE":
            return [(op.input, op.output, 0)]
        if op.name == "CONCATENATION":
            return [(tensor, op.output, -start) for tensor, start in _in_a_row(op.inputs, op.output)]
        if op.name in ("SPLIT", "SPLIT_V"):
            whole = op.inputs[1] if op.name == "SPLIT" else op.input
            return [(whole, tensor, start) for tensor, start in _in_a_row(op.outputs, whole)]
        whole, begin, size = op.inputs
        start = _slice_start(whole, begin, size, op.output)
        return [] if start is None else [(op.input, op.output, start)]

    def _note_contents(self, op: Operator, copies: list[tuple[Tensor, Tensor, int]]) -> None:
        """A copy's bytes are its source's; all other bytes are new."""
        for output in filter(None, op.outputs):
            sources = [(source.index, distance) for source, target, distance in copies if target is output]
            if op.name == "CONCATENATION" and sources:
                self._contents[output.index] = [part for source, _ in sources for part in self._content(source)]
            elif sources:
                source, distance = sources[0]
                self._contents[output.index] = self._bytes(source, distance, distance + output.nbytes)

    def _content(self, tensor: int) -> list[Segment]:
        return self._contents.get(tensor) or [(self._graph.tensors[tensor].nbytes, tensor, 0)]

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


def _in_a_row(parts: tuple[Tensor, ...], whole: Tensor) -> list[tuple[Tensor, int]]:
    """Where each part begins in the whole, if the parts follow one another in memory."""
    sizes = list(zip(*(tensor.shape for tensor in (*parts, whole))))  # of each axis
    cut = [axis for axis, along in enumerate(sizes) if len(set(along)) > 1]
    if len(parts) > 1 and (len(cut) != 1 or prod(parts[0].shape[: cut[0]]) != 1):
        return []
    return list(zip(parts, accumulate((part.nbytes for part in parts), initial=0)))


def _slice_start(whole: Tensor, begin: Tensor, size: Tensor, part: Tensor) -> int | None:
    """First byte of a slice that is one piece of memory."""
    if begin.data is None or not size.constant:
        return None
    cut = [axis for axis, (a, b) in enumerate(zip(whole.shape, part.shape)) if a != b]
    if cut and prod(part.shape[: cut[-1]]) != 1:
        return None
    starts = read_numbers(begin.data, "i")
    strides = [prod(whole.shape[axis + 1 :]) for axis in range(whole.rank)]
    return sum(map(mul, starts, strides)) * part.nbytes // part.elements
