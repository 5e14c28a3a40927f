"""Ranges of what attention mixes before it is projected: `block0.mixed` = softmax(q n^T) n, for `lower_mixed`.

A run's ranges are of the form in which the values are projected first, so these come from its own texts, in float
(`lower.py` has the formulas).
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from tf_embbert.common.errors import UserError
from tf_embbert.model.folded import Array, FoldedModel
from tf_embbert.run import Quantised, Run
from tf_embbert.tokenizer import segments


def with_mixtures(run: Run) -> Run:
    """The run with the ranges that `lower_mixed` asks for beside its own.

    Raises:
        UserError: it is of another model than EmbBERT, or one whose blocks EMBBERT_BLOCK does not take.
    """
    weights, ranges = run.quantised
    if not isinstance(weights, FoldedModel):
        raise UserError("--plan fused is for EmbBERT: the other models have no operator of their own")
    if any(block.conv_kernel.shape[1] != weights.hidden_size for block in weights.blocks):
        raise UserError("--plan fused takes a forward expansion of 1: the blocks of this preset are wider within")
    first, second = zip(*run.sample_texts)
    ids = run.tokenizer.encode(list(first), list(second) if run.is_pair else None, max_length=run.max_length).ids
    mixed = Quantised(weights, {**ranges, **mixture_ranges(weights, ids)})
    return dataclasses.replace(run, variants={**run.variants, str(run.chosen): mixed})


def mixture_ranges(model: FoldedModel, ids: Sequence[Array]) -> dict[str, tuple[float, float]]:
    """The least and the largest value of each block's mixture but the last one's.

    Args:
        model: folded float weights.
        ids: token ids of some texts, int32 [tokens], no pads.

    Returns:
        {"block0.mixed": (minimum, maximum), ..}
    """
    spans = {f"block{index}.mixed": [0.0, 0.0] for index in range(len(model.blocks))}
    for row in ids:
        for span, mixed in zip(spans.values(), mixtures(model, row)):
            span[:] = min(span[0], float(mixed.min())), max(span[1], float(mixed.max()))
    return {name: (low, high) for name, (low, high) in spans.items()}


def mixtures(model: FoldedModel, ids: Array) -> list[Array]:
    """The mixtures [tokens, d] of a text in each block but the last."""
    x, found = embed(model, ids), []
    for block in model.blocks:
        n = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
        scores = (n @ block.query_kernel.T + block.query_bias) @ n.T  # [tokens, tokens]
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        found.append(weights / weights.sum(axis=1, keepdims=True) @ n)
        taps = len(block.conv_kernel)
        rows = np.concatenate([np.zeros((taps - 1, n.shape[1]), n.dtype), n])
        conv = block.conv_bias + sum(
            np.repeat(rows[tap : tap + len(n)], block.conv_kernel.shape[1] // n.shape[1], axis=1) * weight
            for tap, weight in enumerate(block.conv_kernel)
        )
        active = conv * np.clip(conv + 3, 0, 6) / 6 if model.activation == "hard_swish" else conv / (1 + np.exp(-conv))
        x = found[-1] @ block.value_kernel.T + block.context_bias + active @ block.contract_kernel.T
    return found


def embed(model: FoldedModel, ids: Array) -> Array:
    """[tokens, d]."""
    parts = [model.embed.token[ids], model.embed.position[: len(ids)]]
    if model.embed.segment is not None:
        parts.append(model.embed.segment[segments(ids)])
    return np.concatenate(parts, axis=1) @ model.embed.kernel.T + model.embed.bias
