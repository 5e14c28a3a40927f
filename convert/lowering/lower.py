"""Folded float weights and ranges to the int8 graph of one text of a fixed length.

    tokens [1, L] -> embed -> x0 [L, d] -> block 0 .. N-2: x -> x' [L, d] -> last block and head, CLS row only -> logits

The function is the folded model of the deploy graph; constants of norm, attention and branches are in the weights.
With n = x / |x| (L2_NORMALIZATION):

    block  ctx = softmax(q n^T + mask) values,  q = n Wq^T + bq,  values = n Wv^T;  c = conv(n);  a = c sigmoid(c)
           x' = ctx + bc + a Wc^T
    head   the same for row 0 alone, where the causal convolution sees one position: logits = ctx Wh^T + bh + a Wg^T

Attention runs before the convolution and each as deep as it goes before the next: the scores are the largest tensors,
and while they live only n (and the mask) does too.
"""

import numpy as np

from convert.lowering.graph import Graph, Quantization, Tensor
from convert.lowering.masks import KeyMasks
from convert.lowering.ops import GraphBuilder
from convert.lowering.quantization import (
    FOUR_BIT_MAX,
    NORM_SCALE,
    WEIGHT_MAX,
    asymmetric,
    four_bit_scale,
    quantize,
    quantize_bias,
    symmetric,
)
from convert.lowering.requantization import agreeing
from convert.lowering.steps import ProgramLowering
from convert.lowering.stream import StreamLowering
from tf_embbert.model.program import Folded
from tf_embbert.run import FoldedModel, Ranges


def lower_model(weights: Folded, ranges: Ranges, sequence_length: int) -> Graph:
    """Builds the int8 graph of a folded model.

    Args:
        weights: folded float weights, or a program.
        ranges: (minimum, maximum) by tensor name for activations and kernels; kernels are symmetric, and a
            convolution's may be an array of one bound per channel.
        sequence_length: L, the number of token ids the graph takes; shorter texts are padded on the right with 0.

    Returns:
        The graph: inputs `tokens` [1, L] int32 and, for models of pairs, `segments` [1, L] int32; output `logits`
        [1, C] int8. No tensor is float.

    Raises:
        ValueError: the length is below 2 or above the rows of the position table, or a range cannot be quantised.
        KeyError: a range is missing.
    """
    _require_length(sequence_length, weights)
    if isinstance(weights, FoldedModel):
        return _Lowering(weights, ranges, sequence_length).run()
    is_stream = any(step.kind == "scan" for step in weights.steps)
    return (StreamLowering if is_stream else ProgramLowering)(weights, ranges, sequence_length).run()


def lower_mixed(weights: FoldedModel, ranges: Ranges, sequence_length: int, bits: int = 8) -> Graph:
    """As `lower_model`, but that attention mixes rows of n and projects what it mixed: no values are L long.

    ctx = (softmax(q n^T + mask) n) Wv^T is what EMBBERT_BLOCK computes (`passes/fuse.py`).

    Args:
        weights, sequence_length: as for `lower_model`.
        ranges: likewise, with those of `mixture_ranges`.
        bits: of the dense weights of all blocks but the last: 8, or 4, which are int8 of -7 .. 7.

    Returns:
        The graph; raises as `lower_model` does.
    """
    _require_length(sequence_length, weights)
    return _MixedLowering(weights, ranges, sequence_length, bits).run()


def _require_length(length: int, weights: Folded) -> None:
    if not 2 <= length <= weights.max_length:
        raise ValueError(f"sequence length {length} is not within 2..{weights.max_length}")


