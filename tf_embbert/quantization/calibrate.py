"""Ranges from data: what each tensor of the deploy graph spans on real texts, and where clipping it costs least.

Rows at pads are left out: nobody reads them, so int8 may saturate there.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import tf_keras as keras

from tf_embbert.model.folded import Array, FoldedModel
from tf_embbert.model.program import TABLE_KINDS, Folded
from tf_embbert.quantization.deploy import DeployLayer, Gate, Softmax, UnitNorm, build_deploy_model, deploy_layers
from tf_embbert.training.batching import make_batches

Span: TypeAlias = Callable[[float], tuple[float, float]]  # the range that a limit gives
Clip: TypeAlias = Callable[[Array, Array, Span, float], float]  # values, how much each matters, span, widest limit
Sample: TypeAlias = dict[str, list[Array]]

SAMPLE = 2048  # values kept of each tensor and batch
# A masked key gets the bottom of the scores' range: this far below what an attention row peaks at, a pad's weight is
# at most exp(-8) of the peak's. Deeper leaks less and makes every score coarser.
MASK_DEPTH = 8.0


def calibrate(
    folded: Folded,
    ids: Sequence[Array],
    seed: int,
    rows: int = 512,
    mask_depth: float = MASK_DEPTH,
    clip: Clip | None = None,
) -> dict[str, Any]:
    """Ranges of every tensor and kernel of the deploy graph.

    Args:
        folded: the folded model.
        ids: token ids of training texts, unpadded; a seeded sample of `rows` is run in float.
        seed: of the sample.
        mask_depth: how far the bottom of the scores' range lies below what their rows peak at.
        clip: where to cut a range (`best_clip` by default; `whole_range` cuts nothing).

    Returns:
        (min, max) by name for tensors and kernels, or [channels] largest magnitudes for convolution kernels.
    """
    chooser = np.random.default_rng(seed)
    chosen = chooser.choice(len(ids), min(rows, len(ids)), replace=False)
    samples = collect([ids[i] for i in chosen], folded, chooser)
    ranges = {
        name: tensor_range(name, name in folded.symmetric, mask_depth, clip or best_clip, **sample)
        for name, sample in samples.items()
    }
    return kernel_ranges(folded) | ranges


def kernel_ranges(folded: Folded) -> dict[str, Any]:
    """Ranges of the constant kernels and tables: symmetric, no clipping; per channel for convolutions."""
    ranges: dict[str, Any] = {}
    for name, value in folded.arrays().items():
        if name.endswith(".conv.kernel") and not name.startswith("head"):
            ranges[name] = np.maximum(np.abs(value).max(axis=0), 1e-6)
        elif name.endswith((".kernel", ".gain")):
            ranges[name] = symmetric(np.abs(value).max())
    return ranges | table_ranges(folded)


def table_ranges(folded: Folded) -> dict[str, Any]:
    """Ranges of what is looked up in tables: those of the tables, all that are joined in one."""
    if isinstance(folded, FoldedModel):
        tables = (folded.embed.token, folded.embed.position, folded.embed.segment)
        return {"embed.features": symmetric(max(np.abs(table).max() for table in tables if table is not None))}
    return {
        step.name: symmetric(max(np.abs(folded.weights[name]).max() for name in step.weights.values()))
        for step in folded.steps
        if step.kind in TABLE_KINDS
    }


def symmetric(limit: float) -> tuple[float, float]:
    """The range to both sides of zero, never quite empty."""
    limit = max(float(limit), 1e-6)
    return (-limit, limit)


def collect(ids: Sequence[Array], folded: Folded, chooser: np.random.Generator) -> dict[str, dict[str, Array]]:
    """Values of every calibrated tensor over some texts: {name: {values, importance, peaks}}."""
    model = build_deploy_model(folded)
    tables, normed = table_ranges(folded), folded.normed
    names = [layer.name for layer in deploy_layers(model) if is_calibrated(layer) and layer.name not in tables]
    probe = keras.Model(model.input, [model.get_layer(name).output for name in names])
    samples: dict[str, Sample] = {name: {"values": [], "importance": [], "peaks": []} for name in names}
    for tokens in make_batches(sorted(ids, key=len), batch_size=16):
        real = tokens.numpy() != 0  # [B, L]
        for name, output in zip(names, probe(tokens)):
            add_sample(samples[name], name, normed.get(name, 0.0), output.numpy(), real, chooser)
    return {name: {key: np.concatenate(parts) for key, parts in sample.items()} for name, sample in samples.items()}


def is_calibrated(layer: DeployLayer) -> bool:
    """Whether a tensor's range comes from data; TFLM fixes those of three operators."""
    return not (isinstance(layer, UnitNorm | Softmax | Gate) or layer.is_bare)


