"""Functional Keras models of the baselines: embedder, blocks, pooling, one dense layer.

    from tf_embbert.baselines.classifier import build_classifier
    from tf_embbert.baselines.config import BaselineConfig
    model = build_classifier(BaselineConfig.preset("bert"), num_classes=7)

They take the rows that EmbBERT takes: token ids with pads (0) on the right, `[CLS] a` or `[CLS] a [SEP] b`.
"""

import tensorflow as tf
import tf_keras as keras

from tf_embbert.baselines.config import BaselineConfig
from tf_embbert.baselines.efficient import EfficientBlock
from tf_embbert.baselines.layers import RMSPool, StandardEmbedder
from tf_embbert.baselines.mamba import MambaBlock
from tf_embbert.baselines.transformer import TransformerBlock
from tf_embbert.common.errors import UserError
from tf_embbert.model.layers import CausalDepthwiseConv, NanoEmbedder, PadMask, TokenDropout, linear


def build_classifier(config: BaselineConfig, num_classes: int) -> keras.Model:
    """Logits of a text or pair: tokens int32 [B, L] -> float32 [B, num_classes].

    Args:
        config: the model's sizes.
        num_classes: number of classes; 1 gives a regression output.

    Returns:
        A functional model, not compiled.

    Raises:
        UserError: fewer than one class.

    Example:
        >>> import numpy as np
        >>> from tf_embbert.baselines.classifier import build_classifier
        >>> from tf_embbert.baselines.config import BaselineConfig
        >>> model = build_classifier(BaselineConfig.preset("bert"), num_classes=2)
        >>> model.count_params(), model(np.array([[2, 17, 8], [2, 9, 0]], np.int32)).shape
        (288882, TensorShape([2, 2]))
    """
    if num_classes < 1:
        raise UserError(f"num_classes must be at least 1, not {num_classes}")
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    seen = TokenDropout(config.token_dropout, name="token_dropout")(tokens)
    mask = PadMask(name="mask")(seen)
    x = encode(config, seen, mask)
    pooled = x[:, 0] if config.pooling == "first" else RMSPool(name="pool")([x, mask])
    return keras.Model(tokens, linear("head", config.hidden_size, num_classes)(pooled), name=config.kind)


def encode(config: BaselineConfig, tokens: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The encoder on Keras tensors: tokens int32 [B, L], mask [B, L] -> float32 [B, L, d]."""
    sizes = (config.vocab_size, config.max_length, config.hidden_size)
    if config.reduced_size:
        x = NanoEmbedder(*sizes, config.reduced_size, name="embed")(tokens)
    else:
        x = StandardEmbedder(*sizes, name="embed")(tokens)
    if config.kind == "embedder" and config.kernel_size:
        return CausalDepthwiseConv(config.kernel_size, 1, name="conv")(x)
    for index in range(config.num_blocks):
        x = add_block(config, f"block{index}", x, mask)
    return x


def add_block(config: BaselineConfig, name: str, x: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """One block of the config's kind: [B, L, d], [B, L] -> [B, L, d]."""
    if config.kind == "mamba":
        return MambaBlock(config.inner_size, config.state_size, config.kernel_size, name=name)(x)
    if config.kind == "efficient":
        return EfficientBlock(config.inner_size, config.dropout, name=name)([x, mask])
    return TransformerBlock(config.num_heads, config.inner_size, config.dropout, name=name)([x, mask])