class _Lowering:
    """The steps of `lower_model`; each adds its operators and gives the tensor the next one reads."""

    def __init__(self, model: FoldedModel, ranges: Ranges, sequence_length: int) -> None:
        self.model, self.ranges, self.length = model, ranges, sequence_length
        self.weights = model.arrays()  # by the names of the constants
        self.hidden_size, self.blocks = model.hidden_size, model.num_blocks
        self.build = GraphBuilder()
        scales = {name: self.score_scales(name) for name in (f"block{index}" for index in range(self.blocks))}
        self.masks = KeyMasks(self.build, scales, self.hidden_size)

    def run(self) -> Graph:
        self.tokens = self.build.input("tokens", (1, self.length))
        x = self.embed()
        self.masks.find_pads(self.tokens)
        for index in range(self.blocks - 1):
            self.build.block = index
            x = self.block(f"block{index}", x)
        self.build.block = self.blocks - 1
        self.build.output(self.last_block(f"block{self.blocks - 1}", x))
        return self.build.graph

    def embed(self) -> Tensor:
        """[token row, position row, segment] through one dense; the tables share a scale for the concatenation."""
        scale = self.quantization("embed.features")
        features = [self.build.gather("embed.tokens", self.table("embed.token", scale), self.tokens)]
        position = self.model.embed.position[None, : self.length]
        features.append(self.build.constant("embed.position", quantize(position, scale), scale))
        if self.model.is_pair:
            segments = self.build.input("segments", (1, self.length))
            features.append(self.build.gather("embed.segments", self.table("embed.segment", scale), segments))
        joined = self.build.concatenate("embed.features", features)
        return self.dense("x0", joined, "embed.kernel", "embed.bias", flat=True)

    def block(self, name: str, x: Tensor) -> Tensor:
        """One block on all rows."""
        rows, keys = self.normalize(name, x)
        context = self.attention(name, rows, keys)
        contract = self.dense(f"{name}.contract", self.convolution(name, rows), f"{name}.contract.kernel")
        following = f"x{int(name.removeprefix('block')) + 1}"
        return self.build.add(following, context, contract, self.quantization(following))

    def last_block(self, name: str, x: Tensor) -> Tensor:
        """The last block for the CLS row, and the head folded into it."""
        _, keys = self.normalize(name, x)
        cls = self.build.gather(f"{name}.cls", keys, self.build.constant("zero", np.zeros((1, 1, 1), np.int32)))
        probabilities = self.probabilities(name, cls, keys)
        values = self.build.transpose(f"{name}.values", keys)
        context = self.build.dense(f"{name}.context", probabilities, values, None, self.quantization(f"{name}.context"))
        head_context = self.dense("head.context", context, "head.context.kernel", "head.bias", flat=True)
        head_conv = self.dense("head.conv", self.activated(name, cls), "head.conv.kernel", flat=True)
        return self.build.add("logits", head_context, head_conv, self.quantization("logits"))

    def normalize(self, name: str, x: Tensor) -> tuple[Tensor, Tensor]:
        """n in the shape of rows [1, 1, L, d], and in that of the weights of a dense [L, d]: one of them a view."""
        n = self.build.l2_normalize(f"{name}.norm", x)
        shape = (self.length, self.hidden_size)
        return self.build.reshape(f"{name}.rows", n, (1, 1, *shape)), self.build.reshape(f"{name}.keys", n, shape)

    def attention(self, name: str, rows: Tensor, keys: Tensor) -> Tensor:
        """softmax(q n^T + mask) values. The values come transposed, so that they can be the weights of a dense."""
        probabilities = self.probabilities(name, rows, keys)
        values = self.build.dense_transposed(
            f"{name}.values", self.kernel(f"{name}.value.kernel"), keys, self.quantization(f"{name}.values")
        )
        bias = self.bias(f"{name}.context.bias", probabilities, values)
        return self.build.dense(f"{name}.context", probabilities, values, bias, self.quantization(f"{name}.context"))

    def probabilities(self, name: str, rows: Tensor, keys: Tensor) -> Tensor:
        """Attention weights [rows, L] of some rows of n over all of them."""
        query = self.dense(f"{name}.query", rows, f"{name}.query.kernel", f"{name}.query.bias")
        scores = self.build.dense(
            f"{name}.scores", query, keys, self.masks.mask(f"{name}.mask", name), self.quantization(f"{name}.scores")
        )
        return self.build.softmax(f"{name}.probabilities", scores)

    def convolution(self, name: str, rows: Tensor) -> Tensor:
        """The causal depthwise convolution and its activation on all rows."""
        taps = len(self.weights[f"{name}.conv.kernel"])
        return self.activated(name, self.build.pad_rows(f"{name}.padded", rows, taps - 1) if taps > 1 else rows)

    def activated(self, name: str, rows: Tensor) -> Tensor:
        """Convolution without padding, then c sigmoid(c), or the HARD_SWISH of it."""
        is_product = self.weights[f"{name}.conv.kernel"].shape == (1, self.hidden_size) and rows.shape[2] == 1
        conv = self.product(name, rows) if is_product else self.depthwise(name, rows)
        if self.model.activation == "hard_swish":
            return self.build.hard_swish(f"{name}.hard_swish", conv, self.quantization(f"{name}.hard_swish"))
        gate = self.build.logistic(f"{name}.gate", conv)
        scale = agreeing(conv.quantization, gate.quantization, self.quantization(f"{name}.silu"))
        return self.build.multiply(f"{name}.silu", conv, gate, scale)

    def depthwise(self, name: str, rows: Tensor) -> Tensor:
        kernel = self.kernel(f"{name}.conv.kernel")
        bias = self.bias(f"{name}.conv.bias", rows, kernel)
        return self.build.depthwise_conv(f"{name}.conv", rows, kernel, bias, self.quantization(f"{name}.conv"))

    def product(self, name: str, row: Tensor) -> Tensor:
        """A convolution of one tap on one row [1, 1, 1, d]: MUL and ADD, which keep no multipliers for every channel.
        The product's range is what the bias leaves of the convolution's, as far as |n| <= 1 lets it go. The taps' scale
        is a power of two of the product's: TFLite divides the scales in float and TFLM in double, and so they agree.
        """
        taps, bias = self.weights[f"{name}.conv.kernel"], self.weights[f"{name}.conv.bias"]
        low, high = self.ranges[f"{name}.conv"]
        bound = np.abs(taps).max()
        span = asymmetric(min(max(low - bias.max(), -bound), 0), max(min(high - bias.min(), bound), 0))
        power = np.ceil(np.log2(max(bound, 1e-6) / WEIGHT_MAX / span.per_tensor_scale))
        scale = Quantization((span.per_tensor_scale * 2.0**power,))
        product = self.build.multiply(f"{name}.tap", row, self.row(f"{name}.conv.kernel", scale), span)
        shift = self.row(f"{name}.conv.bias", asymmetric(min(bias.min(), 0), max(bias.max(), 0)))
        return self.build.add(f"{name}.conv", product, shift, self.quantization(f"{name}.conv"))

    def row(self, name: str, scale: Quantization) -> Tensor:
        """Weights of one row as an operand of elementwise operators: [1, 1, 1, d]."""
        values = self.weights[name].reshape(1, 1, 1, -1)
        return self.build.constant(name, quantize(values, scale), scale)

    def score_scales(self, name: str) -> tuple[float, float]:
        """Scale of the products of query and n, and scale of the scores."""
        query = self.quantization(f"{name}.query").per_tensor_scale
        return query * NORM_SCALE.per_tensor_scale, self.quantization(f"{name}.scores").per_tensor_scale

    def dense(self, name: str, x: Tensor, kernel: str, bias: str | None = None, flat: bool = False) -> Tensor:
        """A dense with constant weights, called by their names; its output's range goes by the name of the output."""
        weights = self.kernel(kernel)
        added = None if bias is None else self.bias(bias, x, weights)
        return self.build.dense(name, x, weights, added, self.quantization(name), flat)

    def table(self, name: str, scale: Quantization) -> Tensor:
        return self.build.constant(name, quantize(self.weights[name], scale), scale)

    def kernel(self, name: str) -> Tensor:
        """A kernel as int8 in -127..127: dense [out, in], or depthwise [1, 1, k, d*m] from [k, d*m]."""
        values, limits = self.weights[name], np.ravel(self.ranges[name])
        if name.startswith("block") and name.endswith(".conv.kernel"):
            values = values[None, None]
        is_pair = len(limits) == 2 and limits[0] <= 0
        scale = symmetric(limits[1]) if is_pair else symmetric(limits, axis=values.ndim - 1)
        return self.build.constant(name, quantize(values, scale, low=-WEIGHT_MAX), scale)

    def bias(self, name: str, x: Tensor, kernel: Tensor) -> Tensor:
        """A bias in the units of the accumulator: scale of x times scale(s) of the kernel. A dense compares its scale
        with them; a convolution does not, and 12 bytes a channel are saved.
        """
        scales = x.quantization.per_tensor_scale * np.array(kernel.quantization.scale)
        integers = quantize_bias(self.weights[name], scales)
        return self.build.constant(name, integers, Quantization((float(scales[0]),)) if len(scales) == 1 else None)

    def quantization(self, name: str) -> Quantization:
        """Parameters of an activation; those that a dense reads as weights, or with tables, have zero point 0."""
        minimum, maximum = self.ranges[name]
        is_symmetric = name == "embed.features" or name.endswith(".values")
        return symmetric(maximum) if is_symmetric else asymmetric(minimum, maximum)


class _MixedLowering(_Lowering):
    """The steps of `lower_mixed`."""

    def __init__(self, model: FoldedModel, ranges: Ranges, sequence_length: int, bits: int) -> None:
        super().__init__(model, ranges, sequence_length)
        self.bits = bits

    def kernel(self, name: str) -> Tensor:
        is_last = name.startswith(f"block{self.blocks - 1}.")
        if self.bits == 8 or is_last or not name.endswith((".query.kernel", ".value.kernel", ".contract.kernel")):
            return super().kernel(name)
        values = self.weights[name]
        scale = four_bit_scale(values)
        return self.build.constant(name, quantize(values, scale, -FOUR_BIT_MAX, FOUR_BIT_MAX), scale)

    def attention(self, name: str, rows: Tensor, keys: Tensor) -> Tensor:
        probabilities = self.probabilities(name, rows, keys)
        columns = self.build.transpose(f"{name}.columns", keys)
        mixed = self.build.dense(f"{name}.mixed", probabilities, columns, None, self.quantization(f"{name}.mixed"))
        return self.dense(f"{name}.context", mixed, f"{name}.value.kernel", f"{name}.context.bias")
