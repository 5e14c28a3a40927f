"""EmbBERT's layers, readable beside the paper (arXiv 2502.10001, section 3; semantics of RiccardoBravin/tiny-LLM).

B = batch, L = padded length, d = hidden size, r = reduced size, m = expansion, k = kernel size.
Pads are token 0, on the right. The integer version of the same function is built by `deploy.py`.
"""

import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tf_embbert.common.errors import UserError
from tf_embbert.model.causal_conv import causal_depthwise_conv
from tf_embbert.model.config import CLS, PAD, SEP, UNK

PACKAGE = "tf_embbert"
GROUP = 4  # float32 numbers that one count of Philox gives
# The number of a replica's first row in the batch and the batch's rows, where a replica takes some of them only.
ROWS: ContextVar[tuple[tf.Tensor, tf.Tensor] | None] = ContextVar("rows", default=None)
NOT_TAKEN = "EmbBERT cannot take these token ids"  # how the errors of `require_taken` begin


def hard_swish(x: tf.Tensor) -> tf.Tensor:
    """x min(max(x + 3, 0), 6) / 6 (arXiv 1905.02244, section 5.2), the function of TFLite's HARD_SWISH."""
    return x * tf.nn.relu6(x + 3.0) / 6.0


ACTIVATION_FUNCTIONS = {"silu": tf.nn.silu, "hard_swish": hard_swish}


def token_mask(tokens: tf.Tensor) -> tf.Tensor:
    """1.0 at tokens, 0.0 at pads: int32 [B, L] -> float32 [B, L]."""
    return tf.cast(tf.not_equal(tokens, PAD), tf.float32)


def require_taken(tokens: tf.Tensor, max_length: int, vocab_size: int) -> tf.Tensor:
    """The tokens int32 [B, L], where the tables have a row for each position and each id.

    Raises:
        UserError: they are too long by their shape.
        InvalidArgumentError: too long, or an id too large, when the graph runs; a GPU would read zeros instead.
    """
    too_long = f"{NOT_TAKEN}: a text has more than the {max_length} of max_length; give that to the tokenizer too"
    unknown = f"{NOT_TAKEN}: one is not below the {vocab_size} of vocab_size; they are another tokenizer's"
    if (tokens.shape[1] or 0) > max_length:  # None where only the running graph knows
        raise UserError(too_long)
    checks = [
        tf.debugging.assert_less_equal(tf.shape(tokens)[1], max_length, too_long),
        tf.debugging.assert_less(tf.reduce_max(tokens), vocab_size, unknown),
    ]
    with tf.control_dependencies([check for check in checks if check is not None]):  # eager checks are None
        return tf.identity(tokens)


def segment_ids(tokens: tf.Tensor) -> tf.Tensor:
    """Row of the segment table: 0 on pads, 1 before the first [SEP], 2 from it on. int32 [B, L] -> int32 [B, L]."""
    second = tf.cumsum(tf.cast(tf.equal(tokens, SEP), tf.int32), axis=1) > 0
    return tf.where(tf.equal(tokens, PAD), 0, tf.where(second, 2, 1))


def fan_in_uniform(fan_in: int) -> keras.initializers.Initializer:
    """PyTorch's default for Linear and Conv1d, weights and biases alike: uniform in +-1/sqrt(fan_in)."""
    return keras.initializers.RandomUniform(-(fan_in**-0.5), fan_in**-0.5)


def linear(name: str, fan_in: int, units: int) -> keras.layers.Dense:
    """A Dense layer with PyTorch's initial values."""
    return keras.layers.Dense(
        units, kernel_initializer=fan_in_uniform(fan_in), bias_initializer=fan_in_uniform(fan_in), name=name
    )


@keras.saving.register_keras_serializable(PACKAGE)
class PadMask(keras.layers.Layer):
    """`token_mask` as a layer: int32 [B, L] -> float32 [B, L]."""

    def call(self, tokens: tf.Tensor) -> tf.Tensor:
        return token_mask(tokens)


@contextlib.contextmanager
def whole_batch(first: tf.Tensor, rows: tf.Tensor) -> Iterator[None]:
    """Random layers that are called inside have rows of a batch of `rows`, from number `first` on."""
    token = ROWS.set((first, rows))
    try:
        yield
    finally:
        ROWS.reset(token)


