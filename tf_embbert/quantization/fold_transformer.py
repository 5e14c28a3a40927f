"""Folds BERT and NanoBERT: post-norm blocks of several heads, the last one for the [CLS] row only.

Exact rewrites beside the centring of `program_builder.py`; P takes the mean off, a softmax's weights add up to 1:

    scores   a key's bias adds the same to all scores of a query: it goes
    context  softmax(..) (V + bv) = softmax(..) V + bv: into the bias after it
    sum      P (x + Wo c + bo) = P x + P Wo c + ..: the residual's rows go through a dense of their own
"""

from typing import Any

import numpy as np

from tf_embbert.quantization.program_builder import ProgramBuilder, View, as_is, centre, dense_weights


def fold_transformer(build: ProgramBuilder, model: Any, blocks: list[Any], is_pair: bool) -> View:
    """Writes the blocks; the head reads the view that it gives.

    Args:
        build: what is written to.
        model: Keras model of `baselines.classifier.build_classifier`.
        blocks: its TransformerBlocks.
        is_pair: whether its texts are pairs.
    """
    embed = model.get_layer("embed")
    x = as_is(build.embed(embed, is_pair), embed.sizes["hidden_size"])
    for index, block in enumerate(blocks):
        x = _fold_block(build, index, block, x, is_last=block is blocks[-1])
    return x


def _fold_block(build: ProgramBuilder, index: int, block: Any, x: View, is_last: bool) -> View:
    """x = norm(x + attention(x)), x = norm(x + feed_forward(x))."""
    name = f"block{index}"
    rows = build.first(f"{name}.first", x) if is_last else x
    attention = _fold_attention(build, name, block.attention, x, rows)
    x = _add_and_norm(build, f"x{2 * index + 1}", f"{name}.inner.norm", attention, rows, block.norm1)
    expand, bias = dense_weights(block.feed_forward.expand)
    hidden = build.dense(f"{name}.expand", x, expand, bias, activation="relu")
    kernel, bias = dense_weights(block.feed_forward.contract)
    contract = build.dense(f"{name}.contract", hidden, centre(kernel), centre(bias))
    return _add_and_norm(build, f"x{2 * index + 2}", f"{name}.outer.norm", contract, x, block.norm2)


def _fold_attention(build: ProgramBuilder, name: str, layer: Any, x: View, rows: View) -> str:
    """The centred output of some rows' attention over all: [rows, d]."""
    (wq, bq), (wk, _), (wv, bv), (wo, bo) = map(
        dense_weights, (layer.query, layer.key, layer.value, layer.output_dense)
    )
    width = len(wq) // layer.num_heads
    contexts, carried = [], np.zeros(len(wv))
    for head in range(layer.num_heads):
        of_head, own = slice(head * width, (head + 1) * width), f"{name}.head{head}"
        query = build.dense(f"{own}.query", rows, wq[of_head] / np.sqrt(width), bq[of_head] / np.sqrt(width))
        keys = build.step("dense", f"{own}.keys", x.tensor, arrays={"kernel": wk[of_head] * x.scale})
        values = build.step("dense", f"{own}.values", x.tensor, arrays={"kernel": wv[of_head] * x.scale})
        carried[of_head] = wv[of_head] @ x.shift + bv[of_head]
        contexts.append(build.attention(own, query, keys, values))
    heads = build.step("join", f"{name}.heads", *contexts) if len(contexts) > 1 else contexts[0]
    return build.dense(f"{name}.attention", heads, centre(wo), centre(wo @ carried + bo))


def _add_and_norm(build: ProgramBuilder, total: str, name: str, branch: str, rows: View, norm: Any) -> View:
    """norm(rows + branch), of a branch that is centred."""
    residual = build.dense(f"{name}.residual", rows, centre(np.eye(len(rows.scale))))
    return build.norm(name, build.step("add", total, branch, residual), norm)
