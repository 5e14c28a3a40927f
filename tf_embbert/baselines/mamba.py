"""MAMBA's block: a selective scan behind a short causal convolution, gated (arXiv 2312.00752, section 3 and figure 3).

B = batch, L = padded length, d = hidden size, e = inner size, n = state size, k = taps. Causal: pads on the right reach
no token.
"""

import math
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_embbert.model.layers import PACKAGE, CausalDepthwiseConv, RMSNorm, fan_in_uniform

NORM_EPSILON = 1e-5
RANK_SHARE = 16  # the step's rank is d / 16, rounded up (arXiv 2312.00752, section 3.6)
STEPS = (0.001, 0.1)  # the range that softplus(bias) begins in


def projection(name: str, inputs: int, outputs: int) -> keras.layers.Dense:
    """A Dense layer without a bias, with PyTorch's initial values."""
    return keras.layers.Dense(outputs, use_bias=False, kernel_initializer=fan_in_uniform(inputs), name=name)


def initial_step_bias(shape: Any, dtype: Any = None) -> tf.Tensor:
    """The inverse of softplus at steps spread evenly in their logarithm over STEPS."""
    step = tf.exp(tf.random.uniform(shape, math.log(STEPS[0]), math.log(STEPS[1]), dtype=dtype or tf.float32))
    return step + tf.math.log(-tf.math.expm1(-step))


@keras.saving.register_keras_serializable(PACKAGE)
class SelectiveScan(keras.layers.Layer):
    """h_t = exp(step_t A) h_(t-1) + step_t B_t x_t, y_t = C_t h_t + D x_t: [B, L, e] -> [B, L, e].

    step = softplus(W_s x + b), B and C [B, L, n] are projections of x; A = -exp(log_decay) [e, n].
    """

    def __init__(self, state_size: int, rank: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size, self.rank = state_size, rank

    def build(self, input_shape: Any) -> None:
        e, n = input_shape[-1], self.state_size
        self.select = projection("select", e, self.rank + 2 * n)
        spread = keras.initializers.RandomUniform(-(self.rank**-0.5), self.rank**-0.5)
        self.step_kernel = self.add_weight("step_kernel", (self.rank, e), initializer=spread)
        self.step_bias = self.add_weight("step_bias", (e,), initializer=initial_step_bias)
        decays = np.tile(np.log(np.arange(1, n + 1, dtype=np.float32)), (e, 1))
        self.log_decay = self.add_weight("log_decay", (e, n), initializer=keras.initializers.Constant(decays))
        self.skip = self.add_weight("skip", (e,), initializer="ones")
        super().build(input_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        low, b, c = tf.split(self.select(x), [self.rank, self.state_size, self.state_size], axis=-1)
        step = tf.nn.softplus(low @ self.step_kernel + self.step_bias)  # [B, L, e]
        kept = tf.exp(-step[..., None] * tf.exp(self.log_decay))  # [B, L, e, n]
        added = (step * x)[..., None] * b[:, :, None, :]  # [B, L, e, n]
        by_time = [tf.transpose(value, [1, 0, 2, 3]) for value in (kept, added)]
        states = tf.scan(lambda h, now: now[0] * h + now[1], by_time, tf.zeros_like(by_time[0][0]))  # [L, B, e, n]
        return tf.einsum("lben,bln->ble", states, c) + self.skip * x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "state_size": self.state_size, "rank": self.rank}


@keras.saving.register_keras_serializable(PACKAGE)
class MambaBlock(keras.layers.Layer):
    """x + Wo (scan(SiLU(conv(W1 n))) SiLU(W2 n)) with n = RMSNorm(x): [B, L, d] -> [B, L, d]."""

    def __init__(self, inner_size: int, state_size: int, kernel_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.options = {"inner_size": inner_size, "state_size": state_size, "kernel_size": kernel_size}

    def build(self, input_shape: Any) -> None:
        d, e = input_shape[-1], self.options["inner_size"]
        self.norm = RMSNorm(NORM_EPSILON, name="norm")
        self.expand, self.contract = projection("expand", d, 2 * e), projection("contract", e, d)
        self.conv = CausalDepthwiseConv(self.options["kernel_size"], 1, name="conv")
        self.scan = SelectiveScan(self.options["state_size"], math.ceil(d / RANK_SHARE), name="scan")
        super().build(input_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        inner, gate = tf.split(self.expand(self.norm(x)), 2, axis=-1)  # [B, L, e] each
        return x + self.contract(self.scan(tf.nn.silu(self.conv(inner))) * tf.nn.silu(gate))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.options}