class RandomLayer(keras.layers.Layer):
    """A layer with random numbers of its own, whose state a checkpoint keeps: a resumed training draws the same ones.

    The generator is seeded from Python's `random`, which `keras.utils.set_random_seed` seeds.
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.generator = tf.random.Generator.from_seed(random.randrange(2**31), "philox")

    def uniform(self, shape: tf.Tensor) -> tf.Tensor:
        """Numbers in [0, 1) of a shape [b, ..]: those that these rows have in the whole batch, see `whole_batch`.

        Philox counts: a number is found by its place among the batch's, without drawing those before it. All replicas
        count on by the whole batch.
        """
        size = tf.reduce_prod(shape[1:])  # numbers of a row
        first, rows = ROWS.get() or (0, shape[0])
        state = self.generator.skip(tf.cast(rows * size, tf.int64))  # int64 [3]: a count of 128 bits, low part first
        groups, before = first * size // GROUP, first * size % GROUP
        counter = tf.bitcast(state[:2] + tf.stack([tf.cast(groups, tf.int64), 0]), tf.uint64)
        key = tf.bitcast(state[2:], tf.uint64)
        drawn = tf.raw_ops.StatelessRandomUniformV2(
            shape=[before + shape[0] * size], key=key, counter=counter, alg=tf.random.Algorithm.PHILOX.value
        )
        return tf.reshape(drawn[before:], shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}


@keras.saving.register_keras_serializable(PACKAGE)
class TokenDropout(RandomLayer):
    """Replaces a share of the ordinary tokens by [UNK] while training: a text must not hang on one word.

    Args:
        rate: share of tokens replaced; pads, [CLS] and [SEP] stay.
    """

    def call(self, tokens: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if not training or not self.rate:
            return tokens
        ordinary = (tokens != PAD) & (tokens != CLS) & (tokens != SEP)
        dropped = ordinary & (self.uniform(tf.shape(tokens)) < self.rate)
        return tf.where(dropped, UNK, tokens)


@keras.saving.register_keras_serializable(PACKAGE)
class Dropout(RandomLayer):
    """Zeroes a share of the values while training and scales up the rest."""

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if not training or not self.rate:
            return x
        kept = self.uniform(tf.shape(x)) >= self.rate
        return tf.where(kept, x / (1.0 - self.rate), 0.0)


@keras.saving.register_keras_serializable(PACKAGE)
class NanoEmbedder(keras.layers.Layer):
    """Token and position tables of width r, each expanded to d by its own Linear, plus a segment table of width d.

    Row 0 of the token and of the segment table is zero and stays zero: pads are masked out of both, so that no
    gradient reaches them.
    """

    def __init__(self, vocab_size: int, max_length: int, hidden_size: int, reduced_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sizes = {
            "vocab_size": vocab_size,
            "max_length": max_length,
            "hidden_size": hidden_size,
            "reduced_size": reduced_size,
        }

    def build(self, input_shape: Any) -> None:
        d, r = self.sizes["hidden_size"], self.sizes["reduced_size"]
        rows, positions = self.sizes["vocab_size"], self.sizes["max_length"]
        # The reference draws all three tables from N(0, 1). RMSNorm makes their common size irrelevant, but AdamW's
        # steps are absolute: small tables learn ten times faster, and one direction shared by all tokens (segment,
        # position) should not drown what tells them apart. Snips after 4 epochs: 96.1 % against 92-93 %.
        self.token_table = self.add_weight("token_table", (rows, r), initializer=zero_row(small_normal(0.1)))
        self.token_kernel = self.add_weight("token_kernel", (r, d), initializer=fan_in_uniform(r))
        self.position_table = self.add_weight("position_table", (positions, r), initializer=small_normal(0.01))
        self.position_kernel = self.add_weight("position_kernel", (r, d), initializer=fan_in_uniform(r))
        self.segment_table = self.add_weight("segment_table", (3, d), initializer=zero_row(small_normal(0.01)))
        super().build(input_shape)

    def call(self, tokens: tf.Tensor) -> tf.Tensor:
        tokens = require_taken(tokens, self.sizes["max_length"], self.sizes["vocab_size"])
        mask = token_mask(tokens)[:, :, None]  # [B, L, 1]
        token = tf.gather(self.token_table, tokens) * mask  # [B, L, r]
        position = self.position_table[: tf.shape(tokens)[1]]  # [L, r]
        segment = tf.gather(self.segment_table, segment_ids(tokens)) * mask  # [B, L, d]
        return token @ self.token_kernel + position @ self.position_kernel + segment  # [B, L, d]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.sizes}


def small_normal(stddev: float) -> keras.initializers.Initializer:
    """A normal distribution around 0."""
    return keras.initializers.RandomNormal(stddev=stddev)


def zero_row(initializer: keras.initializers.Initializer) -> Callable[..., tf.Tensor]:
    """An initializer whose row 0, the pad's, is zero (torch.nn.Embedding with padding_idx=0)."""

    def initialize(shape: Any, dtype: Any = None) -> tf.Tensor:
        table = initializer(shape, dtype=dtype)
        return tf.concat([tf.zeros_like(table[:1]), table[1:]], axis=0)

    return initialize


