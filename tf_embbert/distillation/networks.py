"""Convolutional networks over fixed token vectors (Kim, 2014): the larger models that teach a small one.

The vectors, 8 MB of them, are counted from all text there is. A network learns a task and a related one together, each
under a head of its own.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_embbert.pretraining.cooccurrence import token_vectors
from tf_embbert.pretraining.corpus import bare_ids, read_paragraphs
from tf_embbert.run import Array
from tf_embbert.tokenizer import Tokenizer

VOCAB, WIDTH, LENGTH = 16_384, 128, 56  # tokens, numbers of a vector, tokens of a text
FILTERS, REACHES = 100, (1, 2, 3)
TOKEN_DROPOUT, DROPOUT = 0.25, 0.5
BATCH = 128
RELATED_WEIGHT = 0.5  # of the related task's loss

Labelled: TypeAlias = tuple[Array, Array]  # tokens int32 [rows, LENGTH], labels [rows]


class TextEncoder:
    """Texts to padded token ids, with vectors of the tokens.

    Args:
        texts: that the tokenizer learns from, counted too.
        files: plain text that is counted beside them.
    """

    def __init__(self, texts: Sequence[str], files: Sequence[Path]) -> None:
        self.tokenizer = Tokenizer.train(list(texts), VOCAB)
        corpus = bare_ids(self.tokenizer, [*texts, *read_paragraphs(files)])
        self.vectors = token_vectors(np.concatenate(corpus), self.tokenizer.vocab_size, WIDTH, seed=0)

    def __call__(self, texts: Sequence[str]) -> Array:
        """int32 [rows, LENGTH], pads (0) on the right."""
        ids = self.tokenizer.encode(list(texts), max_length=LENGTH).ids
        return np.array([np.pad(row, (0, LENGTH - len(row))) for row in ids], np.int32).reshape(-1, LENGTH)


def build_network(vectors: Array, classes: int, related_classes: int) -> keras.Model:
    """Tokens int32 [B, LENGTH] -> logits of both tasks, [B, classes] and [B, related classes]."""
    tokens = keras.Input((LENGTH,), dtype="int32")
    kept = keras.layers.Lambda(lambda ids: tf.cast(ids > 0, tf.float32)[..., None])(tokens)
    x = keras.layers.Embedding(*vectors.shape, weights=[vectors], trainable=False)(tokens)  # [B, LENGTH, WIDTH]
    x = keras.layers.Dropout(TOKEN_DROPOUT, noise_shape=(None, LENGTH, 1))(x)  # whole tokens
    x = keras.layers.Multiply()([keras.layers.Dense(FILTERS)(x), kept])
    pooled = [
        keras.layers.GlobalMaxPool1D()(keras.layers.Conv1D(FILTERS, reach, padding="same", activation="relu")(x))
        for reach in REACHES
    ]
    x = keras.layers.Dropout(DROPOUT)(keras.layers.Concatenate()(pooled))  # [B, FILTERS * reaches]
    return keras.Model(tokens, [keras.layers.Dense(classes)(x), keras.layers.Dense(related_classes)(x)])


def train_network(network: keras.Model, rows: Labelled, related: Labelled, epochs: int, seed: int) -> None:
    """Trains in place on the rows of both tasks, in an epoch on as many of the related one."""
    rng = np.random.default_rng(seed)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(1e-3, clipnorm=1.0), [loss, loss])
    for _ in range(epochs):
        chosen = rng.permutation(len(related[1]))[: len(rows[1])]
        order = rng.permutation(len(rows[1]) + len(chosen))
        of_related = order >= len(rows[1])
        tokens = np.concatenate([rows[0], related[0][chosen]])[order]
        labels = np.concatenate([rows[1], related[1][chosen]])[order]
        weights = [np.where(of_related, 0.0, 1.0), np.where(of_related, RELATED_WEIGHT, 0.0)]
        own = [np.where(of_related, 0, labels), np.where(of_related, labels, 0)]  # each head's own, else none
        network.fit(tokens, own, BATCH, sample_weight=weights, verbose=0)
