"""A program and ranges to the int8 graph of one text of a fixed length: some operators for each step.

Rows are [1, 1, n, d]; what a dense reads as weights, keys and transposed values, is [L, d] and [d, L]. The steps are
those of `tf_embbert/model/program.py`, which says what each computes.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from convert.lowering.graph import Graph, Quantization, Tensor
from convert.lowering.masks import KeyMasks
from convert.lowering.ops import GraphBuilder
from convert.lowering.quantization import (
    NORM_SCALE,
    PROBABILITY_SCALE,
    WEIGHT_MAX,
    asymmetric,
    quantize,
    quantize_bias,
    short_scale,
    symmetric,
)
from convert.lowering.requantization import agreeing
from tf_embbert.model.program import SEGMENTS, TOKENS, Program, Step
from tf_embbert.run import Ranges

FIXED = {"unit_norm": NORM_SCALE, "softmax": PROBABILITY_SCALE, "gate": PROBABILITY_SCALE}
INT16_MAX = 32767
GROUP_BYTES = 10_240  # of a group of channels over all rows, about: pooled one group after the other
ONE = Quantization((1 / 64,))  # in which 1.0 is 64: a product with it keeps every integer


class ProgramLowering:
    """The steps of `lower_model` for a program.

    Args:
        program: the folded model.
        ranges: by tensor and kernel, as `calibrate` gives them.
        length: L.
    """

    def __init__(self, program: Program, ranges: Ranges, length: int) -> None:
        self.program, self.ranges, self.length = program, ranges, length
        self.weights, self.build = program.weights, GraphBuilder()
        self.steps = {step.name: step for step in program.steps}
        self.joined = {part: step.name for step in program.steps if step.kind == "join" for part in step.inputs}
        self.keys = {step.inputs[1] for step in program.steps if step.kind == "scores"}
        self.values = {step.inputs[1] for step in program.steps if step.kind == "mix"}
        self.tensors: dict[str, Tensor] = {}
        self.views: dict[tuple[Tensor, tuple[int, ...]], Tensor] = {}
        self.pooled = _pooled(program)

    def run(self) -> Graph:
        """Writes all steps."""
        self.tensors[TOKENS] = tokens = self.build.input(TOKENS, (1, self.length))
        if self.program.is_pair:
            self.tensors[SEGMENTS] = self.build.input(SEGMENTS, (1, self.length))
        self.masks = KeyMasks(self.build, *self._products())
        self.pads = self.masks.find_pads(tokens)
        for step in self.program.steps:
            if step.name not in self.pooled:
                self.tensors[step.name] = self._lower(step)
        logits = self.tensors[self.program.steps[-1].name]
        self.build.output(self.build.reshape("logits.row", logits, (1, logits.shape[-1])))
        return self.build.graph

    def _products(self) -> tuple[dict[str, tuple[float, float]], int]:
        """Scales of the products and of the scores, by name of the scores; and the widest key."""
        scales, width = {}, 1
        for step in self.program.steps:
            if step.kind == "scores":
                query, keys = (self.quantization(name).per_tensor_scale for name in step.inputs[:2])
                scales[step.name] = query * keys, self.quantization(step.name).per_tensor_scale
                width = max(width, self._width(step.inputs[0]))
        return scales, width

    def _width(self, name: str) -> int:
        """Channels of what a step makes."""
        step = self.steps[name]
        return len(self.weights[step.weights["kernel"]]) if step.kind == "dense" else self._width(step.inputs[0])

    def _lower(self, step: Step) -> Tensor:
        lower: Callable[[Step], Tensor] = getattr(self, f"_{step.kind}")
        return lower(step)

    # ---- what a step becomes ----

    def _features(self, step: Step) -> Tensor:
        """Rows of the tables side by side; they share a scale for the concatenation."""
        scale = self.quantization(step.name)
        tokens, table = self.tensors[TOKENS], self.weights[step.weights["position"]]
        features = [self.build.gather(f"{step.name}.tokens", self._table(step, "token", scale), tokens)]
        position = quantize(table[None, : self.length], scale)
        features.append(self.build.constant(f"{step.name}.position", position, scale))
        if "segment" in step.weights:
            segment = self._table(step, "segment", scale)
            features.append(self.build.gather(f"{step.name}.segments", segment, self.tensors[SEGMENTS]))
        return self._rows(self.build.concatenate(step.name, features))

    def _lookup(self, step: Step) -> Tensor:
        table = self._table(step, "table", self.quantization(step.name))
        return self._rows(self.build.gather(step.name, table, self.tensors[step.inputs[0]]))

    def _positions(self, step: Step) -> Tensor:
        rows = self.weights[step.weights["table"]][None, None, : self.length]
        scale = self.quantization(step.name)
        return self.build.constant(step.name, quantize(rows, scale), scale)

    def _dense(self, step: Step) -> Tensor:
        x, kernel = self.tensors[step.inputs[0]], self._kernel(step)
        if step.name in self.values and "bias" not in step.weights:
            return self.build.dense_transposed(step.name, kernel, self._flat(x), self.quantization(step.name))
        bias = self._bias(step, x, kernel) if "bias" in step.weights else None
        relu = step.options.get("activation") == "relu"
        is_flat = step.name in self.keys
        return self.build.dense(step.name, x, kernel, bias, self.quantization(step.name), flat=is_flat, relu=relu)

    def _unit_norm(self, step: Step) -> Tensor:
        return self.build.l2_normalize(step.name, self.tensors[step.inputs[0]])

    def _first(self, step: Step) -> Tensor:
        zero = self.build.constant("zero", np.zeros((1, 1, 1), np.int32))
        return self.build.gather(step.name, self._flat(self.tensors[step.inputs[0]]), zero)

    def _scores(self, step: Step) -> Tensor:
        query, keys = (self.tensors[name] for name in step.inputs[:2])
        mask = self.masks.mask(f"{step.name}.mask", step.name)
        return self.build.dense(step.name, query, self._flat(keys), mask, self.quantization(step.name))

    def _softmax(self, step: Step) -> Tensor:
        return self.build.softmax(step.name, self.tensors[step.inputs[0]])

    def _mix(self, step: Step) -> Tensor:
        weights, values = (self.tensors[name] for name in step.inputs)
        maker = self.steps[step.inputs[1]]
        if maker.kind != "dense" or "bias" in maker.weights:
            values = self.build.transpose(f"{step.name}.values", self._flat(values))
        bias = self._bias(step, weights, values) if "bias" in step.weights else None
        return self.build.dense(step.name, weights, values, bias, self.quantization(step.name))

    def _join(self, step: Step) -> Tensor:
        return self.build.concatenate(step.name, [self.tensors[name] for name in step.inputs])

    def _conv(self, step: Step) -> Tensor:
        return self._depthwise(step, self.tensors[step.inputs[0]], slice(None), step.name)

    def _gate(self, step: Step) -> Tensor:
        return self.build.logistic(step.name, self.tensors[step.inputs[0]])

    def _multiply(self, step: Step) -> Tensor:
        x, y = (self.tensors[name] for name in step.inputs)
        scale = agreeing(x.quantization, y.quantization, self.quantization(step.name))
        return self.build.multiply(step.name, x, y, scale)

    def _scale(self, step: Step) -> Tensor:
        """Of int8 too: the gains are a row of constants."""
        x, gain = self.tensors[step.inputs[0]], self.weights[step.weights["gain"]].reshape(1, 1, 1, -1)
        scale = symmetric(np.abs(gain).max())
        row = self.build.constant(step.weights["gain"], quantize(gain, scale), scale)
        wanted = self.quantization(step.name)
        return self.build.multiply_shaped(step.name, x, row, agreeing(x.quantization, scale, wanted))

    def _add(self, step: Step) -> Tensor:
        x, y = (self.tensors[name] for name in step.inputs)
        return self.build.add(step.name, x, y, self.quantization(step.name))

    def _lengths(self, step: Step) -> Tensor:
        """sqrt(sum x^2) of a channel is its product with its unit vector: [1, 1, 1, d], a group of channels at a time,
        made from what is d wide only there.
        """
        width = self._width(step.inputs[0])
        count = max(1, -(-width * self.length // GROUP_BYTES))
        edges = [round(width * number / count) for number in range(count + 1)]
        parts = [self._lengths_of(step, slice(*edge), f"{step.name}@{i}") for i, edge in enumerate(pairwise(edges))]
        return self.build.concatenate(step.name, parts) if len(parts) > 1 else parts[0]

    def _lengths_of(self, step: Step, channels: slice, name: str) -> Tensor:
        rows = self._channels(step.inputs[0], channels, name)
        width = rows.shape[-1]
        table = self.build.constant("one.or.zero", np.array([[64], [0]], np.int8) * np.ones((1, width), np.int8), ONE)
        ones = self.build.reshape(f"{name}.ones", self.build.gather(f"{name}.real", table, self.pads), rows.shape)
        masked = self.build.multiply(f"{name}.masked", rows, ones, rows.quantization)
        turned = self.build.transpose(f"{name}.turned", self._flat(masked))  # [width, L]
        vectors = self.build.reshape(f"{name}.vectors", turned, (width, 1, self.length))
        unit = self.build.l2_normalize(f"{name}.unit", vectors)
        lengths = self.build.products_of_rows(name, unit, vectors, self.quantization(step.name))
        return self.build.reshape(f"{name}.row", lengths, (1, 1, 1, width))

    def _over_root(self, step: Step) -> Tensor:
        """The unit vector of a row of ones at the tokens has 1 / sqrt(n) at the first."""
        table = self.build.constant("one.at.tokens", np.array([[64], [0]], np.int8), ONE)
        ones = self.build.reshape(
            f"{step.name}.ones", self.build.gather(f"{step.name}.real", table, self.pads), (1, self.length)
        )
        unit = self.build.reshape(
            f"{step.name}.column", self.build.l2_normalize(f"{step.name}.unit", ones), (self.length, 1)
        )
        zero = self.build.constant("zero", np.zeros((1, 1, 1), np.int32))
        share, x = self.build.gather(f"{step.name}.share", unit, zero), self.tensors[step.inputs[0]]
        scale = agreeing(x.quantization, share.quantization, self.quantization(step.name))
        return self.build.multiply(step.name, x, share, scale)

    def _channels(self, name: str, channels: slice, suffix: str) -> Tensor:
        """Some channels of a tensor, made for themselves where its maker is pooled (`_pooled`)."""
        step = self.steps[name]
        if name not in self.pooled:
            raise ValueError(f"{name} is pooled, and made neither by a dense nor by a convolution of one")
        if step.kind == "conv":
            return self._depthwise(step, self._channels(step.inputs[0], channels, suffix), channels, f"{name}{suffix}")
        x, kernel = self.tensors[step.inputs[0]], self._kernel(step, channels)
        bias = self._bias(step, x, kernel, channels) if "bias" in step.weights else None
        return self.build.dense(f"{name}{suffix}", x, kernel, bias, self.quantization(name))

    def _depthwise(self, step: Step, x: Tensor, channels: slice, name: str) -> Tensor:
        kernel = self._conv_kernel(step, channels, name)
        bias, before = self._bias(step, x, kernel, channels), kernel.shape[2] - 1
        padded = self.build.pad_rows(f"{name}.padded", x, before) if before else x
        return self.build.depthwise_conv(name, padded, kernel, bias, self.quantization(step.name))

    # ---- constants, scales and shapes ----

    def _table(self, step: Step, part: str, scale: Quantization) -> Tensor:
        name = step.weights[part]
        return self.build.constant(name, quantize(self.weights[name], scale), scale)

    def _kernel(self, step: Step, channels: slice = slice(None)) -> Tensor:
        name = step.weights["kernel"]
        scale = symmetric(np.ravel(self.ranges[name])[1])
        return self.build.constant(name, quantize(self.weights[name][channels], scale, low=-WEIGHT_MAX), scale)

    def _conv_kernel(self, step: Step, channels: slice, name: str) -> Tensor:
        """[1, 1, k, channels], a scale for each."""
        values = self.weights[step.weights["kernel"]][None, None, :, channels]
        scale = symmetric(np.ravel(self.ranges[step.weights["kernel"]])[channels], axis=3)
        return self.build.constant(f"{name}.kernel", quantize(values, scale, low=-WEIGHT_MAX), scale)

    def _bias(self, step: Step, x: Tensor, kernel: Tensor, channels: slice = slice(None)) -> Tensor:
        """In the units of the accumulator; a convolution does not compare its scale, and has none."""
        name, scales = step.weights["bias"], x.quantization.per_tensor_scale * np.array(kernel.quantization.scale)
        integers = quantize_bias(self.weights[name][channels], scales)
        return self.build.constant(name, integers, Quantization((float(scales[0]),)) if len(scales) == 1 else None)

    def quantization(self, name: str) -> Quantization:
        """Parameters of a step's tensor."""
        if name in self.joined:
            return self.quantization(self.joined[name])
        step = self.steps[name]
        if step.kind in FIXED:
            return FIXED[step.kind]
        if step.kind == "first":
            return self.quantization(step.inputs[0])
        low, high = self.ranges[name]
        if step.kind == "scan":
            return Quantization((short_scale(high / INT16_MAX),))
        return symmetric(high) if name in self.program.symmetric else asymmetric(low, high)

    def _rows(self, x: Tensor) -> Tensor:
        """[.., n, d] as [1, 1, n, d]."""
        return self._view(x, (1, 1, *x.shape[-2:]))

    def _flat(self, x: Tensor) -> Tensor:
        """[.., n, d] as [n, d]."""
        return self._view(x, x.shape[-2:])

    def _view(self, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        if (x, shape) not in self.views:
            self.views[x, shape] = self.build.reshape(f"{x.name}.view", x, shape)
        return self.views[x, shape]


def _pooled(program: Program) -> set[str]:
    """Tensors that only a `lengths` reads, and those that they are convolved of: dense operators and convolutions."""
    steps = {step.name: step for step in program.steps}
    readers = {name: [step for step in program.steps if name in step.inputs] for name in steps}
    found: set[str] = set()
    for step in program.steps:
        name = step.inputs[0] if step.kind == "lengths" else ""
        while name in steps and len(readers[name]) == 1 and steps[name].kind in ("dense", "conv"):
            found.add(name)
            name = steps[name].inputs[0] if steps[name].kind == "conv" else ""
    return found
