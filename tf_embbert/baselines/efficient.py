"""The block of BERTEfficient and NanoBERTEfficient: EmbBERT's attention by one projection, then a feed-forward part.

Both parts go around what they normalised, not what came in (RiccardoBravin/tiny-LLM, lib/Models/BERTEfficient.py). The
published parameters are those of norms with a bias. B = batch, L = padded length, d = hidden size.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tf_embbert.baselines.layers import FeedForward, layer_norm
from tf_embbert.model.layers import PACKAGE, EfficientAttention, linear


@keras.saving.register_keras_serializable(PACKAGE)
class EfficientBlock(keras.layers.Layer):
    """x = norm(x), x += Wo attention(x) + bo, x = norm(x), x += feed_forward(x): [B, L, d], [B, L] -> [B, L, d]."""

    def __init__(self, inner_size: int, dropout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.options: dict[str, Any] = {"inner_size": inner_size, "dropout": dropout}

    def build(self, input_shape: Any) -> None:
        d = input_shape[0][-1]
        self.pre_norm, self.post_norm = layer_norm("pre_norm"), layer_norm("post_norm")
        self.attention = EfficientAttention(self.options["dropout"], name="attention")
        self.output_dense = linear("output", d, d)
        self.feed_forward = FeedForward(self.options["inner_size"], "swish", 0.0, name="feed_forward")
        super().build(input_shape)

    def call(self, inputs: Sequence[tf.Tensor], training: bool | None = None) -> tf.Tensor:
        x, mask = inputs
        x = self.pre_norm(x)
        x = x + self.output_dense(self.attention([x, mask], training=training))
        x = self.post_norm(x)
        return x + self.feed_forward(x)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.options}
