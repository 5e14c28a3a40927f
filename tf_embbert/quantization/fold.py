"""Folds a trained EmbBERT into the weights of its deploy graph: fewer operators, the same function.

With n = x / |x| (the unit vector that TFLM's L2_NORMALIZATION gives) RMSNorm is sqrt(d) * D n, D = diag(gain). Every
constant moves into a neighbouring dense or convolution (S = 1/sqrt(d), l1 and l2 the lambdas):

    scores   (Wq sqrt(d) D n + bq) . (sqrt(d) D n) S  =  (sqrt(d) D Wq D n + D bq) . n
    context  l1 Wo (softmax(scores) sqrt(d) D n)      =  softmax(scores) (l1 sqrt(d) Wo D n)
    conv     depthwise(sqrt(d) D n)                   =  (kernel * sqrt(d) gain) n, per channel
    output   l1 (.. + bo) - l2 (Wc silu + bc)         =  .. - l2 Wc silu + (l1 bo - l2 bc)

The head reads position 0 only: the last block is folded with the head, and its convolution sees one tap. RMSNorm's
epsilon is dropped: 1.19e-7 beside a mean square of order one is under float32's own rounding.
Kernels are stored [out, in], the layout of TFLite's FULLY_CONNECTED.
"""

import numpy as np

from tf_embbert.model.classifier import require_keras2


def fold_model(model, config, pair):
    """Folded weights of a trained classifier or regressor.

    Args:
        model: Keras model of `build_classifier` or `build_regressor`.
        config: its EmbBERTConfig.
        pair: whether its texts are pairs; a single text's segment row is then a constant.
    Returns:
        dict of float32 arrays by tensor name: what a run stores and `convert` lowers. An activation other than SiLU is
        there by its name, as `activation`.
    Raises:
        UserError: a model of Keras 3.
    """
    require_keras2(model)
    embed = model.get_layer("embed")
    weights = fold_embedder(*(w.numpy().astype(np.float64) for w in embed_tables(embed)), pair=pair)
    blocks = [read_block(model.get_layer(f"block{i}")) for i in range(config.num_blocks)]
    for index, block in enumerate(blocks[:-1]):
        weights |= fold_block(f"block{index}", block)
    head = [w.numpy().astype(np.float64) for w in model.get_layer("head").weights]
    weights |= fold_last_block(f"block{config.num_blocks - 1}", blocks[-1], *head)
    weights = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in weights.items()}
    return weights | ({} if config.activation == "silu" else {"activation": np.array(config.activation)})


def embed_tables(embed):
    return embed.token_table, embed.token_kernel, embed.position_table, embed.position_kernel, embed.segment_table


def fold_embedder(token, token_kernel, position, position_kernel, segment, pair):
    """One dense over [token row ; position row (; second segment)]: one scale for all, so the parts are balanced."""
    token, token_kernel = equalise(token, token_kernel)
    gain = np.sqrt(peak(token) * peak(position_kernel) / (peak(position) * peak(token_kernel)))
    position, position_kernel = position * gain, position_kernel / gain
    kernels = [token_kernel, position_kernel]  # [r, d] each
    weights = {"embed.token": token, "embed.position": position, "embed.bias": segment[1]}
    if pair:
        step = max(peak(token), peak(position))
        weights["embed.segment"] = np.array([[0.0], [0.0], [step]])
        kernels.append((segment[2] - segment[1])[None] / step)
    return weights | {"embed.kernel": np.concatenate(kernels).T}


def equalise(table, kernel):
    """Scales the r inner channels so that table columns [V, r] and kernel rows [r, d] share out their ranges alike.

    Cross-layer equalisation (Nagel et al., arXiv 1906.04721, section 4.1): exact, and one int8 scale then suits all.
    """
    columns, rows = np.abs(table).max(axis=0), np.abs(kernel).max(axis=1)
    scale = np.sqrt(np.maximum(rows, 1e-9) / np.maximum(columns, 1e-9))
    return table * scale, kernel / scale[:, None]


def peak(array):
    return max(float(np.abs(array).max()), 1e-9)


def read_block(block):
    """The block's float64 weights by short names, dense kernels turned to [out, in]."""
    value = lambda variable: variable.numpy().astype(np.float64)
    q1, k1, q2, k2 = value(block.sum.lambdas)
    return {
        "gain": value(block.norm.gain),
        "wq": value(block.attention.query.kernel).T,
        "bq": value(block.attention.query.bias),
        "wo": value(block.output_dense.kernel).T,
        "bo": value(block.output_dense.bias),
        "conv": value(block.conv.kernel),  # [k, d, m]
        "conv_bias": value(block.conv.bias),  # [d*m]
        "wc": value(block.contract.kernel).T,
        "bc": value(block.contract.bias),
        "l1": np.exp(q1 @ k1),
        "l2": np.exp(q2 @ k2),
    }


def fold_query_and_conv(name, b):
    """What every block has, the last one too."""
    taps, d, m = b["conv"].shape
    root = np.sqrt(d)
    return {
        f"{name}.query.kernel": root * b["gain"][:, None] * b["wq"] * b["gain"],
        f"{name}.query.bias": b["gain"] * b["bq"],
        f"{name}.conv.kernel": (b["conv"] * (root * b["gain"])[:, None]).reshape(taps, d * m),
        f"{name}.conv.bias": b["conv_bias"],
    }


def fold_block(name, b):
    root = np.sqrt(len(b["gain"]))
    return fold_query_and_conv(name, b) | {
        f"{name}.value.kernel": b["l1"] * root * b["wo"] * b["gain"],
        f"{name}.context.bias": b["l1"] * b["bo"] - b["l2"] * b["bc"],
        f"{name}.contract.kernel": -b["l2"] * b["wc"],
    }


def fold_last_block(name, b, head_kernel, head_bias):
    """The last block's two branches go straight to the logits; only the convolution's last tap sees position 0."""
    folded = fold_query_and_conv(name, b)
    folded[f"{name}.conv.kernel"] = folded[f"{name}.conv.kernel"][-1:]
    root, head = np.sqrt(len(b["gain"])), head_kernel.T  # [C, d]
    return folded | {
        "head.context.kernel": head @ (b["l1"] * root * b["wo"] * b["gain"]),
        "head.conv.kernel": head @ (-b["l2"] * b["wc"]),
        "head.bias": head @ (b["l1"] * b["bo"] - b["l2"] * b["bc"]) + head_bias,
    }
