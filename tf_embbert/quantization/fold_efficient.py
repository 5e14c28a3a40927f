"""Folds BERTEfficient and NanoBERTEfficient: a norm, one attention whose keys are the rows themselves, a norm, SiLU.

scores   (Wq x + bq) . x_j with x = s n + b: what is the same for all j goes, the rest is q' . n_j
context  Wo softmax(..) x = softmax(..) (Wo s n) + Wo b: the values come projected
logits   the head reads row 0 of x + W2 silu(..): folded into both
"""

from typing import Any

import numpy as np

from tf_embbert.model.program import LOGITS
from tf_embbert.quantization.program_builder import ProgramBuilder, View, centre, dense_weights


def fold_efficient(build: ProgramBuilder, model: Any, blocks: list[Any], is_pair: bool) -> None:
    """Writes a whole model.

    Args:
        build: what is written to.
        model: Keras model of `baselines.classifier.build_classifier`.
        blocks: its EfficientBlocks.
        is_pair: whether its texts are pairs.
    """
    total = build.embed(model.get_layer("embed"), is_pair, centred=True)
    head, bias = dense_weights(model.get_layer("head"))
    for index, block in enumerate(blocks):
        name, is_last = f"block{index}", block is blocks[-1]
        x = build.norm(f"{name}.norm", total, block.pre_norm)
        rows = build.first(f"{name}.first", x) if is_last else x
        attention = _fold_attention(build, name, block, x, rows)
        residual = build.dense(f"{name}.residual", rows, centre(np.eye(len(x.scale))))
        sum_of_both = build.step("add", f"x{2 * index + 1}", attention, residual)
        x = build.norm(f"{name}.inner.norm", sum_of_both, block.post_norm)
        outer = (head, bias) if is_last else (centre(np.eye(len(x.scale))), 0.0)
        names = ("head.feed_forward", "head.residual") if is_last else (f"{name}.contract", f"{name}.inner.residual")
        contract = _fold_feed_forward(build, name, names[0], block.feed_forward, x, outer[0])
        residual = build.dense(names[1], x, *outer)
        total = build.step("add", LOGITS if is_last else f"x{2 * index + 2}", contract, residual)


def _fold_attention(build: ProgramBuilder, name: str, block: Any, x: View, rows: View) -> str:
    wq, bq = dense_weights(block.attention.query)
    wo, bo = dense_weights(block.output_dense)
    root = np.sqrt(len(wq))
    query = build.dense(f"{name}.query", rows, x.scale[:, None] * wq / root, x.scale * bq / root)
    values = build.step("dense", f"{name}.values", x.tensor, arrays={"kernel": centre(wo * x.scale)})
    return build.attention(name, query, x.tensor, values, centre(wo @ x.shift + bo))


def _fold_feed_forward(build: ProgramBuilder, name: str, output: str, layer: Any, x: View, outer: Any) -> str:
    """outer (W2 silu(W1 x + b1) + b2)."""
    kernel, bias = dense_weights(layer.expand)
    inner = build.dense(f"{name}.expand", x, kernel, bias)
    active = build.step("multiply", f"{name}.silu", inner, build.step("gate", f"{name}.gate", inner))
    kernel, bias = dense_weights(layer.contract)
    return build.dense(output, active, outer @ kernel, outer @ bias)
