"""Writes a program step by step, with the arithmetic that all folds share.

A layer norm is gain * sqrt(d) * n + bias with n the unit vector of the centred row. L2_NORMALIZATION makes n; the
centring is in the kernels and biases of what the norm reads (every column less its mean), gain and bias in those of
what reads the norm. Between the two a row is known as a `View`: x = scale * t + shift, t a tensor of the program.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tf_embbert.model.folded import Array
from tf_embbert.model.program import SEGMENTS, TOKENS, Program, Step
from tf_embbert.quantization.fold import fold_embedder, read, single


@dataclass(frozen=True)
class View:
    """Rows x = scale * tensor + shift, per channel: float64 [d] each."""

    tensor: str
    scale: Array
    shift: Array


class ProgramBuilder:
    """Appends steps; every method gives the name of the tensor that it makes, which is its first argument."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.weights: dict[str, Array] = {}

    def program(self) -> Program:
        """What was written."""
        return Program(tuple(self.steps), self.weights)

    def step(self, kind: str, name: str, *inputs: str, arrays: dict[str, Array] | None = None, **options: Any) -> str:
        """A step of a kind; its arrays are named after it."""
        names = {part: f"{name}.{part}" for part in arrays or {}}
        self.weights |= {names[part]: single(value) for part, value in (arrays or {}).items()}
        self.steps.append(Step(kind, name, inputs, names, options))
        return name

    def dense(self, name: str, x: View | str, kernel: Array, bias: Array | float = 0.0, **options: Any) -> str:
        """kernel [m, d] x + bias, of a view or of a tensor as it is; no bias where it is 0 all over."""
        if isinstance(x, View):
            kernel, bias, x = kernel * x.scale, kernel @ x.shift + bias, x.tensor
        arrays = {"kernel": kernel} | ({"bias": bias * np.ones(len(kernel))} if np.any(bias) else {})
        return self.step("dense", name, x, arrays=arrays, **options)

    def norm(self, name: str, x: str, layer: Any) -> View:
        """A LayerNormalization of rows that are centred already."""
        gain, bias = read(layer.gamma), read(layer.beta)
        self.step("unit_norm", name, x, epsilon=len(gain) * layer.epsilon)  # beside a sum of squares, not a mean
        return View(name, np.sqrt(len(gain)) * gain, bias)

    def first(self, name: str, x: View) -> View:
        """The row of [CLS]."""
        return View(self.step("first", name, x.tensor), x.scale, x.shift)

    def attention(self, name: str, query: str, keys: str, values: str, bias: Array | None = None) -> str:
        """softmax(query keys^T) values (+ bias): the steps `name.scores`, `name.weights` and `name.context`."""
        weights = self.step("softmax", f"{name}.weights", self.step("scores", f"{name}.scores", query, keys, TOKENS))
        arrays = {} if bias is None else {"bias": bias}
        return self.step("mix", f"{name}.context", weights, values, arrays=arrays)

    def embed(self, layer: Any, is_pair: bool, centred: bool = False) -> str:
        """`x0`, the rows of an embedder: of a NanoEmbedder or a StandardEmbedder; less their mean if `centred`."""
        if hasattr(layer, "token_kernel"):
            return self._embed_nano(layer, is_pair, centred)
        tables = [read(table) for table in (layer.token_table, layer.position_table, layer.segment_table)]
        token, position, segment = (centre(table.T).T for table in tables) if centred else tables
        if not is_pair:  # the segment's row is the same at all tokens
            token, segment = token + segment[1] * (np.arange(len(token)) > 0)[:, None], segment * 0
        words = self.step("lookup", "embed.words", TOKENS, arrays={"table": token})
        places = self.step("positions", "embed.places", TOKENS, arrays={"table": position})
        if not is_pair:
            return self.step("add", "x0", words, places)
        parts = self.step("lookup", "embed.parts", SEGMENTS, arrays={"table": segment})
        return self.step("add", "x0", self.step("add", "embed.placed", words, places), parts)

    def _embed_nano(self, layer: Any, is_pair: bool, centred: bool) -> str:
        folded = fold_embedder(layer, is_pair)
        tables = {"token": folded.token, "position": folded.position}
        if folded.segment is not None:
            tables["segment"] = folded.segment
        features = self.step("features", "embed.features", TOKENS, arrays=tables)
        kernel, bias = folded.kernel.astype(np.float64), folded.bias.astype(np.float64)
        return self.dense("x0", features, *((centre(kernel), centre(bias)) if centred else (kernel, bias)))


def centre(kernel: Array) -> Array:
    """A kernel [m, d], or a bias [m], whose outputs have mean 0: every column less its mean."""
    return kernel - kernel.mean(axis=0)


def dense_weights(layer: Any) -> tuple[Array, Array]:
    """Kernel [out, in] and bias [out] of a Dense layer: float64."""
    return read(layer.kernel).T, read(layer.bias)


def as_is(tensor: str, width: int) -> View:
    """The view of a tensor that is what it is."""
    return View(tensor, np.ones(width), np.zeros(width))
