"""The block of BERT and NanoBERT: a post-norm transformer with ReLU (arXiv 1706.03762, torch.nn.TransformerEncoder).

B = batch, L = padded length, d = hidden size, h = heads.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tf_embbert.baselines.layers import FeedForward, layer_norm
from tf_embbert.model.layers import PACKAGE, Dropout, linear


@keras.saving.register_keras_serializable(PACKAGE)
class SelfAttention(keras.layers.Layer):
    """Scaled dot-product attention of some heads, keys at pads left out: [B, L, d], [B, L] -> [B, L, d]."""

    def __init__(self, num_heads: int, dropout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_heads, self.dropout = num_heads, dropout

    def build(self, input_shape: Any) -> None:
        d = input_shape[0][-1]
        self.query, self.key, self.value, self.output_dense = (
            linear(name, d, d) for name in ("query", "key", "value", "output")
        )
        self.weight_dropout = Dropout(self.dropout, name="dropout")
        super().build(input_shape)

    def call(self, inputs: Sequence[tf.Tensor], training: bool | None = None) -> tf.Tensor:
        x, mask = inputs
        query, key, value = (self.split(dense(x)) for dense in (self.query, self.key, self.value))  # [B, h, L, d/h]
        scores = tf.matmul(query, key, transpose_b=True) * query.shape[-1] ** -0.5  # [B, h, L, L]
        scores += (1.0 - mask[:, None, None, :]) * scores.dtype.min / 2
        weights = self.weight_dropout(tf.nn.softmax(scores), training=training)
        context = tf.transpose(tf.matmul(weights, value), [0, 2, 1, 3])  # [B, L, h, d/h]
        return self.output_dense(tf.reshape(context, tf.shape(x)))

    def split(self, x: tf.Tensor) -> tf.Tensor:
        """[B, L, d] -> [B, h, L, d/h]."""
        rows, length = tf.shape(x)[0], tf.shape(x)[1]
        heads = tf.reshape(x, (rows, length, self.num_heads, x.shape[-1] // self.num_heads))
        return tf.transpose(heads, [0, 2, 1, 3])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_heads": self.num_heads, "dropout": self.dropout}


@keras.saving.register_keras_serializable(PACKAGE)
class TransformerBlock(keras.layers.Layer):
    """x = norm(x + attention(x)), x = norm(x + feed_forward(x)): [B, L, d], [B, L] -> [B, L, d]."""

    def __init__(self, num_heads: int, inner_size: int, dropout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.options: dict[str, Any] = {"num_heads": num_heads, "inner_size": inner_size, "dropout": dropout}

    def build(self, input_shape: Any) -> None:
        dropout = self.options["dropout"]
        self.attention = SelfAttention(self.options["num_heads"], dropout, name="attention")
        self.feed_forward = FeedForward(self.options["inner_size"], "relu", dropout, name="feed_forward")
        self.norm1, self.norm2 = layer_norm("norm1"), layer_norm("norm2")
        self.dropout1, self.dropout2 = Dropout(dropout, name="dropout1"), Dropout(dropout, name="dropout2")
        super().build(input_shape)

    def call(self, inputs: Sequence[tf.Tensor], training: bool | None = None) -> tf.Tensor:
        x, mask = inputs
        x = self.norm1(x + self.dropout1(self.attention([x, mask], training=training), training=training))
        return self.norm2(x + self.dropout2(self.feed_forward(x, training=training), training=training))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.options}
