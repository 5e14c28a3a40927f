"""A NumPy transcription of the folded model's formulas, and random models to hold the conversion to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from tf_embbert.model.folded import FoldedModel

PAD, SEP = 0, 4
Ranges: TypeAlias = dict[str, Any]  # minimum and maximum of a tensor, or the largest magnitude of each channel
Seen: TypeAlias = dict[str, list[np.ndarray]]
Rounding: TypeAlias = Callable[[str, np.ndarray], np.ndarray]


@dataclass
class RandomModel:
    """Folded weights, the ranges calibrated for them, and the sizes they were drawn with."""

    weights: FoldedModel
    ranges: dict
    vocab_size: int
    max_length: int

    @property
    def is_pair(self) -> bool:
        return self.weights.is_pair

    @property
    def blocks(self) -> int:
        return self.weights.num_blocks


def segments_of(tokens: np.ndarray) -> np.ndarray:
    return np.where(tokens == PAD, 0, 1 + (np.cumsum(tokens == SEP) > 0)).astype(np.int32)


def float_logits(
    weights: FoldedModel,
    tokens: np.ndarray,
    segments: np.ndarray | None = None,
    seen: Seen | None = None,
    rounding: Rounding | None = None,
) -> np.ndarray:
    """Logits [C] of one padded row in float64.

    `seen` collects every tensor that the ranges name: {name: [arrays]}. `rounding(name, array)` is applied to each
    weight and each tensor where the int8 graph has one; without it pads are masked with minus infinity.
    """
    keep = rounding or (lambda name, value: value)
    activation = weights.activation
    w = {name: keep(name, np.asarray(value, np.float64)) for name, value in weights.arrays().items()}
    length, last = len(tokens), sum(name.endswith("query.kernel") for name in w) - 1

    def see(name: str, value: np.ndarray) -> np.ndarray:
        if seen is not None:
            seen.setdefault(name, []).append(value)
        return keep(name, value)

    parts = [w["embed.token"][tokens], w["embed.position"][:length]]
    if "embed.segment" in w:
        parts.append(w["embed.segment"][segments])
    features = see("embed.features", np.concatenate(parts, axis=1))
    x = see("x0", features @ w["embed.kernel"].T + w["embed.bias"])
    for index in range(last + 1):
        name = f"block{index}"
        n = keep("norm", x / np.sqrt((x * x).sum(axis=1, keepdims=True)))
        rows = n if index < last else n[:1]
        q = see(f"{name}.query", rows @ w[f"{name}.query.kernel"].T + w[f"{name}.query.bias"])
        scores = see(f"{name}.scores", q @ n.T)
        bottom = keep(f"{name}.scores", np.full(1, -1e9)) if rounding else -np.inf
        scores = np.where(tokens == PAD, bottom, scores)
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p = keep("probabilities", p / p.sum(axis=1, keepdims=True))
        if seen is not None and index < last:
            seen.setdefault(f"{name}.mixed", []).append(p @ n)  # what is projected where no values are made
        if index < last:
            values = see(f"{name}.values", n @ w[f"{name}.value.kernel"].T)
            context = see(f"{name}.context", p @ values + w[f"{name}.context.bias"])
        else:
            context = see(f"{name}.context", p @ n)
        kernel = w[f"{name}.conv.kernel"]
        multiplier = kernel.shape[1] // n.shape[1]
        padded = np.vstack([np.zeros((len(kernel) - 1, n.shape[1])), rows])
        padded = np.repeat(padded, multiplier, axis=1)
        conv = sum(kernel[t] * padded[t : t + len(rows)] for t in range(len(kernel))) + w[f"{name}.conv.bias"]
        conv = see(f"{name}.conv", conv)
        gate = np.clip(conv / 6 + 0.5, 0, 1) if activation == "hard_swish" else keep("gate", 1 / (1 + np.exp(-conv)))
        active = see(f"{name}.{activation}", conv * gate)
        if index < last:
            contract = see(f"{name}.contract", active @ w[f"{name}.contract.kernel"].T)
            x = see(f"x{index + 1}", context + contract)
    head_context = see("head.context", context @ w["head.context.kernel"].T + w["head.bias"])
    head_conv = see("head.conv", active @ w["head.conv.kernel"].T)
    return see("logits", head_context + head_conv)[0]


def int8_rounding(ranges: Ranges) -> Rounding:
    """The grid of every tensor of the int8 graph, as a `rounding`: scales of 12 bits; biases stay as they are."""
    fixed = {"norm": (1 / 128, 0), "probabilities": (1 / 256, -128), "gate": (1 / 256, -128)}

    def shortened(scale: float | np.ndarray) -> Any:
        mantissa, exponent = np.frexp(scale)
        return np.ldexp(np.round(mantissa * 4096), exponent - 12)

    def grid(name: str) -> tuple[Any, int]:
        if name in fixed:
            return fixed[name]
        if name in ("embed.token", "embed.position", "embed.segment"):
            name = "embed.features"
        if np.ndim(ranges[name]) and len(ranges[name]) > 2:
            return shortened(np.asarray(ranges[name]) / 127), 0
        low, high = ranges[name]
        if name == "embed.features" or name.endswith((".values", ".kernel")):
            return shortened(high / 127), 0
        scale = (high - low) / 255
        return shortened(scale), round(-low / scale) - 128

    def rounding(name: str, value: np.ndarray) -> np.ndarray:
        if name.endswith(".bias"):
            return value
        scale, zero_point = grid(name)
        return (np.clip(np.round(value / scale) + zero_point, -128, 127) - zero_point) * scale

    return rounding


def random_rows(
    rng: np.random.Generator, model: RandomModel, rows: int, length: int, used: int | None = None
) -> np.ndarray:
    """Token rows [rows, length] of `used` tokens each, by default full, two tokens long and any length in turn; a pair
    model's rows hold one [SEP].
    """
    tokens = rng.integers(5, model.vocab_size, size=(rows, length), dtype=np.int32)
    lengths = [used or (length, 2, int(rng.integers(1, length + 1)))[row % 3] for row in range(rows)]
    for row, used in enumerate(lengths):
        tokens[row, 0] = 2
        if model.is_pair and used > 1:
            tokens[row, rng.integers(1, used)] = SEP
        tokens[row, used:] = PAD
    return tokens


def random_weights(
    rng: np.random.Generator,
    hidden_size: int,
    blocks: int,
    multiplier: int,
    classes: int,
    pair: bool,
    kernel: int,
    reduced: int,
    vocab_size: int,
    max_length: int,
) -> dict[str, np.ndarray]:
    d, r, m, k = hidden_size, reduced, multiplier, kernel

    def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (rng.standard_normal(shape) * scale).astype(np.float32)

    w = {
        "embed.token": normal(vocab_size, r),
        "embed.position": normal(max_length, r),
        "embed.kernel": normal(d, 2 * r + pair, scale=(2 * r) ** -0.5),
        "embed.bias": normal(d, scale=0.1),
    }
    w["embed.token"][PAD] = 0
    if pair:
        w["embed.segment"] = np.array([[0.0], [0.0], [0.8]], np.float32)
    for i in range(blocks):
        last = i == blocks - 1
        w[f"block{i}.query.kernel"] = normal(d, d, scale=2.0)
        w[f"block{i}.query.bias"] = normal(d, scale=0.5)
        w[f"block{i}.conv.kernel"] = normal(1 if last else k, d * m, scale=3 * k**-0.5)
        w[f"block{i}.conv.bias"] = normal(d * m, scale=0.3)
        if not last:
            w[f"block{i}.value.kernel"] = normal(d, d)
            w[f"block{i}.context.bias"] = normal(d, scale=0.1)
            w[f"block{i}.contract.kernel"] = normal(d, d * m, scale=(d * m) ** -0.5)
    w["head.context.kernel"] = normal(classes, d)
    w["head.conv.kernel"] = normal(classes, d * m, scale=(d * m) ** -0.5)
    w["head.bias"] = normal(classes, scale=0.1)
    return w


def calibrate(model: RandomModel, rows: Iterable[np.ndarray], mask_margin: float = 0.0) -> Ranges:
    """Minimum and maximum of every tensor over some rows, and the largest magnitude of every kernel.

    `mask_margin` is how far the bottom of the scores, where masked keys end, is below the smallest score.
    """
    seen: Seen = {}
    for tokens in rows:
        float_logits(model.weights, tokens, segments_of(tokens), seen)
    ranges = {
        name: (min(0.0, min(v.min() for v in values)), max(0.0, max(v.max() for v in values)))
        for name, values in seen.items()
    }
    bound = max(np.abs(table).max() for table in (model.weights.embed.token, model.weights.embed.position))
    ranges["embed.features"] = (-float(bound), float(bound))
    for name in ranges:
        low, high = ranges[name]
        if name.endswith(".values"):
            ranges[name] = (-max(-low, high), max(-low, high))
        if name.endswith(".scores"):
            ranges[name] = (low - mask_margin, high)
    for name, kernel in model.weights.arrays().items():
        if name.endswith(".kernel"):
            bound = float(np.abs(kernel).max())
            ranges[name] = (-bound, bound)
    return ranges


def random_model(
    rng: np.random.Generator,
    hidden_size: int = 16,
    blocks: int = 2,
    multiplier: int = 1,
    classes: int = 3,
    pair: bool = False,
    kernel: int = 4,
    reduced: int = 8,
    vocab_size: int = 60,
    max_length: int = 32,
    calibration_rows: int = 16,
    mask_margin: float = 0.0,
    activation: str = "silu",
) -> RandomModel:
    """A model with random weights, its ranges calibrated on random rows of all its length."""
    weights = random_weights(
        rng, hidden_size, blocks, multiplier, classes, pair, kernel, reduced, vocab_size, max_length
    )
    model = RandomModel(FoldedModel.from_arrays(weights, activation), {}, vocab_size, max_length)
    model.ranges = calibrate(model, random_rows(rng, model, calibration_rows, max_length, max_length), mask_margin)
    return model
