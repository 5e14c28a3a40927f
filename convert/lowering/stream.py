"""A program with a scan to an int8 graph that takes one token after another: WHILE, its body the whole network.

What a recurrent model knows of the tokens before is a state of a few kilobytes, so no tensor is L long but the tokens:
the arena hardly grows with L, and a text costs what its tokens cost, for the loop ends at the first pad. It carries

    tokens [1, L] (and segments)   shifted by one each time: the one that is read is the first
    time [1, 1]                    row of the position table; in the end the number of tokens
    window [1, 1, k-1, d]          of each convolution, the rows before
    states [1, 1, e, n] int16      of each scan
    squares [1, 1, 1, d] int32     of what is pooled

TFLM has neither exp nor softplus for integers. Of the 256 values of an int8 tensor there are tables
(`lookup_tables.py`), and states and what changes them are int16.
"""

from functools import reduce
from itertools import pairwise

import numpy as np

from convert.lowering.graph import Graph, Quantization, Tensor
from convert.lowering.lookup_tables import TableBuilder
from convert.lowering.quantization import INT8_MAX, asymmetric, dequantize, quantize, symmetric
from convert.lowering.steps import ProgramLowering
from tf_embbert.model.program import SEGMENTS, TOKENS, Program, Step
from tf_embbert.run import Ranges

INT16_MAX = 32767
RECIPROCAL = 1 << 14  # over the number of tokens: 255^2 of each fit 32 bits with it
ROOT_PARTS = (1.0, 1 / 16, 1 / 256)  # of the largest mean square
HALF = 128  # of the reciprocal's two digits