@keras.saving.register_keras_serializable(PACKAGE)
class RMSNorm(keras.layers.Layer):
    """x / sqrt(mean(x^2) + epsilon) * gain over the last axis (torch.nn.RMSNorm)."""

    def __init__(self, epsilon: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        self.gain = self.add_weight("gain", (input_shape[-1],), initializer="ones")
        super().build(input_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        mean_square = tf.reduce_mean(tf.square(x), axis=-1, keepdims=True)
        return x * tf.math.rsqrt(mean_square + self.epsilon) * self.gain

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(PACKAGE)
class EfficientAttention(keras.layers.Layer):
    """One head with a query projection only: keys and values are x itself. Returns the context before Wo."""

    def __init__(self, dropout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dropout = dropout

    def build(self, input_shape: Any) -> None:
        d = input_shape[0][-1]
        self.query = linear("query", d, d)
        self.query.build((None, None, d))
        self.weight_dropout = Dropout(self.dropout, name="dropout")
        super().build(input_shape)

    def call(self, inputs: Sequence[tf.Tensor], training: bool | None = None) -> tf.Tensor:
        x, mask = inputs  # [B, L, d], [B, L]
        scores = tf.matmul(self.query(x), x, transpose_b=True) * x.shape[-1] ** -0.5  # [B, L, L]
        scores += (1.0 - mask[:, None, :]) * scores.dtype.min / 2  # keys at pads
        weights = tf.nn.softmax(scores) * mask[:, :, None]  # pad queries give zero weights
        return tf.matmul(self.weight_dropout(weights, training=training), x)  # [B, L, d]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dropout": self.dropout}


@keras.saving.register_keras_serializable(PACKAGE)
class CausalDepthwiseConv(keras.layers.Layer):
    """Depthwise Conv1d over time with k-1 zeros on the left: [B, L, d] -> [B, L, d*m]. tap k-1 sees the present."""

    def __init__(self, kernel_size: int, expansion: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kernel_size, self.expansion = kernel_size, expansion

    def build(self, input_shape: Any) -> None:
        d, k, m = input_shape[-1], self.kernel_size, self.expansion
        self.kernel = self.add_weight("kernel", (k, d, m), initializer=fan_in_uniform(k))
        self.bias = self.add_weight("bias", (d * m,), initializer=fan_in_uniform(k))
        super().build(input_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return causal_depthwise_conv(x, self.kernel) + self.bias

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kernel_size": self.kernel_size, "expansion": self.expansion}


@keras.saving.register_keras_serializable(PACKAGE)
class DifferentialSum(keras.layers.Layer):
    """l1 * attention - l2 * convolution with l = exp(lq . lk), four learned vectors of size d."""

    def build(self, input_shape: Any) -> None:
        d, init = input_shape[0][-1], keras.initializers.RandomNormal(stddev=0.1)
        self.lambdas = self.add_weight("lambdas", (4, d), initializer=init)  # rows lq1, lk1, lq2, lk2
        super().build(input_shape)

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        attention, convolution = inputs
        q1, k1, q2, k2 = tf.unstack(self.lambdas)
        l1, l2 = tf.exp(tf.reduce_sum(q1 * k1)), tf.exp(tf.reduce_sum(q2 * k2))
        return l1 * attention - l2 * convolution


@keras.saving.register_keras_serializable(PACKAGE)
class EmbBERTBlock(keras.layers.Layer):
    """RMSNorm, then attention minus convolution branch; no residual around it. [B, L, d], [B, L] -> [B, L, d]."""

    def __init__(
        self, kernel_size: int, expansion: int, dropout: float, epsilon: float, activation: str = "silu", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.options: dict[str, Any] = {
            "kernel_size": kernel_size,
            "expansion": expansion,
            "dropout": dropout,
            "epsilon": epsilon,
            "activation": activation,
        }

    def build(self, input_shape: Any) -> None:
        d, m = input_shape[0][-1], self.options["expansion"]
        self.norm = RMSNorm(self.options["epsilon"], name="norm")
        self.attention = EfficientAttention(self.options["dropout"], name="attention")
        self.output_dense = linear("output", d, d)
        self.conv = CausalDepthwiseConv(self.options["kernel_size"], m, name="conv")
        self.contract = linear("contract", d * m, d)
        self.sum = DifferentialSum(name="sum")
        super().build(input_shape)

    def call(self, inputs: Sequence[tf.Tensor], training: bool | None = None) -> tf.Tensor:
        x, mask = inputs
        x = self.norm(x)
        context = self.output_dense(self.attention([x, mask], training=training))
        activate = ACTIVATION_FUNCTIONS[self.options["activation"]]
        return self.sum([context, self.contract(activate(self.conv(x)))])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.options}