def add_sample(
    sample: Sample, name: str, normed: float, output: Array, real: Array, chooser: np.random.Generator
) -> None:
    """Adds one batch [B, q, .] of a tensor: values at real rows, how much each matters, the peaks of score rows."""
    rows = output[real[:, : output.shape[1]]] if output.ndim == 3 else output  # [tokens, .], or [B, .] after pooling
    importance = np.ones_like(rows)
    if normed:  # to a norm an error counts relative to its row's length, to others as it is
        importance /= (np.mean(np.square(rows), axis=1, keepdims=True) + 1e-12) ** normed
    keep: Any = slice(None)
    if name.endswith(".scores"):
        keep = rows > -1e30  # masked keys
        sample["peaks"].append(rows.max(axis=1))
    else:
        sample["peaks"].append(rows[:0, 0])
    values, importance = rows[keep].ravel(), importance[keep].ravel()
    chosen = chooser.choice(len(values), min(SAMPLE, len(values)), replace=False)
    extremes = [values.argmin(), values.argmax()]
    chosen = np.concatenate([chosen, extremes])
    sample["values"].append(values[chosen])
    sample["importance"].append(importance[chosen])


def tensor_range(
    name: str, is_symmetric: bool, mask_depth: float, clip: Clip, values: Array, importance: Array, peaks: Array
) -> tuple[float, float]:
    """(min, max) of one tensor, zero included."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 1e-6)
    if name == "logits" or name.startswith("head."):
        return widen(low, high)
    if name.endswith(".states"):  # of a scan, 16 bits
        limit = 1.1 * max(-low, high)
        return (-limit, limit)
    if is_symmetric:
        limit = clip(values, importance, lambda c: (-c, c), max(-low, high))
        return (-limit, limit)
    if low < 0:
        low = -clip(values, importance, lambda c: (-c, high), -low)
    high = clip(values, importance, lambda c: (low, c), high)
    if name.endswith(".scores"):
        low, high = min(low, float(np.percentile(peaks, 1)) - mask_depth), float(values.max())
    return (low, high)


def widen(low: float, high: float) -> tuple[float, float]:
    """Room for what calibration did not see: a saturated logit could tie with another."""
    return (1.1 * low, 1.1 * high)


def whole_range(values: Array, importance: Array, span: Span, limit: float) -> float:
    """No clipping: the range is what the sample spans."""
    return limit


def best_clip(values: Array, importance: Array, span: Span, limit: float) -> float:
    """The limit, at most the given one, whose 8-bit grid loses least on the sample (weighted mean square error)."""
    candidates = limit * np.linspace(0.3, 1.0, 29)
    losses = [np.average(np.square(fake_quantise(values, *span(c)) - values), weights=importance) for c in candidates]
    return float(candidates[int(np.argmin(losses))])


def fake_quantise(values: Array, low: float, high: float) -> Array:
    """Rounds to 256 levels between low and high."""
    step = (high - low) / 255
    return np.clip(np.round((values - low) / step), 0, 255) * step + low
