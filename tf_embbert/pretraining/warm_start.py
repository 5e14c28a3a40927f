"""Initial values from which pretraining gains more in its first minutes than from random ones in hours.

The reference begins at random and takes 7 billion tokens. A small corpus on a CPU is another matter, so what can be
known beforehand is put in: token vectors from co-occurrence, the tokens' frequencies as the MLM head's bias, and
convolutions that begin by looking at one token each instead of blurring 32. Nothing of the model's function changes.
"""

from typing import Any

import numpy as np

from tf_embbert.model.folded import Array
from tf_embbert.pretraining.cooccurrence import count_tokens, token_vectors

TOKEN_SCALE = 0.1  # standard deviation of the token table, as NanoEmbedder's own
BLUR = 0.3  # of the random taps, what is left
REACH = 4  # tokens that the channels of a convolution begin by looking at: the present one and those before


def start_encoder(model: Any, ids: Array, seed: int) -> None:
    """Sets a model's token table and convolutions.

    Args:
        model: of `build_pretraining_model`.
        ids: int32 [tokens], the corpus.
        seed: of the randomised SVD.
    """
    table = model.get_layer("embed").token_table
    table.assign(TOKEN_SCALE * token_vectors(ids, table.shape[0], table.shape[1], seed))
    for layer in model.layers:
        if layer.name.startswith("block"):
            layer.conv.kernel.assign(sharpen(layer.conv.kernel.numpy()))


def start_head(model: Any, ids: Array) -> None:
    """Sets the MLM head's bias: before it has learnt anything it guesses tokens as often as the corpus has them."""
    bias = model.get_layer("mlm").bias
    bias.assign(log_frequencies(ids, bias.shape[0]))


def log_frequencies(ids: Array, vocab_size: int) -> Array:
    """Logarithm of each token's share of a corpus, one more of each counted: float32 [V]."""
    counts = 1 + count_tokens(ids, vocab_size)
    return np.log(counts / counts.sum()).astype(np.float32)


def sharpen(kernel: Array) -> Array:
    """Taps [k, d, m] with one of the last `REACH` of each channel at 1 and the random ones made small."""
    kernel = BLUR * kernel
    taps, channels, _ = kernel.shape
    channel = np.arange(channels)
    kernel[taps - 1 - channel % min(REACH, taps), channel] += 1
    return kernel