class StreamLowering(ProgramLowering):
    """The steps of `lower_model` for a program with a scan; the arguments are those of `ProgramLowering`."""

    def __init__(self, program: Program, ranges: Ranges, length: int) -> None:
        super().__init__(program, ranges, length)
        self.pooled = set()
        self.initial: dict[str, Tensor] = {}  # what the loop carries, by name, as it begins
        self.carried: dict[str, Tensor] = {}  # in the body
        self.renewed: dict[str, Tensor] = {}  # at its end

    def run(self) -> Graph:
        """Writes the condition, the body, and the graph that loops."""
        main, head = self.build, next(i for i, step in enumerate(self.program.steps) if step.kind == "over_root")
        given = {TOKENS: main.input(TOKENS, (1, self.length))}
        given |= {SEGMENTS: main.input(SEGMENTS, (1, self.length))} if self.program.is_pair else {}
        body = self._body(self.program.steps[:head])
        condition = self._condition(body)
        begins = [given.get(name) or self.initial[name] for name in self.carried]
        ends = dict(zip(self.carried, main.loop("loop", begins, condition=1, body=2)))
        self.build, self.tables = main, TableBuilder(main)
        self.tensors, self.carried = {**self.tensors, **ends}, ends
        for step in self.program.steps[head:]:
            self.tensors[step.name] = self._lower(step)
        logits = self.tensors[self.program.steps[-1].name]
        main.output(main.reshape("logits.row", logits, (1, logits.shape[-1])))
        main.graph.subgraphs = [condition, body]
        return main.graph

    def _body(self, steps: tuple[Step, ...]) -> Graph:
        """One token through the network."""
        self.build = type(self.build)()
        self.tables = TableBuilder(self.build)
        for name in (TOKENS, SEGMENTS) if self.program.is_pair else (TOKENS,):
            self._shift(name, self._carry(name, np.zeros((1, self.length), np.int32)))
        time = self._carry("time", np.zeros((1, 1), np.int32))
        self.renewed["time"] = self.build.add("time.next", time, self.build.constant("one", np.ones((1, 1), np.int32)))
        for step in steps:
            self.tensors[step.name] = self._lower(step)
        for name in self.carried:
            self.build.output(self.renewed[name])
        return self.build.graph

    def _condition(self, body: Graph) -> Graph:
        """The first of the tokens that are left is none of the pads."""
        build = type(self.build)()
        inputs = [build.like_input(tensor) for tensor in body.inputs]
        first = build.reshape("one", build.slice("first", inputs[0], (0, 0), (1, 1)), (1,))
        build.output(build.not_equal("goes.on", first, build.constant("pad", np.zeros(1, np.int32))))
        return build.graph

    def _carry(self, name: str, value: np.ndarray, quantization: Quantization | None = None) -> Tensor:
        """A tensor that the loop carries, with the value that it begins with."""
        self.initial[name] = Tensor(name, value.shape, value.dtype, quantization, value)
        self.carried[name] = self.build.like_input(self.initial[name])
        return self.carried[name]

    def _shift(self, name: str, ids: Tensor) -> None:
        """Takes the first id, and moves the others up."""
        self.tensors[name] = self.build.slice(f"{name}.first", ids, (0, 0), (1, 1))
        rest = self.build.slice(f"{name}.rest", ids, (0, 1), (1, self.length - 1))
        pad = self.build.constant("pad", np.zeros((1, 1), np.int32))
        self.renewed[name] = self.build.concatenate(f"{name}.next", [rest, pad])

    # ---- steps that are others than those over all rows ----

    def _features(self, step: Step) -> Tensor:
        raise ValueError("a scan behind a nano embedder is not lowered: give it tables of the full width")

    def _positions(self, step: Step) -> Tensor:
        scale = self.quantization(step.name)
        rows = quantize(self.weights[step.weights["table"]][: self.length], scale)
        table = self.build.constant(step.weights["table"], rows, scale)
        return self._rows(self.build.gather(step.name, table, self.carried["time"]))

    def _depthwise(self, step: Step, x: Tensor, channels: slice, name: str) -> Tensor:
        kernel = self._conv_kernel(step, channels, name)
        before = np.full((1, 1, kernel.shape[2] - 1, x.shape[-1]), x.quantization.zero_point, np.int8)
        window = self.build.concatenate_rows(
            f"{name}.window", [self._carry(f"{name}.before", before, x.quantization), x]
        )
        self.renewed[f"{name}.before"] = self.build.slice(f"{name}.next", window, (0, 0, 1, 0), before.shape)
        bias = self._bias(step, x, kernel, channels)
        return self.build.depthwise_conv(name, window, kernel, bias, self.quantization(step.name))

    def _scan(self, step: Step) -> Tensor:
        """h + (exp(-A s) - 1) h + s x b, s = softplus(z): int16 [1, 1, e, n]."""
        x, z, b = (self.tensors[name] for name in step.inputs)
        decay = self.weights[step.weights["decay"]].astype(np.float64)  # A: [e, n]
        scale = self.quantization(step.name)
        h = self._carry(step.name, np.zeros((1, 1, *decay.shape), np.int16), scale)
        real = np.log1p(np.exp(dequantize(np.arange(-128, 128), z.quantization)))  # softplus of each int8
        index = self.tables.index(f"{step.name}.index", z)
        change = self._decays(step.name, np.log(real), index, np.log(decay))
        lost = self.build.multiply(f"{step.name}.lost", change, h, scale)
        kept = self.build.add_int16(f"{step.name}.kept", h, lost, scale)
        taken = self._taken(step.name, x, b, self.tables.int16(f"{step.name}.step", index, real), scale)
        self.renewed[step.name] = self.build.add_int16(f"{step.name}.next", kept, taken, scale)
        return self.renewed[step.name]

    def _decays(self, name: str, logs: np.ndarray, index: Tensor, log_decay: np.ndarray) -> Tensor:
        """exp(-exp(log s + log A)) - 1 in int16 [1, 1, e, n]; in logarithms the slow ones are as fine as the fast."""
        scale = asymmetric(min(logs.min(), 0), max(logs.max(), 0))
        step = self.build.reshape(
            f"{name}.column", self.tables.int8(f"{name}.log", index, logs, scale), (1, 1, len(log_decay), 1)
        )
        one = Quantization((1 / 64,))
        ones = self.build.constant("ones", np.full((log_decay.shape[1], 1), 64, np.int8), one)
        wide = self.build.dense(f"{name}.wide", step, ones, None, scale)
        scale = asymmetric(min(log_decay.min(), 0), max(log_decay.max(), 0))
        decay = self.build.constant(f"{name}.decay", quantize(log_decay[None, None], scale), scale)
        both = asymmetric(min(logs.min() + log_decay.min(), 0), max(logs.max() + log_decay.max(), 0))
        total = self.build.add(f"{name}.rate", wide, decay, both)
        values = np.expm1(-np.exp(dequantize(np.arange(-128, 128), both)))
        return self.tables.int16(f"{name}.change", self.tables.index(f"{name}.rates", total), values)

    def _taken(self, name: str, x: Tensor, b: Tensor, step: Tensor, state: Quantization) -> Tensor:
        """step x b: [1, 1, e, n]; both factors of what a state takes are int16, their product at twice its range."""
        wide = self.build.cast(f"{name}.x", x, np.int16, x.quantization)
        bound = step.quantization.per_tensor_scale * INT16_MAX * x.quantization.per_tensor_scale * INT8_MAX
        dx = self.build.multiply_shaped(f"{name}.dx", step, wide, Quantization((bound / INT16_MAX,)))
        column = self.build.reshape(f"{name}.dx.column", dx, (1, 1, x.size, 1))
        row = self.build.cast(f"{name}.b", b, np.int16, b.quantization)
        return self.build.multiply_shaped(f"{name}.taken", column, row, Quantization((2 * state.per_tensor_scale,)))

    def _readout(self, step: Step) -> Tensor:
        """The states as weights of a dense whose input is c: [1, 1, 1, e]."""
        h, c = (self.tensors[name] for name in step.inputs)
        scale = symmetric(self.ranges[step.inputs[0]][1])
        small = self.build.requantize(f"{step.name}.states", h, scale)
        return self.build.dense(step.name, c, self._flat(small), None, self.quantization(step.name))

    def _lengths(self, step: Step) -> Tensor:
        """The sum of squares of the integers, less the zero point: int32."""
        x = self.tensors[step.inputs[0]]
        squares = self._carry(step.name, np.zeros(x.shape, np.int32))
        zero = self.build.constant("less.zero", np.full((1, 1, 1, 1), -x.quantization.zero_point, np.int32))
        centred = self.build.add(f"{step.name}.centred", self.build.cast(f"{step.name}.wide", x, np.int32, None), zero)
        square = self.build.multiply_shaped(f"{step.name}.square", centred, centred, None)
        self.renewed[step.name] = self.build.add(f"{step.name}.next", squares, square)
        return self.renewed[step.name]

    def _over_root(self, step: Step) -> Tensor:
        """sqrt(squares / n): times a reciprocal, and the root from tables.

        256 levels of the mean square say nothing of roots below a tenth of the largest, so each part of ROOT_PARTS has
        levels of its own. What a table gives begins at what those of the smaller parts end with, and all are added.
        """
        squares, summed = self.carried[step.inputs[0]], self.steps[step.inputs[0]].inputs[0]
        unit = Quantization((self.quantization(summed).per_tensor_scale ** 2 / RECIPROCAL,))
        mean = self.build.multiply_shaped(f"{step.name}.wide", squares, self._reciprocal(step.name), unit)
        largest, result = self.ranges[step.name][1] ** 2, self.quantization(step.name)
        edges = pairwise(part * largest for part in (*ROOT_PARTS, 0.0))
        roots = (self._roots(f"{step.name}.{i}", mean, *edge, result) for i, edge in enumerate(edges))
        return reduce(lambda total, more: self.build.add(f"{more.name}.sum", total, more, result), roots)

    def _roots(self, name: str, mean: Tensor, most: float, least: float, result: Quantization) -> Tensor:
        """sqrt(mean) - sqrt(least) of means between the two."""
        small = asymmetric(0.0, most)
        index = self.tables.index(f"{name}.index", self.build.requantize(f"{name}.mean", mean, small))
        reached = np.maximum(dequantize(np.arange(-128, 128), small), least)
        return self.tables.int8(name, index, np.sqrt(reached) - np.sqrt(least), result)

    def _reciprocal(self, name: str) -> Tensor:
        """RECIPROCAL over the number of tokens, int32 [1, 1]: of two digits, for GATHER has no values of 32 bits."""
        values = np.round(RECIPROCAL / np.maximum(np.arange(self.length + 1), 1))
        digits = []
        for place, digit in zip((HALF, 1), divmod(np.minimum(values, RECIPROCAL - 1).astype(int), HALF)):
            table = self.build.constant(f"{name}.{place}", digit.astype(np.int8), Quantization((1.0,)))
            found = self.build.gather(f"{name}.digit{place}", table, self.carried["time"])
            wide = self.build.cast(f"{name}.wide{place}", found, np.int32, None)
            worth = self.build.constant(f"{place}", np.full((1, 1), place, np.int32))
            digits.append(self.build.multiply(f"{name}.part{place}", wide, worth))
        return self.build.add(f"{name}.reciprocal", digits[0], digits[1])
