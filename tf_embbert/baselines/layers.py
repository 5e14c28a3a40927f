"""What several baselines share: the full-width embedder, the head's pooling, a block of two dense layers.

B = batch, L = padded length, d = hidden size.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tf_embbert.model.layers import PACKAGE, Dropout, linear, segment_ids, small_normal, token_mask, zero_row

LAYER_NORM_EPSILON = 1e-5  # torch.nn.LayerNorm's default


def layer_norm(name: str) -> keras.layers.Layer:
    """A layer normalisation with gain and bias, as torch.nn.LayerNorm has them."""
    return keras.layers.LayerNormalization(epsilon=LAYER_NORM_EPSILON, name=name)


@keras.saving.register_keras_serializable(PACKAGE)
class StandardEmbedder(keras.layers.Layer):
    """Token, position and segment tables of width d, summed: int32 [B, L] -> [B, L, d]. Pads have no token vector."""

    def __init__(self, vocab_size: int, max_length: int, hidden_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sizes = {"vocab_size": vocab_size, "max_length": max_length, "hidden_size": hidden_size}

    def build(self, input_shape: Any) -> None:
        rows, positions, d = self.sizes.values()
        self.token_table = self.add_weight("token_table", (rows, d), initializer=zero_row(small_normal(0.1)))
        self.position_table = self.add_weight("position_table", (positions, d), initializer=small_normal(0.01))
        self.segment_table = self.add_weight("segment_table", (3, d), initializer=zero_row(small_normal(0.01)))
        super().build(input_shape)

    def call(self, tokens: tf.Tensor) -> tf.Tensor:
        mask = token_mask(tokens)[:, :, None]  # [B, L, 1]
        known = tf.gather(self.token_table, tokens) + tf.gather(self.segment_table, segment_ids(tokens))
        return known * mask + self.position_table[: tf.shape(tokens)[1]]  # [B, L, d]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.sizes}


@keras.saving.register_keras_serializable(PACKAGE)
class RMSPool(keras.layers.Layer):
    """Root mean square over the real tokens: [B, L, d], [B, L] -> [B, d] (reference: RMSClassifier, over pads too)."""

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        x, mask = inputs
        squares = tf.reduce_sum(tf.square(x) * mask[:, :, None], axis=1)
        count = tf.maximum(tf.reduce_sum(mask, axis=1, keepdims=True), 1.0)
        return tf.sqrt(squares / count + 1e-12)  # sqrt has no gradient at 0


@keras.saving.register_keras_serializable(PACKAGE)
class FeedForward(keras.layers.Layer):
    """Dense, activation, dropout, dense: [.., d] -> [.., d]."""

    def __init__(self, inner_size: int, activation: str, dropout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.options: dict[str, Any] = {"inner_size": inner_size, "activation": activation, "dropout": dropout}

    def build(self, input_shape: Any) -> None:
        d, inner = input_shape[-1], self.options["inner_size"]
        self.expand, self.contract = linear("expand", d, inner), linear("contract", inner, d)
        self.inner_dropout = Dropout(self.options["dropout"], name="dropout")
        super().build(input_shape)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        inner = keras.activations.get(self.options["activation"])(self.expand(x))
        return self.contract(self.inner_dropout(inner, training=training))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.options}
