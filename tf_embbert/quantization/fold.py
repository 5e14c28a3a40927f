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

from typing import Any, NamedTuple

import numpy as np
import tf_keras as keras

from tf_embbert.model.classifier import require_keras2
from tf_embbert.model.config import EmbBERTConfig
from tf_embbert.model.folded import Array, FoldedBlock, FoldedBranches, FoldedEmbedder, FoldedHead, FoldedModel


class Block(NamedTuple):
    """A trained block's weights, float64, with the paper's letters; dense kernels are turned to [out, in]."""

    gain: Array  # [d]
    wq: Array  # [d, d]
    bq: Array  # [d]
    wo: Array  # [d, d]
    bo: Array  # [d]
    conv: Array  # [k, d, m]
    conv_bias: Array  # [d*m]
    wc: Array  # [d, d*m]
    bc: Array  # [d]
    l1: Array  # []
    l2: Array  # []

    @property
    def root(self) -> float:
        """sqrt(d), which makes RMSNorm's vectors of unit vectors."""
        return float(np.sqrt(len(self.gain)))


def fold_model(model: keras.Model, config: EmbBERTConfig, pair: bool) -> FoldedModel:
    """Folded weights of a trained classifier or regressor.

    Args:
        model: Keras model of `build_classifier` or `build_regressor`.
        config: its EmbBERTConfig.
        pair: whether its texts are pairs; a single text's segment row is then a constant.

    Returns:
        What a run stores and `convert` lowers, in float32.

    Raises:
        UserError: a model of Keras 3.
    """
    require_keras2(model)
    *blocks, last = (read_block(model.get_layer(f"block{i}")) for i in range(config.num_blocks))
    head_kernel, head_bias = map(read, model.get_layer("head").weights)
    return FoldedModel(
        fold_embedder(model.get_layer("embed"), pair),
        tuple(fold_block(block) for block in blocks),
        fold_last_block(last),
        fold_head(last, head_kernel, head_bias),
        config.activation,
    )


def fold_embedder(embed: keras.layers.Layer, pair: bool) -> FoldedEmbedder:
    """One dense over [token row ; position row (; second segment)]: one scale for all, so the parts are balanced."""
    token, token_kernel = equalise(read(embed.token_table), read(embed.token_kernel))
    position, position_kernel = read(embed.position_table), read(embed.position_kernel)
    segment = read(embed.segment_table)
    gain = np.sqrt(peak(token) * peak(position_kernel) / (peak(position) * peak(token_kernel)))
    position, position_kernel = position * gain, position_kernel / gain
    kernels, flag = [token_kernel, position_kernel], None  # [r, d] each
    if pair:
        step = max(peak(token), peak(position))
        flag = single(np.array([[0.0], [0.0], [step]]))
        kernels.append((segment[2] - segment[1])[None] / step)
    return FoldedEmbedder(single(token), single(position), single(segment[1]), flag, single(np.concatenate(kernels).T))


def equalise(table: Array, kernel: Array) -> tuple[Array, Array]:
    """Scales the r inner channels so that table columns [V, r] and kernel rows [r, d] share out their ranges alike.

    Cross-layer equalisation (Nagel et al., arXiv 1906.04721, section 4.1): exact, and one int8 scale then suits all.
    """
    columns, rows = np.abs(table).max(axis=0), np.abs(kernel).max(axis=1)
    scale = np.sqrt(np.maximum(rows, 1e-9) / np.maximum(columns, 1e-9))
    return table * scale, kernel / scale[:, None]


def peak(array: Array) -> float:
    """The largest magnitude, never quite 0."""
    return max(float(np.abs(array).max()), 1e-9)


def read(variable: Any) -> Array:
    """A variable's value, in which nothing is lost by folding: float64."""
    return variable.numpy().astype(np.float64)


def single(value: Array) -> Array:
    """What is stored: float32, contiguous."""
    return np.ascontiguousarray(value, dtype=np.float32)


def read_block(block: keras.layers.Layer) -> Block:
    """The weights of an EmbBERTBlock."""
    q1, k1, q2, k2 = read(block.sum.lambdas)
    return Block(
        gain=read(block.norm.gain),
        wq=read(block.attention.query.kernel).T,
        bq=read(block.attention.query.bias),
        wo=read(block.output_dense.kernel).T,
        bo=read(block.output_dense.bias),
        conv=read(block.conv.kernel),
        conv_bias=read(block.conv.bias),
        wc=read(block.contract.kernel).T,
        bc=read(block.contract.bias),
        l1=np.exp(q1 @ k1),
        l2=np.exp(q2 @ k2),
    )


def fold_query(b: Block) -> tuple[Array, Array]:
    """Kernel [d, d] and bias [d] of the queries."""
    return single(b.root * b.gain[:, None] * b.wq * b.gain), single(b.gain * b.bq)


def fold_conv(b: Block) -> tuple[Array, Array]:
    """Kernel [k, d*m] and bias [d*m] of the convolution."""
    taps, d, m = b.conv.shape
    return single((b.conv * (b.root * b.gain)[:, None]).reshape(taps, d * m)), single(b.conv_bias)


def fold_value(b: Block) -> Array:
    """The output projection with l1 and the norm: float64 [d, d]."""
    return b.l1 * b.root * b.wo * b.gain


def fold_block(b: Block) -> FoldedBlock:
    """A block before the last."""
    bias = b.l1 * b.bo - b.l2 * b.bc
    return FoldedBlock(*fold_query(b), *fold_conv(b), single(fold_value(b)), single(bias), single(-b.l2 * b.wc))


def fold_last_block(b: Block) -> FoldedBranches:
    """The last block without its projections; only the convolution's last tap sees position 0."""
    kernel, bias = fold_conv(b)
    return FoldedBranches(*fold_query(b), single(kernel[-1:]), bias)


def fold_head(b: Block, kernel: Array, bias: Array) -> FoldedHead:
    """The last block's two branches go straight to the logits.

    Args:
        b: the last block.
        kernel, bias: of the head, [d, C] and [C].
    """
    head = kernel.T  # [C, d]
    return FoldedHead(
        single(head @ fold_value(b)), single(head @ (-b.l2 * b.wc)), single(head @ (b.l1 * b.bo - b.l2 * b.bc) + bias)
    )
