"""Functional Keras models on the EmbBERT encoder: classification, pairs, regression and pretraining heads.

    import tf_keras as keras
    from tf_embbert import EmbBERTConfig, build_classifier
    model = build_classifier(EmbBERTConfig.preset("base"), num_classes=7)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), ["accuracy"])
    model.fit(tokens, labels)            # tokens: int32 [rows, length], pads (0) on the right

A pair of texts is one row `[CLS] a [SEP] b`: its segments follow from the tokens, so the same model takes both.
"""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from tf_embbert.common.errors import UserError
from tf_embbert.model.config import EmbBERTConfig
from tf_embbert.model.embbert import EmbBERT, require_float32
from tf_embbert.model.layers import EmbBERTBlock, NanoEmbedder, PadMask, TokenDropout, linear


def build_encoder(config: EmbBERTConfig) -> keras.Model:
    """The encoder: tokens int32 [B, L] -> hidden states float32 [B, L, d]. L is at most `config.max_length`."""
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    return EmbBERT(tokens, encode(config, tokens), name="embbert")


def build_classifier(config: EmbBERTConfig, num_classes: int) -> keras.Model:
    """Logits of a text or pair: tokens int32 [B, L] -> float32 [B, num_classes], from the [CLS] position.

    Args:
        config: the model's sizes.
        num_classes: number of classes; 1 gives a regression output (mean squared error, as for STS-B).

    Returns:
        A functional model, not compiled.

    Raises:
        UserError: not an EmbBERTConfig, fewer than one class, or a dtype policy other than float32.

    Examples:
        >>> import numpy as np
        >>> from tf_embbert import EmbBERTConfig, build_classifier
        >>> model = build_classifier(EmbBERTConfig.preset("nano", vocab_size=500), num_classes=3)
        >>> model(np.array([[2, 17, 8], [2, 9, 0]], np.int32)).shape
        TensorShape([2, 3])
    """
    if num_classes < 1:
        raise UserError(f"num_classes must be at least 1, not {num_classes}")
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    logits = linear("head", config.hidden_size, num_classes)(encode(config, tokens)[:, 0])
    return EmbBERT(tokens, logits, name="embbert_classifier")


def build_regressor(config: EmbBERTConfig) -> keras.Model:
    """One score per text or pair: tokens int32 [B, L] -> float32 [B, 1]."""
    return build_classifier(config, num_classes=1)


def build_pretraining_model(config: EmbBERTConfig) -> keras.Model:
    """MLM and NSP heads: tokens int32 [B, L] -> {"mlm": float32 [B, L, V], "nsp": float32 [B, 2]}.

    The MLM head is untied (reference: tiny-LLM); the two losses are summed.
    """
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    hidden = encode(config, tokens)
    mlm = linear("mlm", config.hidden_size, config.vocab_size)(hidden)
    nsp = linear("nsp", config.hidden_size, 2)(hidden[:, 0])
    return EmbBERT(tokens, {"mlm": mlm, "nsp": nsp}, name="embbert_pretraining")


def encode(config: EmbBERTConfig, tokens: tf.Tensor) -> tf.Tensor:
    """The encoder's layers on a Keras tensor: tokens int32 [B, L] -> float32 [B, L, d]."""
    if not isinstance(config, EmbBERTConfig):
        raise UserError(f"config must be an EmbBERTConfig, not {type(config).__name__}")
    require_float32()
    tokens = TokenDropout(config.token_dropout, name="token_dropout")(tokens)
    mask = PadMask(name="mask")(tokens)
    sizes = (config.vocab_size, config.max_length, config.hidden_size, config.reduced_size)
    x = NanoEmbedder(*sizes, name="embed")(tokens)
    for index in range(config.num_blocks):
        options = (config.kernel_size, config.expansion, config.dropout, config.epsilon, config.activation)
        x = EmbBERTBlock(*options, name=f"block{index}")([x, mask])
    return x


def config_of(model: Any) -> EmbBERTConfig:
    """The sizes of a model of `build_classifier`, also of one that was loaded.

    Raises:
        UserError: a model of Keras 3, or one without EmbBERT's layers.
    """
    require_keras2(model)
    layers = {layer.name: layer for layer in model.layers}
    blocks = [layer for layer in layers.values() if isinstance(layer, EmbBERTBlock)]
    embed, dropout = layers.get("embed"), layers.get("token_dropout")
    if not blocks or "head" not in layers or not isinstance(embed, NanoEmbedder):
        raise UserError(f"{model.name} is not a model of build_classifier or build_regressor: only those are converted")
    fields = {**embed.sizes, **blocks[0].options, "num_blocks": len(blocks)}
    return EmbBERTConfig(**fields, token_dropout=dropout.rate if dropout else 0.0)


def require_keras2(model: Any) -> None:
    """Refuses a model of Keras 3, which tensorflow-model-optimization cannot quantise.

    Raises:
        UserError: the model was not built with `tf_keras`.
    """
    if not isinstance(model, keras.Model):
        raise UserError(
            f"{type(model).__module__}.{type(model).__name__} is not a tf_keras model: write "
            "`import tf_keras as keras` (Keras 3 models can't be trained quantisation-aware)"
        )
